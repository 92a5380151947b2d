"""Pipelines in the cells of a notebook, executed by a real kernel."""

import json
import os
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest
from conftest import SOURCE

pytestmark = pytest.mark.usefixtures("host")

DEADLINE = 120


class Notebook:
    """The cells of a notebook, and a kernel for them."""

    def __init__(self, folder: Path):
        self.folder = folder

    def run(self, *cells: str) -> list[str]:
        """Executes the cells, as they come back from a file; returns what each one shows."""
        file = self.folder / "work.ipynb"
        nbformat.write(
            nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), file
        )
        notebook = nbformat.read(file, as_version=4)
        client = nbclient.NotebookClient(
            notebook, timeout=DEADLINE, allow_errors=True, resources={"metadata": {"path": str(self.folder)}}
        )
        client.execute()
        return ["".join(map(_shown, cell.outputs)) for cell in notebook.cells]


def _shown(output) -> str:
    if output.output_type == "stream":
        return output.text
    if output.output_type == "error":
        return "\n".join(output.traceback)
    return output.data["text/plain"]


@pytest.fixture
def notebook(tmp_path, tmp_path_factory, monkeypatch) -> Notebook:
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path_factory.mktemp("jupyter")))
    kernel = Path(os.environ["JUPYTER_PATH"]) / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": argv, "display_name": "Python", "language": "python"}))
    return Notebook(tmp_path)


TRAINING = """
from dataclasses import dataclass
import os.path, json as js
from sundae import pipeline, step
"""
CONSTANTS = "rate = 0.5\nlevels = [1, 2]\n"
MODEL = """
@dataclass
class Model:
    weight: float
    notes: object = None
"""
HELPER = """
def scaled(number):
    return js.loads(js.dumps(number)) * rate + len(levels)
"""
STEPS = """
@step
def train(numbers: list[int]) -> Model:
    rates = numbers
    return Model(scaled(sum(rates)), notes={1})

@step(retry=2)
def evaluate(model: Model) -> float:
    assert isinstance(model, Model)
    return os.path.join and model.weight

@step
def load() -> list[int]:
    return [1, 2, 3]

@pipeline
def training():
    evaluate(train(load()))
"""
CELLS = (TRAINING, CONSTANTS, MODEL, HELPER, STEPS)
STATUSES = "{name: one.status for name, one in run.steps.items()}"
ALL_NEW = "{'load': 'completed', 'train': 'completed', 'evaluate': 'completed'}"
ALL_CACHED = "{'load': 'cached', 'train': 'cached', 'evaluate': 'cached'}"


def test_a_cell_runs_a_pipeline(notebook):
    shown = notebook.run(
        *CELLS,
        "run = training()",
        "print(run.output('evaluate'), isinstance(run.output('train'), Model), run.output('train').notes)",
        STATUSES,
        "run = training()\n" + STATUSES,
    )
    assert shown[-3:-1] == ["5.0 True {1}\n", ALL_NEW]
    assert shown[-1].endswith(ALL_CACHED), shown[-1]
    assert "\x1b" not in "".join(shown) and "\r" not in "".join(shown)


def test_another_session_finds_the_same_outcomes(notebook):
    notebook.run(*CELLS, "run = training()")
    # Cells in another order and number, with another comment between the definitions.
    shown = notebook.run(
        TRAINING, HELPER, CONSTANTS + MODEL + "# More.\n" + STEPS, "run = training()\n" + STATUSES
    )
    assert shown[-1].endswith(ALL_CACHED), shown[-1]
    shown = notebook.run("import sundae", "1")
    assert shown == ["", "1"]


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ("rate = 0.25", ["train", "evaluate"]),
        ("def scaled(number):\n    return number", ["train", "evaluate"]),
        ("@step\ndef evaluate(model: Model) -> float:\n    return 1.0", ["evaluate"]),
        ("def evaluation():\n    return rate\nnumbers = 3\nrates = object()", []),
    ],
)
def test_what_a_cell_changes_runs_again(notebook, change, again):
    shown = notebook.run(*CELLS, "run = training()", change, PIPELINE_AGAIN)
    expected = {name: "completed" if name in again else "cached" for name in ("load", "train", "evaluate")}
    assert shown[-1].endswith(repr(expected)), shown


PIPELINE_AGAIN = "@pipeline\ndef training():\n    evaluate(train(load()))\nrun = training()\n" + STATUSES


def test_a_variable_that_no_other_process_has_gets_a_sentence(notebook):
    shown = notebook.run(
        "from sundae import pipeline, step\nframe = object()",
        "def rows():\n    return frame\n@step\ndef count() -> int:\n    return len(rows())\n"
        "@pipeline\ndef counting():\n    count()",
        "counting.compile()",
    )
    assert shown[-1] == (
        "error: step `count` uses `frame` of the notebook (object), which a process of its own does not have"
        ": hand it to the step as an argument, make it within the step, or import it from a module (In[3]:1)"
    )


def test_interrupting_the_kernel_cancels_the_run_in_order(notebook):
    shown = notebook.run(
        "import os, signal, threading, time\nfrom pathlib import Path\nfrom sundae import pipeline, step",
        "@step\ndef hang():\n    Path('pid').write_text(str(os.getpid()))\n    time.sleep(100)\n"
        "@pipeline\ndef hanging():\n    hang()",
        # Jupyter signals the group of the kernel.
        "def interrupt():\n    while not (Path('pid').exists() and Path('pid').read_text()):\n"
        "        time.sleep(0.01)\n    os.killpg(os.getpgrp(), signal.SIGINT)\n"
        "threading.Thread(target=interrupt).start()\nhanging()",
        "try:\n    os.kill(int(Path('pid').read_text()), 0)\n"
        "except ProcessLookupError:\n    print('has ended')",
    )
    assert shown[-2].endswith("error: run `hanging-1` was cancelled"), shown[-2]
    assert shown[-1] == "has ended\n"


def test_a_failure_is_told_without_our_traceback(notebook):
    shown = notebook.run(
        "from sundae import pipeline, step\n@step\ndef broken() -> int:\n    return 1 // 0\n"
        "@pipeline\ndef breaking():\n    broken()",
        "breaking()",
    )
    assert shown[-1].endswith("error: run `breaking-1` failed at step `broken`")
    assert "return 1 // 0" in shown[-1] and "ZeroDivisionError" in shown[-1], shown[-1]
    assert "host.py" not in shown[-1]


def test_what_a_notebook_is_made_of(notebook):
    """Everything that a name of a notebook may be."""
    (notebook.folder / "tools.py").write_text("SIZE = 3\ndef double(x):\n    return 2 * x\n")
    shown = notebook.run(
        "%config InlineBackend.figure_format = 'svg'\nfrom __future__ import annotations\n"
        "import functools, re\nfrom enum import Enum\nfrom math import *\nfrom pathlib import Path\n"
        "import tools\nfrom tools import SIZE as size, double\n"
        "import xml.dom.minidom\nimport xml.etree.ElementTree\n"
        "from sundae import Materializer, register_materializer, step, pipeline",
        "class Colour(Enum):\n    RED = 1\n",
        "best = Colour.RED\npattern = re.compile('a+')\nhome = Path('.')\ninverse = lambda x: -x\n"
        "limits = {'a': (1,), 'b': {2}, 'c': float('inf')}\ntwice = functools.partial(pow, 2)\n"
        "alias = double",
        "class Base:\n    def __eq__(self, other):\n        return type(other) is type(self)\n"
        "class Special(Base):\n    pass\n",
        "class Kept(Materializer):\n    def save(self, value, path):\n        assert type(value) is Special\n"
        "        Path(path).write_text('special')\n"
        "    def load(self, path, metadata):\n        return Special()\n"
        "register_materializer(Special, Kept)",
        "def even(n):\n    return n == 0 or odd(n - 1)",
        "def odd(n):\n    return n != 0 and even(n - 1)",
        "def logged(function):\n    @functools.wraps(function)\n    def inner(*args, **kwargs):\n"
        "        print('called')\n        return function(*args, **kwargs)\n    return inner",
        "@step\n@logged\ndef make(special: Special | None = None) -> Special:\n"
        "    assert best is Colour.RED and pattern.match('aa') and home.exists() and inverse(2) == -2\n"
        "    assert limits['c'] > 1 and twice(3) == 8 and alias(2) == 4 and tools.double(size) == 6\n"
        "    assert pi > 3\n"
        "    assert xml.dom.minidom.parseString('<a/>')\n"
        "    assert xml.etree.ElementTree.fromstring('<a/>') is not None\n"
        "    assert even(4) and isinstance(Special(), Base)\n"
        "    return Special()",
        "@step\ndef look(special: Special) -> bool:\n"
        "    return isinstance(special, Base) and special == Special()",
        "@pipeline\ndef everything():\n    look(make())",
        "run = everything()\nprint(run.output('look'), type(run.output('make')) is Special)",
        "everything.compile()['steps'][0]['code']",
    )
    assert shown[-2].endswith("True True\n"), shown[-2]
    assert "'tools.py'" in shown[-1], shown[-1]
