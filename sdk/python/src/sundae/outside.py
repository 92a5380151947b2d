"""What comes from outside: `data("raw.csv")` in a pipeline stands for a file that no step makes.

It becomes an entry of `[data]` in the plan: its content counts, and each version that a run has seen is kept.
"""

import os
import re

from . import hints
from .errors import PipelineError
from .handles import Handle
from .signature import check_name
from .tracing import active


class Outside:
    """Stands in the place of a call where a handle belongs to no step."""

    name = "data"
    declaration = None
    foreach = ()

    def __init__(self, tracer):
        self.tracer = tracer


def data(path, name: str | None = None) -> Handle:
    """A file or folder, relative to the project's folder, or `store:KEY`: an object in the artifact store.

    `name` is how the run calls it; without one it is the file's.
    """
    tracer = active()
    if tracer is None:
        raise PipelineError("`data(...)` stands for a file within a pipeline's function; a step opens files")
    place = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(place, str) or not place:
        raise PipelineError(f"`data` takes the path of a file or folder, not {path!r}")
    wanted = name or _name_of(place)
    check_name(wanted, "data")
    taken = tracer.data.setdefault(wanted, place)
    if taken != place and name is None:
        wanted = next(free for free in _numbered(wanted) if tracer.data.setdefault(free, place) == place)
    elif taken != place:
        raise PipelineError(f"`{wanted}` is the name of two things from outside: {taken!r} and {place!r}")
    return Handle(Outside(tracer), wanted, hints.ANYTHING)


def _name_of(place: str) -> str:
    stem = os.path.splitext(os.path.basename(place.rstrip("/")))[0]
    name = re.sub(r"[^A-Za-z0-9_-]", "_", stem) or "data"
    return name if name[0].isalpha() or name[0] == "_" else f"_{name}"


def _numbered(name: str):
    count = 2
    while True:
        yield f"{name}_{count}"
        count += 1
