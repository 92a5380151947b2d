"""Which names of its module a piece of source refers to."""

import ast


def referred(source: str) -> set[str]:
    """The names of the module, or of Python, that these statements use or set through `global`.

    What is local to a function is none of them. Names in hints are, also in those that are written as text.
    """
    import symtable

    found = set(_in_hints(ast.parse(source)))
    top = symtable.symtable(source, "<source>", "exec")
    found |= {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    waiting = list(top.get_children())
    while waiting:
        table = waiting.pop()
        found |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
        waiting += table.get_children()
    return found


def _in_hints(tree: ast.AST):
    for node in ast.walk(tree):
        for hint in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(hint, ast.expr):
                yield from in_hint(hint)


def in_hint(hint: ast.expr):
    """The names in a hint, those in text included."""
    for node in ast.walk(hint):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                written = ast.parse(node.value, mode="eval")
            except (SyntaxError, ValueError):
                continue
            yield from (part.id for part in ast.walk(written) if isinstance(part, ast.Name))
