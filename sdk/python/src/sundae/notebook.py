"""Steps that are defined in the cells of a notebook: their source, as modules that a process can import.

What a step reaches is gathered from the session as it is now: imports, functions, classes, and the values of
constants. That becomes a file below `.sundae/cells` of the project, named by its content, so that equal cells
are equal steps. Each class has a module of its own: what one step has saved is of the class that another one
knows.
"""

import ast
import builtins
import os
import sys
import types

from . import declaration, harmless, materializers
from .errors import PipelineError
from .names import referred
from .signature import unwrapped

FOLDER = os.path.join(".sundae", "cells")
"""Where the modules stand, below the project's root; in itself it is a folder to import from."""

_LONGEST_VALUE = 1 << 16
_FUTURE = "from __future__ import annotations"


def is_home_of(function) -> bool:
    """Whether a function was defined in a session of which there is the source, and not in a file."""
    return (
        function.__module__ == "__main__"
        and getattr(sys.modules["__main__"], "__file__", None) is None
        and bool(_lines(function))
    )


def write_module(function, title: str, root: str) -> str:
    """Writes the module of a step's function; returns the path of its file."""
    folder = os.path.join(root, FOLDER)
    return os.path.join(folder, f"{_Session(function, title).module_of(function, folder)}.py")


def offer_modules(root: str) -> None:
    """Lets this session import what its steps have saved values of."""
    folder = os.path.join(root, FOLDER)
    if os.path.isdir(folder) and folder not in sys.path:
        sys.path.append(folder)


class _Definition:
    """What makes a name: statements, the names that these refer to, and the value that it has here."""

    def __init__(self, text: str, value=None, place=(0, 0), is_import: bool = False, afterwards: str = ""):
        self.text = text
        self.value = value
        self.place = place
        """Cell and line, by which definitions that need each other are put in order."""
        self.is_import = is_import
        self.is_class = isinstance(value, type) and not is_import
        self.afterwards = afterwards
        self.needs = [] if is_import else sorted(referred(f"{text}\n{afterwards}"))


class _Session:
    """The definitions that are reached from one step."""

    def __init__(self, function, title: str):
        self.title = title
        self.namespace = function.__globals__
        self.cells = [tree for tree in map(_parsed, _sources()) if tree is not None]
        self.definitions: dict[str, _Definition] = {}
        self.groups: list[list[str]] = []
        self.modules: dict[int, str] = {}

    def module_of(self, function, folder: str) -> str:
        name = function.__name__
        self.definitions[name] = self._function(name, function)
        self._explore(name)
        self.groups = _groups({name: one.needs for name, one in self.definitions.items()}, name)
        for place, group in enumerate(self.groups):
            if name in group or any(self.definitions[one].is_class for one in group):
                self.modules[place] = self._write(place, name in group, name, folder)
        return self.modules[len(self.groups) - 1]

    def _explore(self, start: str) -> None:
        waiting = [start]
        while waiting:
            definition = self.definitions[waiting.pop()]
            definition.needs = [name for name in definition.needs if self._is_known(name)]
            waiting += [name for name in definition.needs if name not in self.definitions]
            for name in definition.needs:
                if name not in self.definitions:
                    self.definitions[name] = self._define(name)

    def _is_known(self, name: str) -> bool:
        """Whether this is a name of the session. All others are Python's, or an error when the step runs."""
        if name.startswith("__"):  # Every module has its own.
            return False
        if name in self.definitions or name in self.namespace:
            return True
        value = getattr(builtins, name, None)  # Jupyter adds names to those of Python, such as `display`.
        return getattr(value, "__module__", None) not in (None, "builtins", "io", "_io", "_sitebuiltins")

    def _define(self, name: str) -> _Definition:
        value = self.namespace[name] if name in self.namespace else getattr(builtins, name)
        if isinstance(value, types.ModuleType):
            return _Definition("\n".join(self._imports(name, value)), value, is_import=True)
        if text := self._import_from(name, value):
            return _Definition(text, value, is_import=True)
        inner = unwrapped(value.function) if isinstance(value, declaration.Step) else unwrapped(value)
        if isinstance(inner, types.FunctionType) and inner.__module__ == "__main__" and _lines(inner):
            if inner.__name__ == name:
                return self._function(name, inner)
            if inner.__name__ in self.namespace and value is self.namespace[inner.__name__]:
                return _Definition(f"{name} = {inner.__name__}", value)
        if isinstance(value, type) and value.__module__ == "__main__":
            return self._class(name, value)
        return self._constant(name, value)

    def _imports(self, name: str, module: types.ModuleType):
        """The statements that import a module by this name: `import a.b` and `import a.c` both bind `a`."""
        found = set()
        for alias in self._aliases(ast.Import):
            if (alias.asname or alias.name.partition(".")[0]) == name and alias.name in sys.modules:
                found.add(ast.unparse(ast.Import([alias])))
        if text := self._import_from(name, module):
            found.add(text)
        return sorted(found) or [f"import {module.__name__} as {name}"]

    def _import_from(self, name: str, value) -> str | None:
        """The statement that takes this value from a module that others can import."""
        for node in self._statements(ast.ImportFrom):
            for alias in node.names:
                if alias.name == "*" or (alias.asname or alias.name) == name:
                    wanted = name if alias.name == "*" else alias.name
                    if not node.level and _is_at(value, node.module, wanted):
                        return _taken(node.module, wanted, name)
        module, own = getattr(value, "__module__", None), getattr(value, "__name__", None)
        if module != "__main__" and isinstance(own, str) and _is_at(value, module, own):
            return _taken(module, own, name)
        return None

    def _function(self, name: str, function) -> _Definition:
        lines = _lines(function)
        first = function.__code__.co_firstlineno
        tree = _parsed("".join(lines))
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _first_line(node) == first:
                return _Definition(self._text(node, lines), function, _place(node, "".join(lines)))
        raise self._refused(name, function)

    def _class(self, name: str, kind: type) -> _Definition:
        files = {
            value.__code__.co_filename
            for value in vars(kind).values()
            if isinstance(value, types.FunctionType) and value.__code__.co_filename in _cached()
        }
        sources = ["".join(_cached()[file][2]) for file in files] or _sources()
        for source in reversed(sources):
            tree = _parsed(source)
            for node in reversed(list(ast.walk(tree) if tree else ())):
                if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
                    text = self._text(node, source.splitlines(keepends=True))
                    if name != kind.__name__:
                        text += f"\n{name} = {kind.__name__}"
                    place = _place(node, source)
                    return _Definition(text, kind, place, afterwards=self._registration(name, kind))
        raise self._refused(name, kind)

    def _registration(self, name: str, kind: type) -> str:
        """A class takes its materializer along, as it does in a module."""
        materializer = type(materializers.registered(kind))
        own = materializer.__name__
        if materializer.__module__ != "__main__" or self.namespace.get(own) is not materializer:
            return ""
        return f"__import__('sundae').register_materializer({name}, {own})"

    def _text(self, node, lines: list[str]) -> str:
        """The source of a definition as it was written, without what makes it a step here."""
        from textwrap import dedent

        kept = [one for one in node.decorator_list if not self._is_ours(one)]
        above = "".join(f"@{ast.unparse(one)}\n" for one in kept)
        return above + dedent("".join(lines[node.lineno - 1 : node.end_lineno])).rstrip()

    def _is_ours(self, decorator: ast.expr) -> bool:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        parts = ast.unparse(function).split(".")
        found = self.namespace.get(parts[0])
        for part in parts[1:]:
            found = getattr(found, part, None)
        return found is declaration.step

    def _constant(self, name: str, value) -> _Definition:
        text = _literal(value)
        if text is not None and len(text) <= _LONGEST_VALUE:
            return _Definition(f"{name} = {text}", value)
        if text is None and (expression := self._expression(name, value)):
            return _Definition(f"{name} = {expression}", value)
        raise self._refused(name, value)

    def _expression(self, name: str, value) -> str | None:
        """What the name was set to last, if evaluating that again does nothing but give the same."""
        names = harmless.Names()
        for statement in self._statements((ast.Import, ast.ImportFrom)):
            if statement.names[0].name != "*":
                names.note(statement)
        for node in reversed(list(self._statements((ast.Assign, ast.AnnAssign)))):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if not any(isinstance(target, ast.Name) and target.id == name for target in targets):
                continue
            if node.value is None or not harmless.is_value(node.value, names):
                return None
            text = ast.unparse(node.value)
            return text if _is_same(text, self.namespace, value) else None
        return None

    def _statements(self, kinds):
        """The statements of these kinds in all cells, those of functions left out."""
        for tree in self.cells:
            yield from (node for node in _outer_statements(tree) if isinstance(node, kinds))

    def _aliases(self, kind):
        for node in self._statements(kind):
            yield from node.names

    def _refused(self, name: str, value) -> PipelineError:
        kind = type(value).__qualname__
        return PipelineError(
            f"{self.title} uses `{name}` of the notebook ({kind}), which a process of its own does not have: "
            "hand it to the step as an argument, make it within the step, or import it from a module"
        )

    def _write(self, place: int, is_step: bool, name: str, folder: str) -> str:
        """Writes the module of a group of definitions; returns its name."""
        imports, body, afterwards, members = set(), [], [], {}
        for other, group in enumerate(self.groups[: place + 1]):
            wanted = [one for one in group if one in self._reached(place)]
            if other != place and other in self.modules:
                imports |= {f"from {self.modules[other]} import {one}" for one in wanted}
                continue
            for one in sorted(wanted, key=lambda one: self.definitions[one].place):
                definition = self.definitions[one]
                members[one] = definition.value
                if definition.is_import:
                    imports |= set(definition.text.splitlines())
                else:
                    body.append(definition.text)
                if definition.afterwards:
                    afterwards.append(definition.afterwards)
        future = [_FUTURE] if self._has_future() else []
        imports = sorted(imports - {_FUTURE})
        above = ['"""Written by sundae: what the cells of a notebook have defined."""', "", *future, *imports]
        text = "\n\n\n".join(["\n".join(above), *body, *afterwards]) + "\n"
        own = name if is_step else min(self.groups[place])
        return _saved(text, own, folder, members)

    def _reached(self, place: int) -> set[str]:
        """What stands in the module of a group, or is imported there: as far as the next module."""
        own, found = set(self.groups[place]), set()
        waiting = list(own)
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                if one in own or not self._has_module(one):
                    waiting += self.definitions[one].needs
        return found

    def _has_module(self, name: str) -> bool:
        return any(name in self.groups[place] for place in self.modules)

    def _has_future(self) -> bool:
        return any(
            alias.name == "annotations"
            for node in self._statements(ast.ImportFrom)
            if node.module == "__future__"
            for alias in node.names
        )


def _saved(text: str, own: str, folder: str, members: dict) -> str:
    """Writes a module under a name that says its content; returns that."""
    import hashlib

    name = f"{own}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    file = os.path.join(folder, f"{name}.py")
    if not os.path.exists(file):
        os.makedirs(folder, exist_ok=True)
        _replace(os.path.join(folder, ".gitignore"), "*\n")
        _replace(file, text)
    # Values that come back are of the classes of the session.
    module = sys.modules.setdefault(name, types.ModuleType(name))
    vars(module).update(members)
    return name


def _replace(file: str, text: str) -> None:
    temporary = f"{file}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as out:
        out.write(text)
    os.replace(temporary, file)


def _groups(needs: dict[str, list[str]], start: str) -> list[list[str]]:
    """Names in the order in which they can be defined; those that need each other in one group (Tarjan)."""
    numbers, lowest, stack, groups = {}, {}, [], []

    def visit(name: str) -> None:
        numbers[name] = lowest[name] = len(numbers)
        stack.append(name)
        for other in needs[name]:
            if other not in numbers:
                visit(other)
            if other in stack:
                lowest[name] = min(lowest[name], lowest[other])
        if lowest[name] == numbers[name]:
            place = stack.index(name)
            groups.append(stack[place:])
            del stack[place:]

    visit(start)
    return groups


def _cached() -> dict:
    """The sources that Python knows beside files: the session keeps its cells there, for tracebacks."""
    linecache = sys.modules.get("linecache")
    return linecache.cache if linecache else {}


def _lines(function) -> list[str]:
    import linecache

    return linecache.getlines(function.__code__.co_filename)


def _sources() -> list[str]:
    """The cells in the order in which they were executed."""
    shell = getattr(builtins, "get_ipython", lambda: None)()
    if shell is not None:
        return [str(cell) for cell in shell.history_manager.input_hist_parsed]
    session = [(name, entry) for name, entry in _cached().items() if name.startswith("<python-input-")]
    return ["".join(entry[2]) for _, entry in session if len(entry) > 2]


def _parsed(source: str):
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):  # A cell that is not Python, or was never finished.
        return None


def _outer_statements(tree):
    waiting = [tree]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            children = getattr(node, field, None)
            waiting += children if isinstance(children, list) else []


def _place(node, source: str) -> tuple[int, int]:
    cells = [number for number, cell in enumerate(_sources()) if cell.strip() == source.strip()]
    return (cells[-1] if cells else -1, node.lineno)


def _first_line(node) -> int:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def _is_at(value, module, name: str) -> bool:
    return isinstance(module, str) and getattr(sys.modules.get(module), name, _is_at) is value


def _taken(module: str, name: str, own: str) -> str:
    return f"from {module} import {name}" + (f" as {own}" if own != name else "")


def _is_same(expression: str, namespace: dict, value) -> bool:
    try:
        again = eval(expression, dict(namespace))
        if type(again) is not type(value):
            return False
        return isinstance(value, types.FunctionType) or repr(again) == repr(value) or bool(again == value)
    except Exception:
        return False


def _literal(value) -> str | None:
    """The text of a constant; None for what is none."""
    kind = type(value)
    if kind in (bool, int, str, bytes, type(None), type(...)):
        return repr(value)
    if kind in (float, complex):
        return repr(value) if value - value == 0 else f"{kind.__name__}({str(value)!r})"
    if kind is dict:
        parts = [(_literal(key), _literal(item)) for key, item in value.items()]
        if any(None in part for part in parts):
            return None
        return "{" + ", ".join(f"{key}: {item}" for key, item in parts) + "}"
    if kind not in (list, tuple, set, frozenset):
        return None
    parts = [_literal(item) for item in value]
    if None in parts:
        return None
    inner = ", ".join(parts if kind in (list, tuple) else sorted(parts))
    if kind is tuple:
        return f"({inner},)" if len(parts) == 1 else f"({inner})"
    return f"[{inner}]" if kind is list else f"{kind.__name__}([{inner}])"
