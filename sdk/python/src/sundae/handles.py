"""What a step call returns while a pipeline is built: a promise of an output, not its value."""

from .errors import PipelineError


class Handle:
    """One output of one step call. `name` is None for a step without outputs; such a handle only orders."""

    __slots__ = ("call", "hint", "name")

    def __init__(self, call, name, hint):
        self.call = call
        self.name = name
        self.hint = hint

    @property
    def reference(self) -> str:
        return f"{self.call.name}.{self.name}"

    def __repr__(self):
        return f"<output {self.reference}>" if self.name else f"<step {self.call.name}>"

    def __getattr__(self, name):
        if name == self.name:  # As with several outputs: `count().words`.
            return self
        if name.startswith("__"):  # Questions that Python and libraries ask of every object.
            raise AttributeError(name)
        return self._has_no_value()

    def __eq__(self, other):
        return self is other if isinstance(other, Handle) else self._has_no_value()

    __hash__ = object.__hash__

    def _has_no_value(self, *_):
        what = f"`{self.reference}`" if self.name else f"the end of step `{self.call.name}`"
        raise PipelineError(
            f"{what} is not known while the pipeline is built: hand it to a step and look at it there"
        )

    __bool__ = __len__ = __contains__ = __float__ = __int__ = __index__ = _has_no_value
    __lt__ = __le__ = __gt__ = __ge__ = __neg__ = __abs__ = __round__ = _has_no_value
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _has_no_value
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _has_no_value

    def _has_no_parts(self, *_):
        if self.name is None:
            raise PipelineError(f"step `{self.call.name}` has no output: its hint says `-> None`")
        raise PipelineError(
            f"`{self.reference}` is one output, and not known while the pipeline is built: "
            "a step with several outputs says so by `-> tuple[A, B]` or `@step(outputs=[...])`"
        )

    __iter__ = __getitem__ = _has_no_parts


class Handles(tuple):
    """Several outputs of one step call: unpack them, or take one by its name (`split().train`)."""

    def __new__(cls, handles):
        return super().__new__(cls, handles)

    @property
    def call(self):
        return self[0].call

    def __getattr__(self, name):
        for handle in self:
            if handle.name == name:
                return handle
        if name.startswith("__"):
            raise AttributeError(name)
        known = ", ".join(f"`{handle.name}`" for handle in self)
        raise PipelineError(f"step `{self.call.name}` has no output `{name}`: it has {known}")
