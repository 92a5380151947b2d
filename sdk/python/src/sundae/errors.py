"""What can go wrong, said in one sentence each.

These are ordinary exceptions: `except RunFailed` and `except Exception` catch them. Uncaught, they end a
script with their sentence on stderr and their `exit_code`, without a traceback of this package: whoever
typed `python run.py` wants to know which step failed, not how we noticed. (A subclass of SystemExit would
give the exit code for free, but `except Exception`, threads and notebooks would then treat a failed run as
a wish to quit.)
"""

import builtins
import os
import sys


class SundaeError(Exception):
    """Base of everything this package raises."""

    exit_code = 1

    def __init__(self, sentence: str):
        super().__init__(sentence)
        _speak_plainly()

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows of an error that nobody has caught."""
        return [f"error: {self}"]


class PipelineError(SundaeError):
    """A step or a pipeline is not put together as it must be; found before anything runs.

    The sentence ends with the file and line in the user's code.
    """

    def __init__(self, sentence: str):
        place = _users_line()
        super().__init__(f"{sentence} ({place})" if place else sentence)


class HostError(SundaeError):
    """The `sundae` program is missing, or could not do what it was asked.

    `has_been_said` when the program itself has already explained on stderr.
    """

    def __init__(self, sentence: str, exit_code: int = 1, has_been_said: bool = False):
        super().__init__(sentence)
        self.exit_code = exit_code
        self.has_been_said = has_been_said


class RunFailed(SundaeError):
    """A run has ended with a failed step. `run` tells all about it; a script ends with exit code 3."""

    exit_code = 3

    def __init__(self, run):
        failed = [step for step in run.steps.values() if step.status == "failed"]
        where = " and ".join(f"`{step.name}`" for step in failed)
        super().__init__(f"run `{run.name}` failed" + (f" at step {where}" if where else ""))
        self.run = run


class RunCancelled(KeyboardInterrupt):
    """Ctrl-C ended the run. A KeyboardInterrupt, so that loops around it stop as well; exit code 130."""

    exit_code = 130

    def __init__(self, sentence: str):
        super().__init__(sentence)
        _speak_plainly()

    def _render_traceback_(self) -> list[str]:
        return [f"error: {self}"]


def _users_line() -> str | None:
    """The innermost line of the user's code that led here, as `file:line`."""
    here = os.path.dirname(__file__) + os.sep
    frame = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith((here, "<")):
            return f"{_shortened(path)}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def _shortened(path: str) -> str:
    session = getattr(builtins, "get_ipython", lambda: None)()
    if session is not None and (cell := session.compile.format_code_name(path)):
        return cell[1]
    try:
        relative = os.path.relpath(path)
    except ValueError:  # Another drive.
        return path
    return path if relative.startswith("..") else relative


def _speak_plainly() -> None:
    """Makes an uncaught error of ours one sentence; the rest goes to the hook that was there before."""
    if getattr(sys.excepthook, "speaks_plainly", False):
        return
    before = sys.excepthook

    def hook(kind, error, traceback):
        if not issubclass(kind, (SundaeError, RunCancelled)):
            return before(kind, error, traceback)
        if not getattr(error, "has_been_said", False):
            print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code)  # From inside the hook this sets the exit code.

    hook.speaks_plainly = True
    sys.excepthook = hook
