"""What a function takes and gives: the arguments and the named outputs of a step."""

from . import hints
from .errors import PipelineError

REQUIRED = object()
"""The default of an argument that has none."""

_LONGEST = 128

_VARARGS, _KEYWORDS, _GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x04, 0x08, 0x20, 0x80, 0x200


class Argument:
    __slots__ = ("default", "hint", "is_positional_only", "name")

    def __init__(self, name, hint, default, is_positional_only):
        self.name = name
        self.hint = hint
        self.default = default
        self.is_positional_only = is_positional_only


class Output:
    __slots__ = ("hint", "name")

    def __init__(self, name, hint):
        self.name = name
        self.hint = hint


class Signature:
    """The arguments and outputs of a function, read from its hints."""

    def __init__(self, function, title: str, output_names=None):
        self.title = title
        inner = unwrapped(function)
        found = hints.resolved(inner)
        self.arguments = {argument.name: argument for argument in _arguments(inner, found)}
        self.has_places = any(argument.is_positional_only for argument in self.arguments.values())
        self.positional = inner.__code__.co_varnames[: inner.__code__.co_argcount]
        self.outputs = _outputs(found.get("return", hints.ANYTHING), output_names, title)

    def bind(self, args: tuple, kwargs: dict) -> dict:
        """Argument names with the values that a call gives them; defaults are left out."""
        if len(args) > len(self.positional):
            raise PipelineError(
                f"{self.title} takes {len(self.positional)} positional arguments, {len(args)} were given"
            )
        bound = dict(zip(self.positional, args, strict=False))
        for name, value in kwargs.items():
            if name not in self.arguments:
                raise PipelineError(f"{self.title} has no argument `{name}`{nearest(name, self.arguments)}")
            if name in bound:
                raise PipelineError(f"{self.title} was given `{name}` twice")
            bound[name] = value
        for argument in self.arguments.values():
            if argument.default is REQUIRED and argument.name not in bound:
                raise PipelineError(f"{self.title} needs a value for `{argument.name}`")
        return bound

    def defaults(self) -> dict:
        return {one.name: one.default for one in self.arguments.values() if one.default is not REQUIRED}

    def call(self, function, values: dict):
        """Calls the function with arguments by name, those that it takes only by place included."""
        if not self.has_places:
            return function(**values)
        values = dict(values)
        positional = []
        for name, argument in self.arguments.items():
            if argument.is_positional_only:
                is_given = name in values or argument.default is REQUIRED
                positional.append(values.pop(name) if is_given else argument.default)
        return function(*positional, **values)


def unwrapped(function):
    """The function below the decorators that keep it as `__wrapped__`."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def check_function(function, kind: str) -> None:
    """Refuses what cannot be a step or a pipeline."""
    inner = unwrapped(function)
    code = getattr(inner, "__code__", None)
    if code is None:
        raise PipelineError(f"a {kind} must be a function, not {type(function).__qualname__}")
    name = inner.__qualname__
    if name.endswith("<lambda>"):
        raise PipelineError(f"a lambda cannot be a {kind}: give it a name with `def`")
    # What is called is the outermost function: a decorator may well have made an async one ordinary.
    flags = getattr(function, "__code__", code).co_flags
    if flags & (_COROUTINE | _ASYNC_GENERATOR):
        raise PipelineError(f"`{name}` is async: a {kind} must be an ordinary function")
    if flags & _GENERATOR:
        raise PipelineError(f"`{name}` is a generator: a {kind} must return its value, not yield it")
    if code.co_flags & (_VARARGS | _KEYWORDS):
        raise PipelineError(
            f"`{name}` takes *args or **kwargs: name every argument of a {kind} "
            "(one argument can take a list of outputs)"
        )


def check_name(name: str, what: str) -> str:
    """Refuses a name that the host would not accept."""
    is_word = name.isascii() and name.replace("-", "_").isidentifier() and name[0] != "-"
    if is_word and len(name) <= _LONGEST:
        return name
    raise PipelineError(
        f"{what} cannot be called `{name}`: names are letters, digits, `_` and `-`, "
        f"start with a letter or `_`, and have at most {_LONGEST} characters"
    )


def check_variables(names, what: str) -> None:
    """Refuses names that differ only as far as environment variables cannot: a step gets each in one."""
    taken = {}
    for name in names:
        other = taken.setdefault(name.upper().replace("-", "_"), name)
        if other != name:
            raise PipelineError(
                f"the {what} `{other}` and `{name}` would be the same environment variable: rename one"
            )


def _arguments(function, found: dict):
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    keyword_only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    defaults = dict(function.__kwdefaults__ or {})
    if function.__defaults__:
        defaults.update(zip(positional[-len(function.__defaults__) :], function.__defaults__, strict=True))
    for place, name in enumerate((*positional, *keyword_only)):
        check_name(name, "an argument")
        default = defaults.get(name, REQUIRED)
        hint = found.get(name, hints.ANYTHING)
        if default is None:  # `size: int = None` means what it says.
            hint = hints.optional(hint)
        yield Argument(name, hint, default, place < code.co_posonlyargcount)


def _outputs(hint, names, title: str) -> list[Output]:
    if names is None:
        outputs = _outputs_of_hint(hint)
    else:
        outputs = _outputs_of_names([names] if isinstance(names, str) else list(names), hint, title)
    for output in outputs:
        check_name(output.name, f"an output of {title}")
    if len({output.name for output in outputs}) < len(outputs):
        raise PipelineError(f"{title} has two outputs of the same name")
    check_variables([output.name for output in outputs], f"outputs of {title}")
    return outputs


def _outputs_of_hint(hint) -> list[Output]:
    if hint is None or hint is type(None):
        return []
    if name := _annotated_name(hint):
        return [Output(name, hints.plain(hint))]
    if parts := _fixed_tuple(hint):
        return [
            Output(_annotated_name(part) or f"output_{place}", hints.plain(part))
            for place, part in enumerate(parts)
        ]
    return [Output("output", hints.plain(hint))]


def _outputs_of_names(names: list[str], hint, title: str) -> list[Output]:
    if len(names) == 1:
        return [Output(names[0], hints.plain(hint))]
    parts = _fixed_tuple(hint) or [hints.ANYTHING] * len(names)
    if len(parts) != len(names):
        raise PipelineError(f"{title} names {len(names)} outputs, but its hint has {len(parts)}")
    return [Output(name, hints.plain(part)) for name, part in zip(names, parts, strict=True)]


def _annotated_name(hint) -> str | None:
    return next((entry for entry in getattr(hint, "__metadata__", ()) if isinstance(entry, str)), None)


def _fixed_tuple(hint) -> tuple:
    """The elements of `tuple[A, B]`; empty for `tuple`, `tuple[A, ...]` and everything else."""
    hint = hints.plain(hint)
    arguments = getattr(hint, "__args__", ())
    return arguments if getattr(hint, "__origin__", None) is tuple and ... not in arguments else ()


def nearest(name: str, names) -> str:
    """`; did you mean ...?`, if there is a name like this one."""
    from difflib import get_close_matches

    close = get_close_matches(name, names, 1)
    return f"; did you mean `{close[0]}`?" if close else ""
