"""What a module consists of: definitions that count where they are used, and statements that always count.

A definition that does nothing when the module is imported matters only to those who reach it. Every other
statement may matter to everything in the process. Comments and layout matter to nobody: what is compared is
the syntax tree.
"""

import ast

from .harmless import Names, is_harmless
from .names import in_hint, referred
from .plainness import Plainness, is_ours, replaced

_DYNAMIC_NAMES = {"__builtins__", "__import__", "eval", "exec", "globals", "locals", "vars"}
_DYNAMIC_ATTRIBUTES = {
    *("__globals__", "__subclasses__", "_getframe", "load_model", "meta_path", "path_hooks", "read_pickle"),
}
_DYNAMIC_CHAINS = {("sys", "modules"), ("torch", "load")}
_DYNAMIC_MODULES = {
    *(
        "builtins",
        "cloudpickle",
        "dill",
        "gc",
        "importlib",
        "inspect",
        "joblib",
        "marshal",
        "pickle",
        "pkgutil",
    ),
    *("runpy", "shelve", "zipimport"),
}
"""With these, code finds other code by other means than by its name."""

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Piece:
    """Statements of a module, and what they refer to."""

    __slots__ = (
        *(
            "called",
            "is_class",
            "is_dynamic",
            "is_function",
            "local",
            "modules",
            "nodes",
            "stored",
            "text",
            "texts",
            "used",
        ),
        *("_digest", "_referred", "_unread"),
    )

    def __init__(self, node: ast.stmt | None = None):
        self._unread = node
        self.text: list[str] = []
        self.used: set[tuple] = set()
        """Names with their attributes, `("lib", "tools", "help")`, that are used as values."""
        self.called: set[tuple] = set()
        """Those that are called there, and nothing else."""
        self.stored: set[tuple] = set()
        """Those to which something is assigned."""
        self.modules: list[tuple] = []
        """Modules that are imported: the node, as it is read by `Module`."""
        self.texts: set[str] = set()
        self.local: set[str] = set()
        """Names that are bound somewhere in it, and so may be no names of the module."""
        self.is_dynamic = False
        self.is_class = False
        self.is_function = False
        self.nodes: list[ast.stmt] = []
        self._digest: str | None = None
        self._referred: set[str] | None = None

    def add(self, node: ast.stmt) -> None:
        self.nodes.append(node)
        _Reader(self).read(node)

    def read(self) -> "Piece":
        """Reads the definition, unless that has been done: most of a module concerns nobody."""
        if self._unread is not None:
            node, self._unread = self._unread, None
            self.add(node)
        return self

    @property
    def digest(self) -> str:
        if self._digest is None:
            self._digest = digest_of(self.text)
        return self._digest

    def refers_to(self, name: str) -> bool:
        """Whether a name that is used in it is one of the module."""
        if name not in self.local:
            return True
        if self._referred is None:
            self._referred = referred("\n".join(map(ast.unparse, self.nodes)))
        return name in self._referred


def digest_of(texts) -> str:
    """A digest of texts. Importing all of hashlib takes longer than what is done with it here."""
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b

    return blake2b("\n".join(texts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Module:
    """A source file, taken apart."""

    def __init__(self, file: str, project):
        tree = project.tree(file)
        self._plainness = Plainness(file, project)
        self.definitions: dict[str, Piece] = {}
        self.always = Piece()
        self.imports: list[ast.stmt] = []
        """The import statements that are executed when the module is."""
        self.bindings: dict[str, list[tuple]] = {}
        """What names stand for that an import has bound: the node and the alias."""
        self.bound: set[str] = set()
        """Names that statements bind which always count."""
        self.has_star = False
        self._names = Names()
        statements = list(_executed(tree.body))
        repeated = _repeated(statements)
        for statement in statements:
            self._take(statement, repeated)

    def knows(self, name: str) -> bool:
        return name in self.definitions or name in self.bindings or name in self.bound

    def _take(self, statement: ast.stmt, repeated: set[str]) -> None:
        self._note_imports(statement)
        names = _bound_by(statement)
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            if names & repeated:
                self.always.add(statement)
        elif not names & repeated and is_harmless(
            self._plainness.reduced(_without_ours(statement, self._names), self._names), self._names
        ):
            self._define(statement, names)
        else:
            self.always.add(statement)
            self.bound |= names
        self._names.note(statement)

    def _define(self, statement: ast.stmt, names: set[str]) -> None:
        if isinstance(statement, ast.Expr):  # A docstring, which is there under a name, too.
            names = {"__doc__"}
        piece = Piece(_without_ours(statement, self._names))
        piece.is_class = isinstance(statement, ast.ClassDef)
        piece.is_function = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
        for name in names:
            self.definitions.setdefault(name, piece)

    def _note_imports(self, statement: ast.stmt) -> None:
        for node in _outside_functions(statement):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self.imports.append(node)
                for alias in node.names:
                    self.has_star |= alias.name == "*"
                    self.bindings.setdefault(_name_of(node, alias), []).append((node, alias))


def _executed(body: list[ast.stmt]):
    """The statements that are executed in a step's process, where the script is not the main module."""
    for statement in body:
        test = ast.unparse(statement.test) if isinstance(statement, ast.If) else ""
        if test in ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'"):
            yield from _executed(statement.orelse)
        else:
            yield statement


def _repeated(statements: list[ast.stmt]) -> set[str]:
    """Names that several statements bind: which of them counts, and when, is a matter of their order."""
    seen, repeated = set(), set()
    for statement in statements:
        names = _bound_by(statement)
        repeated |= names & seen
        seen |= names
    if any(
        "*" in (alias.name for alias in node.names) for node in statements if isinstance(node, ast.ImportFrom)
    ):
        return seen
    return repeated


def _bound_by(statement: ast.stmt) -> set[str]:
    names, waiting = set(), [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            # `import a.b` and `import a.c` are no different bindings of `a`.
            is_from = isinstance(node, ast.ImportFrom)
            names |= {
                _name_of(node, one) for one in node.names if is_from or one.asname or "." not in one.name
            }
        elif isinstance(node, _DEFINITIONS):
            names.add(node.name)
        else:
            names |= _stored_in_expressions(node) | ({node.name} if hasattr(node, "name") else set())
            waiting += _statements_in(node)
    return names - {"*", None}


def _stored_in_expressions(statement) -> set[str]:
    found, waiting = set(), [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]
    return found


def _outside_functions(statement: ast.stmt):
    """A statement and those in it which are executed together with it."""
    waiting = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting += _statements_in(node)


def _statements_in(node: ast.AST) -> list[ast.AST]:
    found = []
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        children = getattr(node, field, None)
        found += children if isinstance(children, list) else []
    return found


def _name_of(node, alias: ast.alias) -> str:
    if alias.asname or isinstance(node, ast.ImportFrom):
        return alias.asname or alias.name
    return alias.name.partition(".")[0]


def _without_ours(statement: ast.stmt, names: Names) -> ast.stmt:
    """The statement without `@step(...)`: what that says stands in the plan, as far as it matters."""
    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) or not statement.decorator_list:
        return statement
    kept = [one for one in statement.decorator_list if not is_ours(one, names)]
    return (
        statement if len(kept) == len(statement.decorator_list) else replaced(statement, decorator_list=kept)
    )


class _Reader:
    """Writes a tree down without places and comments, and notes what it refers to."""

    def __init__(self, piece: Piece):
        self.piece = piece
        self.write = piece.text.append

    def read(self, node: ast.AST) -> None:
        kind = type(node)
        if kind is ast.Name:
            self._name((node.id,), node.ctx, self.piece.used)
        elif kind is ast.Attribute:
            self._attribute(node, self.piece.used)
        elif kind is ast.Call:
            self._call(node)
        elif kind is ast.Constant:
            self._constant(node.value)
        else:
            if kind is ast.Import or kind is ast.ImportFrom:
                self.piece.modules.append(node)
            self.write(kind.__name__)
            for field in node._fields:
                value = getattr(node, field, None)
                if field in ("annotation", "returns") and value is not None:
                    self.piece.used |= {(name,) for name in in_hint(value)}
                self._value(value)
            if kind is ast.arg:
                self.piece.local.add(node.arg)
            elif kind is ast.keyword:
                self.piece.is_dynamic |= node.arg == "allow_pickle"

    def _value(self, value) -> None:
        if isinstance(value, ast.AST):
            if not isinstance(value, ast.expr_context):
                self.read(value)
        elif isinstance(value, list):
            self.write(f"[{len(value)}")
            for item in value:
                self._value(item)
        else:
            self.write(repr(value))

    def _name(self, chain: tuple, context, found: set) -> None:
        self.write(".".join(chain))
        self.piece.is_dynamic |= (
            chain[0] in _DYNAMIC_NAMES
            or chain[:2] in _DYNAMIC_CHAINS
            or not _DYNAMIC_ATTRIBUTES.isdisjoint(chain[1:])
        )
        if isinstance(context, ast.Load):
            found.add(chain)
            return
        self.piece.stored.add(chain)
        if len(chain) == 1:
            self.piece.local.add(chain[0])

    def _attribute(self, node: ast.Attribute, found: set) -> None:
        attributes, inner = [], node
        while isinstance(inner, ast.Attribute):
            attributes.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            self._name((inner.id, *reversed(attributes)), node.ctx, found)
            return
        self.write(f"Attribute {attributes}")
        self.piece.is_dynamic |= not _DYNAMIC_ATTRIBUTES.isdisjoint(attributes)
        self.read(inner)

    def _call(self, node: ast.Call) -> None:
        self.write("Call")
        if isinstance(node.func, ast.Name):
            self._name((node.func.id,), node.func.ctx, self.piece.called)
        elif isinstance(node.func, ast.Attribute):
            self._attribute(node.func, self.piece.called)
        else:
            self.read(node.func)
        self._value(node.args)
        self._value(node.keywords)

    def _constant(self, value) -> None:
        self.write(repr(value) if not isinstance(value, frozenset) else repr(sorted(map(repr, value))))
        if isinstance(value, str) and len(value) < 200:
            self.piece.texts.add(value)


def is_dynamic_import(node) -> bool:
    """Whether this imports a module by which code finds other code."""
    if isinstance(node, ast.ImportFrom):
        if not node.level and node.module == "sys":
            return any(alias.name in ("modules", "meta_path", "path_hooks") for alias in node.names)
        return not node.level and (node.module or "").partition(".")[0] in _DYNAMIC_MODULES
    return any(alias.name.partition(".")[0] in _DYNAMIC_MODULES for alias in node.names)
