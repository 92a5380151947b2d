"""From step calls to a plan: the JSON form of a pipeline file, and nothing that such a file could not say."""

import os
import sys

from . import params
from .declaration import Command, Pipeline
from .errors import PipelineError
from .handles import Handle, Handles
from .signature import check_name, unwrapped
from .source import Project
from .tracing import Call, trace


def compiled(pipeline: Pipeline, values: dict) -> dict:
    """The plan of a pipeline with these arguments."""
    check_name(pipeline.name, "a pipeline")
    calls = trace(pipeline.function, values)
    if not calls:
        raise PipelineError(f"the pipeline `{pipeline.name}` calls no step")
    project = Project.of(unwrapped(pipeline.function))
    return {
        "name": pipeline.name,
        "root": project.root,
        "params": {name: _param(pipeline, name, value) for name, value in values.items()},
        "steps": [_step(call, project) for call in calls],
    }


def interpreter() -> str:
    """How steps name the Python that runs them: by its bare name, which every machine can resolve.

    `host.py` puts the folder of this interpreter first on PATH for the steps of a run.
    """
    folder, name = os.path.split(sys.executable)
    python3 = os.path.join(folder, "python3")
    return "python3" if os.path.exists(python3) and os.path.samefile(python3, sys.executable) else name


def _param(pipeline: Pipeline, name: str, value):
    try:
        return params.to_json(value)
    except params.NotAParam:
        raise PipelineError(
            f"`{name}` of the pipeline `{pipeline.name}` was given {value!r}, which has no JSON form"
        ) from None


def _step(call: Call, project: Project) -> dict:
    declaration = call.declaration
    work = _command(declaration) if isinstance(declaration, Command) else _function(declaration, project)
    step = {
        "name": call.name,
        "run": work["run"],
        "inputs": call.inputs,
        "outputs": [output.name for output in declaration.outputs],
        "params": call.params,
        "env": {**work["env"], **(declaration.options.get("env") or {})},
        "code": sorted({*work["code"], *_texts(declaration.options.get("code"))}),
        "fingerprint": work["fingerprint"],
        "after": [_step_name(entry) for entry in _entries(declaration.options.get("after"))],
    }
    step = {key: value for key, value in step.items() if value or key in ("name", "run")}
    if not declaration.options.get("cache", True):
        step["cache"] = False
    return step


def _command(command: Command) -> dict:
    run = command.run if isinstance(command.run, str) else list(command.run)
    return {"run": run, "env": {}, "code": [], "fingerprint": {}}


def _function(step, project: Project) -> dict:
    function = unwrapped(step.function)
    place = project.place_of(function)
    footprint = project.footprint(place.file)
    run = [interpreter(), "-c", "import sundae; sundae.run_step()", _literal(place.target)]
    for root in sorted({place.import_root, *footprint.import_roots}):
        if root != project.root and project.holds(root):
            run += ["--path", _literal(project.relative(root))]
    if step.options.get("outputs") is not None:
        run += ["--outputs", ",".join(output.name for output in step.outputs)]
    return {
        "run": run,
        # The order of a set of texts must not differ from run to run, or equal work gives unequal bytes.
        "env": {"PYTHONHASHSEED": "0"},
        "code": footprint.files,
        "fingerprint": dict(footprint.fingerprint),
    }


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _texts(value) -> list:
    return [value] if isinstance(value, str) else [os.fspath(entry) for entry in value or ()]


def _entries(value) -> list:
    if value is None:
        return []
    return list(value) if type(value) in (list, tuple, set) else [value]


def _step_name(entry) -> str:
    if isinstance(entry, (Handle, Handles)):
        return entry.call.name
    if isinstance(entry, str):
        return entry
    raise PipelineError(f"`after` takes what step calls return, not {entry!r}")
