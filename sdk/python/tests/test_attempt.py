"""One attempt of a step: from the context file that a host writes, to the outputs and messages it reads."""

import json
import pickle
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass
class Attempt:
    """What a host prepares for one attempt, and what it finds afterwards."""

    folder: Path
    params: dict = field(default_factory=dict)
    inputs: dict = field(default_factory=dict)
    outputs: tuple = ("output",)
    words: tuple = ()

    def give(self, name: str, content: str | bytes, **metadata) -> None:
        """Stages an input."""
        path = self.folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.inputs[name] = {"path": str(path), "metadata": metadata}

    def run(self, project, target: str):
        (self.folder / "out").mkdir(parents=True, exist_ok=True)
        context, messages = self.folder / "context.json", self.folder / "messages"
        facts = {"schema": 1, "run": {"id": "7", "name": "training-1"}, "pipeline": "training"}
        facts |= {"step": target.split(":")[-1], "attempt": 2, "params": self.params, "inputs": self.inputs}
        facts["outputs"] = {name: {"path": str(self.path_of(name))} for name in self.outputs}
        context.write_text(json.dumps(facts))
        command = ["-c", "import sundae; sundae.run_step()", target, *self.words]
        variables = {"SUNDAE_CONTEXT": str(context), "SUNDAE_MESSAGES": str(messages)}
        return project.python(*command, **variables)

    def path_of(self, output: str) -> Path:
        return self.folder / "out" / output

    def text(self, output: str = "output") -> str:
        return self.path_of(output).read_text()

    @property
    def messages(self) -> list[dict]:
        path = self.folder / "messages"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def metadata(self, output: str = "output") -> dict:
        return next(message["metadata"] for message in self.messages if message.get("output") == output)


@pytest.fixture
def attempt(tmp_path_factory) -> Attempt:
    return Attempt(tmp_path_factory.mktemp("attempt"))


def succeeds(attempt, project, target: str) -> str:
    """Runs the attempt; returns what the step wrote to stdout."""
    done = attempt.run(project, target)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fails(attempt, project, target: str) -> str:
    """Runs the attempt; returns what it wrote to stderr."""
    done = attempt.run(project, target)
    assert done.returncode == 1, done.stderr
    return done.stderr


def test_params_and_inputs_become_arguments(project, attempt):
    project.write(
        "steps/join.py",
        "from pathlib import Path\nfrom sundae import step\n"
        "@step\ndef join(texts: list[str], /, raw: Path, sizes: tuple[int, ...], *, share: float, "
        "mark=object()) -> str:\n"
        "    assert isinstance(raw, Path) and type(share) is float and type(mark) is object\n"
        "    return '|'.join(texts) + raw.read_text() + str(sizes)\n",
    )
    attempt.params = {"sizes": [1, 2], "share": 1}
    for place in (10, 2, 0, 1):
        attempt.give(f"texts-{place}", f"t{place}", materializer="text")
    attempt.give("raw", "3", materializer="json")
    succeeds(attempt, project, "steps.join:join")
    assert attempt.text() == "t0|t1|t2|t103(1, 2)"
    assert attempt.metadata() == {
        "materializer": "text",
        "media_type": "text/plain; charset=utf-8",
        "type": "str",
    }


def test_several_outputs_metrics_and_notes(project, attempt):
    project.write(
        "run.py",
        "from typing import Annotated\nimport sundae\nfrom sundae import step\n"
        "@step\ndef split(rows: int) -> tuple[Annotated[int, 'train'], Annotated[float, 'test']]:\n"
        "    sundae.log_metric('rows', rows)\n    sundae.log_metric('loss', float('nan'))\n"
        "    sundae.note('cut')\n    sundae.progress(1.5, 'last')\n"
        "    facts = sundae.context()\n    print(facts.run_name, facts.step, facts.attempt, facts.params)\n"
        "    return rows - 1, 1\n",
    )
    attempt.params, attempt.outputs = {"rows": 5}, ("train", "test")
    assert succeeds(attempt, project, "run.py:split") == "training-1 split 2 {'rows': 5}\n"
    assert (attempt.text("train"), attempt.text("test")) == ("4", "1.0")
    assert attempt.messages[:4] == [
        {"metric": "rows", "value": 5},
        {"note": "metric loss is nan"},
        {"note": "cut"},
        {"progress": 1.0, "label": "last"},
    ]


def test_what_it_is_made_of_is_imported_from_the_project(project, attempt):
    project.write(
        "scripts/steps/train.py",
        "import lib\nfrom steps import more\ndef train():\n    return lib.x + more.x\n",
    )
    project.write("scripts/steps/more.py", "x = 'm'\n")
    project.write("lib.py", "x = 'l'\n")
    attempt.words = ("--path", "scripts", "--outputs", "text")
    attempt.outputs = ("text",)
    succeeds(attempt, project, "steps.train:train")
    assert attempt.text("text") == "lm"


def test_a_script_that_starts_its_pipeline_unasked_is_loaded_up_to_there(project, attempt):
    project.write(
        "run.py",
        "from sundae import pipeline, step\nclass Model:\n    pass\n"
        "@step\ndef train() -> Model:\n    return Model()\n"
        "@pipeline\ndef training():\n    train()\n"
        "training()\nraise AssertionError('loading went on')\n",
    )
    succeeds(attempt, project, "run.py:train")
    assert attempt.metadata()["type"] == "run.Model"


def test_a_pipeline_cannot_be_started_in_a_step(project, attempt):
    project.write(
        "steps.py",
        "from sundae import pipeline, step\n@step\ndef inner():\n    pass\n"
        "@pipeline\ndef training():\n    inner()\n"
        "@step\ndef outer() -> None:\n    training()\n",
    )
    attempt.outputs = ()
    assert "the pipeline `training` cannot be started inside a step" in fails(attempt, project, "steps:outer")


def test_an_error_starts_at_the_users_line(project, attempt):
    project.write(
        "steps.py",
        "def helper(x):\n    return 1 / x\ndef divide(x):\n    print('before')\n    return helper(x)\n",
    )
    attempt.params = {"x": 0}
    said = fails(attempt, project, "steps:divide")
    assert said.startswith("Traceback (most recent call last):\n  File ")
    assert [line for line in said.splitlines() if line.startswith("  File")] == [
        f'  File "{project.root}/steps.py", line 5, in divide',
        f'  File "{project.root}/steps.py", line 2, in helper',
    ]
    assert said.endswith("ZeroDivisionError: division by zero\n")


def test_the_occasion_of_an_error_is_named(project, attempt):
    own = "class Own:\n    def __getstate__(self):\n        return 1 // 0\n"
    project.write("steps.py", own + "def no_pickle() -> object:\n    return Own()\n")
    said = fails(attempt, project, "steps:no_pickle")
    assert "return 1 // 0" in said and said.endswith("(while saving the output `output`)\n")
    project.write("broken.py", "import not_installed\n")
    said = fails(attempt, project, "broken:step")
    assert said.endswith("No module named 'not_installed'\n(while loading `broken:step`)\n")
    project.write("take.py", "def take(x: int):\n    return x\n")
    attempt.give("x", "{")
    said = fails(attempt, project, "take:take")
    assert said.endswith("(while loading the input `x`)\n")


@pytest.mark.parametrize(
    ("hint", "value", "sentence"),
    [
        ("None", "1", "step `it` returned a value of type int, but has no output"),
        (
            "tuple[int, int]",
            "1",
            "step `it` must return the 2 values `output_0`, `output_1`, but returned a value of",
        ),
        ("tuple[int, int]", "(1, 2, 3)", "but returned 3 values"),
        ("int", "'x'", "step `it` returned a value of type str for `output`, whose hint says int"),
        ("str", "object()", "whose hint says str"),
        ("bool", "2", "whose hint says bool"),
        ("dict[str, int]", "[1]", "step `it` returned 1 values for `output`, whose hint says dict[str, int]"),
    ],
)
def test_a_result_that_is_not_what_the_hint_says(project, attempt, hint, value, sentence):
    project.write("steps.py", f"from sundae import step\n@step\ndef it() -> {hint}:\n    return {value}\n")
    said = fails(attempt, project, "steps:it")
    assert said.startswith("error: step `it` ")
    assert sentence in said
    assert "Traceback" not in said


DATACLASS = "from dataclasses import dataclass\n@dataclass\nclass Square:\n    side: int = 2\n"
KINDS = """
import sqlite3, sys, threading
from sundae import step
class Loader:
    def __init__(self):
        self.size, self.locks = 1, {"first": [threading.Lock()]}
def local():
    class Inner:
        pass
    return Inner()
def nested():
    value = None
    for _ in range(100_000):
        value = [value]
    return value
"""


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("lambda: 1", "a value of type function for `output`, but it cannot be pickled ("),
        ("lambda: 1", "): define it at the top level of a module"),
        ("open(__file__)", ("): return its pathlib.Path instead of the open file")),
        ("(x for x in [])", "): return a list of what it yields"),
        ("iter(open(__file__))", "): return its pathlib.Path instead of the open file"),
        ("sys", "): import it in the step that needs it"),
        ("threading.Thread()", "): it belongs to the process that made it: leave it out"),
        ("sqlite3.connect(':memory:')", "of type Connection for `output`, but it cannot be pickled ("),
        ("Loader()", "Loader for `output`, but `.locks['first'][0]` in it, a value of type lock, cannot be"),
        ("[1, Loader]", None),
        ("[1, (x for x in [])]", "`[1]` in it, a value of type generator, cannot be pickled"),
        ("local()", "its type is defined inside a function: define it at the top level of a module"),
        ("nested()", "it is nested too deeply: return the pathlib.Path of a file"),
    ],
)
def test_a_value_that_cannot_be_saved_gets_a_sentence(project, attempt, value, sentence):
    project.write("steps.py", KINDS + f"@step\ndef it():\n    return {value}\n")
    if sentence is None:
        succeeds(attempt, project, "steps:it")
        return
    said = fails(attempt, project, "steps:it")
    assert said.startswith("error: step `it` returned ")
    assert sentence in said and said.count("\n") == 1, said


def test_a_value_for_which_there_is_no_room_gets_a_sentence(project, attempt):
    project.write("steps.py", "def it() -> bytes:\n    return b'x' * 100_000\n")
    attempt.path_of("output").parent.mkdir(parents=True)
    attempt.path_of("output").symlink_to("/dev/full")
    said = fails(attempt, project, "steps:it")
    assert said == (
        "error: step `it` returned a value of type bytes for `output`, but there is no room for it "
        "(No space left on device): free some where the run has its files\n"
    )


def test_a_value_for_which_there_is_no_memory_gets_a_sentence(project, attempt):
    project.write(
        "steps.py",
        "import resource\ndef it() -> str:\n    text = 'x' * 300_000_000\n"
        "    pages = int(open('/proc/self/statm').read().split()[0])\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + 50_000_000,) * 2)\n    return text\n",
    )
    assert fails(attempt, project, "steps:it") == (
        "error: step `it` returned a value of type str for `output`, but there is not enough memory for "
        "that: write it in parts to a file, and return its pathlib.Path\n"
    )


@pytest.mark.parametrize(
    ("renamed", "sentence"),
    [
        ("class Circle:\n    pass\n", "it was saved as shapes.Square, and that is not there any more ("),
        (None, "it was saved as shapes.Square, and the module `shapes` is not there: install it, bring it"),
    ],
)
@pytest.mark.parametrize("kind", ["class Square:\n    pass\n", DATACLASS])
def test_a_class_that_is_gone_gets_a_sentence(project, attempt, renamed, sentence, kind):
    shapes = project.write("shapes.py", kind)
    project.write("steps.py", "def it():\n    from shapes import Square\n    return Square()\n")
    succeeds(attempt, project, "steps:it")
    attempt.give("square", attempt.path_of("output").read_bytes(), **attempt.metadata())
    shapes.unlink()
    if renamed:
        project.write("shapes.py", renamed)
    project.write("area.py", "def area(square):\n    return 1\n")
    said = fails(attempt, project, "area:area")
    assert said.startswith("error: step `area` cannot load its input `square`: " + sentence), said
    assert said.endswith("run the step that made it again (`sundae run FILE --rerun STEP`)\n")


def test_a_class_whose_module_fails_is_the_users_error(project, attempt):
    shapes = project.write("shapes.py", "class Square:\n    pass\n")
    project.write("steps.py", "def it():\n    from shapes import Square\n    return Square()\n")
    succeeds(attempt, project, "steps:it")
    attempt.give("square", attempt.path_of("output").read_bytes(), **attempt.metadata())
    shapes.write_text("import nothing_of_that_name\n")
    project.write("area.py", "def area(square):\n    return 1\n")
    said = fails(attempt, project, "area:area")
    assert "import nothing_of_that_name" in said and said.endswith("(while loading the input `square`)\n")


def test_metadata_that_is_no_json_is_refused(project, attempt):
    project.write(
        "steps.py",
        "from sundae import Materializer, register_materializer, step\n"
        "class Thing:\n    pass\n"
        "class Things(Materializer):\n    def save(self, value, path):\n        open(path, 'w').close()\n"
        "        return {'loss': float('nan')}\n"
        "register_materializer(Thing, Things)\n"
        "@step\ndef it():\n    return Thing()\n",
    )
    assert "(while saving the output `output`)" in fails(attempt, project, "steps:it")


def test_the_same_set_gives_the_same_bytes(project, attempt):
    # The plan sets PYTHONHASHSEED; what JSON holds must not depend even on that.
    project.write("steps.py", "def it():\n    return {'b', 'a', 'c'}\n")
    succeeds(attempt, project, "steps:it")
    assert attempt.text() == '["a", "b", "c"]'


def test_ones_own_type_travels_by_pickle(project, attempt):
    project.write("shapes.py", "class Square:\n    side = 2\n")
    project.write("steps.py", "from shapes import Square\ndef it():\n    return Square()\n")
    succeeds(attempt, project, "steps:it")
    with pytest.raises(ModuleNotFoundError, match="shapes"):
        pickle.loads(attempt.path_of("output").read_bytes())
    attempt.give("square", attempt.path_of("output").read_bytes(), **attempt.metadata())
    project.write("area.py", "def area(square):\n    return square.side ** 2\n")
    succeeds(attempt, project, "area:area")
    assert attempt.text() == "4"
