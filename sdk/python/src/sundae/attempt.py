"""One attempt of a step, in the process that the host has started for it.

    python3 -c "import sundae; sundae.run_step()" MODULE:NAME [OPTION VALUE]...

MODULE is a module's name or, for the script itself, its path relative to the project. `--path` names a
further folder to import from, `--outputs A,B` the outputs, `--split A,B` those of which each value becomes an
entry of a folder. (`python3 -m` would read better, but costs 4 ms more.) Everything else comes from the
context file of the step contract.
"""

import os
import sys

from . import declaration, hints, materializers, params
from .errors import SundaeError
from .running import append, read_context

COMMAND = "import sundae; sundae.run_step()"
"""What `python3 -c` is given to make an attempt."""


def run_step() -> None:
    """Runs the step that the command line names, and ends the process with 1 if it fails."""
    sys.stdout.reconfigure(line_buffering=True)  # The host shows the log while the step runs.
    attempt = Attempt(sys.argv[1:])
    extend_path(attempt.paths)
    attempt.run()


class Attempt:
    """What a command line asks for. What precedes the function's call may be done ahead, see `ahead.py`."""

    def __init__(self, words: list[str]):
        self.target, self.paths, self.output_names, self.split = _command_line(words)
        self.facts = read_context()
        self.messages = os.environ.get("SUNDAE_MESSAGES")
        self.step: declaration.Step | None = None
        self.arguments: dict | None = None

    def run(self) -> None:
        """Calls the function, and saves what it returns. Ends the process with 1 if that fails."""
        sys.argv = [self.target.partition(":")[0]]
        if self.step is None:
            with trimmed_errors(f"while loading `{self.target}`"):
                step = _load(self.target)
            self.step = with_outputs(step, self.output_names)
        if self.arguments is None:
            self.arguments = arguments(self.step, self.facts, _loaded)
        with trimmed_errors():
            result = self.step.signature.call(self.step.function, self.arguments)
        self._save(result)

    def _save(self, result) -> None:
        step = self.step
        for output, value in zip(step.outputs, _split(step, result), strict=True):
            value = _checked(step, output, value)
            with trimmed_errors(f"while saving the output `{output.name}`"):
                path = self.facts["outputs"][output.name]["path"]
                metadata = _saved(step, output.name, value, path, output.name in self.split)
                append({"output": output.name, "metadata": metadata}, self.messages)


def _command_line(words: list[str]):
    target, paths, outputs, split = words[0], [], None, []
    for option, value in zip(words[1::2], words[2::2], strict=True):
        if option == "--path":
            paths.append(value)
        elif option == "--outputs":
            outputs = [name for name in value.split(",") if name]
        elif option == "--split":
            split = value.split(",")
    return target, paths, outputs, split


def extend_path(paths: list[str]) -> None:
    """First the project's folders; last whatever else the starting script could import from."""
    here = os.getcwd()
    first = [*(os.path.join(here, path) for path in paths), here]
    sys.path[:] = [*first, *(path for path in sys.path if path and path not in first)]
    inherited = os.environ.get("SUNDAE_PYTHONPATH", "").split(os.pathsep)
    sys.path += [path for path in inherited if path and path not in sys.path]


def _load(target: str) -> declaration.Step:
    module, _, name = target.rpartition(":")
    found = load_script(module) if module.endswith(".py") else __import__(module, fromlist=["_"])
    for part in name.split("."):
        found = getattr(found, part)
    return found if isinstance(found, declaration.Step) else declaration.Step(found)


def with_outputs(step: declaration.Step, names: list[str] | None) -> declaration.Step:
    """The step with the outputs that the command line names, if it does."""
    return step if names is None else step.with_options(outputs=names)


class _ScriptHasStartedPipeline(BaseException):
    pass


def load_script(path: str):
    """Loads the script that defines the step, as a module of its own name.

    A script may start its pipeline without asking `__name__ == "__main__"` first. By then it has defined its
    steps, so this is where loading ends.
    """
    from importlib.machinery import SourceFileLoader

    name = os.path.splitext(os.path.basename(path))[0]
    file = os.path.abspath(path)
    if getattr(sys.modules.get(name), "__file__", None) == file:
        return sys.modules[name]  # A step before this one has run in this process.
    module = type(sys)(name)
    module.__file__ = file
    module.__loader__ = SourceFileLoader(name, file)
    sys.modules[name] = module
    declaration.module_is_loading = _ScriptHasStartedPipeline()
    try:
        exec(module.__loader__.get_code(name), module.__dict__)
    except _ScriptHasStartedPipeline:
        pass
    finally:
        declaration.module_is_loading = None
    return module


def arguments(step, facts: dict, load) -> dict:
    """The arguments of a step by name; `load` reads an input: a step, its key, its entry and its hint."""
    found = {}
    signature = step.signature.arguments
    for name, value in facts["params"].items():
        found[name] = params.from_json(value, signature[name].hint)
    # `models-0`, `models-1`, ... are the elements of one argument; see `tracing.py`.
    for key in sorted(facts["inputs"], key=_place):
        entry = facts["inputs"][key]
        name, is_element, _ = key.partition("-")
        hint = signature[name].hint
        value = load(step, key, entry, hints.element(hint) if is_element else hint)
        if is_element:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def _loaded(step, key: str, entry: dict, hint):
    with trimmed_errors(f"while loading the input `{key}`"):
        try:
            return materializers.load(entry["path"], entry["metadata"], hint)
        except Exception as error:
            from .materializers import trouble

            why = trouble.of_loading(entry["metadata"], error, error.__traceback__)
            if why is None:
                raise
            _fail(f"step `{step.name}` cannot load its input `{key}`: {why}")


def _place(key: str):
    name, _, place = key.partition("-")
    return name, int(place or 0)


def _saved(step, name: str, value, path: str, is_split: bool) -> dict:
    try:
        return materializers.save_entries(value, path) if is_split else materializers.save(value, path)
    except Exception as error:
        from .materializers import trouble

        is_ours = isinstance(error, SundaeError)
        why = str(error) if is_ours else trouble.of_saving(value, error, error.__traceback__)
        if why is None:
            raise
        return _fail(f"step `{step.name}` returned {_described(value)} for `{name}`, but {why}")


def _split(step, result) -> list:
    """The values of the outputs, in their order."""
    count = len(step.outputs)
    if count == 1:
        return [result]
    if count == 0:
        if result is None:
            return []
        _fail(f"step `{step.name}` returned {_described(result)}, but has no output")
    if not isinstance(result, (tuple, list)) or len(result) != count:
        names = ", ".join(f"`{output.name}`" for output in step.outputs)
        _fail(f"step `{step.name}` must return the {count} values {names}, but returned {_described(result)}")
    return list(result)


def _checked(step, output, value):
    if type(value) is output.hint:  # Nothing need be asked, and asking costs more than most of what follows.
        return value
    wanted = hints.plain(output.hint)
    if any(kind in (int, float, bool, str) for kind in hints.members(wanted) or [wanted]):
        value = hints.python_scalar(value)
    if wanted is float and isinstance(value, int):
        value = float(value)
    if hints.value_fits(value, wanted):
        return value
    return _fail(
        f"step `{step.name}` returned {_described(value)} for `{output.name}`, "
        f"whose hint says {hints.label(wanted)}"
    )


def _described(value) -> str:
    kind = hints.label(type(value))
    return f"{len(value)} values" if isinstance(value, (tuple, list)) else f"a value of type {kind}"


def _fail(sentence: str):
    print(f"error: {sentence}", file=sys.stderr)
    raise SystemExit(1)


class trimmed_errors:
    """Ends the process with 1 on an error, and shows the traceback from the user's first line on."""

    def __init__(self, occasion: str = ""):
        self.occasion = occasion

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is None or not issubclass(kind, Exception):
            return
        sys.stdout.flush()
        if isinstance(error, SundaeError):
            _fail(str(error))
        import traceback as printer

        printer.print_exception(kind, error, _from_users_line(traceback))
        if self.occasion:
            print(f"({self.occasion})", file=sys.stderr)
        raise SystemExit(1)


def _from_users_line(traceback):
    ours = os.path.dirname(__file__) + os.sep
    trimmed = traceback
    while trimmed is not None and trimmed.tb_frame.f_code.co_filename.startswith((ours, "<frozen ")):
        trimmed = trimmed.tb_next
    return trimmed
