"""Values that Python knows by itself: JSON, text, bytes, files and folders, dataclasses, at last pickle."""

import json
import os

from .. import hints
from . import Materializer, Unsuitable

_SCALARS = (type(None), bool, int, float, str)
_ARRAYS = {"tuple": tuple, "set": set, "frozenset": frozenset}


class Json(Materializer):
    """Values that JSON gives back exactly; tuples and sets only as the whole value, noted in the metadata.

    Not-a-number and the infinities are written as `NaN` and `Infinity`, as Python does.
    """

    media_type = "application/json"

    def save(self, value, path):
        if type(value) in _ARRAYS.values():
            value = list(value) if isinstance(value, tuple) else _sorted(value)
        _write_json(value, path)

    def load(self, path, metadata):
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
        kind = _ARRAYS.get(metadata.get("type"))
        return kind(value) if kind else value


class Text(Materializer):
    """Text, in UTF-8, as it is."""

    media_type = "text/plain; charset=utf-8"

    def save(self, value, path):
        if type(value) is not str:
            raise Unsuitable
        try:
            data = value.encode()
        except UnicodeEncodeError:  # Half of a surrogate pair.
            raise Unsuitable from None
        _write(data, path)

    def load(self, path, metadata):
        with open(path, "rb") as file:
            return file.read().decode()


class Bytes(Materializer):
    """Bytes, as they are."""

    def save(self, value, path):
        if type(value) is not bytes:
            raise Unsuitable
        _write(value, path)

    def load(self, path, metadata):
        with open(path, "rb") as file:
            return file.read()


class Path(Materializer):
    """A file or a folder that the step has made; the reader gets the path of a copy that it must not change.

    Large files are better written to `sundae.context().outputs[NAME]` at once: returning that path copies
    nothing.
    """

    def save(self, value, path):
        import shutil

        source = os.fspath(value)
        if not os.path.exists(source):
            raise FileNotFoundError(f"the step returned the path `{source}`, but there is nothing")
        if os.path.realpath(source) == os.path.realpath(path):
            pass
        elif os.path.lexists(path):
            raise FileExistsError(f"the step returned the path `{source}`, but has also written to `{path}`")
        elif os.path.isdir(source):
            shutil.copytree(source, path, symlinks=True)
        else:
            shutil.copy(source, path)
        # Not the name, which may be a temporary one: what is said must not differ where the content is equal.
        suffix = os.path.splitext(source)[1]
        return {"suffix": suffix} if suffix else None

    def load(self, path, metadata):
        import pathlib

        return pathlib.Path(path)


class Dataclass(Materializer):
    """A dataclass whose fields JSON gives back exactly.

    Loading sets the fields as they were, as pickle does: `__init__` might compute them anew.
    """

    media_type = "application/json"

    def save(self, value, path):
        kind = type(value)
        if not _is_plain_dataclass(kind):
            raise Unsuitable
        names = [name for name, field in kind.__dataclass_fields__.items() if _is_stored(field)]
        has_more = not set(getattr(value, "__dict__", ())) <= set(names)
        if has_more or not all(hasattr(value, name) for name in names):
            raise Unsuitable
        _write_json({name: getattr(value, name) for name in names}, path)
        return {"class": f"{kind.__module__}:{kind.__qualname__}"}

    def load(self, path, metadata):
        module, _, name = metadata["class"].partition(":")
        kind = __import__(module, fromlist=["_"])
        for part in name.split("."):
            kind = getattr(kind, part)
        value = object.__new__(kind)
        with open(path, encoding="utf-8") as file:
            for field, content in json.load(file).items():
                object.__setattr__(value, field, content)  # Works for a frozen one too.
        return value


class Pickle(Materializer):
    """Everything else. Only Python reads it, and only where the same classes can be imported."""

    media_type = "application/x-python-pickle"

    def save(self, value, path):
        import pickle

        with open(path, "wb") as file:
            pickle.dump(value, file, protocol=5)

    def load(self, path, metadata):
        import pickle

        with open(path, "rb") as file:
            return pickle.load(file)


def _is_plain_dataclass(kind: type) -> bool:
    """Whether an instance is its fields and nothing else, and can be found by the name of its class."""
    return (
        "__dataclass_fields__" in kind.__dict__
        and kind.__new__ is object.__new__
        and "__reduce__" not in kind.__dict__
        and "<locals>" not in kind.__qualname__
    )


def _is_stored(field) -> bool:
    """Whether a field is one of the instance's; ClassVar and InitVar are listed among them as well."""
    return field._field_type.name == "_FIELD"


def _write_json(value, path: str) -> None:
    try:
        if not _is_json(value):
            raise Unsuitable
        data = _ENCODER.encode(value).encode()
    except (RecursionError, UnicodeEncodeError):  # It holds itself, or half of a surrogate pair.
        raise Unsuitable from None
    _write(data, path)


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=hints.python_scalar)


def _write(data: bytes, path: str) -> None:
    """Writes a file. In a copy of a warm server, what `open` makes around a file costs more than the file."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        done = os.write(file, data)
        while done < len(data):  # No more than 2 GiB are written at once.
            done += os.write(file, memoryview(data)[done:])
    finally:
        os.close(file)


def _is_json(value) -> bool:
    """Whether JSON gives the value back as it is (NumPy scalars come back as Python's)."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind is list:
        return all(map(_is_json, value))
    if kind is dict:
        return all(type(key) is str for key in value) and all(map(_is_json, value.values()))
    return type(hints.python_scalar(value)) in _SCALARS


def _sorted(values) -> list:
    try:
        return sorted(values)
    except TypeError:  # A mixture that has no order.
        raise Unsuitable from None
