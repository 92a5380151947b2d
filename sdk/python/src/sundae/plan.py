"""From step calls to a plan: the JSON form of a pipeline file, and nothing that such a file could not say."""

import os
import sys

from . import hints, params, policies
from .attempt import COMMAND
from .declaration import Command, Pipeline
from .errors import PipelineError
from .handles import Handle, Handles
from .reach import Legacy, is_open
from .signature import Signature, check_name, unwrapped
from .source import Project
from .tracing import Call, trace


def compiled(pipeline: Pipeline, args: tuple, kwargs: dict) -> dict:
    """The plan of a pipeline with these arguments."""
    check_name(pipeline.name, "a pipeline")
    signature = Signature(pipeline.function, f"pipeline `{pipeline.name}`")
    values = {**signature.defaults(), **signature.bind(args, kwargs)}
    for name, value in values.items():
        _check_value(signature, name, value)
    traced = trace(pipeline.function, signature, values)
    if not traced.calls:
        raise PipelineError(f"the pipeline `{pipeline.name}` calls no step")
    project = Project.of(unwrapped(pipeline.function))
    isolation = pipeline.options.get("isolation") or "fork"
    plan = {
        "name": pipeline.name,
        "root": project.root,
        "params": {name: _param(pipeline, name, value) for name, value in values.items()},
        **policies.keys(pipeline.options, f"pipeline `{pipeline.name}`"),
        "steps": _steps(traced.calls, project, isolation),
    }
    if traced.data:
        plan["data"] = traced.data
    _check_conditions(plan)
    return plan


SERVER = "import sundae; sundae.serve_steps()"
"""What `python3 -c` is given to start a warm server."""


def interpreter() -> str:
    """How steps name the Python that runs them: by its bare name, which every machine can resolve.

    `host.py` puts the folder of this interpreter first on PATH for the steps of a run.
    """
    if sys.executable not in _interpreters:
        folder, name = os.path.split(sys.executable)
        python3 = os.path.join(folder, "python3")
        is_same = os.path.exists(python3) and os.path.samefile(python3, sys.executable)
        _interpreters[sys.executable] = "python3" if is_same else name
    return _interpreters[sys.executable]


_interpreters: dict[str, str] = {}


def _check_value(signature: Signature, name: str, value) -> None:
    hint = signature.arguments[name].hint
    if value is not signature.arguments[name].default and not hints.constant_fits(value, hint):
        raise PipelineError(
            f"{signature.title} takes `{name}` as {hints.label(hint)}, "
            f"but was given {value!r}, which is {hints.label(type(value))}"
        )


def _param(pipeline: Pipeline, name: str, value):
    try:
        return params.to_json(value)
    except params.NotAParam:
        raise PipelineError(
            f"`{name}` of the pipeline `{pipeline.name}` was given {value!r}, which has no JSON form"
        ) from None


def _steps(calls: list[Call], project: Project, isolation: str) -> list[dict]:
    """The steps of the plan. What one hands on is loaded with code that the next one need not name."""
    left: dict[str, Legacy] = {}
    steps = []
    for call in calls:
        inherited = Legacy()
        for handle, hint in call.taken:
            # What comes from outside was put there by no step.
            if is_open(handle.hint) and is_open(hint) and handle.call.name in left:
                inherited |= left[handle.call.name]
        if isinstance(call.declaration, Command):
            work = _command(call.declaration)
            left[call.name] = inherited
        else:
            work = _function(call, project, call.declaration.options.get("isolation") or isolation, inherited)
            left[call.name] = work["legacy"]
        steps.append(_step(call, work, project))
    return steps


def _step(call: Call, work: dict, project: Project) -> dict:
    declaration = call.declaration
    step = {
        "name": call.name,
        "run": work["run"],
        "foreach": call.foreach,
        "inputs": call.inputs,
        "outputs": [output.name for output in declaration.outputs],
        "params": call.params,
        "env": {**work["env"], **_environment(declaration)},
        "code": sorted(
            {*work["code"], *_texts(declaration.options.get("code")), *_found(call.paths, project)}
        ),
        "fingerprint": work["fingerprint"],
        "after": [_step_name(entry) for entry in _entries(declaration.options.get("after"))],
    }
    step["warm"] = work.get("warm")
    step = {key: value for key, value in step.items() if value or key in ("name", "run")}
    step |= policies.keys(declaration.options, f"step `{call.name}`")
    cache = declaration.options.get("cache")
    # A step with another trigger runs every time unless it says so.
    if cache is not None and (not cache or step.get("trigger", "on-success") != "on-success"):
        step["cache"] = bool(cache)
    return step


def _check_conditions(plan: dict) -> None:
    outputs = {step["name"]: step.get("outputs", []) for step in plan["steps"]}
    for step in plan["steps"]:
        if "when" in step:
            from .conditions import check_names

            params = {**step.get("params", {}), **plan["params"]}
            mapped = {one["name"] for one in plan["steps"] if "foreach" in one}
            check_names(step["when"], step["name"], params, outputs, mapped)


def _found(paths: list[str], project: Project) -> list[str]:
    """The paths at which there is something, as they are named from the project's folder."""
    places = [os.path.normpath(os.path.join(project.root, path)) for path in paths]
    return [
        project.relative(place) if project.holds(place) else place
        for place in places
        if os.path.exists(place)
    ]


def _command(command: Command) -> dict:
    run = command.run if isinstance(command.run, str) else list(command.run)
    return {"run": run, "env": {}, "code": [], "fingerprint": {}}


def _function(call: Call, project: Project, isolation: str, inherited: Legacy) -> dict:
    step = call.declaration
    function = unwrapped(step.function)
    place = project.place_of(function, f"step `{step.name}`")
    footprint, legacy = project.footprint(place, inherited)
    run = [interpreter(), "-c", COMMAND, _literal(place.target)]
    warm = [interpreter(), "-c", SERVER]
    for root in sorted({place.import_root, *footprint.import_roots}):
        if root != project.root and project.holds(root):
            run += ["--path", _literal(project.relative(root))]
            warm += ["--path", project.relative(root)]
    if isolation == "none":
        warm += ["--isolation", "none"]
    if step.options.get("outputs") is not None:
        run += ["--outputs", ",".join(output.name for output in step.outputs)]
    if call.split_outputs:
        run += ["--split", ",".join(sorted(call.split_outputs))]
    return {
        "run": run,
        "warm": warm if _has_server(isolation) else [],
        # The order of a set of texts must not differ from run to run, or equal work gives unequal bytes.
        "env": {"PYTHONHASHSEED": "0"},
        "code": footprint.files,
        "fingerprint": dict(footprint.fingerprint),
        "legacy": legacy,
    }


def _has_server(isolation: str) -> bool:
    # Elsewhere than on Linux, what system libraries do is not safe in a copy.
    return isolation == "none" or (isolation == "fork" and sys.platform == "linux")


def _environment(declaration) -> dict[str, str]:
    variables = dict(declaration.options.get("env") or {})
    for name, value in variables.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise PipelineError(f"`env` of {declaration!r} takes texts, not {name!r}: {value!r}")
    return variables


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _texts(value) -> list:
    is_one = isinstance(value, str) or hasattr(value, "__fspath__")
    return [os.fspath(entry) for entry in ([value] if is_one else value or ())]


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
