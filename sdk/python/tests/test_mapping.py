"""Fan-out: `step.map(...)` in the plan, in an attempt, outside of a pipeline and in a run."""

import json
import os
from pathlib import Path

import pytest
from test_attempt import attempt, fails, succeeds  # noqa: F401

from sundae import PipelineError, command, each, param, pipeline, step


class Model:
    pass


@step
def load(rows: int = 3) -> list[Model]:
    return [Model()]


@step
def rates() -> list[float]:
    return [0.1, 1.0]


@step
def folder() -> Path:
    return Path()


@step
def anything():
    return [1]


@step
def train(c: float, data: list[Model] | None = None, *, depth: int = 2) -> Model:
    return Model()


@step
def score(model: Model, weight: float = 1.0) -> float:
    return weight


@step
def halves(number: int) -> tuple[int, int]:
    return number // 2, number - number // 2


@step
def take(one) -> int:
    return one


@step
def read(path: Path) -> str:
    return path.read_text()


@step
def best(models: list[Model], scores: list[float] | None = None) -> int:
    return len(models)


def plan(body, **params) -> dict:
    """The steps of a plan, by name."""

    def fanning(cs: list[float] = (0.1, 1.0)):
        body()

    steps = pipeline(fanning).compile(**params)["steps"]
    return {one["name"]: one for one in steps}


def split(one: dict) -> list[str]:
    words = one["run"]
    return words[words.index("--split") + 1].split(",") if "--split" in words else []


def test_a_list_of_constants_stands_in_the_plan():
    steps = plan(lambda: best(train.map(data=load(), c=each([0.1, 1, 10]), depth=each(range(3)))))
    assert steps["train"]["foreach"] == {"c": [0.1, 1, 10], "depth": [0, 1, 2]}
    assert steps["train"]["inputs"] == {"data": "load.output"}
    assert "params" not in steps["train"]
    assert split(steps["load"]) == []
    assert steps["best"]["inputs"] == {"models": "train.output"}
    json.dumps(steps)


def test_an_argument_is_marked_by_place_or_name():
    assert plan(lambda: train.map(each([1.0])))["train"]["foreach"] == {"c": [1.0]}
    assert plan(lambda: train.map(each(param("cs"))))["train"]["foreach"] == {"c": "{param.cs}"}
    assert plan(lambda: train.map(each([1.0])))["train"]["params"] == {"data": None, "depth": 2}


def test_simple_values_of_an_output_become_params():
    steps = plan(lambda: train.map(c=each(rates())))
    assert steps["train"]["foreach"] == {"c": "rates.output"}
    assert split(steps["rates"]) == []


def test_other_values_of_an_output_become_entries_of_a_folder():
    def body():
        models = load()
        score.map(model=each(models), weight=each(rates()))
        best(models)

    steps = plan(body)
    assert steps["score"]["foreach"] == {"model": "load.output", "weight": "rates.output"}
    assert split(steps["load"]) == ["output"]
    steps = plan(lambda: take.map(each(anything())))
    assert split(steps["anything"]) == ["output"]


def test_what_a_fan_out_gives_is_mapped_over_as_it_is():
    steps = plan(lambda: score.map(model=each(train.map(c=each([1.0])))))
    assert steps["score"]["foreach"] == {"model": "train.output"}
    assert split(steps["train"]) == []

    def body():
        small, large = halves.map(number=each([1, 2]))
        take.map(each(small))
        take.map(each(large))

    steps = plan(body)
    assert steps["take_2"]["foreach"] == {"one": "halves.output_1"}


def test_a_folder_and_what_a_command_writes():
    steps = plan(lambda: read.map(path=each(folder())))
    assert steps["read"]["foreach"] == {"path": "folder.output"}
    assert split(steps["folder"]) == []
    splitting = command("split {out.parts}", name="split", outputs=["parts"])
    count = command("wc {in.text}", name="count", outputs=["words"])
    steps = plan(lambda: count.map(text=each(splitting())))
    assert steps["count"]["foreach"] == {"text": "split.parts"}


def test_what_lies_at_paths_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("a")
    steps = plan(lambda: read.map(path=each(tmp_path.glob("*.txt"))))
    assert steps["read"]["foreach"] == {"path": [str(tmp_path / "a.txt")]}
    assert str(tmp_path / "a.txt") in steps["read"]["code"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (lambda: train.map(c=1.0), "step `train` is mapped over nothing: mark an argument"),
        (lambda: train(c=each([1.0])), "`c` of step `train` is marked with `each`: call `train.map(...)`"),
        (lambda: train.map(c=each([1.0]), depth=each([1, 2])), "but there are 1 of `c`, 2 of `depth`"),
        (
            lambda: train.map(c=each("abc")),
            "`each` takes a list of values or an output that is one, not 'abc'",
        ),
        (lambda: train.map(c=each(3)), "`each` takes a list of values"),
        (lambda: train.map(c=each(["a"])), "takes `c` as float, but one of its values is 'a', which is str"),
        (lambda: take.map(each([object()])), "which has no JSON form: make the list inside a step"),
        (lambda: train.map(c=each(load())), "takes `c` as float, but each of `load.output` is Model"),
        (
            lambda: take.map(each(score(train(1.0)))),
            "`score.output` is float: `each` takes an output that is a",
        ),
        (
            lambda: take.map(each(halves(1))),
            "step `halves` has the outputs `output_0`, `output_1`: `each` takes",
        ),
        (lambda: best(halves.map(each([1]))[0]), "but `halves.output_0` is list[int]"),
        (lambda: score(train.map(c=each([1.0]))), "takes `model` as Model, but `train.output` is list["),
        (lambda: train.map(d=each([1.0])), "step `train` has no argument `d`"),
        (lambda: [*each([1])], "what `each` returns is handed to `.map(...)`"),
    ],
)
def test_a_mistake_is_found_when_the_pipeline_is_built(body, sentence):
    with pytest.raises(PipelineError) as caught:
        plan(body)
    assert sentence in str(caught.value)


def test_outside_of_a_pipeline_it_returns_lists():
    assert halves.map(each([3, 4])) == ([1, 2], [2, 2])
    assert [type(one) for one in train.map(c=each([1, 2]), data=[])] == [Model, Model]
    with pytest.raises(PipelineError, match="mapped over nothing"):
        train.map(c=1)


SPLIT = """
from pathlib import Path
class Model:
    def __init__(self, number):
        self.number = number
def load() -> list[Model]:
    return [Model(number) for number in range({count})]
def best(models: {hint}):
    return {result}
"""


@pytest.mark.parametrize(
    ("count", "entries"),
    [(0, []), (3, ["0", "1", "2"]), (11, ["00", "01", "02", *(f"{n:02}" for n in range(3, 11))])],
)
def test_each_value_is_an_entry_that_is_loaded_again(project, attempt, count, entries):  # noqa: F811
    project.write(
        "steps.py", SPLIT.format(count=count, hint="list[Model]", result="[m.number for m in models]")
    )
    attempt.words = ("--split", "output")
    succeeds(attempt, project, "steps:load")
    assert sorted(path.name for path in attempt.path_of("output").iterdir()) == entries
    metadata = attempt.metadata()
    assert sorted(metadata["items"]) == entries
    assert all(item["materializer"] == "pickle" for item in metadata["items"].values())
    attempt.inputs["models"] = {
        "path": str(attempt.path_of("output").rename(attempt.folder / "in")),
        "metadata": metadata,
    }
    attempt.words = ()
    succeeds(attempt, project, "steps:best")
    assert json.loads(attempt.text()) == list(range(count))


@pytest.mark.parametrize(
    ("hint", "result", "value"),
    [
        ("list[int]", "models", [1, 2]),
        ("tuple[int, ...]", "list(models)", [1, 2]),
        ("dict[str, int]", "models", {"a": 1, "b": 2}),
        ("list[Path]", "[path.name for path in models]", ["a", "b"]),
        ("Path", "sorted(path.name for path in models.iterdir())", ["a", "b"]),
        ("list", "[path.name for path in models]", ["a", "b"]),
    ],
)
def test_a_list_of_what_commands_have_written(project, attempt, hint, result, value):  # noqa: F811
    project.write("steps.py", SPLIT.format(count=1, hint=hint, result=result))
    for entry, number in (("b", 2), ("a", 1)):
        attempt.give(f"models/{entry}", str(number))
    attempt.inputs = {
        "models": {"path": str(attempt.folder / "in" / "models"), "metadata": {"items": {"a": {}}}}
    }
    succeeds(attempt, project, "steps:best")
    assert json.loads(attempt.text()) == value
    attempt.inputs["models"]["metadata"] = {}
    if hint != "list":
        attempt.path_of("output").unlink()
        succeeds(attempt, project, "steps:best")
        assert json.loads(attempt.text()) == value


def test_what_is_no_list_cannot_be_mapped_over(project, attempt):  # noqa: F811
    project.write("steps.py", "def it():\n    return 3\n")
    attempt.words = ("--split", "output")
    assert fails(attempt, project, "steps:it") == (
        "error: step `it` returned a value of type int for `output`, "
        "but others are mapped over it, so it must be a list, not int\n"
    )


RUN = """
from pathlib import Path
from sundae import command, each, log_metric, pipeline, step

class Model:
    def __init__(self, c):
        self.c = c

@step
def load() -> list[Model]:
    return [Model(5), Model(6)]

@step
def rates(count: int) -> list[float]:
    return [0.5 * n for n in range(1, count + 1)]

@step
def train(c: float, data: list[Model], scale: int = 2) -> Model:
    log_metric("c", c)
    return Model(c * scale * len(data))

@step
def score(model: Model, weight: float = 1.0) -> float:
    return model.c * weight

@step
def texts() -> Path:
    folder = Path("texts")
    folder.mkdir(exist_ok=True)
    for name in "ab":
        (folder / f"{name}.txt").write_text(name * 3)
    return folder

count = command("wc -c < {in.text} > {out.size}", name="count", outputs=["size"])

@step
def join(
    models: list[Model], scores: list[float], sizes: list[int], others: list[float], names: dict[str, int]
) -> list:
    assert all(isinstance(one, Model) for one in models)
    return [[one.c for one in models], scores, sizes, others, names]

@pipeline
def fanning(cs: list[float] = [0.1, 1, 10], width: int = 2):
    data = load()
    models = train.map(c=each(cs), data=data)
    scores = score.map(each(models))
    sizes = count.map(text=each(texts()))
    others = score.map(model=each(data), weight=each(rates(width)))
    join(models, scores, sizes, others, sizes)

if __name__ == "__main__":
    run = fanning()
    print(json.dumps(run.output("join")))
    print(json.dumps(run.output("score")), [(one.params, one.metrics) for one in run.steps["train"].items])
    again = fanning([1, 10, 100])
    print(*[one.status for one in again.steps["train"].items], again.steps["load"].items)
    print(*[one.status for one in again.steps["score"].items], again.steps["score_2"].status)
    from sundae import RunFailed
    try:
        fanning(width=3)
    except RunFailed as error:
        print(error)
"""


@pytest.mark.skipif("SUNDAE_BIN" not in os.environ, reason="the stand-in knows no items")
@pytest.mark.usefixtures("host")
def test_steps_are_mapped_in_a_run(project):
    project.write("run.py", "import json\n" + RUN)
    done = project.python("run.py")
    assert done.returncode == 0, done.stderr
    joined, scores, again, scored, failed = done.stdout.splitlines()
    assert json.loads(joined) == [
        [0.4, 4.0, 40.0],
        [0.4, 4.0, 40.0],
        [3, 3],
        [2.5, 6.0],
        {"a.txt": 3, "b.txt": 3},
    ]
    assert (
        scores
        == "[0.4, 4.0, 40.0] "
        + "[({'c': 0.1}, {'c': 0.1}), ({'c': 1}, {'c': 1.0}), ({'c': 10}, {'c': 10.0})]"
    )
    assert again == "cached cached completed []"
    assert scored == "cached cached completed cached"
    assert failed == "run `fanning-3` failed at step `score_2`"
