"""How far a step reaches: the definitions of the project that it comes to by name, found without running it.

Where code finds other code by other means than names, or in doubt, it is all files that it imports.
"""

import ast

from . import hints
from .definitions import Module, Piece, digest_of, is_dynamic_import
from .plainness import replaced

_OF_EVERY_MODULE = {"__doc__", "__file__", "__name__", "__package__", "__path__", "__spec__", "__loader__"}
_MOST = 40
"""More definitions of a file than this are told as one."""


class _Unclear(Exception):
    """What is reached cannot be told from names."""


class Legacy:
    """What a step may leave in its outputs: classes and functions, which are loaded with them by name."""

    def __init__(self, definitions=frozenset(), files=frozenset()):
        self.definitions = definitions
        self.files = files

    def __or__(self, other: "Legacy") -> "Legacy":
        return Legacy(self.definitions | other.definitions, self.files | other.files)


class Reaches:
    """What the steps of a project reach."""

    def __init__(self, project):
        self._project = project
        self._modules: dict[str, Module | None] = {}
        self._found: dict[frozenset, _Reach] = {}

    def of(self, file: str, name: str, inherited: Legacy):
        """The footprint of a function that is given what others have left, and what it may leave itself."""
        files = set(inherited.files)
        definitions = frozenset({(file, name), *inherited.definitions})
        reach = None
        if not files:
            reach = self._reach(definitions)
        if reach is None:
            files |= {file, *(one for one, _ in inherited.definitions)}
            return self._project.footprint_of_files(files), Legacy(frozenset(), frozenset(files))
        return reach.footprint(), Legacy(frozenset(reach.legacy) | inherited.definitions)

    def _reach(self, definitions: frozenset):
        if definitions not in self._found:
            reach = _Reach(self, self._project)
            try:
                reach.start(definitions)
            except _Unclear:
                reach = None
            self._found[definitions] = reach
        return self._found[definitions]

    def module(self, file: str) -> Module | None:
        if file not in self._modules:
            has_tree = self._project.tree(file) is not None
            self._modules[file] = Module(file, self._project) if has_tree else None
        return self._modules[file]


class _Reach:
    def __init__(self, reaches: Reaches, project):
        self._reaches = reaches
        self._project = project
        self._waiting: list[tuple[str, str]] = []
        self.definitions: set[tuple[str, str]] = set()
        self.legacy: set[tuple[str, str]] = set()
        self.executed: dict[str, None] = {}
        self.foreign: set[str] = set()
        self.import_roots: set[str] = set()
        self.aliases: dict[tuple[str, str], set[str]] = {}

    def start(self, definitions) -> None:
        for file, name in sorted(definitions):
            self._execute_all([*self._project.packages_above(file), file])
            self._resolve(file, (name,), is_value=False, by=None)
        while self._waiting:
            file, name = self._waiting.pop()
            self._follow(file, self._reaches.module(file).definitions[name].read(), (file, name))

    def footprint(self):
        files, digests = [], {}
        for file in self.executed:
            if self._reaches.module(file) is None:
                files.append(file)
        by_file: dict[str, list] = {}
        for file, name in sorted(self.definitions):
            by_file.setdefault(file, []).append((name, self._digest(file, name)))
        busy = [file for file in self.executed if (it := self._reaches.module(file)) and it.always.text]
        for file in busy:
            by_file.setdefault(file, []).append(("", self._digest(file, "")))
        for file, entries in by_file.items():
            label = self._project.label(file)
            if len(entries) > _MOST:
                entries = [("", digest_of(map(repr, entries)))]
            digests |= {f"{label}:{name}" if name else label: f"code:{digest}" for name, digest in entries}
        if len(busy) > 1:
            digests["order of imports"] = f"code:{digest_of(map(self._project.label, busy))}"
        return self._project.footprint_of(files, self.foreign, self.import_roots, digests)

    def _digest(self, file: str, name: str) -> str:
        module = self._reaches.module(file)
        piece = module.definitions[name] if name else module.always
        aliases = self.aliases.get((file, name))
        return digest_of([*sorted(aliases), piece.digest]) if aliases else piece.digest

    def _execute_all(self, files: list[str]) -> None:
        for file in files:
            self._execute(file)

    def _execute(self, file: str) -> None:
        """The module in this file is imported: what always counts in it does."""
        if file in self.executed:
            return
        self.executed[file] = None
        if self._project.is_installed(file):
            raise _Unclear
        module = self._reaches.module(file)
        if module is None:
            return
        if module.knows("__getattr__"):
            raise _Unclear
        for node in module.imports:
            self._import(node, file)
        self._follow(file, module.always, (file, ""))

    def _import(self, node, file: str) -> None:
        if is_dynamic_import(node):
            raise _Unclear
        for name in self._project.modules_of(node, file):
            found = self._project.find(name)
            if found:
                self.import_roots.add(found[0])
                self._execute_all(found[1])
            else:
                self.foreign.add(name.partition(".")[0])

    def _follow(self, file: str, piece: Piece, by: tuple) -> None:
        if piece.is_dynamic:
            raise _Unclear
        if any(map(self._is_name_of_project, piece.texts)):
            raise _Unclear
        module, inner = self._reaches.module(file), {}
        for node in piece.modules:
            self._import(node, file)
            for alias in node.names:
                name = alias.asname or (
                    alias.name if hasattr(node, "module") else alias.name.partition(".")[0]
                )
                inner.setdefault(name, []).append((node, alias))
        for chain in piece.stored:
            if len(chain) > 1 and self._is_module(file, chain[0], inner):
                raise _Unclear
        for chains, is_value in ((piece.used, True), (piece.called, False)):
            # In the same order everywhere, which sets of texts do not have.
            for chain in sorted(chains):
                for node, alias in inner.get(chain[0], ()):
                    self._resolve_import(file, node, alias, chain, is_value, by)
                if (module.has_star or module.knows(chain[0])) and piece.refers_to(chain[0]):
                    self._resolve(file, chain, is_value, by)

    def _is_name_of_project(self, text: str) -> bool:
        """Whether a text may be the name of something in a module: `lib.tools:help`."""
        parts = text.replace(":", ".").split(".")
        return len(parts) > 1 and all(map(str.isidentifier, parts)) and self._project.has_top_level(parts[0])

    def _is_module(self, file: str, name: str, inner: dict) -> bool:
        """Whether a name may stand for a module of the project."""
        bindings = [*inner.get(name, ()), *self._reaches.module(file).bindings.get(name, ())]
        return any(
            self._project.has_top_level(module.partition(".")[0])
            for node, _ in bindings
            for module in self._project.modules_of(node, file)
        )

    def _resolve(self, file: str, chain: tuple, is_value: bool, by: tuple | None) -> None:
        """Goes to what a name stands for in a module."""
        module, name = self._reaches.module(file), chain[0]
        if module is None:
            return
        for node, alias in module.bindings.get(name, ()):
            if by is not None:
                self.aliases.setdefault(by, set()).add(_told(node, alias))
            self._resolve_import(file, node, alias, chain, is_value, by)
        if name in module.definitions:
            self._reach((file, name), is_value or len(chain) > 1)
        elif module.has_star and not module.knows(name):
            raise _Unclear

    def _reach(self, definition: tuple[str, str], is_value: bool) -> None:
        file, name = definition
        piece = self._reaches.module(file).definitions[name]
        if piece.is_class or (piece.is_function and is_value):
            self.legacy.add(definition)
        if definition not in self.definitions:
            self._execute_all([*self._project.packages_above(file), file])
            self.definitions.add(definition)
            self._waiting.append(definition)

    def _resolve_import(self, file: str, node, alias, chain: tuple, is_value: bool, by) -> None:
        if not hasattr(node, "module"):  # `import a.b`, `import a.b as c`.
            module = alias.name if alias.asname else alias.name.partition(".")[0]
            self._resolve_in(module, chain[1:], is_value, by)
            return
        module = self._project.absolute(node, file)
        if module is not None:
            self._resolve_in(module, (alias.name, *chain[1:]), is_value, by)

    def _resolve_in(self, module: str, chain: tuple, is_value: bool, by) -> None:
        """Goes to what `module.a.b` is."""
        if self._project.find(module) is None and not self._project.is_module(module):
            return
        if not chain:  # The module itself, in which anything might be looked up.
            raise _Unclear
        own = self._project.file_of(module)
        name = chain[0]
        known = self._reaches.module(own) if own else None
        is_there = known is not None and known.knows(name)
        if is_there:
            self._resolve(own, chain, is_value, None if by is None else by)
        below = f"{module}.{name}"
        if self._project.is_module(below):
            self._resolve_in(below, chain[1:], is_value, by)
        elif not is_there and name not in _OF_EVERY_MODULE and (known is not None or own is None):
            raise _Unclear


def _told(node, alias) -> str:
    return ast.unparse(replaced(node, names=[alias]))


def is_open(hint) -> bool:
    """Whether a value of this type may hold one whose class is the user's."""
    hint = hints.plain(hint)
    if choices := hints.members(hint):
        return any(map(is_open, choices))
    kind = getattr(hint, "__origin__", hint)
    if kind in (list, tuple, set, frozenset, dict):
        inner = [one for one in getattr(hint, "__args__", None) or (hints.ANYTHING,) if one is not ...]
        return any(map(is_open, inner))
    is_path = isinstance(hint, type) and hasattr(hint, "__fspath__")
    return not is_path and hint not in (bool, int, float, complex, str, bytes, type(None))
