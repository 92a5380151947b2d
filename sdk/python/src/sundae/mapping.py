"""Fan-out: `train.map(c=each([0.1, 1, 10]), data=data)` runs a step once for each value.

A constant list travels in the plan. An output that is mapped over is either a JSON list of simple values,
each of which is a param of an item, or a folder with an entry for each value, which is an input of an item.
"""

from . import hints, params
from .errors import PipelineError
from .handles import Handle, Handles

_SIMPLE = (int, float, str, bool)


class Each:
    """Marks the argument of which every call of a mapped step gets one value."""

    def __init__(self, values):
        self.values = values

    def __repr__(self):
        return f"each({self.values!r})"

    def __iter__(self):
        raise PipelineError("what `each` returns is handed to `.map(...)` of a step, and to nothing else")


def each(values) -> Each:
    """One call of the step for each of these values: a list, an output that is one, or `param("NAME")`."""
    if isinstance(values, Handles):
        names = ", ".join(f"`{handle.name}`" for handle in values)
        raise PipelineError(f"step `{values.call.name}` has the outputs {names}: `each` takes one of them")
    if isinstance(values, (Handle, Each)) or _param(values):
        return Each(values.values if isinstance(values, Each) else values)
    if isinstance(values, (str, bytes, dict)) or not hasattr(values, "__iter__"):
        raise PipelineError(f"`each` takes a list of values or an output that is one, not {values!r}")
    return Each(list(values))


def split(arguments: dict) -> tuple[dict, dict]:
    """The arguments that are the same for all, and those of which each item gets one value."""
    shared = {name: value for name, value in arguments.items() if not isinstance(value, Each)}
    mapped = {name: value.values for name, value in arguments.items() if isinstance(value, Each)}
    return shared, mapped


def called(step, arguments: dict):
    """Calls the function for each value, outside of a pipeline; as many lists as the step has outputs."""
    shared, mapped = split(arguments)
    _check(f"step `{step.name}`", mapped)
    if any(not isinstance(values, list) for values in mapped.values()):
        raise PipelineError(f"step `{step.name}` is mapped over what is known only in a pipeline")
    items = zip(*mapped.values(), strict=True)
    results = [
        step.signature.call(step.function, {**shared, **dict(zip(mapped, item, strict=True))})
        for item in items
    ]
    if len(step.outputs) < 2:
        return results
    return tuple([result[place] for result in results] for place in range(len(step.outputs)))


def take(call, mapped: dict) -> None:
    """Notes what a call is mapped over."""
    title = f"step `{call.name}`"
    _check(title, mapped)
    for name, values in mapped.items():
        hint = call.declaration.hint_of(name)
        if isinstance(values, Handle):
            call.foreach[name] = _output(call, name, values, hint)
        elif param := _param(values):
            call.foreach[name] = param
        else:
            call.foreach[name] = [_constant(call, name, value, hint) for value in values]
            call.paths += params.paths_in(values)


def _check(title: str, mapped: dict) -> None:
    if not mapped:
        raise PipelineError(
            f"{title} is mapped over nothing: mark an argument, as in `.map(c=each([0.1, 1, 10]))`"
        )
    lengths = {name: len(values) for name, values in mapped.items() if isinstance(values, list)}
    if len(set(lengths.values())) > 1:
        there = ", ".join(f"{length} of `{name}`" for name, length in lengths.items())
        raise PipelineError(f"{title} takes one value of each at a time, but there are {there}")


def _output(call, name: str, handle: Handle, hint) -> str:
    if handle.name is None:
        raise PipelineError(f"step `{handle.call.name}` has no output to map `{name}` over")
    if handle.call.tracer is not call.tracer:
        raise PipelineError(
            f"`{handle.reference}` belongs to another pipeline: call its step in this one as well"
        )
    given = hints.plain(handle.hint)
    if not (_is_path(given) or hints.fits(given, list) or hints.fits(given, tuple)):
        raise PipelineError(
            f"`{handle.reference}` is {hints.label(given)}: `each` takes an output that is a list or a folder"
        )
    element = hints.element(given)
    if not hints.fits(element, hint):
        raise PipelineError(
            f"step `{call.name}` takes `{name}` as {hints.label(hint)}, "
            f"but each of `{handle.reference}` is {hints.label(element)}"
        )
    is_as_it_is = handle.call.foreach or _is_path(given) or not hasattr(handle.call.declaration, "signature")
    if not is_as_it_is and not _is_simple(element):
        handle.call.split_outputs.add(handle.name)
    call.taken.append((handle, hint))
    return handle.reference


def _constant(call, name: str, value, hint):
    value = hints.python_scalar(value)
    if not hints.constant_fits(value, hint):
        raise PipelineError(
            f"step `{call.name}` takes `{name}` as {hints.label(hint)}, "
            f"but one of its values is {value!r}, which is {hints.label(type(value))}"
        )
    try:
        return params.to_json(value)
    except params.NotAParam:
        raise PipelineError(
            f"`{name}` of step `{call.name}` is to be {value!r}, which has no JSON form: "
            "make the list inside a step, and map over its output"
        ) from None


def _param(values) -> str | None:
    text = getattr(values, "text", None) if not isinstance(values, Handle) else None
    is_param = isinstance(text, str) and text.startswith("param.")
    return f"{{{text}}}" if is_param else None


def _is_simple(hint) -> bool:
    """Whether values of this type are themselves in JSON, so that they can be params."""
    hint = hints.plain(hint)
    choices = hints.members(hint)
    return all(map(_is_simple, choices)) if choices else hint in _SIMPLE


def _is_path(hint) -> bool:
    return isinstance(hint, type) and hasattr(hint, "__fspath__")
