"""Watching a pipeline's function call its steps: from one run of the function to a list of step calls."""

import contextvars

from . import hints, mapping, params
from .errors import PipelineError
from .handles import Handle, Handles
from .signature import check_name, check_variables

_active = contextvars.ContextVar("sundae_tracer", default=None)


def active():
    """The tracer of the pipeline that is being built right now, if any."""
    return _active.get()


class Call:
    """One call of a step: a step of the plan."""

    __slots__ = (
        *("declaration", "foreach", "inputs", "name", "params", "paths", "split_outputs"),
        *("taken", "tracer"),
    )

    def __init__(self, name, declaration, tracer):
        self.name = name
        self.declaration = declaration
        self.tracer = tracer
        self.inputs = {}
        self.params = {}
        self.paths = []
        self.taken = []
        """The outputs that it takes, and as what."""
        self.foreach = {}
        """What it is mapped over: a list, `param.NAME` or `STEP.OUTPUT` by the name of the argument."""
        self.split_outputs = set()
        """Outputs that others are mapped over, so that each value must be an entry of a folder."""


class Tracer:
    """Collects the step calls of one pipeline."""

    def __init__(self):
        self.calls: list[Call] = []
        self.data: dict[str, str] = {}
        """What comes from outside: paths by name."""
        self._names = set()

    def record(self, declaration, args: tuple, kwargs: dict):
        """Notes a call; returns what stands for its outputs."""
        call = self._recorded(declaration, declaration.bind(args, kwargs), {}, is_map=False)
        return _standing_for([Handle(call, output.name, output.hint) for output in declaration.outputs], call)

    def record_map(self, declaration, bound: dict):
        """Notes the calls for each of some values; what is returned stands for lists."""
        shared, mapped = mapping.split(bound)
        call = self._recorded(declaration, shared, mapped, is_map=True)
        return _standing_for(
            [Handle(call, output.name, hints.list_of(output.hint)) for output in declaration.outputs], call
        )

    def _recorded(self, declaration, bound: dict, mapped: dict, is_map: bool) -> Call:
        call = Call(self._free_name(declaration.name), declaration, self)
        for name, value in bound.items():
            _Argument(call, name, declaration.hint_of(name)).take(value)
        if is_map:
            mapping.take(call, mapped)
        for name, value in declaration.defaults().items():
            if name not in bound and name not in mapped:
                call.params[name] = params.to_json(value)
                call.paths += params.paths_in(value)
        check_variables([*call.inputs, *call.foreach], f"arguments of step `{call.name}`")
        check_variables([*call.params, *call.foreach], f"arguments of step `{call.name}`")
        self.calls.append(call)
        return call

    def _free_name(self, wanted: str) -> str:
        check_name(wanted, "a step")
        name, count = wanted, 1
        while name in self._names:
            count += 1
            name = f"{wanted}_{count}"
        self._names.add(name)
        return name


def _standing_for(handles: list[Handle], call: Call):
    if not handles:
        return Handle(call, None, None)
    return handles[0] if len(handles) == 1 else Handles(handles)


def trace(function, signature, values: dict) -> Tracer:
    """Runs a pipeline's function with these arguments and returns what it has called."""
    tracer = Tracer()
    token = _active.set(tracer)
    try:
        signature.call(function, {name: params.named(name, value) for name, value in values.items()})
    finally:
        _active.reset(token)
    return tracer


class _Argument:
    """One argument of a call, sorting what it is given into inputs and params."""

    def __init__(self, call: Call, name: str, hint):
        self.call = call
        self.name = name
        self.hint = hint

    def take(self, value) -> None:
        if isinstance(value, Handle):
            self._take_handle(self.name, value, self.hint, f"`{self.name}`")
        elif isinstance(value, Handles):
            self._refuse_several(value)
        elif isinstance(value, mapping.Each):
            raise PipelineError(
                f"`{self.name}` of step `{self.call.name}` is marked with `each`: "
                f"call `{self.call.declaration.name}.map(...)`"
            )
        elif isinstance(value, (list, tuple)) and any(isinstance(item, (Handle, Handles)) for item in value):
            self._take_handles(value)
        else:
            self._take_constant(value)

    def _refuse_several(self, handles: Handles) -> None:
        step, names = handles.call.name, ", ".join(f"`{handle.name}`" for handle in handles)
        raise PipelineError(
            f"step `{step}` has the outputs {names}: hand one of them to `{self.name}`, or a list"
        )

    def _take_handle(self, name: str, handle: Handle, hint, title: str) -> None:
        if handle.name is None:
            raise PipelineError(f"step `{handle.call.name}` has no output to hand to `{self.name}`")
        if handle.call.tracer is not self.call.tracer:
            raise PipelineError(
                f"`{handle.reference}` belongs to another pipeline: call its step in this one as well"
            )
        # What items have made may also be taken by the names of its entries.
        is_by_name = handle.call.foreach and getattr(hint, "__origin__", hint) is dict
        given = dict[str, hints.element(handle.hint)] if is_by_name else handle.hint
        if not hints.fits(given, hint):
            raise PipelineError(
                f"step `{self.call.name}` takes {title} as {hints.label(hint)}, "
                f"but `{handle.reference}` is {hints.label(handle.hint)}"
            )
        self.call.inputs[name] = handle.reference
        self.call.taken.append((handle, hint))

    def _take_handles(self, values) -> None:
        """A list of outputs becomes the inputs `NAME-0`, `NAME-1`, ...; no Python argument has a `-`."""
        for place, value in enumerate(values):
            if isinstance(value, Handles):
                self._refuse_several(value)
            if not isinstance(value, Handle):
                raise PipelineError(
                    f"`{self.name}` of step `{self.call.name}` mixes outputs of steps and constants in a list"
                )
            title = f"element {place} of `{self.name}`"
            self._take_handle(f"{self.name}-{place}", value, hints.element(self.hint), title)

    def _take_constant(self, value) -> None:
        value = hints.python_scalar(value)
        if not hints.constant_fits(value, self.hint):
            raise PipelineError(
                f"step `{self.call.name}` takes `{self.name}` as {hints.label(self.hint)}, "
                f"but was given {value!r}, which is {hints.label(type(value))}"
            )
        if name := getattr(value, "pipeline_param", None):
            self.call.params[self.name] = f"{{param.{name}}}"
            return
        try:
            constant = params.to_json(value)
        except params.NotAParam:
            raise PipelineError(
                f"`{self.name}` of step `{self.call.name}` was given {value!r}, which has no JSON form: "
                "make it inside a step, or hand over what it is made of"
            ) from None
        if _reads_as_placeholder(constant):
            raise PipelineError(
                f"`{self.name}` of step `{self.call.name}` was given {constant!r}, "
                "which a plan takes for a placeholder"
            )
        self.call.params[self.name] = constant
        self.call.paths += params.paths_in(value)


def _reads_as_placeholder(constant) -> bool:
    return (
        isinstance(constant, str)
        and constant.startswith(("{in.", "{out.", "{param."))
        and constant.endswith("}")
    )
