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

    def _has_no_value(self, *_):
        what = f"`{self.reference}`" if self.name else f"the end of step `{self.call.name}`"
        raise PipelineError(
            f"{what} is not known while the pipeline is built: hand it to a step and look at it there"
        )

    __bool__ = __iter__ = __len__ = __getitem__ = __contains__ = __float__ = __int__ = _has_no_value

    def __getattr__(self, name):
        if name == self.name:  # As with several outputs: `count().words`.
            return self
        if name.startswith("__"):  # Questions that Python and libraries ask of every object.
            raise AttributeError(name)
        return self._has_no_value()


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
        raise AttributeError(f"step `{self.call.name}` has no output `{name}`")
