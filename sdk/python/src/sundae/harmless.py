"""Which statements of a module only define something when the module is imported, judged by their text.

Everything that is not known to be harmless counts as a statement that may do anything.
"""

import ast

_CALLS = {
    *(
        "abc.abstractmethod",
        "collections.namedtuple",
        "contextvars.ContextVar",
        "logging.getLogger",
        "re.compile",
    ),
    *("dataclasses.dataclass", "dataclasses.field", "enum.auto", "enum.unique", "string.Template"),
    *("datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta", "datetime.timezone"),
    *("decimal.Decimal", "fractions.Fraction", "pathlib.Path", "pathlib.PurePath", "pathlib.PurePosixPath"),
    *("functools.cache", "functools.cached_property", "functools.lru_cache", "functools.partial"),
    *("functools.total_ordering", "functools.wraps", "types.MappingProxyType", "types.SimpleNamespace"),
    *("sundae.command", "sundae.pipeline", "sundae.step"),
    *(
        "bool",
        "bytes",
        "classmethod",
        "dict",
        "float",
        "frozenset",
        "int",
        "list",
        "object",
        "property",
        "range",
    ),
    *("set", "slice", "staticmethod", "str", "tuple", "zip"),
}
"""Functions that do nothing but return something new, whatever they are given."""

_MODULES = {"typing", "typing_extensions"}
"""Modules of which that is true of every function that is called while a module is imported."""

_BASES = {
    *(
        "abc.ABC",
        "abc.ABCMeta",
        "object",
        "enum.Enum",
        "enum.IntEnum",
        "enum.StrEnum",
        "enum.Flag",
        "enum.IntFlag",
    ),
    *("sundae.Materializer", "dict", "list", "set", "str", "int", "float", "tuple"),
    *(
        "BaseException",
        "Exception",
        "ArithmeticError",
        "AttributeError",
        "KeyError",
        "LookupError",
        "OSError",
    ),
    *("RuntimeError", "TypeError", "ValueError"),
}
"""Classes that do nothing when another one is made of them."""

_PARTS = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Subscript),
    *(ast.Slice, ast.Starred, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp),
    *(ast.JoinedStr, ast.FormattedValue, ast.keyword),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context),
)


class Names:
    """What the names of a module stand for, as far as its imports say."""

    def __init__(self):
        self._imported = {}
        self._own = set()
        self._are_known = True

    def note(self, statement: ast.stmt) -> None:
        """Takes in what a statement binds."""
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                name = alias.asname or alias.name.partition(".")[0]
                self._imported[name] = alias.name if alias.asname else name
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                self._are_known &= alias.name != "*"
                self._imported[alias.asname or alias.name] = f"{statement.module}.{alias.name}"
        else:
            names = {getattr(statement, "name", None)}
            if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                nodes = ast.walk(statement)
                names |= {node.id for node in nodes if isinstance(node, ast.Name) and _binds(node)}
            self._own |= names
            for name in names:
                self._imported.pop(name, None)

    def meaning(self, function: ast.expr) -> str:
        """The full name of what is called: `functools.cache`, `len`; empty if that is not known."""
        if isinstance(function, ast.Attribute):
            inner = self.meaning(function.value)
            return f"{inner}.{function.attr}" if inner else ""
        if not isinstance(function, ast.Name) or not self._are_known:
            return ""
        if function.id in self._imported:
            return self._imported[function.id]
        return "" if function.id in self._own else function.id


def _binds(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def is_harmless(statement: ast.stmt, names: Names) -> bool:
    """Whether a statement, which is no import, only defines something."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return _is_harmless_function(statement, names)
    if isinstance(statement, ast.ClassDef):
        return _is_harmless_class(statement, names)
    if isinstance(statement, ast.Assign):
        return all(_is_name(target) for target in statement.targets) and is_value(statement.value, names)
    if isinstance(statement, ast.AnnAssign):
        values = [statement.annotation, *([statement.value] if statement.value else [])]
        return _is_name(statement.target) and all(is_value(value, names) for value in values)
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass)


def is_value(expression: ast.expr, names: Names) -> bool:
    """Whether an expression does nothing but to have a value."""
    waiting = [expression]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Lambda):
            waiting += _defaults(node.args)
        elif isinstance(node, ast.Call):
            if not _is_harmless_call(node, names):
                return False
            waiting += [*node.args, *node.keywords]
        elif isinstance(node, _PARTS) and not _differs_from_step_to_step(node, names):
            waiting += ast.iter_child_nodes(node)
        else:
            return False
    return True


def _differs_from_step_to_step(node: ast.AST, names: Names) -> bool:
    if not isinstance(node, (ast.Name, ast.Attribute)):
        return False
    meaning = names.meaning(node)
    return meaning.startswith(("os.environ", "sys.")) and meaning not in _ALWAYS_THE_SAME


_ALWAYS_THE_SAME = {"sys.maxsize", "sys.platform", "sys.version_info"}


def _is_harmless_call(call: ast.Call, names: Names) -> bool:
    return _is_known(names.meaning(call.func))


def _is_known(meaning: str, among: set[str] = _CALLS) -> bool:
    return meaning in among or meaning.partition(".")[0] in _MODULES


def _is_harmless_function(function, names: Names) -> bool:
    arguments = function.args
    hints = [argument.annotation for argument in _all_arguments(arguments)] + [function.returns]
    values = [*_defaults(arguments), *(hint for hint in hints if hint is not None)]
    return all(_is_harmless_decorator(one, names) for one in function.decorator_list) and all(
        is_value(value, names) for value in values
    )


def _is_harmless_class(definition: ast.ClassDef, names: Names) -> bool:
    # Bases may have an `__init_subclass__`, and keywords a metaclass, that does more.
    bases = [*map(_plain, definition.bases), *(word.value for word in definition.keywords)]
    if not all(_is_known(names.meaning(base), _BASES) for base in bases):
        return False
    return all(_is_harmless_decorator(one, names) for one in definition.decorator_list) and all(
        is_harmless(statement, names) for statement in definition.body
    )


def _plain(base: ast.expr) -> ast.expr:
    return base.value if isinstance(base, ast.Subscript) else base


def _is_harmless_decorator(decorator: ast.expr, names: Names) -> bool:
    """A decorator is called with what it stands above."""
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return _is_known(names.meaning(function)) and is_value(decorator, names)


def _all_arguments(arguments: ast.arguments):
    extra = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(value for value in arguments.kw_defaults if value is not None)]


def _is_name(target: ast.expr) -> bool:
    return isinstance(target, ast.Name)
