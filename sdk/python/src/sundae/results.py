"""What a run has left behind: its steps, their metrics and their outputs."""

import os
import sys

from .errors import SundaeError


class Artifact:
    """An output of a step, as it is kept in the artifact store."""

    def __init__(self, run_id: str, step: str, name: str, facts: dict):
        self.reference = f"{run_id}/{step}.{name}"
        self.name = name
        self.kind: str = facts["kind"]
        self.digest: str = facts["digest"]
        self.size: int = facts["size"]
        self.metadata: dict = facts.get("metadata", {})

    def load(self, as_type=None):
        """The value; what a command has written, and so has no type, comes as `as_type` or else as a path."""
        from . import materializers
        from .hints import ANYTHING

        _import_script_by_its_name()
        path = os.path.join(_scratch_folder(), self.name)
        self.save_to(path)
        try:
            return materializers.load(path, self.metadata, ANYTHING if as_type is None else as_type)
        except Exception as error:
            from .materializers import trouble

            why = trouble.of_loading(self.metadata, error, error.__traceback__.tb_next)
            if why is None:
                raise
            raise SundaeError(f"`{self.reference}` cannot be loaded: {why}") from error

    def save_to(self, path) -> None:
        """Copies the file or folder to `path`."""
        from .host import fetch

        fetch(self.reference, os.path.abspath(path))

    def __repr__(self):
        return f"<artifact {self.reference}>"


class Item:
    """What became of one item of a step that was mapped."""

    def __init__(self, facts: dict):
        self.name: str = facts["name"]
        self.status: str = facts["status"]
        self.reason: str | None = facts.get("reason")
        self.duration_ms: int | None = facts.get("duration_ms")
        self.params: dict = facts.get("params", {})
        self.metrics: dict[str, float] = facts.get("metrics", {})

    def __repr__(self):
        return f"<item {self.name}: {self.status}>"


class StepRun:
    """What became of one step."""

    def __init__(self, run_id: str, facts: dict):
        self.name: str = facts["name"]
        self.status: str = facts["status"]
        self.reason: str | None = facts.get("reason")
        self.exit_code: int | None = facts.get("exit_code")
        self.duration_ms: int | None = facts.get("duration_ms")
        self.metrics: dict[str, float] = facts.get("metrics", {})
        self.notes: list[str] = facts.get("notes", [])
        self.log_tail: str | None = facts.get("log_tail")
        self.outputs = {
            name: Artifact(run_id, self.name, name, entry) for name, entry in facts.get("outputs", {}).items()
        }
        self._run_id = run_id
        self._width: int | None = facts.get("items")

    @property
    def items(self) -> list[Item]:
        """The items of a step that was mapped, in their order, with the params in which they differ."""
        if not self._width:
            return []
        from .host import described

        return [Item(facts) for facts in described(self._run_id, self.name)["each"]]

    def __repr__(self):
        return f"<step {self.name}: {self.status}>"


class Run:
    """One execution of a pipeline."""

    def __init__(self, facts: dict):
        self.id: str = facts["id"]
        self.name: str = facts["name"]
        self.pipeline: str = facts["pipeline"]
        self.stack: str = facts["stack"]
        self.status: str = facts["status"]
        self.duration_ms: int | None = facts.get("duration_ms")
        self.params: dict = facts.get("params", {})
        self.steps = {step["name"]: StepRun(self.id, step) for step in facts["steps"]}

    def output(self, reference: str):
        """The value of an output: `"train.model"`, or `"train"` if the step has just one."""
        return self.artifact(reference).load()

    def artifact(self, reference: str) -> Artifact:
        """The output itself, not yet loaded; named as in `output`."""
        step, _, name = reference.partition(".")
        if step not in self.steps:
            raise KeyError(f"run `{self.name}` has no step `{step}`: it has {_listed(self.steps)}")
        outputs = self.steps[step].outputs
        if not name and len(outputs) == 1:
            return next(iter(outputs.values()))
        if name not in outputs:
            raise KeyError(f"name an output of step `{step}`: it has {_listed(outputs)}")
        return outputs[name]

    def __repr__(self):
        return f"<run {self.name}: {self.status}>"


def _listed(names) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _import_script_by_its_name() -> None:
    """Classes of the script are saved as those of a module of its name; let that be the script itself."""
    script = sys.modules["__main__"]
    file = getattr(script, "__file__", None)
    if file is None:
        from .notebook import offer_modules
        from .source import marked

        offer_modules(marked(os.path.realpath(os.getcwd())))
    else:
        sys.modules.setdefault(os.path.splitext(os.path.basename(file))[0], script)


def _scratch_folder() -> str:
    """A folder that lasts as long as the program: a loaded value may be a path into it."""
    import atexit
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="sundae-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
