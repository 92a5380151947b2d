"""What a step can say and ask while it runs: metrics, notes, progress, its context.

Works in every process of a step that the host has started, a script in a pipeline file included. Outside of
a step there is nobody to tell, so metrics, notes and progress do nothing: a step's function stays an
ordinary function that a unit test can call.
"""

import json
import os

from .errors import SundaeError


class Context:
    """The facts about the running step: `run_id`, `run_name`, `pipeline`, `step`, `attempt`, `params`,
    `inputs` (name: path) and `outputs` (name: path at which the output shall stand)."""

    def __init__(self, facts: dict):
        self.run_id: str = facts["run"]["id"]
        self.run_name: str = facts["run"]["name"]
        self.pipeline: str = facts["pipeline"]
        self.step: str = facts["step"]
        self.attempt: int = facts["attempt"]
        self.params: dict = facts["params"]
        self.inputs = {name: entry["path"] for name, entry in facts["inputs"].items()}
        self.outputs = {name: entry["path"] for name, entry in facts["outputs"].items()}

    def __repr__(self):
        return f"<context of {self.run_name}/{self.step}>"


def context() -> Context:
    """The facts about the running step. Raises SundaeError outside of a step."""
    return Context(read_context())


def read_context() -> dict:
    """The context file as the host has written it."""
    path = os.environ.get("SUNDAE_CONTEXT")
    if path is None:
        raise SundaeError("there is no step running here: SUNDAE_CONTEXT is not set")
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def log_metric(name: str, value: float) -> None:
    """Records a number with the run; the last one of a name counts."""
    number = float(value)
    if number - number != 0:  # JSON has neither nan nor infinity.
        note(f"metric {name} is {number}")
    else:
        tell({"metric": name, "value": int(number) if isinstance(value, int) else number})


def note(text: str) -> None:
    """Records a sentence with the run."""
    tell({"note": str(text)})


def progress(fraction: float, label: str | None = None) -> None:
    """Shows how far the step is, from 0 to 1."""
    fraction = min(max(float(fraction), 0.0), 1.0)
    tell({"progress": fraction} if label is None else {"progress": fraction, "label": str(label)})


def tell(message: dict) -> None:
    """Appends a message for the host; outside of a step, does nothing."""
    append(message, os.environ.get("SUNDAE_MESSAGES"))


def append(message: dict, path: str | None) -> None:
    """Appends a message to the file for messages, if there is one."""
    if path is None:
        return
    line = _ENCODER.encode(message) + "\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(file, line.encode())  # One write: lines of several processes stay whole.
    finally:
        os.close(file)


_ENCODER = json.JSONEncoder(allow_nan=False)
