"""Which classes and decorators of the project do nothing but make a class or a function.

Judged by their text alone, whatever has been looked at before: the same source must always be judged alike.
"""

import ast

from .harmless import Names, is_harmless, is_value

_BASES = {
    *("pydantic.BaseModel", "sklearn.base.BaseEstimator", "sklearn.base.ClassifierMixin"),
    *("sklearn.base.ClusterMixin", "sklearn.base.RegressorMixin", "sklearn.base.TransformerMixin"),
    *("torch.nn.Module", "torch.utils.data.Dataset", "torch.utils.data.IterableDataset"),
}
"""Classes of libraries that do nothing to anything else when another one is made of them."""

_OURS = {"sundae.step", "sundae.pipeline"}

_MAGIC = {"__init_subclass__", "__class_getitem__", "__set_name__"}


class Plainness:
    """Judges what the statements of one file use."""

    def __init__(self, file: str, project):
        self._file = file
        self._project = project

    def reduced(self, statement: ast.stmt, names: Names) -> ast.stmt:
        """The statement without plain decorators and base classes, and without `.with_options(...)`."""
        if isinstance(statement, ast.Assign) and self._is_step_with_options(statement.value):
            call = statement.value
            values = [*call.args, *(word.value for word in call.keywords)]
            return replaced(statement, value=ast.Tuple(values, ast.Load()))
        if isinstance(statement, ast.ClassDef):
            bases = [base for base in statement.bases if not self._is_plain_base(base, names, set())]
            if len(bases) < len(statement.bases):
                return replaced(statement, bases=bases)
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            kept = [one for one in statement.decorator_list if not self._is_plain_decorator(one, names)]
            if len(kept) < len(statement.decorator_list):
                return replaced(statement, decorator_list=kept)
        return statement

    def _is_plain_base(self, base: ast.expr, names: Names, seen: set) -> bool:
        base = base.value if isinstance(base, ast.Subscript) else base
        if names.meaning(base) in _BASES:
            return True
        found = self._definition(base)
        if found is None or found[0] in seen or not isinstance(found[1], ast.ClassDef):
            return False
        (file, _), definition = found
        tree = self._project.tree(file)
        others, theirs = Plainness(file, self._project), _names_of(tree)
        if definition.decorator_list or any(
            isinstance(node, (ast.FunctionDef, ast.Assign)) and _MAGIC & _bound(node)
            for node in definition.body
        ):
            return False
        below = {*seen, found[0]}
        bases = [base for base in definition.bases if not others._is_plain_base(base, theirs, below)]
        return is_harmless(replaced(definition, bases=bases, body=[ast.Pass()]), theirs)

    def _is_step_with_options(self, value: ast.expr) -> bool:
        if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
            return False
        found = self._definition(value.func.value) if value.func.attr == "with_options" else None
        if found is None or not isinstance(found[1], ast.FunctionDef):
            return False
        (file, _), function = found
        theirs = _names_of(self._project.tree(file))
        return any(is_ours(decorator, theirs) for decorator in function.decorator_list)

    def _is_plain_decorator(self, decorator: ast.expr, names: Names) -> bool:
        is_call = isinstance(decorator, ast.Call)
        if is_call and not all(
            is_value(value, names)
            for value in [*decorator.args, *(word.value for word in decorator.keywords)]
        ):
            return False
        found = self._definition(decorator.func if is_call else decorator)
        if found is None:
            return False
        (file, _), function = found
        names = _names_of(self._project.tree(file))
        inner = _only_makes(function, names)
        return inner is not None and (not is_call or _only_makes(inner, names) is not None)

    def _definition(self, expression: ast.expr):
        """The class or function that a name stands for: its file and name, and the node."""
        if not isinstance(expression, ast.Name):
            return None
        file, name = self._file, expression.id
        for _ in range(8):  # From one import to the next.
            tree = self._project.tree(file)
            bindings = [node for node in tree.body if name in _bound(node)] if tree else []
            if len(bindings) != 1:
                return None
            node = bindings[0]
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                return (file, name), node
            if not isinstance(node, ast.ImportFrom):
                return None
            module = self._project.absolute(node, file)
            own = module and self._project.file_of(module)
            if not own:
                return None
            name = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
            file = own
        return None


def is_ours(decorator: ast.expr, names: Names) -> bool:
    """Whether it makes a step or a pipeline."""
    return names.meaning(decorator.func if isinstance(decorator, ast.Call) else decorator) in _OURS


def replaced(node, **fields):
    """A copy of a node with other fields."""
    kept = {field: getattr(node, field, None) for field in node._fields}
    return ast.copy_location(type(node)(**{**kept, **fields}), node)


def _only_makes(function, names: Names):
    """The function that this one returns, if it does nothing but define it."""
    if not isinstance(function, ast.FunctionDef) or function.decorator_list:
        return None
    body = [node for node in function.body if not isinstance(node, ast.Expr) or not _is_text(node.value)]
    if len(body) != 2 or not isinstance(body[0], ast.FunctionDef) or not isinstance(body[1], ast.Return):
        return None
    inner, returned = body[0], body[1].value
    if not (isinstance(returned, ast.Name) and returned.id == inner.name and is_harmless(inner, names)):
        return None
    # `functools.wraps` is all that may stand above it; a factory's inner function has nothing above it.
    return replaced(inner, decorator_list=[])


def _is_text(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Constant) and isinstance(expression.value, str)


def _names_of(tree: ast.Module) -> Names:
    names = Names()
    for statement in tree.body:
        names.note(statement)
    return names


def _bound(node) -> set[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    return {
        one.id for one in ast.walk(node) if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load)
    }
