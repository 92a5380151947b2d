"""Ten thousand trivial steps: each costs what one of a hundred costs, and the host stays small."""

import statistics
from pathlib import Path

import shell
from measure import Contestant, race, verdict
from world import SUNDAE, anew

FEW, MANY = 100, 10_000
MOST_TIMES, MOST_MIB = 1.2, 64


def measure(folder: Path, arguments) -> None:
    contestants = []
    for steps in (FEW, MANY):
        source = folder / f"fan-{steps}"
        source.mkdir(parents=True)
        shell.write(source, "fan", shell.fan(steps))
        words = [str(SUNDAE), "run", "pipeline.toml"]
        contestants.append(Contestant(str(steps), words, source, prepare=anew(source, True)))
    few, many = contestants
    race([few], 15)
    many.once()
    promised = f"at most {MOST_TIMES} times"
    for cost, of_few, of_many in (
        ("", statistics.median(few.walls), min(many.walls)),
        (", processor time", statistics.median(few.processor), min(many.processor)),
    ):
        each_of_few, each_of_many = of_few / FEW * 1000, of_many / MANY * 1000
        times = each_of_many / each_of_few
        cells = [
            f"a step of {MANY}{cost}",
            f"{each_of_many:.2f}",
            "",
            f"one of {FEW}: {each_of_few:.2f}",
            f"{times:.2f}",
            verdict(times <= MOST_TIMES, promised),
        ]
        print("| " + " | ".join(cells) + " |", flush=True)
    peak = many.peak_kib / 1024
    print(f"| memory for {MANY} steps | | {peak:.0f} | | | {verdict(peak < MOST_MIB, f'less than {MOST_MIB} MiB')} |", flush=True)
