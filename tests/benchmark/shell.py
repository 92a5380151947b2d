"""Trivial shell steps that pass a small file, beside tools that keep and record nothing of them."""

import os
from pathlib import Path

from measure import Contestant, Target, race, row
from world import SUNDAE, anew, home_in, ninja

STEPS = 100


def measure(folder: Path, arguments) -> None:
    rounds = max(5, arguments.rounds // 2)
    for shape, edges in (("chain", chain(STEPS)), ("fan", fan(STEPS))):
        source = folder / shape
        source.mkdir(parents=True)
        write(source, shape, edges)
        ours = Contestant("sundae", [str(SUNDAE), "run", "pipeline.toml"], source, prepare=anew(source, True))
        peers = [
            Contestant("ninja", [ninja(), "-j2"], source, prepare=anew(source, False)),
            Contestant("make", ["make", "-s", "-j2"], source, prepare=anew(source, False)),
        ]
        race([ours, *peers], rounds)
        for peer, target in zip(peers, (Target(times=1.5), Target())):
            print(row(f"{shape} of {STEPS} shell steps", ours, peer, target), flush=True)
        ours = Contestant("sundae", ours.command, source, home_in(source))
        peer = Contestant("ninja", [ninja(), "-j2"], source)
        race([ours, peer], rounds)
        print(row(f"the same {shape}, cached", ours, peer, Target(milliseconds=15)), flush=True)


def chain(steps: int) -> list[tuple[str, str | None]]:
    """Each step and the one whose output it takes."""
    return [(f"s{n}", f"s{n - 1}" if n else None) for n in range(steps)]


def fan(steps: int) -> list[tuple[str, str | None]]:
    return [("s0", None), *((f"s{n}", "s0") for n in range(1, steps))]


def write(folder: Path, name: str, edges) -> None:
    """The same as a pipeline, for ninja and for make."""
    # Each adds its name: steps that are the same in all else would be taken from the cache within one run.
    steps = [f'name = "{name}"\n']
    ninja = ["rule copy\n  command = cat $in > $out; echo $out >> $out\n", "rule make\n  command = echo hello > $out\n"]
    make = ["all: " + " ".join(f"{step}.out" for step, _ in edges)]
    for step, source in edges:
        run = f"cat {{in.x}} > {{out.x}}; echo {step} >> {{out.x}}" if source else "echo hello > {out.x}"
        inputs = f'inputs = {{ x = "{source}.x" }}\n' if source else ""
        steps.append(f'[[steps]]\nname = "{step}"\nrun = "{run}"\n{inputs}outputs = ["x"]\n')
        ninja.append(f"build {step}.out: {f'copy {source}.out' if source else 'make'}\n")
        made = f"cat {source}.out > $@; echo $@ >> $@" if source else "echo hello > $@"
        make.append(f"{step}.out: {source + '.out' if source else ''}\n\t{made}")
    (folder / "pipeline.toml").write_text("\n".join(steps))
    (folder / "build.ninja").write_text("\n".join(ninja))
    (folder / "Makefile").write_text("\n".join(make) + os.linesep)
