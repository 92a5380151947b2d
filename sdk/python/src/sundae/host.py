"""The `sundae` program: starting it, and understanding how it ended."""

import json
import os
import signal
import sys
from contextlib import contextmanager, suppress

from .errors import HostError, RunCancelled, RunFailed
from .process import Process
from .results import Run
from .source import import_roots

FAILED_STEP, INTERRUPTED = 3, 130
"""Exit codes of the program."""


def run_plan(plan: dict, stack: str | None, cache: bool) -> Run:
    """Runs a plan, with the program's narration on our stderr."""
    with plan_file(plan) as file:
        words = ["run", file, "--output", "json"]
        if stack is not None:
            words += ["--stack", stack]
        if not cache:
            words.append("--no-cache")
        return _outcome(*_call(words, plan["root"]))


@contextmanager
def plan_file(plan: dict):
    """The path of a file with the plan, for as long as it takes."""
    with _folder() as folder:
        path = os.path.join(folder, f"{plan['name']}.json")
        with open(path, "w", encoding="utf-8") as out:
            out.write(json.dumps(plan))  # `dump` takes ten times as long.
        yield path


@contextmanager
def _folder():
    """A folder of our own, for as long as it takes. Importing `tempfile` takes a third as long as a run."""
    parent = next(filter(None, map(os.environ.get, ("TMPDIR", "TEMP", "TMP"))), "/tmp")
    folder = os.path.join(parent, f"sundae-plan-{os.urandom(8).hex()}")
    try:
        os.mkdir(folder, 0o700)
    except OSError:
        import tempfile

        folder = tempfile.mkdtemp(prefix="sundae-plan-")
    try:
        yield folder
    finally:
        with suppress(OSError):
            for name in os.listdir(folder):
                os.unlink(os.path.join(folder, name))
            os.rmdir(folder)


@contextmanager
def _file():
    """A file that lasts only as long as it is open."""
    with _folder() as folder, open(os.path.join(folder, "written"), "w+b") as file:
        yield file


def fetch(reference: str, path: str) -> None:
    """Copies an artifact out of the store; what the program says is of interest only if it fails."""
    _answer(["artifact", "get", reference, "--to", path])


def described(run_id: str, step: str) -> dict:
    """Everything that is known of a step."""
    return json.loads(_answer(["runs", "describe", run_id, step, "--output", "json"]))


def _answer(words: list[str]) -> bytes:
    with _file() as said, _file() as out:
        process = _opened(words, out, os.getcwd(), stderr=said, env=environment())
        if _wait(process):
            raise KeyboardInterrupt
        if process.returncode:
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace"))
            raise _not_done(" ".join(words[:3]), process.returncode)
        out.seek(0)
        return out.read()


def call(words: list[str]) -> int:
    """Runs the program where we are, with our stdout; returns its exit code."""
    sys.stdout.flush()
    process = _started(words, None, os.getcwd())
    _wait(process)
    return process.returncode


def program() -> str:
    name = os.environ.get("SUNDAE_BIN") or "sundae"
    return os.path.abspath(name) if os.sep in name else name  # It is started in another folder.


def environment(is_relayed: bool = False) -> dict[str, str]:
    """Ours, so changed that steps find this interpreter under its bare name, and what we can import."""
    folder = os.path.dirname(sys.executable)
    path = os.environ.get("PATH", os.defpath)
    # Jupyter asks programs for colours, which are unreadable where we put what this one says.
    unwanted = ("FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE") if is_relayed else ()
    return {
        **{name: value for name, value in os.environ.items() if name not in unwanted},
        "PATH": os.pathsep.join([folder, path]) if folder else path,
        "SUNDAE_PYTHONPATH": os.pathsep.join(import_roots()),
    }


def _outcome(code: int, out: bytes, was_interrupted: bool) -> Run:
    facts = _facts(out)
    name = f"run `{facts['name']}`" if facts else "the run"
    if code in (INTERRUPTED, -signal.SIGINT):
        raise RunCancelled(f"{name} was cancelled")
    if was_interrupted:
        raise RunCancelled(f"{name} had ended when it was interrupted")
    if code == FAILED_STEP and facts:
        raise RunFailed(Run(facts))
    if code:
        raise _not_done("run", code)
    if facts is None:
        raise HostError(f"`{program()} run` gave no result that can be read: is it the `sundae` program?")
    return Run(facts)


def _facts(out: bytes) -> dict | None:
    try:
        facts = json.loads(out)
    except ValueError:
        return None
    return facts if isinstance(facts, dict) and "steps" in facts else None


def _not_done(words: str, code: int) -> HostError:
    if code < 0:
        return HostError(f"`sundae {words}` was ended by signal {-code}")
    return HostError(f"`sundae {words}` ended with exit code {code}", code, has_been_said=True)


def _call(words: list[str], folder: str) -> tuple[int, bytes, bool]:
    """The exit code of the program, what it wrote to stdout, and whether we were interrupted meanwhile."""
    sys.stdout.flush()
    with _file() as out:  # A pipe's reader would lose what it has if interrupted.
        process = _started(words, out, folder) if _is_narration_shown() else _relayed(words, out, folder)
        was_interrupted = _wait(process)
        out.seek(0)
        return process.returncode, out.read(), was_interrupted


def _is_narration_shown() -> bool:
    """Whether the user sees what the program writes to stderr by itself; in a notebook, nobody does."""
    try:
        return sys.stderr is None or sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):
        return False


def _started(words: list[str], out, folder: str):
    """The program, which writes its narration to our stderr."""
    if folder != os.getcwd():
        return _opened(words, out, folder, env=environment())
    with _told_if_it_cannot_be_started():
        return Process([program(), *words], out, environment())


def _relayed(words: list[str], out, folder: str):
    """The program, whose narration we read."""
    from subprocess import PIPE

    # Interrupting a notebook interrupts the group of its kernel; what we pass on must come once.
    return _opened(words, out, folder, stderr=PIPE, env=environment(is_relayed=True), start_new_session=True)


def _opened(words: list[str], out, folder: str, **options):
    from subprocess import Popen

    with _told_if_it_cannot_be_started():
        return Popen([program(), *words], stdout=out, cwd=folder, **options)


@contextmanager
def _told_if_it_cannot_be_started():
    try:
        yield
    except OSError as error:
        raise HostError(
            f"the program `{program()}` cannot be started ({error.strerror}): "
            "put `sundae` on PATH or name it in SUNDAE_BIN"
        ) from None


def _wait(process) -> bool:
    """Waits for the program to end, even if we are interrupted: it has steps to stop and a run to record."""
    interrupts = passed_on = 0
    while True:
        try:
            if passed_on < interrupts:
                passed_on = interrupts
                if interrupts > 1 or process.stderr or not _shares_terminal():
                    process.send_signal(signal.SIGINT)
            if process.stderr:
                _relay(process)
            process.wait()
            return interrupts > 0
        except KeyboardInterrupt:  # Does next to nothing, for the next one must not come meanwhile.
            interrupts += 1


def _relay(process) -> None:
    """Shows what the program says, until it has ended."""
    import codecs
    from select import select

    text = codecs.getincrementaldecoder("utf-8")("replace")
    has_ended = False
    while True:
        if not select([process.stderr], [], [], 0.1)[0]:
            if has_ended:
                return
            has_ended = process.poll() is not None  # What it has started may still hold the pipe.
            continue
        said = os.read(process.stderr.fileno(), 1 << 16)
        if not said:
            return
        sys.stderr.write(text.decode(said))
        sys.stderr.flush()


def _shares_terminal() -> bool:
    """Whether a Ctrl-C that reached us has reached the program as well: it goes to all of the foreground."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
