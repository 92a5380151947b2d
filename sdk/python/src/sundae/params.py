"""Parameters: constants on their way into a plan as JSON, and back into a step as Python values."""

from . import hints


class NotAParam(TypeError):
    """The value has no JSON form that says all of it."""


def to_json(value):
    """The JSON value that stands for a constant in the plan."""
    value = hints.python_scalar(value)
    if value is None or isinstance(value, (bool, int, str)):
        return _enum_value(value)
    if isinstance(value, float):
        if value - value != 0:  # nan and the infinities, which JSON does not have.
            raise NotAParam
        return value
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(to_json(item) for item in value)
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: to_json(item) for key, item in value.items()}
    if hasattr(value, "__fspath__"):
        return value.__fspath__()
    if _is_enum(type(value)):
        return to_json(value.value)
    raise NotAParam


def from_json(value, hint):
    """The Python value that an argument with this hint expects."""
    wanted = getattr(hints.plain(hint), "__origin__", hints.plain(hint))
    if not isinstance(wanted, type) or value is None or isinstance(value, wanted):
        return value
    if wanted in (tuple, set, frozenset) and isinstance(value, list):
        return wanted(value)
    if wanted is float and isinstance(value, int):
        return float(value)
    if isinstance(value, str) and hasattr(wanted, "__fspath__"):
        return wanted(value)
    if _is_enum(wanted):
        return wanted(value)
    return value


def named(name: str, value):
    """The value of a pipeline parameter, carrying the parameter's name.

    So the pipeline's function computes with ordinary values, and what it hands to a step untouched is still
    known to be that parameter: the plan then says `{param.NAME}`, and `sundae run -p NAME=...` can change it.
    Booleans and everything but numbers and text cannot carry a name; they become constants of the plan.
    """
    kind = _NAMED.get(type(value))
    if kind is None:
        return value
    carrier = kind(value)
    carrier.pipeline_param = name
    return carrier


class _NamedInt(int):
    pass


class _NamedFloat(float):
    pass


class _NamedStr(str):
    pass


_NAMED = {int: _NamedInt, float: _NamedFloat, str: _NamedStr}


def _is_enum(kind: type) -> bool:
    return any(base.__module__ == "enum" and base.__name__ == "Enum" for base in kind.__mro__)


def _enum_value(value):
    return value.value if _is_enum(type(value)) else value
