"""The host's side of a warm server, for tests: what `docs/pipelines.md` says that it does."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys

from conftest import SOURCE

from sundae.plan import SERVER

COMMAND = "import sundae; sundae.run_step()"


class Server:
    """A warm server in a project's folder."""

    def __init__(self, root, *words: str, **environment: str):
        self.root = root
        self.control, theirs = socket.socketpair()
        variables = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONHASHSEED": "0", **environment}
        variables["SUNDAE_CONTEXT"] = f"{root}/warm"
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, *words],
            cwd=root,
            env=variables,
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()

    def call(self, target: str, environment: dict, log) -> "Call":
        ours, theirs = socket.socketpair()
        socket.send_fds(self.control, [b"+"], [theirs.fileno(), log.fileno()])
        theirs.close()
        request = {
            "schema": 1,
            "command": ["python3", "-c", COMMAND, *target.split()] if target else ["true"],
            "workdir": str(self.root),
            "environment": environment,
        }
        ours.sendall(json.dumps(request).encode() + b"\n")
        return Call(ours)

    def close(self) -> int:
        """Lets the server end; returns how it did."""
        self.control.close()
        return self.process.wait(timeout=60)


class Call:
    """One connection: what is said on it."""

    def __init__(self, connection: socket.socket):
        self.connection = connection
        self.lines = connection.makefile("rb")

    def hear(self):
        line = self.lines.readline()
        return json.loads(line) if line else None

    def go(self):
        """Lets the step begin; returns what is said of its end."""
        self.connection.sendall(b"go\n")
        return self.hear()

    def close(self) -> None:
        self.lines.close()
        self.connection.close()


class WarmAttempts:
    """Attempts made by a server, for as long as one is needed."""

    def __init__(self, project, folder, *words: str, **environment: str):
        self.project = project
        self.folder = folder
        self.server = Server(project.root, *words, **environment)
        self.count = 0

    def prepare(self, target: str, outputs=("output",), params=None, inputs=None, variables=None):
        """The folder and the environment of a new attempt. `inputs`: contents with metadata, by name."""
        self.count += 1
        folder = self.folder / str(self.count)
        (folder / "out").mkdir(parents=True)
        facts = {"schema": 1, "run": {"id": "7", "name": "training-1"}, "pipeline": "training"}
        facts |= {"step": target.split(":")[-1], "attempt": 1, "params": params or {}}
        facts["inputs"] = {name: self.input(folder / name, *given) for name, given in (inputs or {}).items()}
        facts["outputs"] = {name: {"path": str(folder / "out" / name)} for name in outputs}
        (folder / "context.json").write_text(json.dumps(facts))
        own = {"SUNDAE_CONTEXT": f"{folder}/context.json", "SUNDAE_MESSAGES": f"{folder}/messages"}
        return folder, {**own, **(variables or {})}

    def input(self, path, content: bytes, metadata: dict) -> dict:
        path.write_bytes(content)
        return {"path": str(path), "kind": "file", "digest": "", "size": len(content), "metadata": metadata}

    def run(self, target: str, **options) -> "Done":
        folder, variables = self.prepare(target, **options)
        with open(folder / "log", "ab") as log:
            call = self.server.call(target, variables, log)
        said = call.hear()
        if said is not None and "refused" not in said:
            first, said = said, call.go()
        else:
            first = None
        call.close()
        return Done(folder, first, said)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.server.process.pid, signal.SIGKILL)
        self.server.close()


class Done:
    def __init__(self, folder, first, said):
        self.folder = folder
        self.first = first
        self.said = said

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def output(self, name: str = "output"):
        return json.loads((self.folder / "out" / name).read_text())
