"""The `sundae` program: starting it, and understanding how it ended."""

import json
import os
import signal
import subprocess
import sys
import tempfile

from .errors import HostError, RunCancelled, RunFailed
from .results import Run
from .source import import_roots

FAILED_STEP, INTERRUPTED = 3, 130
"""Exit codes of the program."""


def run_plan(plan: dict, stack: str | None, cache: bool) -> Run:
    """Runs a plan, with the program's narration on our stderr."""
    with tempfile.TemporaryDirectory(prefix="sundae-plan-") as folder:
        file = os.path.join(folder, f"{plan['name']}.json")
        with open(file, "w", encoding="utf-8") as out:
            json.dump(plan, out, indent=1)
        words = ["run", file, "--output", "json"]
        if stack is not None:
            words += ["--stack", stack]
        if not cache:
            words.append("--no-cache")
        code, out, was_interrupted = _call(words, plan["root"])
    return _outcome(code, out, was_interrupted)


def fetch(reference: str, path: str) -> None:
    """Copies an artifact out of the store."""
    code, _, _ = _call(["artifact", "get", reference, "--to", path], os.getcwd())
    if code:
        raise HostError(f"`sundae artifact get {reference}` could not be done", code, has_been_said=True)


def program() -> str:
    return os.environ.get("SUNDAE_BIN") or "sundae"


def environment() -> dict[str, str]:
    """Ours, so changed that steps find this interpreter under its bare name, and what we can import."""
    folder = os.path.dirname(sys.executable)
    path = os.environ.get("PATH", os.defpath)
    return {
        **os.environ,
        "PATH": os.pathsep.join([folder, path]) if folder else path,
        "SUNDAE_PYTHONPATH": os.pathsep.join(import_roots()),
    }


def _outcome(code: int, out: bytes, was_interrupted: bool) -> Run:
    facts = _facts(out)
    if code == 0 and facts:
        return Run(facts)
    if code == INTERRUPTED or was_interrupted:
        raise RunCancelled(f"run `{facts['name']}` was cancelled" if facts else "the run was cancelled")
    if code == FAILED_STEP and facts:
        raise RunFailed(Run(facts))
    raise HostError(f"`sundae run` ended with exit code {code}", code or 1, has_been_said=code != 0)


def _facts(out: bytes) -> dict | None:
    try:
        return json.loads(out)
    except ValueError:  # Nothing, or cut short by an interrupt.
        return None


def _call(words: list[str], folder: str) -> tuple[int, bytes, bool]:
    sys.stdout.flush()
    try:
        process = subprocess.Popen([program(), *words], stdout=subprocess.PIPE, cwd=folder, env=environment())
    except OSError as error:
        raise HostError(
            f"the program `{program()}` cannot be started ({error.strerror}): "
            "put `sundae` on PATH or name it in SUNDAE_BIN"
        ) from None
    was_interrupted = False
    with process:
        while True:
            try:
                out, _ = process.communicate()
                return process.returncode, out, was_interrupted
            except KeyboardInterrupt:
                was_interrupted = True
                if not _shares_terminal():
                    process.send_signal(signal.SIGINT)


def _shares_terminal() -> bool:
    """Whether a Ctrl-C that reached us has reached the program as well: it goes to all of the foreground."""
    try:
        return os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp()
    except (OSError, AttributeError, ValueError):
        return False
