"""The code behind a step: where it stands, which files it draws in, which packages it needs.

All of it is read from the source text; nothing is imported to find out.
"""

import ast
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES

from . import distributions
from .errors import PipelineError
from .reach import Legacy, Reaches

MARKER = "sundae.toml"
"""The file at the root of a project."""


class Place:
    """Where a function stands, for the process that runs it."""

    def __init__(self, target: str, file: str, import_root: str):
        self.target = target
        self.name = target.rpartition(":")[2].partition(".")[0]
        self.file = file
        self.import_root = import_root


class Footprint:
    """What a module is made of: project files, and versions of what comes from elsewhere."""

    def __init__(self, files: list[str], fingerprint: dict[str, str], import_roots: set[str]):
        self.files = files
        self.fingerprint = fingerprint
        self.import_roots = import_roots


class Project:
    """The folder that a pipeline belongs to. Files below it are its code."""

    def __init__(self, root: str, import_roots: list[str]):
        self.root = root
        self._import_roots = import_roots
        self._imports = {}
        self._trees = {}
        self._places = {}
        self._footprints = {}
        self._above: dict[str, list[str]] = {}
        self._labels: dict[str, str] = {}
        self._top_level: set[str] | None = None
        self._reaches = Reaches(self)
        self._installed = distributions.Installed()

    @classmethod
    def of(cls, function) -> "Project":
        """The project of a pipeline's function: the folder with `sundae.toml`, else that of the script.

        For a notebook it is the folder in which the session works.
        """
        is_in_notebook = _notebook_of(function) is not None
        file, import_root = ("", "") if is_in_notebook else _file_of(function)
        if is_in_notebook or is_installed(file):
            import_root = os.path.realpath(os.getcwd())
            file = os.path.join(import_root, os.path.basename(file))
        folder = marked(os.path.dirname(file), import_root)
        return cls(folder, [folder, import_root, *import_roots()])

    def holds(self, path: str) -> bool:
        return path == self.root or path.startswith(os.path.join(self.root, ""))

    def relative(self, path: str) -> str:
        return os.path.relpath(path, self.root).replace(os.sep, "/")

    def place_of(self, function, title: str) -> Place:
        """How a step's process finds a function: `module:name`, or `file.py:name` for the script itself."""
        name = function.__qualname__
        if "<locals>" in name:
            raise PipelineError(
                f"`{name.split('.')[-1]}` is defined inside a function, "
                "where a step's process cannot find it: define it at the top level of a module"
            )
        if notebook := _notebook_of(function):
            return self._place_of_cell(function, notebook.write_module(function, title, self.root))
        file, import_root = _file_of(function)
        _check_reachable(function)
        module = _module_name(function)
        if module == "__main__":
            module = self.relative(file) if self.holds(file) else file
        return Place(f"{module}:{name}", file, import_root)

    def _place_of_cell(self, function, file: str) -> Place:
        folder, name = os.path.split(file)
        if folder not in self._import_roots:
            self._import_roots.insert(0, folder)
        return Place(f"{name.removesuffix('.py')}:{function.__name__}", file, folder)

    def footprint(self, place: Place, inherited: Legacy) -> tuple[Footprint, Legacy]:
        """What a function is made of that is given what others have left; and what it may leave itself."""
        return self._reaches.of(place.file, place.name, inherited)

    def footprint_of_files(self, files: set[str]) -> Footprint:
        """What the modules in these files are made of, with everything of the user's that they import."""
        starts = frozenset(files)
        if starts not in self._footprints:
            self._footprints[starts] = self._walk(sorted(starts))
        return self._footprints[starts]

    def footprint_of(
        self, files: list[str], foreign: set[str], import_roots: set[str], digests: dict[str, str]
    ) -> Footprint:
        """The footprint of definitions with these digests, and of files that have none."""
        fingerprint = {**self._versions(foreign), **self._digests_of_strangers(set(files)), **digests}
        return Footprint(
            sorted(self.relative(one) for one in files if self.holds(one)), fingerprint, import_roots
        )

    def _walk(self, starts: list[str]) -> Footprint:
        seen, waiting = set(), [*starts]
        for start in starts:
            waiting += _packages_above(start, self._import_roots)
        import_roots, foreign = set(), set()
        while waiting:
            file = waiting.pop()
            if file in seen or is_installed(file):
                continue
            seen.add(file)
            for module in self._imports_of(file):
                found = self.find(module)
                if found:
                    import_roots.add(found[0])
                    waiting += found[1]
                else:
                    foreign.add(module.split(".")[0])
        foreign |= {_top_level_of_installed(start) for start in starts if is_installed(start)}
        files = sorted(self.relative(file) for file in seen if self.holds(file))
        fingerprint = {**self._versions(foreign), **self._digests_of_strangers(seen)}
        return Footprint(files, fingerprint, import_roots)

    def _versions(self, modules: set[str]) -> dict[str, str]:
        """The versions of Python and of the distributions that these modules belong to."""
        python = "{}.{}.{}".format(*sys.version_info)
        needed = {name for name in modules if not _is_always_there(name)}
        return {"python": python, **self._installed.versions(needed)}

    def _digests_of_strangers(self, files: set[str]) -> dict[str, str]:
        """The user's code outside the project has no name relative to it; its content counts all the same."""
        strangers = [file for file in files if not self.holds(file)]
        return {_below_any(file, self._import_roots): f"code:{_digest(file)}" for file in sorted(strangers)}

    def _imports_of(self, file: str) -> list[str]:
        if file not in self._imports:
            self._imports[file] = list(self._imports_in(file))
        return self._imports[file]

    def _imports_in(self, file: str):
        """The modules that a file may import, by absolute name; `from a import b` may be module `a.b`."""
        tree = self.tree(file)
        for node in _statements(tree) if tree else ():
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                yield from self.modules_of(node, file)

    def modules_of(self, node, file: str) -> list[str]:
        """The modules that an import statement in this file may import."""
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        module = self.absolute(node, file)
        if not module:
            return []
        return [module, *(f"{module}.{alias.name}" for alias in node.names if alias.name != "*")]

    def find(self, module: str):
        """The import root and the files that an import of this module executes, if they are not installed."""
        if module not in self._places:
            self._places[module] = self._look_for(module)
        return self._places[module]

    def file_of(self, module: str) -> str | None:
        """The file of just this module, if it is not installed and has one."""
        found = self.find(module)
        if not found:
            return None
        path = os.path.join(found[0], *module.split("."))
        return next((file for file in found[1] if file in _files_for(path)), None)

    def is_module(self, module: str) -> bool:
        """Whether there is such a module that is not installed."""
        return self.file_of(module) is not None or self._is_bare_folder(module)

    def _is_bare_folder(self, module: str) -> bool:
        """Whether it is a package without `__init__.py`, for which no other module of that name is taken."""
        path, top = os.path.join(*module.split(".")), module.partition(".")[0]
        if _is_always_there(top) or not any(
            os.path.isdir(os.path.join(root, path)) for root in self._import_roots
        ):
            return False
        spec = _spec(top)
        return self.find(top) is not None or spec is None or spec.origin is None

    def has_top_level(self, name: str) -> bool:
        """Whether a module that is not installed has this name, or one that has been found by now."""
        if self._top_level is None:
            entries = [
                entry for root in self._import_roots if os.path.isdir(root) for entry in os.listdir(root)
            ]
            self._top_level = {entry.partition(".")[0] for entry in entries}
        return name in self._top_level or self._places.get(name) is not None

    def is_installed(self, file: str) -> bool:
        return is_installed(file)

    def packages_above(self, file: str) -> list[str]:
        """The `__init__.py` files that run before a module does."""
        if file not in self._above:
            self._above[file] = _packages_above(file, self._import_roots)
        return self._above[file]

    def label(self, file: str) -> str:
        """The name of a file of the user's, wherever the project lies."""
        if file not in self._labels:
            inside = self.holds(file)
            self._labels[file] = self.relative(file) if inside else _below_any(file, self._import_roots)
        return self._labels[file]

    def tree(self, file: str):
        """The syntax tree of a source file; None if it has none."""
        if file not in self._trees:
            self._trees[file] = _tree(file)
        return self._trees[file]

    def absolute(self, node: ast.ImportFrom, file: str) -> str | None:
        """The absolute name of the module that a `from` in this file names."""
        return _absolute(node, file, self._import_roots)

    def _look_for(self, module: str):
        for root in self._import_roots:
            if files := _files_of(root, module):
                return root, files
        root = _root_by_finders(module.split(".")[0])
        files = _files_of(root, module) if root is not None else []
        if not files:
            return None
        self._import_roots.append(root)
        return root, files


def marked(folder: str, otherwise: str | None = None) -> str:
    """The nearest folder with `sundae.toml`, upwards from this one; else the other one, or this one."""
    above = folder
    while not os.path.exists(os.path.join(above, MARKER)):
        if above == os.path.dirname(above):
            return otherwise or folder
        above = os.path.dirname(above)
    return above


def _tree(file: str):
    if not file.endswith(".py"):
        return None
    with open(file, "rb") as source:
        try:
            return ast.parse(source.read())
        except (SyntaxError, ValueError):
            return None


def _statements(tree):
    """All statements of a module, however deep. Expressions hold none, so they are not walked."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            children = getattr(node, field, None)
            if isinstance(children, list):
                waiting += children


def _absolute(node: ast.ImportFrom, file: str, import_roots: list[str]) -> str | None:
    if not node.level:
        return node.module
    folder = os.path.dirname(file)
    for _ in range(node.level - 1):
        folder = os.path.dirname(folder)
    for root in import_roots:
        if folder.startswith(os.path.join(root, "")):
            package = os.path.relpath(folder, root).replace(os.sep, ".")
            return f"{package}.{node.module}" if node.module else package
    return None


def _files_of(root: str, module: str) -> list[str]:
    """The files below `root` that an import of `module` executes: the packages on the way, and its own."""
    files, base = [], root
    for part in module.split("."):
        path = os.path.join(base, part)
        own = next((candidate for candidate in _files_for(path) if os.path.isfile(candidate)), None)
        if own:
            files.append(own)
        if not os.path.isdir(path):
            break
        base = path
    return files


def _files_for(path: str) -> tuple[str, ...]:
    """The files that a module at this path may have, in the order in which Python looks for them."""
    return (os.path.join(path, "__init__.py"), *(path + ending for ending in (".py", *EXTENSION_SUFFIXES)))


def _packages_above(file: str, import_roots: list[str]) -> list[str]:
    """The `__init__.py` files that run before a module does."""
    for root in import_roots:
        if file.startswith(os.path.join(root, "")):
            module = os.path.splitext(os.path.relpath(file, root))[0].replace(os.sep, ".")
            return _files_of(root, module)
    return []


def _is_always_there(module: str) -> bool:
    """Whether a top-level module comes with Python or is this package."""
    return module in sys.stdlib_module_names or module == "sundae"


def _root_by_finders(module: str) -> str | None:
    """The folder of a top-level module that is not on the import path and yet found.

    An editable install may bring a finder of its own; its files are the user's code like any other.
    """
    if _is_always_there(module):
        return None
    spec = _spec(module)
    file = os.path.realpath(spec.origin) if spec is not None and spec.origin else ""
    if not os.path.isfile(file) or is_installed(file):
        return None
    folder = os.path.dirname(file)
    return os.path.dirname(folder) if spec.submodule_search_locations else folder


def _spec(module: str):
    """What the finders say of a top-level module; nothing is imported."""
    if module in sys.modules:
        return getattr(sys.modules[module], "__spec__", None)
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(module, None)
        except Exception:  # A finder that is broken says so when the step imports something.
            continue
        if spec is not None:
            return spec
    return None


def _digest(file: str) -> str:
    import hashlib

    with open(file, "rb") as source:
        return hashlib.sha256(source.read()).hexdigest()


def _below_any(file: str, roots: list[str]) -> str:
    inside = [os.path.relpath(file, root) for root in roots if file.startswith(os.path.join(root, ""))]
    return min(inside, key=len, default=os.path.basename(file)).replace(os.sep, "/")


def _notebook_of(function):
    """The module that knows what to do with functions of a notebook, if this is one."""
    if function.__module__ != "__main__" or getattr(sys.modules["__main__"], "__file__", None):
        return None
    from . import notebook

    return notebook if notebook.is_home_of(function) else None


def _module_name(function) -> str:
    if function.__module__ == "__main__":
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        return spec.name if spec else "__main__"
    return function.__module__


def _file_of(function) -> tuple[str, str]:
    """The file that a function's module was loaded from, and the folder from which that is imported."""
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    if file is None:
        raise PipelineError(
            f"`{function.__name__}` is defined in an interactive session: put it into a file, "
            "where a step's process can find it"
        )
    file = os.path.realpath(file)
    root = os.path.dirname(file)
    name = _module_name(function)
    if name != "__main__":
        depth = name.count(".") + (os.path.basename(file) == "__init__.py")
        for _ in range(depth):
            root = os.path.dirname(root)
    return file, root


def import_roots() -> list[str]:
    """The folders from which Python imports code that is not installed."""
    ours = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    folders = [os.path.realpath(folder or os.getcwd()) for folder in sys.path]
    return [folder for folder in dict.fromkeys(folders) if not is_installed(folder) and folder != ours]


def is_installed(path: str) -> bool:
    """Whether a path belongs to Python itself or to installed packages."""
    parts = path.split(os.sep)
    if "site-packages" in parts or "dist-packages" in parts or path.endswith(".zip"):
        return True
    return path == _STANDARD_LIBRARY or path.startswith(os.path.join(_STANDARD_LIBRARY, ""))


_STANDARD_LIBRARY = os.path.dirname(os.path.realpath(os.__file__))


def _top_level_of_installed(file: str) -> str:
    parts = file.split(os.sep)
    places = [index for index, part in enumerate(parts) if part in ("site-packages", "dist-packages")]
    return parts[places[-1] + 1].removesuffix(".py") if places else "os"


def _check_reachable(function) -> None:
    found = sys.modules[function.__module__]
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise PipelineError(
            f"`{function.__qualname__}` is not to be found under that name in `{function.__module__}`, "
            "where a step's process looks for it"
        )
