"""Type hints as values: reading them, naming them, asking whether one fits another.

Works on what hints carry themselves (`__origin__`, `__args__`, `__metadata__`), so that a step's process
does not import `typing` for our sake. Where a hint says something that we do not understand, it fits.
"""

import sys

ANYTHING = object()
"""Stands for a missing hint."""


class Unknown:
    """Stands for a name in a hint that is imported only for type checkers.

    So a module that is slow to import need not be imported for the sake of hints, and the rest of the hint,
    names of outputs above all, is understood nevertheless.
    """

    def __init__(self, name: str):
        self.name = name

    def __getattr__(self, name: str):
        if name.startswith("__"):  # Questions that `typing` asks of every hint.
            raise AttributeError(name)
        return Unknown(f"{self.name}.{name}")

    def __getitem__(self, _):
        return self

    def __or__(self, _):
        return self

    __ror__ = __or__

    def __call__(self):  # What cannot be called is no type to `typing`.
        raise TypeError(f"`{self.name}` is imported only for type checkers")

    def __repr__(self):
        return self.name


def resolved(function) -> dict:
    """The hints of a function's arguments and of its `return`; those written as text are evaluated.

    Text that cannot be evaluated counts as no hint.
    """
    return {name: _evaluated(hint, function) for name, hint in function.__annotations__.items()}


def _evaluated(hint, function):
    unknown = {}
    while isinstance(hint, str):
        text = hint
        try:
            hint = eval(text, function.__globals__, unknown)
        except NameError as error:
            if error.name is None or error.name in unknown:
                return ANYTHING
            unknown[error.name] = Unknown(error.name)
        except Exception:
            return ANYTHING
        else:
            if isinstance(hint, str) and hint == text:  # A name whose value is its own name.
                return ANYTHING
    return hint


def plain(hint):
    """The hint without `Annotated` and `NewType` around it."""
    while True:
        if hasattr(hint, "__metadata__"):
            hint = hint.__origin__
        elif hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        else:
            return type(None) if hint is None else hint


def members(hint) -> tuple:
    """The members of `A | B`, `Union[A, B]` or `Optional[A]`; empty for everything else."""
    origin = getattr(hint, "__origin__", None)
    typing = sys.modules.get("typing")
    is_union = type(hint) is type(int | str) or (typing is not None and origin is typing.Union)
    return hint.__args__ if is_union else ()


def optional(hint):
    """The hint with `None` allowed as well."""
    try:
        return hint | None
    except TypeError:
        return hint


def label(hint) -> str:
    """The name people know the hint by."""
    hint = plain(hint)
    if hint is ANYTHING:
        return "anything"
    if isinstance(hint, type) and not getattr(hint, "__args__", None):
        return "None" if hint is type(None) else hint.__qualname__
    return str(hint).replace("typing.", "")


def fits(given, wanted) -> bool:
    """Whether a value of type `given` may be handed to something that takes `wanted`.

    Refuses only what is certainly wrong. A wider class is accepted for a narrower one (the value may well be
    of the narrower), an int for a float, and a union if any of its members fits.
    """
    given, wanted = plain(given), plain(wanted)
    if _is_open(given) or _is_open(wanted):
        return True
    if choices := members(wanted):
        return any(fits(given, choice) for choice in choices)
    if choices := members(given):
        return any(fits(choice, wanted) for choice in choices)
    given_class, wanted_class = _class_of(given), _class_of(wanted)
    if given_class is None or wanted_class is None:
        return True
    return _classes_fit(given_class, wanted_class) and _arguments_fit(given, wanted)


def value_fits(value, wanted) -> bool:
    """Whether a value may be handed to something that takes `wanted`; what it holds is not looked at."""
    wanted = plain(wanted)
    if _is_open(wanted):
        return True
    if _is_literal(wanted):
        return any(
            value == choice and isinstance(value, bool) == isinstance(choice, bool)
            for choice in wanted.__args__
        )
    if choices := members(wanted):
        return any(value_fits(value, choice) for choice in choices)
    wanted_class = _class_of(wanted)
    return wanted_class is None or _is_instance(value, wanted_class)


def constant_fits(value, wanted) -> bool:
    """As `value_fits`, and what lists, tuples, sets and dicts hold must fit as well."""
    if not value_fits(value, wanted):
        return False
    wanted = plain(wanted)
    if choices := members(wanted):
        return any(constant_fits(value, choice) for choice in choices)
    arguments = getattr(wanted, "__args__", None) or ()
    if isinstance(value, dict) and len(arguments) == 2:
        return all(
            constant_fits(key, arguments[0]) and constant_fits(item, arguments[1])
            for key, item in value.items()
        )
    if type(value) is tuple and len(arguments) > 1 and ... not in arguments:
        return len(value) == len(arguments) and all(map(constant_fits, value, arguments))
    if isinstance(value, (list, tuple, set, frozenset)) and arguments:
        return all(constant_fits(item, arguments[0]) for item in value)
    return True


def element(hint):
    """The hint of the elements of a list, tuple or similar hint."""
    hint = plain(hint)
    found = [element(member) for member in members(hint)]
    if not found and _class_of(hint) is not None and _is_container(_class_of(hint)):
        found = list(getattr(hint, "__args__", None) or ())[:1]
    return found[0] if len(found) == 1 else ANYTHING


def list_of(hint):
    """The hint of a list of such values."""
    return list if hint is ANYTHING else list[hint]


def python_scalar(value):
    """A NumPy scalar as the Python value it stands for; everything else as it is."""
    is_numpy = type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()
    return value.item() if is_numpy else value


def _is_open(hint) -> bool:
    """Whether the hint allows everything, or says something that only a type checker understands."""
    if hint is ANYTHING or hint is object or isinstance(hint, (str, Unknown)):
        return True
    typing = sys.modules.get("typing")
    return typing is not None and (
        hint is typing.Any or isinstance(hint, (typing.TypeVar, typing.ForwardRef))
    )


def _is_literal(hint) -> bool:
    typing = sys.modules.get("typing")
    return typing is not None and getattr(hint, "__origin__", None) is typing.Literal


def _class_of(hint):
    if _is_literal(hint):
        return type(hint.__args__[0])
    origin = getattr(hint, "__origin__", hint)
    return origin if isinstance(origin, type) else None


def _classes_fit(given: type, wanted: type) -> bool:
    if wanted is float and issubclass(given, int):
        return True
    if wanted is complex and issubclass(given, (int, float)):
        return True
    try:
        return issubclass(given, wanted) or issubclass(wanted, given)
    except TypeError:  # A protocol that cannot be asked at run time.
        return True


def _is_instance(value, wanted: type) -> bool:
    if wanted in (float, complex) and isinstance(value, (int, float)):
        return True
    try:
        return isinstance(value, wanted)
    except TypeError:  # A protocol or typed dict, which cannot be asked at run time.
        return True


def _arguments_fit(given, wanted) -> bool:
    given_arguments = getattr(given, "__args__", None) or ()
    wanted_arguments = getattr(wanted, "__args__", None) or ()
    if len(given_arguments) != len(wanted_arguments) or not _is_container(_class_of(wanted)):
        return True
    pairs = zip(given_arguments, wanted_arguments, strict=True)
    return all(fits(one, other) for one, other in pairs if one is not ... and other is not ...)


def _is_container(kind: type) -> bool:
    """Whether the arguments of the hint are the types of what the value holds."""
    return hasattr(kind, "__iter__") and kind.__module__ in ("builtins", "collections", "collections.abc")
