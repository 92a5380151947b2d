"""What comes from outside: `data("raw.csv")` in the plan and in a run."""

import os
from pathlib import Path

import pytest

from sundae import PipelineError, data, each, pipeline, step


@step
def count(rows: Path) -> int:
    return len(rows.read_text().splitlines())


@step
def name(entry: Path) -> str:
    return entry.name


@pipeline
def counting():
    count(data("in/raw rows.csv"))
    count(data(Path("other/raw rows.csv")))
    count(data("in/raw rows.csv"))
    count(data("store:sets/2026", name="sets"))
    name.map(entry=each(data("images/")))


def test_it_is_an_entry_of_data():
    plan = counting.compile()
    assert plan["data"] == {
        "raw_rows": "in/raw rows.csv",
        "raw_rows_2": "other/raw rows.csv",
        "sets": "store:sets/2026",
        "images": "images/",
    }
    taken = [step.get("inputs", step.get("foreach")) for step in plan["steps"]]
    assert taken == [
        {"rows": "data.raw_rows"},
        {"rows": "data.raw_rows_2"},
        {"rows": "data.raw_rows"},
        {"rows": "data.sets"},
        {"entry": "data.images"},
    ]


def refused(function) -> str:
    with pytest.raises(PipelineError) as error:
        pipeline(function).compile()
    return str(error.value)


def test_what_it_cannot_be():
    with pytest.raises(PipelineError, match="within a pipeline's function"):
        data("x.csv")

    def twice():
        count(data("a.csv", name="rows"))
        count(data("b.csv", name="rows"))

    assert refused(twice).startswith("`rows` is the name of two things from outside: 'a.csv' and 'b.csv'")

    def number():
        count(data(3))

    assert refused(number).startswith("`data` takes the path of a file or folder, not 3")


RUN = """
from pathlib import Path
from sundae import data, each, pipeline, step

@step
def count(rows: Path) -> int:
    return len(rows.read_text().splitlines())

@step
def table(rows: list) -> int:
    return len(rows)

@step
def shout(text: Path) -> str:
    return text.read_text().upper()

@pipeline
def counting():
    count(data("rows.txt"))
    table(data("rows.json"))
    shout.map(text=each(data("texts")))

if __name__ == "__main__":
    run = counting()
    print(run.output("count"), run.output("table"), run.output("shout"), run.steps["count"].status)
"""


@pytest.mark.skipif("SUNDAE_BIN" not in os.environ, reason="the stand-in takes nothing from outside")
@pytest.mark.usefixtures("host")
def test_it_is_read_in_a_run_and_counts_by_content(project):
    project.write("run.py", RUN)
    project.write("rows.txt", "a\nb\n")
    project.write("rows.json", "[1, 2, 3]")
    project.write("texts/a.txt", "one")
    project.write("texts/b.txt", "two")
    assert project.says("run.py") == "2 3 ['ONE', 'TWO'] completed"
    project.write("rows.txt", "a\nb\n")
    assert project.says("run.py") == "2 3 ['ONE', 'TWO'] cached"
    project.write("rows.txt", "a\nb\nc\n")
    assert project.says("run.py") == "3 3 ['ONE', 'TWO'] completed"
