"""`sundae run FILE.py[:NAME]`: the program has us compile the pipeline, and is started again with the plan.

    python3 -c "import sundae; sundae.run_file()" FILE NAME PARAMS WORDS COMPLAINT

NAME may be empty; PARAMS is a JSON list of `[key, text]`; WORDS is a JSON list, the words of the command,
in which `null` stands for the file; COMPLAINT is what is said where there is no such package.
"""

import json
import os
import sys

from . import declaration
from .attempt import load_script, trimmed_errors
from .errors import PipelineError, SundaeError
from .host import call, plan_file
from .signature import REQUIRED, Signature, unwrapped


def run_file() -> None:
    """Compiles the pipeline that the command line names, runs it, and ends with the program's exit code."""
    file, name, given, words, _ = sys.argv[1:]
    sys.argv = [file]
    with trimmed_errors(f"while loading `{file}`"):
        module = _loaded(file)
    with trimmed_errors():
        pipeline = _chosen(module, file, name)
        plan = pipeline.compile(**_arguments(pipeline, json.loads(given)))
    with plan_file(plan) as path:
        try:
            code = call([path if word is None else word for word in json.loads(words)])
        except SundaeError as error:
            print(f"error: {error}", file=sys.stderr)
            code = 1
    sys.exit(128 - code if code < 0 else code)


def _loaded(file: str):
    """The module, as the script that it would be, but without what it does only as one.

    Its steps get the names that they have when Python runs the file, so both find the same outcomes.
    """
    path = os.path.abspath(file)
    sys.path[:1] = [os.path.dirname(path)]  # As for a script; for a text it was the current folder.
    module = sys.modules["__main__"] = load_script(path)
    name = module.__name__
    for value in list(vars(module).values()):
        if isinstance(value, (declaration.Step, declaration.Pipeline)):
            _belongs_to_script(value, name)
    return module


def _belongs_to_script(declared, name: str) -> None:
    for it in (declared, declared.function, unwrapped(declared.function)):
        if getattr(it, "__module__", None) == name:
            it.__module__ = "__main__"


def _chosen(module, file: str, name: str) -> declaration.Pipeline:
    found = {key: value for key, value in vars(module).items() if isinstance(value, declaration.Pipeline)}
    if name:
        if name in found:
            return found[name]
        there = ", ".join(f"`{key}`" for key in found) or "none"
        raise PipelineError(f"`{file}` has no pipeline `{name}`; it has: {there}")
    own = {key: value for key, value in found.items() if value.__module__ == "__main__"} or found
    if not own:
        raise PipelineError(f"`{file}` has no pipeline: put `@pipeline` above a function that calls steps")
    if len(own) > 1:
        there = ", ".join(f"`{file}:{key}`" for key in own)
        raise PipelineError(f"`{file}` has several pipelines: say which, as {there}")
    return next(iter(own.values()))


def _arguments(pipeline: declaration.Pipeline, given: list) -> dict:
    signature = Signature(pipeline.function, f"pipeline `{pipeline.name}`")
    arguments = {}
    for key, text in given:
        if key not in signature.arguments:
            there = ", ".join(f"`{name}`" for name in signature.arguments) or "none"
            raise PipelineError(f"pipeline `{pipeline.name}` has no param `{key}`; it has: {there}")
        arguments[key] = _value(text, signature.arguments[key])
    return arguments


def _value(text: str, argument):
    """What a text means as this argument: JSON, unless a text is wanted."""
    is_text = argument.hint is str or (argument.default is not REQUIRED and isinstance(argument.default, str))
    if is_text:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
