"""The warm server: imports once what steps import, and starts each attempt as a copy of itself.

    python3 -c "import sundae; sundae.serve_steps()" [--path FOLDER]... [--isolation none]

`docs/pipelines.md` says what host and server say to each other. A copy must be what an interpreter of its own
would be. So only that is imported beforehand which is the same for every step; and when there is anything
that a copy could not have, a thread for example, the host is told to start the step itself.
"""

import _io
import _signal  # What `signal` and `socket` make of these is Python: a copy is made of whatever that touches.
import _socket
import atexit
import gc
import json
import os
import sys
import time
from contextlib import closing, suppress

from . import attempt, materializers
from .ahead import Ahead
from .foresight import Foreseen, Foresight, stamp
from .materializers import plain
from .source import Project, import_roots, is_installed

try:
    import ctypes

    # Looked up here and not in each copy, which that would cost half a millisecond.
    _prctl = getattr(ctypes.CDLL(None), "prctl", None)
    _c_exit = ctypes.PyDLL(None).exit
except ImportError:  # Python can be built without it.
    _prctl = _c_exit = None

_LOADED = (materializers, plain)  # What every step uses.

SCHEMA = 1


def serve_steps() -> None:
    """Serves the host until it closes the connection that is our stdin."""
    words = sys.argv[1:]
    os.environ.pop("SUNDAE_CONTEXT", None)  # Is there for those who look for processes of this run.
    paths = [value for option, value in zip(words[::2], words[1::2], strict=True) if option == "--path"]
    control = _socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    attempt.extend_path(paths)
    sys.stdout.reconfigure(line_buffering=True)  # The host shows the log of a step while it runs.
    server = _InItself(control) if "--isolation" in words else _ByCopies(control, paths)
    server.serve()


class _Refused(Exception):
    pass


class _Server:
    def __init__(self, control: _socket.socket):
        self.control = control
        self.obstacle: str | None = None
        self.lasting = dict(os.environ)
        self.variables: dict[str, str] = {}

    def serve(self) -> None:
        while True:
            descriptors = _received(self.control)
            if not descriptors:
                return
            connection, log = _socket.socket(fileno=descriptors[0]), descriptors[1]
            try:
                self.take(connection, log, _request(connection))
            except _Refused as reason:
                _say(connection, {"refused": str(reason)})
                connection.close()
            except Exception as error:
                self.obstacle = f"the warm server failed with {error!r}"
                _say(connection, {"refused": self.obstacle})
                connection.close()
            finally:
                os.close(log)

    def take(self, connection: _socket.socket, log: int, request: dict) -> None:
        raise NotImplementedError

    def set_variables(self, wanted: dict[str, str]) -> None:
        """Sets these variables, and those that were set before to what they were in the beginning."""
        for name in self.variables.keys() - wanted.keys():
            if name in self.lasting:
                os.environ[name] = self.lasting[name]
            else:
                os.environ.pop(name, None)
        for name, value in wanted.items():
            if self.variables.get(name) != value:
                os.environ[name] = value
        self.variables = dict(wanted)


def _received(control: _socket.socket) -> list[int]:
    """The descriptors that come with the next byte; none at the end."""
    _, parts, _, _ = control.recvmsg(1, _socket.CMSG_LEN(8))
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS)
    data = b"".join(data for level, kind, data in parts if (level, kind) == rights)
    return [int.from_bytes(data[place : place + 4], sys.byteorder) for place in range(0, len(data), 4)]


def _request(connection: _socket.socket) -> dict:
    line = b""
    while not line.endswith(b"\n"):
        part = connection.recv(1 << 16)
        if not part:
            raise _Refused("the request is not whole")
        line += part
    request = json.loads(line)
    if (
        request["schema"] != SCHEMA
        or request["command"][1:3] != ["-c", attempt.COMMAND]
        or not request["command"][3:]
    ):
        raise _Refused("this server does not know how to start it")
    return request


def _say(connection: _socket.socket, reply) -> None:
    with suppress(OSError):  # Nobody wants to know any more.
        connection.sendall(json.dumps(reply).encode() + b"\n")


def _say_number(connection: _socket.socket, what: str, number: int) -> None:
    """Says `{what: number}`. Without `json`, much of which would be copied: by then there is a copy."""
    with suppress(OSError):
        connection.sendall(f'{{"{what}": {number}}}\n'.encode())


def _is_let_go(connection: _socket.socket) -> bool:
    """Waits until the host lets the step begin; false if it has left."""
    try:
        return connection.recv(3) == b"go\n"
    except OSError:
        return False


class _ByCopies(_Server):
    """Forks for each attempt."""

    def __init__(self, control: _socket.socket, paths: list[str]):
        super().__init__(control)
        self.foresight = Foresight(Project(os.getcwd(), [os.getcwd(), *import_roots()]))
        self.ahead = Ahead(paths)
        self.running: dict[int, _socket.socket] = {}
        self.ended: dict[int, _socket.socket] = {}
        gc.disable()  # What is never collected here is never copied for it.
        _signal.signal(_signal.SIGCHLD, self._tell_of_ends)

    def serve(self) -> None:
        super().serve()
        for pid in self.ended:
            os.waitpid(pid, 0)
        os._exit(0)

    def take(self, connection: _socket.socket, log: int, request: dict) -> None:
        self._reap()
        if self.obstacle is None:
            self._import_for(request["command"][3], log)
        if self.obstacle is not None:
            raise _Refused(self.obstacle)
        prepared = self._prepare(request)
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            _become(self, connection, log, prepared)
        if _threads() > 1:  # Looked at afterwards: there are libraries that end theirs before a fork.
            _kill(pid)
            os.waitpid(pid, 0)
            self.obstacle = "a thread runs in the warm server, which a copy of it would not have"
            raise _Refused(self.obstacle)
        _set_group(pid)
        _say_number(connection, "started", pid)
        self.running[pid] = connection
        self._tell_of_ends()  # It cannot end before it is let go, but it can be ended.

    def _prepare(self, request: dict) -> attempt.Attempt | None:
        """Becomes what the copy shall be, as far as that can be undone."""
        os.chdir(request["workdir"])
        self.set_variables(request["environment"])
        sys.argv = ["-c", *request["command"][3:]]
        return self.ahead.prepared(sys.argv[1:])

    def _tell_of_ends(self, *_) -> None:
        """Tells of processes that have ended. Runs whenever one does, also while something is imported."""
        for pid, connection in list(self.running.items()):
            end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if end is not None and self.running.pop(pid, None) is not None:
                how = "exited" if end.si_code == os.CLD_EXITED else "killed"
                _say_number(connection, how, end.si_status)
                self.ended[pid] = connection

    def _reap(self) -> None:
        """Reaps the processes whose end the host has taken note of."""
        for pid, connection in list(self.ended.items()):
            try:
                if connection.recv(1, _socket.MSG_DONTWAIT):
                    continue
            except BlockingIOError:
                continue
            except OSError:
                pass
            os.waitpid(pid, 0)
            connection.close()
            del self.ended[pid]

    def _import_for(self, target: str, log: int) -> None:
        """Imports what this step would import first. What that prints goes to the step's log."""
        for file, before in self.foresight.stamps.items():
            if stamp(file) != before:
                self.obstacle = f"`{file}` was changed since the warm server has seen it"
                return
        modules = self.foresight.modules_of(target)
        if not modules:
            return
        self.set_variables({})
        with _Output(log):
            for module in modules:
                if self.obstacle is None:
                    self._import(module)
        if _signal.getsignal(_signal.SIGCHLD) != self._tell_of_ends:
            self.obstacle = "a library wants to be told of the ends of processes, as the warm server must be"

    def _import(self, module: Foreseen) -> None:
        before = _threads()
        try:
            if module.is_script:
                attempt.load_script(os.path.relpath(module.name))
            else:
                __import__(module.name, fromlist=module.names)
        except BaseException:
            # It may have got halfway, and would fail otherwise the second time.
            self.obstacle = f"`{module.name}` cannot be imported in the warm server"
            return
        if _threads() > before and not _threads_end_at_fork():
            self.obstacle = (
                f"`{module.name}` starts a thread when it is imported, which a copy would not have"
            )


def _threads() -> int:
    try:
        # Each has a folder there. It is sooner told how many there are than which.
        return os.stat("/proc/self/task").st_nlink - 2
    except OSError:
        threading = sys.modules.get("threading")
        return threading.active_count() if threading else 1


def _threads_end_at_fork() -> bool:
    """Whether those who have started threads end them when there is a fork, as OpenBLAS does."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return _threads() == 1


def _set_group(pid: int) -> None:
    with suppress(OSError):  # It has done so itself.
        os.setpgid(pid, pid)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, _signal.SIGKILL)


class _Output:
    """Sends what is written to stdout and stderr to a log meanwhile."""

    def __init__(self, log: int):
        self.log = log

    def __enter__(self):
        _flush()
        self.before = os.dup(1), os.dup(2)
        os.dup2(self.log, 1)
        os.dup2(self.log, 2)

    def __exit__(self, *_):
        _flush()
        for place, descriptor in enumerate(self.before, 1):
            os.dup2(descriptor, place)
            os.close(descriptor)


def _flush() -> bool:
    """Whether what was printed has been written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            return False
    return True


def _become(server: _ByCopies, connection: _socket.socket, log: int, prepared: attempt.Attempt | None):
    """In the copy: becomes what an interpreter of its own would be, and runs the step. Does not return."""
    code = 1
    try:
        os.setpgid(0, 0)
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        _end_with_parent()
        server.control.close()
        for other in (*server.running.values(), *server.ended.values()):
            other.close()
        if not _is_let_go(connection):
            os._exit(1)
        connection.close()
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        _reseed()
        gc.enable()
        code = _exit_code(attempt.run_step if prepared is None else prepared.run)
        code = _end(code)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        _flush()
    finally:
        _exit(code)


def _end_with_parent() -> None:
    """Lets the kernel ask this process to end when the server has ended, should nobody be left to do so."""
    if _prctl is not None and sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, _signal.SIGTERM)


_PR_SET_PDEATHSIG = 1


def _reseed() -> None:
    """Copies must not draw the same numbers. `random` sees to that itself."""
    numbers = sys.modules.get("numpy.random")
    if numbers is not None:
        numbers.seed()


def _exit_code(run) -> int:
    """Runs a step as its command would; returns the exit code."""
    try:
        run()
    except SystemExit as end:
        return _code_of(end)
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        _flush()
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
        os.kill(os.getpid(), _signal.SIGINT)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _code_of(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1


def _end(code: int) -> int:
    """What an interpreter does at its end, but for taking apart all modules, which takes long."""
    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()  # Waits for the threads that the step has started.
    atexit._run_exitfuncs()
    # To look at the oldest generation costs much, even if it is empty.
    gc.collect(2 if gc.get_objects(2) else 1)
    _write_what_files_hold()
    return code if _flush() else code or 120


def _write_what_files_hold() -> None:
    """Closes the files that the step has left open, the outer ones first: they write to the inner ones."""
    files = [one for one in gc.get_objects() if _io._IOBase in type(one).__mro__]
    if not files:
        return
    standard = [sys.stdin, sys.stdout, sys.stderr]
    standard += [getattr(stream, "buffer", None) for stream in standard]
    for file in sorted(files, key=_depth):
        if not any(file is stream for stream in standard):
            try:
                file.close()
            except Exception as error:
                print(f"{file!r} could not be closed: {error!r}", file=sys.stderr)


def _depth(file) -> int:
    if type(file).__module__ != "_io":
        return 0
    return 1 if isinstance(file, _io.TextIOWrapper) else 3 if isinstance(file, _io.FileIO) else 2


def _exit(code: int):
    try:
        if _c_exit is not None:
            _c_exit(code)  # So that C libraries write what they hold as well.
    finally:
        os._exit(code)


class _InItself(_Server):
    """Runs each attempt in this process, one after the other, so that modules keep what they hold."""

    def __init__(self, control: _socket.socket):
        super().__init__(control)
        self.files: dict[str, tuple] = {}

    def take(self, connection: _socket.socket, log: int, request: dict) -> None:
        changed = self._changed()
        if changed is not None:
            _say(connection, {"refused": f"`{changed}` was changed since it was imported"})
            raise SystemExit
        with closing(connection):
            _say(connection, "itself")
            if not _is_let_go(connection):
                return
            os.chdir(request["workdir"])
            self.variables = dict.fromkeys(self.variables, "")  # The last step may have changed them.
            self.set_variables(request["environment"])
            sys.argv = ["-c", *request["command"][3:]]
            began = time.time_ns()
            with _Output(log):
                code = _exit_code(attempt.run_step)
            self._note_files(began)
            _say(connection, {"exited": code})

    def _changed(self) -> str | None:
        return next((file for file, before in self.files.items() if stamp(file) != before), None)

    def _note_files(self, began: int) -> None:
        """Notes the state of the user's files that were imported since; a younger one may be another one."""
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if file and file not in self.files and not is_installed(os.path.realpath(file)):
                now = stamp(file)
                self.files[file] = now if now is not None and now[0] < began else None
