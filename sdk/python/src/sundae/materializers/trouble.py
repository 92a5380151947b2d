"""Why a value cannot be saved or loaded, and what to do about it, in words."""

import errno
import os

from .. import hints
from ..source import is_installed

_DEEPEST = 12
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_PLACE = (
    "return the pathlib.Path of a file that the step has written, or register a materializer for its type"
)
_TOP_LEVEL = "define it at the top level of a module, where other processes find it by its name"

_CURES = {
    "generator": "return a list of what it yields",
    "function": _TOP_LEVEL,
    "method": "return what it needs, and call it in the step that takes it",
    "module": "import it in the step that needs it",
    "type": _TOP_LEVEL,
}


def of_saving(value, error: Exception, traceback) -> str | None:
    """What is wrong with a value; None if that is best told by the traceback, which leads into other code."""
    if isinstance(error, MemoryError):
        return "there is not enough memory for that: write it in parts to a file, and return its pathlib.Path"
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"there is no room for it ({error.strerror}): free some where the run has its files"
    if _leads_to_the_user(traceback):
        return None
    if isinstance(error, RecursionError):
        return f"it is nested too deeply: {_PLACE}"
    if not _is_about_pickling(error):
        return None
    way, culprit = _culprit(value)
    where = f"`{way}` in it, a value of type {_kind(culprit)}, " if way else "it "
    return f"{where}cannot be pickled ({_in_one_line(error)}): {_cure(culprit)}"


def of_loading(metadata: dict, error: Exception, traceback) -> str | None:
    """Why what was saved with this metadata cannot be loaded; None as in `of_saving`."""
    if isinstance(error, MemoryError):
        return "there is not enough memory for that"
    if _leads_to_the_user(traceback):
        return None
    kind = metadata.get("type", "a value")
    again = "run the step that made it again (`sundae run FILE --rerun STEP`)"
    if isinstance(error, ModuleNotFoundError):
        return (
            f"it was saved as {kind}, and the module `{error.name}` is not there: install it, "
            f"bring it back, or {again}"
        )
    if isinstance(error, (AttributeError, ImportError)):
        return f"it was saved as {kind}, and that is not there any more ({_in_one_line(error)}): {again}"
    if type(error).__name__ in ("UnpicklingError", "EOFError"):
        return f"it was saved as {kind}, and is not whole ({_in_one_line(error)}): {again}"
    return None


def _is_about_pickling(error: Exception) -> bool:
    """Pickle has an error of its own, but mostly raises others."""
    text = str(error).lower()
    return type(error).__name__ == "PicklingError" or (
        isinstance(error, (TypeError, AttributeError, NotImplementedError))
        and ("pickle" in text or "serialize" in text or "local object" in text)
    )


def _culprit(value):
    """The innermost value that pickle refuses, and the way to it: `['a'].b[0]`."""
    way = ""
    for _ in range(_DEEPEST):
        found = next(((step, inner) for step, inner in _parts(value) if not _can_be_pickled(inner)), None)
        if found is None:
            break
        way, value = way + found[0], found[1]
    return way, value


def _parts(value):
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", item) for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{place}]", item) for place, item in enumerate(value))
    elif not isinstance(value, type) and not callable(getattr(value, "__next__", None)):
        yield from ((f".{name}", item) for name, item in getattr(value, "__dict__", {}).items())


class _Nowhere:
    def write(self, data) -> int:
        return len(data)


def _can_be_pickled(value) -> bool:
    import pickle

    try:
        pickle.dump(value, _Nowhere(), protocol=5)
    except Exception:
        return False
    return True


def _cure(culprit) -> str:
    kind = type(culprit)
    if hasattr(culprit, "fileno") and hasattr(culprit, "name"):
        return "return its pathlib.Path instead of the open file"
    if callable(getattr(culprit, "__next__", None)):
        return _CURES["generator"]
    if kind.__name__ in _CURES:
        return _CURES[kind.__name__]
    if "<locals>" in kind.__qualname__:
        return f"its type is defined inside a function: {_TOP_LEVEL}"
    if kind.__module__ in ("_thread", "threading", "socket", "_socket", "sqlite3", "subprocess"):
        return "it belongs to the process that made it: leave it out, and make it anew where it is needed"
    return _PLACE


def _kind(value) -> str:
    return hints.label(type(value))


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _leads_to_the_user(traceback) -> bool:
    """Whether an error has come out of code of the user's: a `__getstate__`, say, or a module that fails."""
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith((ours, "<")) and not is_installed(os.path.realpath(file)):
            return True
        traceback = traceback.tb_next
    return False
