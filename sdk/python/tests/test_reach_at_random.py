"""Random projects: what a step returns may change only if its mark does; nothing else makes it run again."""

import json
import random
import subprocess
import sys

import pytest
from test_reach import Source

MODULES = ("one", "two", "pack.three", "pack.four", "pack.deep.five")
WAYS = ("from", "as", "import", "module", "package", "late")
"""How a module refers to what is in another one; a base class that is an attribute always counts."""

RUN = """
import importlib, json, sys
for folder in sys.argv[1:]:
    sys.path[0:0] = [folder]
    print(json.dumps(importlib.import_module("steps").train()))
    del sys.path[0]
    for name, module in list(sys.modules.items()):
        if folder in (getattr(module, "__file__", "") or ""):
            del sys.modules[name]
    for name in ("pack", "pack.deep"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
"""


class World:
    """Definitions in several modules, each with a number, which refer to earlier ones in many ways."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.texts = {module: [] for module in (*MODULES, "steps")}
        self.heads = {module: set() for module in self.texts}
        self.defined: list[tuple[str, str, str]] = []  # Module, name, kind.
        self.needs: dict[tuple[str, str], set] = {}
        for number in range(self.random.randint(6, 14)):
            self.define(self.random.choice(MODULES), f"d{number}", number)
        self.define("steps", "train", 99)

    def define(self, module: str, name: str, number: int) -> None:
        # Importing in one direction only, as projects do.
        order = list(self.texts).index(module)
        earlier = [one for one in self.defined if list(self.texts).index(one[0]) <= order]
        used = self.random.sample(earlier, min(len(earlier), self.random.randint(0, 3)))
        kinds = ("function", "function", "constant", "class", "subclass", "decorated", "default", "loud")
        kind = "function" if name == "train" else self.random.choice(kinds)
        inner, values = [], []
        for other in used:
            values.append(
                self.value_of(module, other, inner, is_late=kind in ("function", "decorated", "class"))
            )
        total = " + ".join([f"NUMBER({number})", *values])
        body = "".join(f"    {line}\n" for line in inner) + f"    return {total}\n"
        needs = {one[:2] for one in used}
        if kind == "function":
            text = f"def {name}():\n{body}"
        elif kind == "constant":
            text = f"{name} = [{', '.join([f'NUMBER({number})', *self.named(module, used)])}]\n"
        elif kind == "class":
            text = f"class {name}:\n    def value(self):\n" + "".join(f"    {x}\n" for x in body.splitlines())
        elif kind == "subclass" and any(one[2] in ("class", "subclass") for one in earlier):
            base = self.random.choice([one for one in earlier if one[2] in ("class", "subclass")])
            needs = {base[:2]}
            text = (
                f"class {name}({self.reference(module, base, ways=WAYS[:2])}):\n    mine = NUMBER({number})\n"
            )
        elif kind == "decorated":
            decorator = f"@wrapped_{name}\n"
            text = (
                f"def wrapped_{name}(function):\n    def inner():\n"
                f"        return function() + NUMBER({number + 100})\n"
                f"    return inner\n{decorator}def {name}():\n{body}"
            )
        elif kind == "loud":
            text = f"LOUD_{name} = []\nLOUD_{name}.append(NUMBER({number}))\n"
            text += f"def {name}():\n    return LOUD_{name}[0]\n"
            needs = set()
        else:
            kind = "default"
            names = self.named(module, used)
            text = f"def {name}(x=({', '.join([f'NUMBER({number})', *names])},)):\n    return x[0]\n"
        self.texts[module].append(text)
        self.defined.append((module, name, kind))
        self.needs[(module, name)] = needs

    def reference(self, module: str, other: tuple, inner: list | None = None, ways: tuple = WAYS) -> str:
        """An expression that is the other definition, and the import that it takes."""
        source, name, _ = other
        if source == module:
            return name
        alias = f"a{self.random.randrange(1000)}"
        way = self.random.choice(ways)
        package, _, leaf = source.rpartition(".")
        if way == "from":
            self.heads[module].add(f"from {source} import {name}")
            return name
        if way == "as":
            self.heads[module].add(f"from {source} import {name} as {alias}_{name}")
            return f"{alias}_{name}"
        if way == "module" and package:
            self.heads[module].add(f"from {package} import {leaf} as {alias}_{leaf}")
            return f"{alias}_{leaf}.{name}"
        if way == "late" and inner is not None:
            inner.append(f"from {source} import {name} as late_{name}")
            return f"late_{name}"
        self.heads[module].add(f"import {source}")
        return f"{source}.{name}"

    def value_of(self, module: str, other: tuple, inner: list, is_late: bool) -> str:
        reference = self.reference(module, other, inner if is_late else None)
        return {
            "constant": f"len({reference}) * 0 + {reference}[0]",
            "class": f"{reference}().value()",
            "subclass": f"({reference}().value() + {reference}.mine)",
        }.get(other[2], f"{reference}()")

    def named(self, module: str, used: list) -> list[str]:
        return [self.reference(module, one) for one in used]

    def files(self, changed: int | None = None) -> dict[str, str]:
        """The source; the number that is changed is another one."""
        files = {"pack/__init__.py": "", "pack/deep/__init__.py": ""}
        for module, texts in self.texts.items():
            text = "\n".join([*sorted(self.heads[module]), "", *texts])
            while "NUMBER(" in text:
                before, _, after = text.partition("NUMBER(")
                number, _, after = after.partition(")")
                text = f"{before}{7000 + int(number) if int(number) == changed else int(number)}{after}"
            files[f"{module.replace('.', '/')}.py"] = text
        return files

    def reached(self) -> set[tuple[str, str]]:
        found, waiting = set(), [("steps", "train")]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.needs[one]
        return found


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_what_changes_the_result_changes_the_mark(tmp_path, start):
    for seed in range(start, start + 20):
        world = World(seed)
        numbers = [
            None,
            99,
            *range(len(world.defined) - 1),
            *(100 + n for n in range(len(world.defined) - 1)),
        ]
        sources = [
            Source(tmp_path / f"{seed}-{place}", world.files(number)) for place, number in enumerate(numbers)
        ]
        folders = [str(source.root) for source in sources]
        done = subprocess.run(
            [sys.executable, "-c", RUN, *folders], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (world.files(), done.stderr)
        results = list(map(json.loads, done.stdout.splitlines()))
        marks = [source.mark() for source in sources]
        reached = {name for _, name in world.reached()}
        kinds = {name: kind for _, name, kind in world.defined}
        for number, result, mark in zip(numbers[1:], results[1:], marks[1:], strict=True):
            where = (seed, number, world.files())
            if result != results[0]:
                assert mark != marks[0], where
            name = "train" if number == 99 else f"d{number % 100}"
            if name not in reached and kinds[name] != "loud":
                assert mark == marks[0], where
