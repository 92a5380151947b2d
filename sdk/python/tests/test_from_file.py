"""`sundae run FILE.py`: the same pipeline, options and outcomes as `python FILE.py`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SOURCE

PROGRAM = os.environ.get("SUNDAE_BIN")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="SUNDAE_BIN does not name a `sundae` program")

ADDING = """
from sundae import pipeline, step

@step
def load(size: int) -> list[int]:
    return list(range(size))

@step
def total(numbers: list[int]) -> int:
    return sum(numbers)

@pipeline
def adding(size: int = 10):
    total(load(size))
"""
SCRIPT = ADDING + "\nif __name__ == '__main__':\n    adding()\n"
TWO = ADDING + "\n@pipeline\ndef other():\n    load(2)\n"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


class World:
    def __init__(self, folder: Path):
        self.folder = folder
        environment = Path(sys.prefix)
        self.env = {
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "SUNDAE_HOME": str(folder / "home"),
            "VIRTUAL_ENV": str(environment),
        }

    def write(self, text: str, name: str = "run.py") -> None:
        (self.folder / name).write_text(text)

    def run(self, *words: str, program: str | None = PROGRAM) -> subprocess.CompletedProcess:
        return subprocess.run(
            [program, *words], cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=60
        )

    def statuses(self, *words: str) -> list[str]:
        done = self.run("run", *words, "--output", "json")
        assert done.returncode == 0, done.stderr
        return [step["status"] for step in json.loads(done.stdout)["steps"]]


def test_it_shares_its_outcomes_with_the_script(world):
    world.write(SCRIPT)
    assert world.statuses("run.py") == ["completed", "completed"]
    done = world.run("run.py", program=sys.executable)
    assert "2 cached" in done.stderr, done.stderr
    assert world.statuses("run.py:adding") == ["cached", "cached"]


@pytest.mark.parametrize("text", [ADDING, ADDING + "\nadding()\n"], ids=["no call", "a call without asking"])
def test_a_script_that_runs_nothing_or_at_once_is_run_once(world, text):
    world.write(text)
    world.statuses("run.py")
    runs = json.loads(world.run("runs", "list", "--output", "json").stdout)
    assert len(runs) == 1


def test_params_and_options_are_handed_on(world):
    world.write(ADDING)
    planned = world.run("run", "run.py", "-p", "size=3", "--dry-run", "--output", "json")
    assert [row["would"] for row in json.loads(planned.stdout)] == ["run", "depend"]
    done = world.run("run", "--param=size=3", "run.py", "--output", "json")
    assert json.loads(done.stdout)["params"] == {"size": 3}
    assert world.run("run", "run.py", "--only", "nothing").returncode == 2
    swept = world.run("run", "run.py", "--sweep", "size=1,2", "--output", "json")
    assert [run["params"]["size"] for run in json.loads(swept.stdout)] == [1, 2]


@pytest.mark.parametrize(
    ("text", "words", "sentence"),
    [
        (TWO, ["run.py"], "`run.py` has several pipelines: say which, as `run.py:adding`, `run.py:other`"),
        (TWO, ["run.py:addin"], "`run.py` has no pipeline `addin`; it has: `adding`, `other`"),
        ("x = 1\n", ["run.py"], "`run.py` has no pipeline: put `@pipeline` above a function"),
        (ADDING, ["run.py", "-p", "sise=1"], "pipeline `adding` has no param `sise`; it has: `size`"),
        (ADDING, ["run.py", "-p", "size=x"], "pipeline `adding` takes `size` as int, but was given 'x'"),
        (ADDING, ["away.py"], "there is no file `away.py`"),
        ("import no_such_library\n", ["run.py"], "No module named 'no_such_library'"),
    ],
)
def test_what_is_wrong_is_said(world, text, words, sentence):
    world.write(text)
    done = world.run("run", *words)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert str(SOURCE) not in done.stderr, "no line of ours is in a traceback"


def test_the_exit_code_is_that_of_the_run(world):
    world.write(ADDING.replace("return sum(numbers)", "raise ValueError('too many')"))
    done = world.run("run", "run.py")
    assert done.returncode == 3
    assert "too many" in done.stderr
