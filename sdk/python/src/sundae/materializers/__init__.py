"""How a value becomes a file or folder, and a value again.

The type of the value chooses the materializer that saves it. Its name travels with the artifact as metadata
and chooses the one that loads it, whatever the reader's hints say. Only where there is no such metadata,
because a command in another language has written the artifact, the reader's hint chooses.

A library such as NumPy is imported only when one of its values is saved or loaded.
"""

from .. import hints
from ..errors import SundaeError


class Unsuitable(Exception):
    """Raised by `save` for a value that would not come back as it was; the next materializer is asked."""


class Materializer:
    """Saves and loads the values of a type. Subclass it, and register it with `register_materializer`.

    `save` writes a file or folder at `path` and may return a dict of metadata (JSON values), which `load` is
    given again. The class must be importable, because the process that loads is another one.
    """

    media_type = "application/octet-stream"

    def save(self, value, path: str) -> dict | None:
        raise NotImplementedError

    def load(self, path: str, metadata: dict):
        raise NotImplementedError


def register_materializer(kind: type, materializer) -> None:
    """Saves values of `kind` and of its subclasses with this materializer (a class or an instance)."""
    if not isinstance(kind, type):
        raise SundaeError(f"a materializer is registered for a type, not for {kind!r}")
    materializer = materializer() if isinstance(materializer, type) else materializer
    if "<locals>" in _import_name(materializer):
        raise SundaeError(
            f"the materializer `{_import_name(materializer)}` is defined inside a function, "
            "where the process that loads cannot find it: define it at the top level of a module"
        )
    _registered[kind] = materializer


def registered(kind: type) -> Materializer | None:
    """The materializer that was registered for just this type."""
    return _registered.get(kind)


def save(value, path: str) -> dict:
    """Writes a value to `path`; returns the metadata by which it can be loaded."""
    kind = type(value)
    for name, materializer in _candidates(kind):
        try:
            extra = materializer.save(value, path) or {}
        except Unsuitable:
            continue
        told = kind.__qualname__ if kind in _JSON_TYPES else _told(kind).removeprefix("builtins.")
        return {"materializer": name, "media_type": materializer.media_type, "type": told, **extra}
    raise AssertionError("the last candidate, pickle, takes everything or raises its own error")


def save_entries(values, path: str) -> dict:
    """Writes each value as an entry of the folder at `path`, so that others can be mapped over them."""
    import os

    if isinstance(values, (str, bytes, dict)) or not hasattr(values, "__len__"):
        raise SundaeError(f"others are mapped over it, so it must be a list, not {hints.label(type(values))}")
    values = list(values)
    os.mkdir(path)
    width = len(str(max(len(values) - 1, 0)))
    names = [f"{place:0{width}}" for place in range(len(values))]
    items = {name: save(value, os.path.join(path, name)) for name, value in zip(names, values, strict=True)}
    return {"media_type": "inode/directory", "type": "list", "items": items}


def load(path: str, metadata: dict, hint=hints.ANYTHING):
    """Reads a value that a step or a command has written to `path`."""
    hint = hints.plain(hint)
    if _is_path(hint):
        return _as_path(path, hint)
    if "items" in metadata and "materializer" not in metadata:
        return _entries(path, metadata["items"], hint)
    name = metadata.get("materializer")
    if name is not None:
        return _named(name).load(path, metadata)
    return _load_by_hint(path, hint)


_registered: dict[type, Materializer] = {}

_ours: dict[str, Materializer] = {}
"""Those that were asked for before."""

_BY_NAME = {
    "json": "plain:Json",
    "text": "plain:Text",
    "bytes": "plain:Bytes",
    "path": "plain:Path",
    "dataclass": "plain:Dataclass",
    "pickle": "plain:Pickle",
    "numpy": "arrays:Npy",
    "parquet": "frames:Parquet",
    "csv": "frames:Csv",
    "joblib": "estimators:Joblib",
}

_BY_TYPE = {
    "builtins.str": ["text"],
    "builtins.bytes": ["bytes"],
    "pathlib.PurePath": ["path"],
    "pathlib._local.PurePath": ["path"],  # Where Python 3.13 keeps it.
    "numpy.ndarray": ["numpy"],
    "numpy.generic": ["numpy"],
    "pandas.DataFrame": ["parquet", "csv"],
    "pandas.core.frame.DataFrame": ["parquet", "csv"],  # Before pandas 3.
    "pandas.Series": ["parquet", "csv"],
    "pandas.core.series.Series": ["parquet", "csv"],
    "sklearn.base.BaseEstimator": ["joblib"],
}

_JSON_TYPES = (bool, int, float, list, dict, tuple, set, frozenset, type(None))

_LAST = ["json", "dataclass", "pickle"]


def _candidates(kind: type):
    """The materializers to ask for values of a type: the user's, those of the type, the general ones."""
    if _registered:
        for base in kind.__mro__:
            if base in _registered:
                yield _import_name(_registered[base]), _registered[base]
    names = []
    if kind not in _JSON_TYPES:
        names = [name for base in kind.__mro__ for name in _BY_TYPE.get(_told(base), ())]
    for name in names + _LAST:
        yield name, _named(name)


def _told(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _named(name: str) -> Materializer:
    """A materializer by the name in the metadata: a short one of ours, or `module:Class` of the user's."""
    if not _registered and name in _ours:
        return _ours[name]
    for materializer in _registered.values():  # As it was registered, options included.
        if _import_name(materializer) == name:
            return materializer
    module, _, kind = _BY_NAME.get(name, name).rpartition(":")
    if name in _BY_NAME:
        module = f"{__name__}.{module}"
    try:
        found = __import__(module, fromlist=["_"])
        for part in kind.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise SundaeError(f"the materializer `{name}` that saved this cannot be imported: {error}") from error
    found = found() if isinstance(found, type) else found
    if name in _BY_NAME:
        _ours[name] = found
    return found


def _import_name(materializer: Materializer) -> str:
    kind = type(materializer)
    return f"{kind.__module__}:{kind.__qualname__}"


def _entries(path: str, items: dict, hint):
    """The list of what steps that were mapped, or a step that others are mapped over, have written."""
    import os

    wanted = getattr(hint, "__origin__", hint)
    if wanted is dict:
        arguments = getattr(hint, "__args__", None) or (str, hints.ANYTHING)
        element = arguments[-1]
    else:
        element = hints.element(hint)
    found = {
        name: load(os.path.join(path, name), items.get(name) or {}, element)
        for name in sorted(os.listdir(path))
    }
    if wanted is dict:
        return found
    return tuple(found.values()) if wanted is tuple else list(found.values())


def _load_by_hint(path: str, hint):
    import os

    if os.path.isdir(path) and getattr(hint, "__origin__", hint) in (list, tuple, dict):
        return _entries(path, {}, hint)
    if hint is hints.ANYTHING or hint is object or repr(hint) == "typing.Any":
        return _as_path(path, hint)
    choices = [choice for choice in hints.members(hint) if choice is not type(None)]
    if len(choices) == 1:
        return load(path, {}, choices[0])
    kind = getattr(hint, "__origin__", hint)
    if materializer := _for_type(kind, path):
        return materializer.load(path, {})
    if hasattr(kind, "__dataclass_fields__"):
        return kind(**_named("json").load(path, {}))
    if kind in _JSON_TYPES or not isinstance(kind, (type, hints.Unknown)):
        return _named("json").load(path, {"type": getattr(kind, "__name__", "")})
    cure = "take it as pathlib.Path, or register a materializer"
    if isinstance(kind, hints.Unknown):
        cure = "its name is imported only for type checkers; import it, or take the file as pathlib.Path"
    raise SundaeError(
        f"nothing says how to read a {hints.label(hint)} from a file that a command has written: {cure}"
    )


def _for_type(kind, path: str) -> Materializer | None:
    """The materializer that saves values of this type, if it can also read a file that it has not written."""
    for base in getattr(kind, "__mro__", ()):
        if base in _registered:
            return _registered[base]
        for name in _BY_TYPE.get(f"{base.__module__}.{base.__qualname__}", ()):
            materializer = _named(name)
            if not hasattr(materializer, "recognises") or materializer.recognises(path):
                return materializer
    return None


def _is_path(hint) -> bool:
    return isinstance(hint, type) and hasattr(hint, "__fspath__")


def _as_path(path: str, hint):
    import pathlib

    return hint(path) if isinstance(hint, type) and issubclass(hint, pathlib.PurePath) else pathlib.Path(path)
