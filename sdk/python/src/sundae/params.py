"""Parameters: constants on their way into a plan as JSON, and back into a step as Python values."""

from . import hints


class NotAParam(TypeError):
    """The value has no JSON form that says all of it."""


def to_json(value):
    """The JSON value that stands for a constant in the plan."""
    value = hints.python_scalar(value)
    if _is_enum(type(value)):
        return to_json(value.value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:  # Beyond, many a JSON reader takes the nearest float.
            raise NotAParam
        return value
    if isinstance(value, str):
        return _valid_text(value)
    if isinstance(value, float):
        if value - value != 0:  # nan and the infinities, which JSON does not have.
            raise NotAParam
        return value
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return _sorted([to_json(item) for item in value])
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: to_json(item) for key, item in value.items()}
    if hasattr(value, "__fspath__"):
        return to_json(value.__fspath__())
    raise NotAParam


def from_json(value, hint):
    """The Python value that an argument with this hint expects."""
    hint = hints.plain(hint)
    if choices := hints.members(hint):
        return _first_that_fits(value, choices)
    wanted = getattr(hint, "__origin__", hint)
    if not isinstance(wanted, type) or value is None:
        return value
    arguments = getattr(hint, "__args__", None) or ()
    if isinstance(value, list):
        return _collection(value, wanted, arguments)
    if isinstance(value, dict) and len(arguments) == 2:
        return {key: from_json(item, arguments[1]) for key, item in value.items()}
    if isinstance(value, wanted):
        return value
    if wanted is float and isinstance(value, int):
        return float(value)
    if isinstance(value, str) and hasattr(wanted, "__fspath__"):
        return wanted(value)
    if _is_enum(wanted):
        return _enum_member(value, wanted)
    return value


def comes_back(value, hint) -> bool:
    """Whether an argument with this hint gets exactly this value from its JSON form."""
    try:
        back = from_json(to_json(value), hint)
    except NotAParam:
        return False
    return type(back) is type(value) and bool(back == value)


def paths_in(value) -> list[str]:
    """The paths that a constant is or lists: what lies there is meant, so it counts by its content."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return [path for item in value for path in paths_in(item)]
    return [value.__fspath__()] if hasattr(value, "__fspath__") else []


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


def _carrier(kind: type) -> type:
    """A subclass that errors call by the name of the type itself."""
    return type(kind.__name__, (kind,), {})


_NAMED = {kind: _carrier(kind) for kind in (int, float, str)}


def _is_enum(kind: type) -> bool:
    return any(base.__module__ == "enum" and base.__name__ == "Enum" for base in kind.__mro__)


def _enum_member(value, wanted: type):
    for member in wanted:
        if to_json(member) == value:
            return member
    return wanted(value)  # Combined flags; anything else is an error that names the value.


def _valid_text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:  # Half of a surrogate pair.
        raise NotAParam from None
    return value


def _sorted(items: list) -> list:
    try:
        return sorted(items)
    except TypeError:  # A mixture that has no order.
        raise NotAParam from None


def _first_that_fits(value, choices: tuple):
    for choice in choices:
        candidate = from_json(value, choice)
        if hints.constant_fits(candidate, choice):
            return candidate
    return value


def _collection(items: list, wanted: type, arguments: tuple):
    is_fixed = wanted is tuple and len(arguments) == len(items) and ... not in arguments
    element_hints = arguments if is_fixed else [*(arguments[:1] or [hints.ANYTHING])] * len(items)
    items = [from_json(item, hint) for item, hint in zip(items, element_hints, strict=True)]
    return wanted(items) if wanted in (tuple, set, frozenset) else items
