"""A program that is started where we are and does not say anything to us: what `subprocess` does for that.

Importing `subprocess` takes a third as long as a run takes whose steps are all known.
"""

import os
import signal


class Process:
    """A running program, with as much of `Popen` as is needed. Raises OSError if it cannot be started."""

    stderr = None

    def __init__(self, words: list[str], out, env: dict[str, str]):
        """`out`: the file that takes its stdout, instead of ours."""
        redirected = [] if out is None else [(os.POSIX_SPAWN_DUP2, out.fileno(), 1)]
        self.pid = os.posix_spawn(
            _found(words[0], env.get("PATH", os.defpath)),
            words,
            env,
            file_actions=redirected,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores them.
        )
        self.returncode: int | None = None
        """How it has ended: its exit code, or a signal's number with a minus."""

    def wait(self) -> None:
        """Waits until it has ended. May be interrupted, and be called again."""
        if self.returncode is None:
            end = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            self.returncode = end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
            os.waitpid(self.pid, 0)

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)


def _found(name: str, path: str) -> str:
    """Where a program is. If it is nowhere, starting it tells so."""
    if os.sep in name:
        return name
    places = (os.path.join(folder, name) for folder in path.split(os.pathsep))
    return next((place for place in places if os.path.isfile(place) and os.access(place, os.X_OK)), name)
