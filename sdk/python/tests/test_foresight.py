"""What a warm server may import before a step begins."""

import sys

import pytest

from sundae.foresight import Foresight
from sundae.source import Project

STEP = "\n@step\ndef work():\n    'Documented.'\n    import csv\n"


def foreseen(project, target: str = "steps:work") -> list[str]:
    root = str(project.root)
    return [module.name for module in Foresight(Project(root, [root])).modules_of(target)]


def of_text(project, text: str) -> list[str]:
    """What is foreseen beyond `sundae` for a step in a module with this text above it."""
    project.write("steps.py", text + "\nfrom sundae import step" + STEP)
    return [name for name in foreseen(project) if name != "sundae"]


HARMLESS = [
    "import logging, re, functools\nLOG = logging.getLogger(__name__)\nWORD = re.compile(r'\\w+')",
    "from pathlib import Path\nDATA = Path('data') / 'raw.csv'\nSIZES: list[int] = [1, 2 * 3]",
    "import enum\nfrom dataclasses import dataclass, field\n@dataclass(frozen=True)\nclass A:\n"
    "    x: int = 0\n    y: list = field(default_factory=list)\n    def go(self): open('x')\n"
    "class Color(enum.Enum):\n    RED = enum.auto()",
    "from typing import TYPE_CHECKING, NamedTuple\nif TYPE_CHECKING:\n    import no_such_thing\n"
    "class Pair(NamedTuple):\n    a: int = 1\n",
    "try:\n    import no_such_thing\nexcept ImportError:\n    no_such_thing = None",
    "from functools import lru_cache\n@lru_cache\ndef f(x, *, y=(1, 2)):\n    import no_such_thing\n"
    "g = lambda: open('x')",
    "import sys\nIS_NEW = sys.version_info >= (3, 12)\nclass MyError(ValueError): pass",
    "'''Text.'''\nif __name__ == '__main__':\n    work()",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_a_module_that_only_defines_things_is_imported_beforehand(project, text):
    assert of_text(project, text)[-2:] == ["steps", "csv"]


HARMFUL = [
    "import os\nos.environ['THREADS'] = '1'",
    "import os\nLEVEL = os.environ['SUNDAE_STEP']",
    "from os import environ as e\nLEVEL = e['SUNDAE_STEP']",
    "import sys\nWORDS = sys.argv",
    "import datetime\nNOW = datetime.datetime.now()",
    "import random\nNUMBER = random.random()",
    "import warnings\nwarnings.filterwarnings('ignore')",
    "def getLogger(x): return open(x)\nLOG = getLogger('x')",
    "import logging\nlogging = open\nLOG = logging('x')",
    "from helper import *\nNUMBERS = list('abc')",
    "class Meta(type): pass\nclass A(metaclass=Meta): pass",
    "class Base:\n    def __init_subclass__(cls): print(cls)\nclass A(Base): pass",
    "def decorate(f): return f\n@decorate\ndef g(): pass",
    "def f(x=open('x')): pass",
    "def f(x: open('x')): pass",
    "class A:\n    x = open('x')",
    "for x in range(3): pass",
    "import no_such_thing",
    "if open('x'):\n    pass",
    "X = [x for x in open('x')]",
    "with open('x'):\n    pass",
    "assert open('x')",
    "x = 1\nx += open('x')",
    "a.b = 1",
    "a[open('x')] = 1",
]


@pytest.mark.parametrize("text", HARMFUL)
def test_what_comes_after_a_statement_that_may_matter_is_not(project, text):
    project.write("helper.py", "")
    found = of_text(project, text + "\nimport csv")
    assert not {"steps", "csv"} & set(found)


def test_modules_of_the_project_are_followed_in_the_order_of_imports(project):
    project.write("lib/__init__.py", "import string\n")
    project.write("lib/data.py", "import json\nfrom . import other\nimport bisect\n")
    project.write("lib/other.py", "from textwrap import dedent, indent\n")
    project.write("steps.py", "import lib.data\nfrom sundae import step" + STEP)
    expected = [
        "string",
        "json",
        "textwrap",
        "lib.other",
        "bisect",
        "lib.data",
        "sundae",
        "steps",
        "csv",
    ]
    assert foreseen(project) == expected


def test_a_module_that_does_something_ends_it_for_those_that_import_it(project):
    project.write("setup_things.py", "import json\nprint('hello')\nimport bisect\n")
    project.write("steps.py", "import string\nimport setup_things\nfrom sundae import step" + STEP)
    assert foreseen(project) == ["string", "json"]


def test_modules_that_import_each_other_are_left_to_the_step(project):
    project.write("one.py", "import two\n")
    project.write("two.py", "import one\n")
    project.write("steps.py", "import json\nimport one\nfrom sundae import step" + STEP)
    assert foreseen(project) == ["json"]


def test_what_has_been_told_is_not_told_again(project):
    project.write("steps.py", "import string\nfrom sundae import step" + STEP + STEP.replace("work", "other"))
    foresight = Foresight(Project(str(project.root), [str(project.root)]))
    assert [module.name for module in foresight.modules_of("steps:work")] == [
        "string",
        "sundae",
        "steps",
        "csv",
    ]
    assert foresight.modules_of("steps:work") == []
    assert [module.name for module in foresight.modules_of("steps:other")] == ["csv"]


def test_a_script_is_known_by_its_file(project, monkeypatch):
    monkeypatch.chdir(project.root)
    file = project.write("run.py", "from sundae import step" + STEP)
    assert foreseen(project, "run.py:work") == ["sundae", str(file), "csv"]
    assert "run" not in sys.modules
