"""What a step is going to import, read from its source text.

A warm server imports it beforehand, in the order in which the step would: installed modules, and those of
the project that only define something. It goes as far as nothing else happens in between: a module that sets
an environment variable, say, may do so for what it imports next.
"""

import ast
import os
import sys
from importlib.util import find_spec

from .harmless import Names, is_harmless, is_value
from .source import Project


class Foreseen:
    """A module that can be imported beforehand."""

    __slots__ = ("file", "is_script", "name", "names")

    def __init__(self, name: str, names: tuple = (), file: str | None = None, is_script: bool = False):
        self.name = name
        self.names = names
        """What is taken from it, which may be modules as well."""
        self.file = file
        """Where it stands, if it is one of the project."""
        self.is_script = is_script


class Foresight:
    """Looks ahead for steps of one project; what has been foreseen once is not told again."""

    def __init__(self, project: Project):
        self._project = project
        self._completes: dict[str, bool] = {}
        self._found: list[Foreseen] = []
        self._seen = set()
        self._is_absent = False
        self.stamps: dict[str, tuple | None] = {}
        """The state of the files that were looked at, from before."""

    def modules_of(self, target: str) -> list[Foreseen]:
        """What is imported for `MODULE:NAME` or `FILE.py:NAME`."""
        if target in self._seen:
            return []
        self._seen.add(target)
        self._found = []
        module, _, name = target.rpartition(":")
        if module.endswith(".py"):
            files = [os.path.abspath(module)]
            is_complete = self._completes_script(files[0])
        else:
            files = self._files_of(module)
            is_complete = bool(files) and self._follows(module, ())
        if is_complete:
            self._calls(files[-1], name)
        return self._found

    def _files_of(self, module: str) -> list[str]:
        found = self._project.find(module)
        return found[1] if found else []

    def _completes_script(self, file: str) -> bool:
        is_new = file not in self._completes
        if is_new and self._executes(file):
            self._found.append(Foreseen(file, file=file, is_script=True))
        return self._completes[file]

    def _executes(self, file: str) -> bool:
        """Whether the module in this file comes to its end with nothing but imports and definitions."""
        if file not in self._completes:
            self._completes[file] = False  # Modules that import each other are left to the step.
            self.stamps[file] = stamp(file)
            tree = self._project.tree(file)
            self._completes[file] = tree is not None and self._runs(tree.body, file, Names())
        return self._completes[file]

    def _calls(self, file: str, name: str) -> None:
        """Follows the first statements of a function."""
        body = self._project.tree(file).body
        for part in name.split("."):
            definitions = [node for node in body if getattr(node, "name", None) == part]
            body = definitions[-1].body if definitions else []
        for statement in body:
            if _is_import(statement):
                if not self._imports(statement, file):
                    return
            elif not _is_docstring(statement):
                return

    def _runs(self, body: list[ast.stmt], file: str, names: Names) -> bool:
        for statement in body:
            if isinstance(statement, ast.If):
                branch = _branch(statement)
                if branch is None or not self._runs(branch, file, names):
                    return False
                continue
            if isinstance(statement, ast.Try) and _tries_imports(statement, names):
                self._is_absent = False
                if not self._runs([*statement.body, *statement.orelse], file, names) and not self._is_absent:
                    return False
                continue
            if _is_import(statement):
                if not self._imports(statement, file):
                    return False
            elif not is_harmless(statement, names):
                return False
            names.note(statement)
        return True

    def _imports(self, statement, file: str) -> bool:
        if isinstance(statement, ast.Import):
            return all(self._follows(alias.name, ()) for alias in statement.names)
        module = self._project.absolute(statement, file)
        if module is None:
            return False
        return self._follows(module, tuple(alias.name for alias in statement.names))

    def _follows(self, module: str, names: tuple) -> bool:
        found = self._project.find(module)
        if found is None:
            if _is_there(module):
                self._found.append(Foreseen(module, names))
                return True
            self._is_absent = True  # The step says so itself, or does without.
            return False
        if not self._completes_module(module, found[1]):
            return False
        below = [(f"{module}.{name}", self._files_of(f"{module}.{name}")) for name in names]
        return all(self._completes_module(name, files) for name, files in below if files)

    def _completes_module(self, module: str, files: list[str]) -> bool:
        is_new = any(file not in self._completes for file in files)
        if not all(self._executes(file) for file in files):
            return False
        if is_new:
            self._found.append(Foreseen(module, file=files[-1]))
        return True


def _is_there(module: str) -> bool:
    top = module.partition(".")[0]
    if top in sys.modules:
        return True
    try:
        return find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def stamp(file: str) -> tuple | None:
    """By which a change of a file is noticed."""
    try:
        facts = os.stat(file)
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Import, ast.ImportFrom))


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _branch(statement: ast.If) -> list[ast.stmt] | None:
    """What of a condition is executed in a step's process, where that is known."""
    test = ast.unparse(statement.test)
    if test in ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'"):
        return statement.orelse
    return None


def _tries_imports(statement: ast.Try, names: Names) -> bool:
    handlers = [line for handler in statement.handlers for line in handler.body]
    return (
        all(_is_import(line) for line in statement.body)
        and all(is_harmless(line, names) for line in handlers)
        and not statement.finalbody
        and all(is_value(handler.type, names) for handler in statement.handlers if handler.type)
    )
