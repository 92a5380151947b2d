"""Which changes of the source make a step run again, and which do not."""

import json

import pytest

from sundae.reach import Legacy
from sundae.source import Place, Project


class Source:
    """A folder of source files in which one step is looked at."""

    def __init__(self, root, files: dict[str, str], target: str = "steps:train"):
        self.root = root
        self.target = target
        for path, text in files.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def mark(self) -> str:
        """What decides whether the step runs again, as far as it is code."""
        footprint = self.footprint()
        contents = {file: (self.root / file).read_text() for file in footprint.files}
        return json.dumps([contents, footprint.fingerprint], sort_keys=True)

    def footprint(self):
        project = Project(str(self.root), [str(self.root)])
        file = str(self.root / (self.target.partition(":")[0].replace(".", "/") + ".py"))
        return project.footprint(Place(self.target, file, str(self.root)), Legacy())[0]

    def changes(self, path: str, before: str, after: str) -> bool:
        """Whether the step runs again when this text of a file is replaced by that."""
        text = (self.root / path).read_text()
        assert before in text
        old = self.mark()
        self.write(path, text.replace(before, after))
        new = self.mark()
        self.write(path, text)
        assert self.mark() == old
        return new != old


STEPS = '''
"""Steps."""
import functools
import json as encoding
from dataclasses import dataclass
from typing import TYPE_CHECKING

import lib.deep.tools
import lib.maths as maths
from lib import pure
from lib.pure import helper as help, other
from sundae import pipeline, step

if TYPE_CHECKING:
    import only_for_checkers

RATE = 0.5
UNUSED = [1, 2]
TABLE = {"a": RATE}


class Base:
    def size(self):
        return sized(self)


@dataclass
class Model(Base):
    weight: float = 1.0


class Unrelated(Base):
    pass


def sized(it):
    return 1  # A comment.


def logged(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args)
    return inner


@logged
def decorated(x):
    return x


@step(retry=2)
def train(numbers: "list[Model]", share: float = RATE) -> Model:
    """Trains."""
    import lib.late as late

    unused_local = UNUSED_LOCAL = 3
    help(numbers)
    maths.double(3)
    lib.deep.tools.dig()
    late.arrive()
    decorated(1)
    return Model(len(encoding.dumps(unused_local)))


@step
def evaluate(numbers: list) -> int:
    return other(UNUSED)


@pipeline
def training():
    evaluate(train([]))


if __name__ == "__main__":
    training()
'''

FILES = {
    "steps.py": STEPS,
    "lib/__init__.py": "",
    "lib/pure.py": "def helper(x):\n    return deeper(x)\n"
    "def deeper(x):\n    return 1\ndef other(x):\n    return 2\n",
    "lib/maths.py": "FACTOR = 2\ndef double(x):\n    return FACTOR * x\ndef treble(x):\n    return 3 * x\n",
    "lib/deep/__init__.py": "NAME = 'deep'\n",
    "lib/deep/tools.py": "def dig():\n    return 1\ndef fill():\n    return 2\n",
    "lib/late.py": "from lib.maths import treble\ndef arrive():\n    return 1\n"
    "def leave():\n    return treble(1)\n",
    "only_for_checkers.py": "class Hint: pass\n",
}


@pytest.fixture
def source(tmp_path):
    return Source(tmp_path, FILES)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("steps.py", "return Model(len(", "return Model(1 + len("),
        ("steps.py", "Trains.", "Trains well."),
        ("steps.py", "RATE = 0.5", "RATE = 0.6"),
        ("steps.py", "weight: float = 1.0", "weight: float = 2.0"),
        ("steps.py", "return sized(self)", "return 3"),
        ("steps.py", "return 1  # A", "return 2  # A"),
        ("steps.py", "import json as encoding", "import ast as encoding"),
        ("steps.py", "helper as help, other", "other as help, helper as other"),
        ("steps.py", "def inner(*args):", "def inner(*args, **words):"),
        ("steps.py", "decorated(x):\n    return x", "decorated(x):\n    return 2 * x"),
        ("steps.py", "@logged\n", ""),
        ("steps.py", '"list[Model]"', '"list[Base]"'),
        ("steps.py", "\n\nRATE", "\nprint('imported')\n\nRATE"),
        ("steps.py", "\n\nRATE", "\nimport loud\n\nRATE"),
        ("steps.py", "\n\nRATE", "\nimport pytest\n\nRATE"),
        ("lib/pure.py", "return deeper(x)", "return deeper(x) + 1"),
        ("lib/pure.py", "return 1", "return 10"),
        ("lib/maths.py", "FACTOR = 2", "FACTOR = 3"),
        ("lib/maths.py", "FACTOR * x", "x * FACTOR"),
        ("lib/deep/tools.py", "return 1", "return 3"),
        ("lib/late.py", "arrive():\n    return 1", "arrive():\n    return 2"),
        ("lib/__init__.py", "", "print('imported')\n"),
        ("lib/deep/__init__.py", "NAME", "print()\nNAME"),
        ("lib/late.py", "def arrive", "FACTOR = open('x').read()\ndef arrive"),
    ],
)
def test_what_a_step_reaches_makes_it_run_again(source, path, before, after):
    source.write("loud.py", "print('here I am')\n")
    if before:
        assert source.changes(path, before, after)
    else:
        old = source.mark()
        source.write(path, after)
        assert source.mark() != old


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("steps.py", "# A comment.", "# Another."),
        ("steps.py", "def train(numbers", "def train(\n    numbers"),
        ("steps.py", "return other(UNUSED)", "return 1"),
        ("steps.py", "UNUSED = [1, 2]", "UNUSED = [1]"),
        ("steps.py", 'TABLE = {"a": RATE}', 'TABLE = {"b": RATE}'),
        ("steps.py", "class Unrelated(Base):\n    pass", "class Unrelated(Base):\n    x = 1"),
        ("steps.py", "    evaluate(train([]))", "    train([])"),
        ("steps.py", '"__main__":\n    training()', '"__main__":\n    pass'),
        ("steps.py", "import only_for_checkers", "import only_for_tests"),
        ("steps.py", "\n\nRATE", "\nimport ast\n\nRATE"),
        ("steps.py", "\n\nRATE", "\nimport only_for_checkers\n\nRATE"),
        ("steps.py", '"""Steps."""', '"""The steps."""'),
        ("steps.py", "@step(retry=2)", '@step(retry=3, timeout="1m")'),
        ("steps.py", "@step(retry=2)\n", ""),
        ("steps.py", "@step\ndef evaluate", "def more():\n    return 1\n\n\n@step\ndef evaluate"),
        ("lib/pure.py", "return 2", "return 20"),
        ("lib/maths.py", "return 3 * x", "return x + x + x"),
        ("lib/deep/tools.py", "return 2", "return 3"),
        ("lib/deep/__init__.py", "'deep'", "'deeper'"),
        ("lib/late.py", "return treble(1)", "return 7"),
        ("only_for_checkers.py", "pass", "x = 1"),
    ],
)
def test_what_it_does_not_reach_leaves_it_cached(source, path, before, after):
    assert not source.changes(path, before, after)


def test_a_change_is_told_by_the_name_of_what_has_changed(source):
    old, text = source.footprint(), FILES["lib/pure.py"]
    source.write("lib/pure.py", text.replace("return 1", "return 10"))
    new = source.footprint()
    differs = {name for name in new.fingerprint if new.fingerprint[name] != old.fingerprint.get(name)}
    assert differs == {"lib/pure.py:deeper"}
    assert old.fingerprint["lib/pure.py:deeper"].startswith("code:")
    assert set(old.fingerprint) == {
        *("python", "steps.py:train", "steps.py:RATE", "steps.py:Model", "steps.py:Base", "steps.py:sized"),
        *("steps.py:logged", "steps.py:decorated", "lib/pure.py:helper", "lib/pure.py:deeper"),
        *("lib/maths.py:double", "lib/maths.py:FACTOR", "lib/deep/tools.py:dig", "lib/late.py:arrive"),
    }


STEP = "from sundae import step\n{above}\n@step\ndef train():\n    {body}\n"


@pytest.mark.parametrize(
    ("above", "body"),
    [
        ("import lib.pure", "return getattr(lib.pure, 'o' + 'ther')(1)"),
        ("from lib import pure", "return vars(pure)"),
        ("from lib import pure", "return [pure]"),
        ("import lib.pure", "return lib.__dict__"),
        ("from lib.pure import *", "return helper(1)"),
        ("import lib.pure, importlib", "return importlib.import_module('lib.pure').other(1)"),
        ("import lib.pure", "import importlib as x\n    return x.import_module('lib' + '.pure')"),
        ("import lib.pure, sys", "return sys.modules['lib.pure'].other(1)"),
        ("import lib.pure", "from sys import modules\n    return modules"),
        ("import lib.pure", "return __import__('lib.pure')"),
        ("import lib.pure", "return eval('lib.pure.other')(1)"),
        ("import lib.pure", "exec('lib.pure.other(1)')"),
        ("from lib.pure import helper, other", "return globals()['other'](1)"),
        ("from lib.pure import helper", "return helper.__globals__['other'](1)"),
        ("import lib.pure", "lib.pure.helper = print"),
        ("import lib.pure", "lib.pure.nothing_of_that_name()"),
        ("import lib.pure\nfrom resolver import resolve", "return resolve('lib.pure.other')"),
        ("import lib.pure\nfrom resolver import resolve", "return resolve('lib.pure:other')"),
        ("import lib.pure, pickle", "return pickle.load(open('x', 'rb'))"),
        ("import lib.pure\nimport numpy as np", "return np.load('x', allow_pickle=True)"),
        ("import lib.pure\nimport pandas", "return pandas.read_pickle('x')"),
        ("import lib.pure", "return object.__subclasses__()"),
        ("import lib.pure, lazy", "return lazy.anything"),
        ("import lib.pure\nif len('x'):\n    from lib.pure import *", "return other(1)"),
    ],
)
def test_where_names_do_not_tell_all_files_count(tmp_path, above, body):
    lazy = "def __getattr__(name):\n    return 1\n"
    files = {
        **FILES,
        "steps.py": STEP.format(above=above, body=body),
        "lazy.py": lazy,
        "resolver.py": "resolve = str\n",
    }
    source = Source(tmp_path, files)
    assert source.changes("lib/pure.py", "return 2", "return 20")
    assert "lib/pure.py" in source.footprint().files


@pytest.mark.parametrize(
    ("above", "before", "after"),
    [
        # Statements that do something when the module is imported.
        (
            "REGISTRY = {}\ndef register(f):\n    REGISTRY[f.__name__] = f\n    return f\n"
            "@register\ndef a():\n    return 1",
            "return 1",
            "return 2",
        ),
        ("def compute():\n    return 1\nVALUE = compute()", "return 1", "return 2"),
        ("class Meta(type):\n    pass\nclass A(metaclass=Meta):\n    x = 1", "x = 1", "x = 2"),
        (
            "class Base:\n    def __init_subclass__(cls):\n        print(cls)\nclass A(Base):\n    x = 1",
            "x = 1",
            "x = 2",
        ),
        ("class A:\n    pass\nA.x = 1", "A.x = 1", "A.x = 2"),
        (
            "try:\n    import ujson as json\nexcept ImportError:\n    import json",
            "import ujson",
            "import rapidjson",
        ),
        (
            "import sys\nif sys.platform == 'x':\n    def a():\n        return 1\n"
            "else:\n    def a():\n        return 2",
            "return 2",
            "return 3",
        ),
        ("import os\nif os.environ.get('X'):\n    X = 1", "X = 1", "X = 2"),
        ("for n in range(3):\n    print(n)", "range(3)", "range(4)"),
        # Which of several bindings counts is a matter of order.
        ("A = 1\nA = 2\nB = A", "A = 1\nA = 2\nB = A", "A = 2\nA = 1\nB = A"),
        ("A = 1\nA += 1", "A += 1", "A += 2"),
        ("def a():\n    return 1\ndef a():\n    return 2", "return 2", "return 3"),
        ("from lib.pure import helper as a\na = 1", "a = 1", "a = 2"),
        ("import logging\nlogging.basicConfig(level=1)", "level=1", "level=2"),
        ("from other_package import Base\nclass A(Base):\n    x = 1", "x = 1", "x = 2"),
        (
            "def twice(f):\n    print('x')\n    return f\n@twice\ndef a():\n    return 1",
            "return 1",
            "return 2",
        ),
    ],
)
def test_what_does_something_on_import_always_counts(tmp_path, above, before, after):
    source = Source(tmp_path, {**FILES, "steps.py": STEP.format(above=above, body="return 0")})
    assert source.changes("steps.py", before, after)
    assert not source.changes(
        "steps.py", "from sundae import step", "from sundae import step\ndef unused():\n    pass"
    )


@pytest.mark.parametrize(
    ("above", "before", "after"),
    [
        ("class Base:\n    pass\nclass A(Base):\n    x = 1", "x = 1", "x = 2"),
        ("from lib.base import Base\nclass A(Base):\n    x = 1", "x = 1", "x = 2"),
        ("from sklearn.base import BaseEstimator\nclass A(BaseEstimator):\n    x = 1", "x = 1", "x = 2"),
        ("from enum import Enum\nclass A(Enum):\n    X = 1", "X = 1", "X = 2"),
        ("from lib.base import factory\n@factory(3)\ndef a():\n    return 1", "return 1", "return 2"),
        ("import re\nA = re.compile('a')", "'a'", "'b'"),
        ("@step\ndef fit():\n    return 1\na = fit.with_options(name='b')", "return 1", "return 2"),
        ("from sundae import command\nA = command('ls', name='a')", "'ls'", "'ls -l'"),
    ],
)
def test_what_only_defines_counts_where_it_is_used(tmp_path, above, before, after):
    base = (
        "import functools\nclass Root:\n    pass\nclass Base(Root):\n    pass\n"
        "def factory(n):\n    '''Makes one.'''\n    def outer(f):\n        @functools.wraps(f)\n"
        "        def inner():\n            return f() * n\n        return inner\n    return outer\n"
    )
    files = {**FILES, "lib/base.py": base, "steps.py": STEP.format(above=above, body="return 0")}
    source = Source(tmp_path, files)
    assert not source.changes("steps.py", before, after)
    used = "return A" if ("class A" in above or "A =" in above) else "return a"
    source.write("steps.py", STEP.format(above=above, body=used))
    assert source.changes("steps.py", before, after)


def test_names_that_are_local_are_not_those_of_the_module(tmp_path):
    body = "data = [helper for helper in range(3)]\n    return data"
    above = "def data():\n    return 1\ndef helper():\n    return 2"
    source = Source(tmp_path, {"steps.py": STEP.format(above=above, body=body)})
    assert not source.changes("steps.py", "return 1", "return 3")
    assert not source.changes("steps.py", "return 2", "return 3")
    source.write("steps.py", STEP.format(above=above, body="global data\n    data = helper\n    return data"))
    assert source.changes("steps.py", "return 1", "return 3")


def test_a_folder_without_init_is_a_package(tmp_path):
    body = "json.dumps(1)\n    bare.deeper.tools.used()\n    return tools.used()"
    files = {
        "steps.py": STEP.format(
            above="import json, bare.deeper.tools\nfrom bare.deeper import tools", body=body
        ),
        "bare/deeper/tools.py": "def used():\n    return 1\ndef unused():\n    return 2\n",
        "json/data.csv": "",
    }
    source = Source(tmp_path, files)
    assert source.changes("bare/deeper/tools.py", "return 1", "return 3")
    assert not source.changes("bare/deeper/tools.py", "return 2", "return 3")


def test_a_name_is_followed_through_packages(tmp_path):
    files = {
        "steps.py": STEP.format(
            above="from package import tool, inner\nimport package",
            body="inner.deep()\n    package.other()\n    return tool()",
        ),
        "package/__init__.py": "from .one import tool as tool\nfrom .two import other, unused\n",
        "package/one.py": "from . import two\ndef tool():\n    return two.other()\n",
        "package/two.py": "def other():\n    return 1\ndef unused():\n    return 2\n",
        "package/inner.py": "def deep():\n    return 3\n",
    }
    source = Source(tmp_path, files)
    assert source.changes("package/two.py", "return 1", "return 3")
    assert not source.changes("package/two.py", "return 2", "return 3")
    assert source.changes("package/inner.py", "return 3", "return 4")
    assert source.changes("package/__init__.py", "tool as tool", "two as tool")


def test_the_order_of_imports_counts_if_they_do_something(tmp_path):
    files = {
        "steps.py": STEP.format(above="import a\nimport b", body="return 1"),
        "a.py": "x = 1",
        "b.py": "x = 1",
    }
    source = Source(tmp_path, files)
    assert not source.changes("steps.py", "import a\nimport b", "import b\nimport a")
    source.write("a.py", "print('a')")
    source.write("b.py", "print('b')")
    assert source.changes("steps.py", "import a\nimport b", "import b\nimport a")


def test_many_definitions_are_told_as_one(tmp_path):
    helpers = "\n".join(f"def helper_{n}():\n    return {n}" for n in range(60))
    calls = " + ".join(f"helper_{n}()" for n in range(60))
    source = Source(tmp_path, {"steps.py": STEP.format(above=helpers, body=f"return {calls}")})
    assert set(source.footprint().fingerprint) == {"python", "steps.py"}
    assert source.changes("steps.py", "return 59", "return 0")


LEAVING = """
from sundae import pipeline, step

def scaled(x):
    return x * 2

def only_called(x):
    return LIMIT

LIMIT = 3

class Model:
    def predict(self):
        return scaled(1)

class Other:
    pass

@step
def train(rows: int) -> {kind}:
    only_called(scaled)
    return Model()

@step
def wrap(model: object) -> object:
    return model

@step
def evaluate(model: {taken}) -> float:
    return model.predict()

@pipeline
def training():
    evaluate(wrap(train(1)))
"""


@pytest.mark.parametrize(
    ("kind", "taken", "is_left"),
    [
        ("object", "object", True),
        ("Model", "object", True),
        ("int", "object", False),
        ("object", "int", False),
    ],
)
def test_what_a_step_leaves_in_its_outputs_counts_where_they_are_loaded(project, kind, taken, is_left):
    source = LEAVING.format(kind=kind, taken=taken)
    script = (
        "import json, run\nprint(json.dumps([one['fingerprint'] for one in run.training.compile()['steps']]))"
    )
    project.write("run.py", source)
    before = json.loads(project.says("-c", script))
    assert ("run.py:Model" in before[2]) is is_left
    assert ("run.py:scaled" in before[2]) is is_left
    assert "run.py:only_called" not in before[2] and "run.py:LIMIT" not in before[2]
    assert "run.py:train" not in before[2] and "run.py:Other" not in before[2]
    project.write("run.py", source.replace("x * 2", "x * 3"))
    after = json.loads(project.says("-c", script))
    assert (after[2] != before[2]) is is_left
    project.write("run.py", "import importlib\n" + source)
    assert "run.py:Model" not in json.loads(project.says("-c", script))[2]
