"""Whole runs: `python run.py`, the program, the processes of the steps, and what the script gets back.

They run against the stand-in, or, with SUNDAE_BIN set, against the real program.
"""

import json

import pytest

pytestmark = pytest.mark.usefixtures("host")

HEAD = """
import json
from pathlib import Path
from typing import Annotated
import sundae
from sundae import RunFailed, log_metric, note, pipeline, step

def shown(run):
    print(json.dumps({name: step.status for name, step in run.steps.items()}))
"""

NUMBERS = """
@step
def load(size: int = 3) -> list[int]:
    return list(range(size))

@step
def total(numbers: list[int]) -> int:
    log_metric("rows", len(numbers))
    note("added up")
    return sum(numbers)

@pipeline
def training(size: int = 3):
    return total(load(size))
"""


def script(project, body: str, *words: str) -> str:
    """What a script with these steps prints."""
    project.write("run.py", HEAD + body)
    return project.says("run.py", *words)


def statuses(project, body: str) -> dict[str, str]:
    return json.loads(script(project, body + "\nif __name__ == '__main__':\n    shown(training())\n"))


def test_the_second_run_is_cached_and_says_the_same(project):
    body = NUMBERS + (
        "if __name__ == '__main__':\n    run = training(4)\n"
        "    print(run.pipeline, run.stack, run.status, run.params)\n"
        "    print(run.output('total'), run.output('load.output'))\n"
        "    total = run.steps['total']\n"
        "    print(total.metrics == {'rows': 4}, total.notes, total.status)\n"
    )
    first = script(project, body).splitlines()
    assert first == [
        "training default completed {'size': 4}",
        "6 [0, 1, 2, 3]",
        "True ['added up'] completed",
    ]
    assert script(project, body).splitlines() == [*first[:2], first[2].replace("completed", "cached")]


def test_another_value_of_a_param_runs_what_depends_on_it(project):
    modules(
        project, load=LOAD.replace("load()", "load(size)").replace("* size", "* (size // 2)"), total=TOTAL
    )
    modules(project, helper="size = 0\n")
    body = MODULES.replace("training()", "training(size)").replace("load()", "load(size)")
    show = "\nfor size in (4, 5, 6):\n    shown(training(size))\n"
    assert script(project, body + show).splitlines() == [
        '{"load": "completed", "total": "completed"}',
        '{"load": "completed", "total": "cached"}',
        '{"load": "completed", "total": "completed"}',
    ]


def modules(project, **files: str) -> None:
    for name, text in files.items():
        project.write(f"steps/{name}.py", text)


MODULES = """
from steps.load import load
from steps.total import total

@pipeline
def training():
    total(load())
"""
LOAD = "from sundae import step\nfrom steps.helper import size\n@step\ndef load():\n    return [1] * size\n"
TOTAL = "from sundae import step\n@step\ndef total(numbers):\n    return sum(numbers)\n"


def test_a_changed_helper_runs_the_steps_that_use_it_and_what_gets_other_data(project):
    modules(project, load=LOAD, total=TOTAL, helper="size = 2\n")
    assert statuses(project, MODULES) == {"load": "completed", "total": "completed"}
    assert statuses(project, MODULES + "# Something else in the script.\n") == {
        "load": "cached",
        "total": "cached",
    }
    modules(project, helper="size = 2  # Two.\nunused = 3\n")
    assert statuses(project, MODULES) == {"load": "cached", "total": "cached"}
    modules(project, helper="size = 1 + 1\n")
    assert statuses(project, MODULES) == {"load": "completed", "total": "cached"}
    modules(project, helper="size = 3\n")
    assert statuses(project, MODULES) == {"load": "completed", "total": "completed"}
    modules(project, total=TOTAL.replace("sum", "max"))
    assert statuses(project, MODULES) == {"load": "cached", "total": "completed"}


def test_a_file_that_is_handed_over_as_a_path_counts_by_its_content(project):
    modules(
        project,
        read="from pathlib import Path\nfrom sundae import step\n@step\n"
        "def read(path: Path) -> str:\n    return path.read_text()\n",
    )
    body = """
from steps.read import read

@pipeline
def training(path: Path = Path("data.csv")):
    read(path)

print(training().steps["read"].status, training().output("read"))
"""
    project.write("data.csv", "1")
    assert script(project, body) == "completed 1"
    assert script(project, body) == "cached 1"
    project.write("data.csv", "2")
    assert script(project, body) == "completed 2"


def test_equal_bytes_of_another_type_are_other_data(project):
    modules(
        project, load=LOAD.replace("[1]", "(1,)"), total=TOTAL.replace("sum(numbers)", "str(type(numbers))")
    )
    modules(project, helper="size = 2\n")
    statuses(project, MODULES)
    modules(project, load=LOAD)
    assert statuses(project, MODULES) == {"load": "completed", "total": "completed"}
    assert script(project, MODULES + "print(training().output('total'))\n") == "<class 'list'>"


def test_a_step_without_cache_and_a_run_without_it(project):
    uncached = NUMBERS.replace("@step\ndef load", "@step(cache=False)\ndef load")
    assert statuses(project, uncached) == {"load": "completed", "total": "completed"}
    assert statuses(project, uncached) == {"load": "completed", "total": "cached"}
    body = NUMBERS + "shown(training.with_options(cache=False)())\n"
    assert script(project, body) == script(project, body) == '{"load": "completed", "total": "completed"}'


def test_several_outputs_lists_of_outputs_and_options(project):
    body = """
@step
def split(numbers: list[int]) -> tuple[Annotated[list[int], "low"], Annotated[list[int], "high"]]:
    return numbers[:2], numbers[2:]

@step
def best(candidates: list[int], names: list[str]) -> str:
    return names[candidates.index(max(candidates))]

@step(env={"LEVEL": "{param.level}"})
def level(level: int) -> str:
    import os
    return os.environ["LEVEL"]

@step
def load() -> list[int]:
    return [1, 2, 3, 4]

@step
def total(numbers: list[int]) -> int:
    return sum(numbers)

@pipeline
def training(grade: int = 7):
    parts = split(load())
    totals = [total.with_options(name=f"total_{part.name}")(part) for part in parts]
    best(totals, names=["low", "high"])
    level.with_options(after=totals)(grade)

run = training()
print(run.output("best"), run.output("total_low"), run.output("split.high"), run.output("level"))
"""
    assert script(project, body) == "high 3 [3, 4] 7"


def test_a_command_among_the_steps(project):
    body = """
count = sundae.command("wc -w < {in.text} > {out.words}; echo {param.mark} > {out.mark}", name="count",
                       outputs=["words", "mark"])
folder = sundae.command(["sh", "-c", 'mkdir "$1"; cp "$2" "$1"/a', "sh", "{out.all}", "{in.text}"],
                        name="folder", outputs="all")

@step
def write() -> str:
    return "one two three"

@step
def double(words: int, mark: str, files: Path) -> str:
    return f"{words * 2} {mark.strip()} {[file.name for file in sorted(files.iterdir())]}"

@pipeline
def training():
    text = write()
    counted = count(text=text, mark="it's")
    double(counted.words, counted.mark, folder(text=text))

run = training()
print(run.output("double"), run.artifact("count.words").load(int), run.artifact("folder").kind)
run.artifact("folder").save_to("copy")
print(Path("copy/a").read_text(), run.output("folder").joinpath("a").exists())
"""
    assert script(project, body).splitlines() == ["6 it's ['a'] 3 folder", "one two three True"]


FAILING = """
@step
def broken() -> int:
    print("about to divide")
    return 1 // 0

@step
def after(number: int) -> int:
    return number

@step
def aside() -> int:
    return 1

@pipeline
def training():
    after(broken())
    aside()
"""


def test_a_failing_step(project):
    project.write("run.py", HEAD + FAILING + "training()\n")
    done = project.python("run.py")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "about to divide" in done.stderr
    assert "ZeroDivisionError: integer division or modulo by zero" in done.stderr
    assert f'File "{project.root}/run.py", line ' in done.stderr
    for own in ("attempt.py", "host.py", "declaration.py"):
        assert own not in done.stderr
    body = FAILING + "try:\n    training()\nexcept RunFailed as failed:\n    shown(failed.run)\n"
    assert json.loads(script(project, body)) == {"broken": "failed", "after": "skipped", "aside": "completed"}


def test_every_kind_of_value_comes_back_from_the_store(project):
    body = """
from dataclasses import dataclass

@dataclass
class Split:
    rows: int

class Thing:
    pass

VALUES = [None, True, 0.1, [1, {"a": None}], (1, 2), {3, 1}, "text", b"bytes", Split(3), {1: (2,)}]

@step
def make(place: int):
    return VALUES[place]

@step
def same(value, place: int) -> None:
    assert value == VALUES[place] and type(value) is type(VALUES[place]), value

@pipeline
def training():
    for place in range(len(VALUES)):
        same(make(place), place)

if __name__ == "__main__":
    run = training()
    for place, value in enumerate(VALUES):
        assert run.output("make" if not place else f"make_{place + 1}") == value
    print({step.outputs["output"].metadata["materializer"] for step in run.steps.values() if step.outputs} ==
          {"json", "text", "bytes", "dataclass", "pickle"})
"""
    assert script(project, body) == "True"


def test_values_of_the_sciences_come_back_from_the_store(project):
    pytest.importorskip("sklearn")
    pytest.importorskip("pandas")
    body = """
import numpy, pandas
from sklearn.linear_model import LogisticRegression

@step
def make() -> tuple[Annotated[numpy.ndarray, "x"], Annotated[pandas.DataFrame, "frame"],
                    Annotated[pandas.Series, "y"], Annotated[LogisticRegression, "model"]]:
    x = numpy.arange(8.0).reshape(4, 2)
    frame = pandas.DataFrame(x, columns=["a", "b"])
    y = pandas.Series([0, 0, 1, 1], name="y")
    return x, frame, y, LogisticRegression().fit(frame, y)

@step
def use(x: numpy.ndarray, frame: pandas.DataFrame, y: pandas.Series, model: LogisticRegression) -> float:
    assert (frame.to_numpy() == x).all() and list(frame.columns) == ["a", "b"] and y.name == "y"
    return model.score(frame, y)

@pipeline
def training():
    use(*make())

if __name__ == "__main__":
    run = training()
    print(run.output("use"), run.output("make.frame").shape,
          run.artifact("make.x").metadata["media_type"])
"""
    assert script(project, body) == "1.0 (4, 2) application/x-npy"


def test_ones_own_materializer_goes_through_the_store(project):
    project.write(
        "shapes.py",
        "from pathlib import Path\nfrom sundae import Materializer, register_materializer\n"
        "class Shape:\n    def __init__(self, sides):\n        self.sides = sides\n"
        "class Shapes(Materializer):\n    media_type = 'text/plain'\n"
        "    def save(self, value, path):\n        Path(path).write_text('#' * value.sides)\n"
        "    def load(self, path, metadata):\n        return Shape(len(Path(path).read_text()))\n"
        "register_materializer(Shape, Shapes)\n",
    )
    body = """
from shapes import Shape

@step
def make() -> Shape:
    return Shape(4)

count = sundae.command("wc -c < {in.shape} > {out.sides}", name="count", outputs="sides")

@step
def add(shape: Shape, sides: int) -> int:
    return shape.sides + sides

@pipeline
def training():
    shape = make()
    add(shape, count(shape=shape))

print(training().output("add"))
"""
    assert script(project, body) == "8"


def test_numbers_arrive_as_they_were(project):
    body = """
import random

NUMBERS = [random.Random(7).uniform(-1, 1) * 10 ** place for place in range(-30, 30)]
WHOLE = [0, -1, 2**53 + 1, -(2**63), 2**64 - 1]
TEXT = "\\u00e9\\n\\t{}\\"'$`\\\\"

@step
def same(numbers: list[float], whole: list[int], text: str, one: float) -> None:
    assert numbers == NUMBERS and whole == WHOLE and text == TEXT, (numbers, whole, text)
    assert one == NUMBERS[0]
    log_metric("first", NUMBERS[0])

@pipeline
def training(one: float = NUMBERS[0]):
    same(NUMBERS, WHOLE, TEXT, one)

if __name__ == "__main__":
    print(training().steps["same"].metrics["first"] == NUMBERS[0])
"""
    assert script(project, body) == "True"


def test_a_script_that_starts_its_pipeline_without_asking_for_main(project):
    assert script(project, NUMBERS + "print(training().output('total'))\n") == "3"


def test_a_class_of_the_script_comes_back_as_the_scripts_own(project):
    body = """
class Thing:
    pass

@step
def make() -> Thing:
    return Thing()

@pipeline
def training():
    make()

if __name__ == "__main__":
    print(type(training().output("make")) is Thing)
"""
    assert script(project, body) == "True"


def test_what_is_not_there_is_asked_for_by_a_name_that_is(project):
    body = NUMBERS + (
        "if __name__ == '__main__':\n    run = training()\n"
        "    for name in ('totals', 'total.sum'):\n"
        "        try:\n            run.artifact(name)\n"
        "        except KeyError as error:\n            print(error)\n"
    )
    first, second = script(project, body).splitlines()
    assert "has no step `totals`: it has `load`, `total`" in first
    assert "name an output of step `total`: it has `output`" in second
