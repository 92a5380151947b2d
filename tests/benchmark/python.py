"""A chain of Python functions that do nothing, each handing a number to the next."""

from pathlib import Path

from measure import Contestant, Target, race, row
from world import SUNDAE, anew, environment_with, environment_with_ours, home_in

STEPS = 100

OURS = f"""
from sundae import pipeline, step

@step
def start() -> int:
    return 0

@step
def add(number: int) -> int:
    return number + 1

@pipeline
def chain():
    number = start()
    for _ in range({STEPS} - 1):
        number = add(number)

if __name__ == "__main__":
    chain()
"""

LUIGI = f"""
import luigi

class Add(luigi.Task):
    place = luigi.IntParameter()

    def requires(self):
        return Add(place=self.place - 1) if self.place else []

    def output(self):
        return luigi.LocalTarget(f"{{self.place}}.txt")

    def run(self):
        number = int(self.input().open().read()) + 1 if self.place else 0
        with self.output().open("w") as file:
            file.write(str(number))

if __name__ == "__main__":
    luigi.build([Add(place={STEPS} - 1)], local_scheduler=True, workers=1, log_level="WARNING")
"""

KEDRO = f"""
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner

def add(number):
    return number + 1

if __name__ == "__main__":
    nodes = [node(add, f"n{{place}}", f"n{{place + 1}}", name=f"s{{place}}") for place in range({STEPS})]
    SequentialRunner().run(pipeline(nodes), DataCatalog({{"n0": MemoryDataset(0)}}))
"""


def measure(folder: Path, arguments) -> None:
    source = folder / "chain"
    source.mkdir(parents=True)
    for name, text in (("ours", OURS), ("with_luigi", LUIGI), ("with_kedro", KEDRO)):
        (source / f"{name}.py").write_text(text)
    ours_python = str(environment_with_ours("sundae") / "python")
    luigi, kedro = (str(environment_with(name, name) / "python") for name in ("luigi", "kedro"))
    env = {"SUNDAE_BIN": str(SUNDAE)}
    rounds = max(3, arguments.rounds // 4)
    ours = Contestant("sundae", [ours_python, "ours.py"], source, env, anew(source, True))
    peers = [
        Contestant("luigi", [luigi, "with_luigi.py"], source, prepare=anew(source, False)),
        Contestant("kedro", [kedro, "with_kedro.py"], source, prepare=anew(source, False)),
    ]
    race([ours, *peers], rounds)
    for peer, target in zip(peers, (Target(times=1.5), Target(times=1))):
        print(row(f"chain of {STEPS} Python functions", ours, peer, target), flush=True)
    env = {**env, **home_in(source)}
    ours = Contestant("sundae", [ours_python, "ours.py"], source, env)
    nothing = Contestant("python -c pass", [ours_python, "-c", "pass"], source)
    race([ours, nothing], rounds)
    print(row("the same chain, cached", ours, nothing, Target(more=50)), flush=True)
