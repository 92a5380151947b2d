"""The warm server: what a copy of it does is what an interpreter of its own would do."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from warm_host import COMMAND, WarmAttempts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="steps are copied on Linux only")

DEADLINE = 60


@pytest.fixture
def warm(project, tmp_path_factory):
    """Starts a server in the project's folder when it is called."""
    with contextlib.ExitStack() as stack:

        def start(*words: str, **environment: str) -> WarmAttempts:
            folder = tmp_path_factory.mktemp("attempts")
            attempts = WarmAttempts(project, folder, *words, **environment)
            stack.callback(attempts.close)
            return attempts

        yield start


def in_an_interpreter(warm, target: str, **options):
    """The same attempt by the plain command."""
    folder, variables = warm.prepare(target, **options)
    with open(folder / "log", "wb") as log:
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *target.split()],
            cwd=warm.project.root,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(warm.project.source_path), "PYTHONHASHSEED": "0"}
            | variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return folder, done.returncode


def until(condition):
    deadline = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.01)
    return value


FACTS = """
import gc, os, signal, sys, threading
from sundae import step

@step
def facts() -> dict:
    print("to stdout")
    print("to stderr", file=sys.stderr)
    own = {name for name in os.environ if name not in ("SUNDAE_CONTEXT", "SUNDAE_MESSAGES")}
    signals = [signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE]
    return {
        "environment": {name: os.environ[name] for name in own},
        "folder": os.getcwd(),
        "words": sys.argv,
        "path": sys.path,
        "stdin": sys.stdin.read() + os.readlink("/proc/self/fd/0"),
        "leads its group": os.getpgrp() == os.getpid(),
        "signals": [str(signal.getsignal(one)) for one in signals],
        "hash": hash("text"),
        "collects": gc.isenabled(),
        "threads": [thread.name for thread in threading.enumerate()],
        "umask": os.umask(0o22),
        "descriptors": sorted(os.listdir("/proc/self/fd")),
    }
"""


def test_a_copy_finds_what_an_interpreter_of_its_own_would_find(project, warm):
    project.write("steps.py", FACTS)
    attempts = warm()
    copies = [attempts.run("steps:facts") for _ in range(3)]
    folder, code = in_an_interpreter(attempts, "steps:facts")
    assert code == 0
    expected = json.loads((folder / "out" / "output").read_text())
    for copy in copies:
        assert copy.said == {"exited": 0}
        assert copy.output() == expected
        assert copy.log == (folder / "log").read_text() == "to stdout\nto stderr\n"
        pid = copy.first["started"]
        until(lambda pid=pid: not os.path.exists(f"/proc/{pid}/fd/0"))


ENDINGS = """
import atexit, os, signal, sys, threading, time
from sundae import step

@step
def raises() -> None:
    {}["no"]

@step
def exits() -> None:
    sys.exit(7)

@step
def exits_with_words() -> None:
    sys.exit("it was not to be")

@step
def exits_at_once() -> None:
    os._exit(9)

@step
def is_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

@step
def is_interrupted() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

def late(gate):
    gate.wait()
    print("a thread was waited for")

@step
def leaves_work() -> None:
    atexit.register(print, "at the end")
    gate = threading.Event()
    threading.Thread(target=late, args=[gate]).start()
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    atexit.register(os.system, "echo of a child")
    sys.stdout.write("no line end")
    gate.set()

KEPT = []

@step
def leaves_files_open() -> None:
    import gzip
    text = open("left.txt", "w")
    text.write("left open")
    packed = gzip.open("left.gz", "wb")
    packed.write(b"packed")
    KEPT.extend([text, packed])

@step
def prints_in_c() -> None:
    import ctypes
    ctypes.CDLL(None).printf(b"from C\\n")
"""


@pytest.mark.parametrize(
    "name",
    [
        "raises",
        "exits",
        "exits_with_words",
        "exits_at_once",
        "is_killed",
        "is_interrupted",
        "leaves_work",
        "prints_in_c",
    ],
)
def test_a_copy_ends_as_an_interpreter_of_its_own_would(project, warm, name):
    project.write("steps.py", ENDINGS)
    attempts = warm()
    copy = attempts.run(f"steps:{name}", outputs=())
    folder, code = in_an_interpreter(attempts, f"steps:{name}", outputs=())
    assert copy.said == ({"killed": -code} if code < 0 else {"exited": code})
    expected = (folder / "log").read_text()
    if name == "is_interrupted":  # The traceback begins elsewhere.
        assert copy.log.splitlines()[-4:] == expected.splitlines()[-4:]
    else:
        assert copy.log == expected


def test_what_a_step_has_not_closed_is_written(project, warm):
    import gzip

    project.write("steps.py", ENDINGS)
    assert warm().run("steps:leaves_files_open", outputs=()).said == {"exited": 0}
    assert (project.root / "left.txt").read_text() == "left open"
    assert gzip.decompress((project.root / "left.gz").read_bytes()) == b"packed"


def test_copies_draw_different_numbers(project, warm):
    pytest.importorskip("numpy")
    project.write(
        "steps.py",
        "import random\nimport numpy\nimport numpy.random\nfrom sundae import step\n"
        "@step\ndef draw() -> list:\n"
        "    own = numpy.random.default_rng()\n"
        "    return [random.random(), float(numpy.random.rand()), float(own.random())]\n",
    )
    attempts = warm()
    drawn = [attempts.run("steps:draw").output() for _ in range(3)]
    assert len({number for numbers in drawn for number in numbers}) == 9


LIBRARY = "LOADED = []\nimport os\nwith open(os.environ['COUNT'], 'a') as file:\n    file.write('once ')\n"


def library(project, name: str, text: str) -> dict:
    """Installs a module; returns the environment in which it is found."""
    project.write(f"site-packages/{name}.py", text)
    path = [str(project.root / "site-packages"), *project.source_path]
    return {"PYTHONPATH": os.pathsep.join(path)}


def test_a_library_is_imported_once(project, warm):
    environment = library(project, "large", LIBRARY)
    project.write(
        "steps.py",
        "from sundae import step\n"
        "@step\ndef first() -> None:\n    import large\n"
        "@step\ndef second() -> None:\n    'Documented.'\n    from large import LOADED\n",
    )
    count = project.root / "count"
    attempts = warm(COUNT=str(count), **environment)
    for name in ("first", "second", "first"):
        assert attempts.run(f"steps:{name}", outputs=()).said == {"exited": 0}
    assert count.read_text() == "once "


def test_what_happens_before_an_import_happens_before_it(project, warm):
    """A module that says how many threads a library shall have says so before it imports the library."""
    environment = library(project, "large", "import os\nHAS = os.environ.get('THREADS')\n")
    imports = "import os\nos.environ['THREADS'] = '1'\nimport large\nfrom sundae import step\n"
    project.write("steps.py", imports + "@step\ndef ask() -> str:\n    return large.HAS\n")
    project.write(
        "late.py",
        "import steps\nfrom steps import large, step\n@step\ndef ask() -> str:\n    return large.HAS\n",
    )
    project.write(
        "inner.py",
        "import os\nfrom sundae import step\n@step\ndef ask() -> str:\n"
        "    os.environ['THREADS'] = '2'\n    import large\n    return large.HAS\n",
    )
    attempts = warm(**environment)
    for module, expected in (("steps", "1"), ("late", "1"), ("inner", "2")):
        done = attempts.run(f"{module}:ask")
        assert done.said == {"exited": 0}, done.log
        assert (done.folder / "out" / "output").read_text() == expected


def test_a_module_that_does_something_when_imported_does_so_for_each_step(project, warm):
    project.write(
        "steps.py",
        "import os, time\nfrom sundae import context, step\nBEGAN = time.time()\nSTEP = context().step\n"
        "@step\ndef one() -> list:\n    return [BEGAN, STEP]\n"
        "@step\ndef two() -> list:\n    return [BEGAN, STEP]\n",
    )
    attempts = warm()
    one, two = attempts.run("steps:one").output(), attempts.run("steps:two").output()
    assert (one[1], two[1]) == ("one", "two")
    assert one[0] < two[0]


TAKERS = """
import enum, json, pathlib, sys
from sundae import step

class Colour(enum.Enum):
    RED = "red"

@step
def takes(value) -> str:
    return f"{type(value).__name__} {value!r}"

@step
def takes_all(values: list, scale: float = 2) -> str:
    return f"{values!r} {scale!r}"

@step
def takes_colour(colour: Colour) -> str:
    return repr(colour)

@step
def takes_text_for_a_hint(value: "int") -> str:
    return repr(value)

@step
def takes_a_path(value: pathlib.Path) -> str:
    return type(value).__name__ + value.read_text()

@step
def takes_none() -> str:
    return "nothing"
"""

JSON = {"materializer": "json"}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("takes", {"inputs": {"value": (b"7", JSON)}}),
        ("takes", {"inputs": {"value": (b"[1, 2]", {**JSON, "type": "tuple"})}}),
        ("takes", {"inputs": {"value": (b"7 is not JSON alone", JSON)}}),
        ("takes", {"inputs": {"value": (b"x" * 100_000, {"materializer": "text"})}}),
        ("takes", {"inputs": {"value": (json.dumps(list(range(20_000))).encode(), JSON)}}),
        ("takes", {"inputs": {"value": (b"", {"materializer": "steps:Missing"})}}),
        ("takes", {"inputs": {"other": (b"7", JSON)}}),
        ("takes", {"params": {"value": 7}}),
        (
            "takes_all",
            {"inputs": {"values-1": (b"1", JSON), "values-0": (b"0", JSON)}, "params": {"scale": 1.5}},
        ),
        ("takes_colour", {"params": {"colour": "red"}}),
        ("takes_colour", {"params": {"colour": "blue"}}),
        ("takes_text_for_a_hint", {"inputs": {"value": (b"7", JSON)}}),
        ("takes_a_path", {"inputs": {"value": (b"7", JSON)}}),
        ("takes_none", {}),
        ("is_not_there", {}),
    ],
)
def test_what_is_prepared_before_the_copy_is_what_an_interpreter_would_find(project, warm, name, options):
    project.write("steps.py", TAKERS)
    attempts = warm()
    folder, code = in_an_interpreter(attempts, f"steps:{name}", **options)
    outputs = [path.read_bytes() for path in sorted((folder / "out").iterdir())]
    for _ in range(2):
        copy = attempts.run(f"steps:{name}", **options)
        assert copy.said == {"exited": code}
        expected, log = (folder / "log").read_text(), copy.log.replace(str(copy.folder), str(folder))
        if "Traceback" in expected:  # It begins elsewhere.
            expected, log = expected.splitlines()[-1], log.splitlines()[-1]
        assert log == expected
        assert [path.read_bytes() for path in sorted((copy.folder / "out").iterdir())] == outputs


def test_only_what_runs_no_code_of_the_users_is_prepared(project, monkeypatch, tmp_path):
    from sundae.ahead import Ahead

    project.write("prepared.py", TAKERS)
    monkeypatch.syspath_prepend(project.root)
    __import__("prepared")

    def prepared(name: str, inputs: dict, params: dict):
        (tmp_path / "7").write_text("7")
        entries = {
            key: {"path": str(tmp_path / "7"), "size": 1, "metadata": of} for key, of in inputs.items()
        }
        (tmp_path / "context").write_text(json.dumps({"inputs": entries, "params": params}))
        monkeypatch.setenv("SUNDAE_CONTEXT", str(tmp_path / "context"))
        found = Ahead([]).prepared([f"prepared:{name}"])
        return found.step is not None, found.arguments

    assert prepared("takes", {"value": JSON}, {}) == (True, {"value": 7})
    assert prepared("takes_all", {"values-0": JSON}, {"scale": 3.0}) == (True, {"values": [7], "scale": 3.0})
    assert prepared("takes", {"value": {"materializer": "pickle"}}, {}) == (True, None)
    assert prepared("takes_a_path", {"value": JSON}, {}) == (True, None)
    assert prepared("takes_colour", {}, {"colour": "red"}) == (True, None)
    assert prepared("takes_text_for_a_hint", {"value": JSON}, {}) == (False, None)
    assert prepared("Colour.RED", {}, {}) == (False, None)
    assert Ahead([]).prepared(["prepared:takes", "--path", "elsewhere"]) is None


def test_nothing_of_one_step_is_in_the_environment_of_the_next(project, warm):
    environment = library(project, "curious", "import os\nSEEN = sorted(os.environ)\n")
    project.write(
        "steps.py",
        "import os\nfrom sundae import step\n@step\ndef work() -> list:\n    return sorted(os.environ)\n",
    )
    project.write(
        "late.py",
        "import curious\nfrom sundae import step\n@step\ndef work() -> list:\n    return curious.SEEN\n",
    )
    attempts = warm(LASTING="always", **environment)
    named = {"SUNDAE_PARAM_C": "1", "LASTING": "always"}
    first = attempts.run("steps:work", variables=named).output()
    second = attempts.run("steps:work").output()
    assert set(first) - set(second) == {"SUNDAE_PARAM_C"}
    attempts.run("steps:work", variables=named)
    seen_by_import = attempts.run("late:work", variables={"SUNDAE_PARAM_D": "1"}).output()
    assert set(second) - set(seen_by_import) == {"SUNDAE_CONTEXT", "SUNDAE_MESSAGES"}
    assert "LASTING" in seen_by_import


def test_without_isolation_each_step_has_the_variables_that_it_was_given(project, warm):
    project.write(
        "steps.py",
        "import os\nfrom sundae import step\n@step\ndef work() -> str:\n"
        "    return os.environ.pop('LASTING') + os.environ.pop('SUNDAE_PARAM_C', 'nothing')\n",
    )
    attempts = warm("--isolation", "none", LASTING="a")
    given = [{"LASTING": "a", "SUNDAE_PARAM_C": "1"}, {"LASTING": "b"}, {}]
    said = [
        (done.folder / "out" / "output").read_text()
        for done in (attempts.run("steps:work", variables=one) for one in given)
    ]
    assert said == ["a1", "bnothing", "anothing"]


def test_a_thread_in_the_server_makes_it_refuse(project, warm):
    environment = library(
        project,
        "busy",
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n",
    )
    project.write("steps.py", "from sundae import step\n@step\ndef plain() -> None:\n    pass\n")
    project.write("late.py", "from sundae import step\n@step\ndef late() -> None:\n    import busy\n")
    attempts = warm(**environment)
    assert attempts.run("steps:plain", outputs=()).said == {"exited": 0}
    reason = "`busy` starts a thread when it is imported, which a copy would not have"
    assert attempts.run("late:late", outputs=()).said == {"refused": reason}
    assert attempts.run("steps:plain", outputs=()).said == {"refused": reason}


def test_the_threads_of_blas_are_no_hindrance(project, warm):
    pytest.importorskip("numpy")
    project.write(
        "steps.py",
        "import numpy\nfrom sundae import step\n@step\ndef product() -> float:\n"
        "    ones = numpy.ones((300, 300))\n    return float((ones @ ones).sum())\n",
    )
    attempts = warm()
    for _ in range(2):
        assert attempts.run("steps:product").output() == 300**3


def test_a_library_that_cannot_be_imported_is_left_to_the_step(project, warm):
    environment = library(project, "broken", "raise RuntimeError('no licence')\n")
    project.write(
        "steps.py", "import broken\nfrom sundae import step\n@step\ndef work() -> None:\n    pass\n"
    )
    project.write(
        "absent.py", "import not_there\nfrom sundae import step\n@step\ndef work() -> None:\n    pass\n"
    )
    attempts = warm(**environment)
    absent = attempts.run("absent:work", outputs=())
    assert absent.said == {"exited": 1}
    assert "ModuleNotFoundError: No module named 'not_there'" in absent.log
    assert attempts.run("steps:work", outputs=()).said == {
        "refused": "`broken` cannot be imported in the warm server"
    }


def test_what_an_import_prints_is_in_the_log_of_the_step_that_needed_it(project, warm):
    environment = library(project, "chatty", "print('hello')\n")
    project.write(
        "steps.py", "import chatty\nfrom sundae import step\n@step\ndef work() -> None:\n    print('work')\n"
    )
    attempts = warm(**environment)
    assert attempts.run("steps:work", outputs=()).log == "hello\nwork\n"
    assert attempts.run("steps:work", outputs=()).log == "work\n"


def test_changed_code_is_not_run_from_memory(project, warm):
    text = (
        "from helper import NUMBER\nfrom sundae import step\n@step\ndef work() -> int:\n    return NUMBER\n"
    )
    project.write("steps.py", text)
    helper = project.write("helper.py", "NUMBER = 1\n")
    attempts = warm()
    assert attempts.run("steps:work").output() == 1
    helper.write_text("NUMBER = 22\n")
    assert attempts.run("steps:work").said == {
        "refused": f"`{helper}` was changed since the warm server has seen it"
    }


def test_a_script_is_loaded_once_and_starts_no_pipeline(project, warm):
    project.write(
        "run.py",
        "from sundae import pipeline, step\n@step\ndef work() -> int:\n    return 1\n"
        "@pipeline\ndef training():\n    work()\n"
        "if __name__ == '__main__':\n    training()\n",
    )
    attempts = warm()
    for _ in range(2):
        assert attempts.run("run.py:work").output() == 1


def test_a_step_that_nobody_lets_go_does_not_begin(project, warm):
    project.write("steps.py", "from sundae import step\n@step\ndef work() -> None:\n    open('begun', 'w')\n")
    attempts = warm()
    folder, variables = attempts.prepare("steps:work", outputs=())
    with open(folder / "log", "ab") as log:
        call = attempts.server.call("steps:work", variables, log)
    pid = call.hear()["started"]
    call.close()
    until(lambda: not is_running(pid))
    assert not (project.root / "begun").exists()
    assert attempts.run("steps:work", outputs=()).said == {"exited": 0}


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


SLOW = """
import os, signal
from sundae import step

@step
def waits() -> None:
    with open("pid", "w") as file:
        file.write(str(os.getpid()))
    os.rename("pid", "waits")
    signal.pause()

@step
def quick() -> None:
    pass
"""


def test_steps_run_side_by_side_and_know_nothing_of_each_other(project, warm):
    project.write("steps.py", SLOW)
    attempts = warm()
    folder, variables = attempts.prepare("steps:waits", outputs=())
    with open(folder / "log", "ab") as log:
        slow = attempts.server.call("steps:waits", variables, log)
    pid = slow.hear()["started"]
    slow.connection.sendall(b"go\n")
    until((project.root / "waits").exists)
    assert attempts.run("steps:quick", outputs=()).said == {"exited": 0}
    os.killpg(pid, signal.SIGTERM)
    assert slow.hear() == {"killed": signal.SIGTERM}
    # It can still be signalled: until the host closes the connection its number is its own.
    os.kill(pid, 0)
    slow.close()
    assert attempts.run("steps:quick", outputs=()).said == {"exited": 0}
    assert not os.path.exists(f"/proc/{pid}")


def test_an_end_is_told_while_the_server_imports_something_slow(project, warm):
    gate = project.root / "gate"
    environment = library(
        project, "slow", f"import os, time\nwhile not os.path.exists({str(gate)!r}):\n    time.sleep(0.01)\n"
    )
    project.write("steps.py", SLOW)
    project.write("late.py", "import slow\nfrom sundae import step\n@step\ndef late() -> None:\n    pass\n")
    attempts = warm(**environment)
    calls = []
    for target in ("steps:waits", "late:late"):
        folder, variables = attempts.prepare(target, outputs=())
        with open(folder / "log", "ab") as log:
            calls.append(attempts.server.call(target, variables, log))
    first, second = calls
    pid = first.hear()["started"]
    first.connection.sendall(b"go\n")
    until((project.root / "waits").exists)
    os.kill(pid, signal.SIGKILL)
    assert first.hear() == {"killed": signal.SIGKILL}
    gate.touch()
    assert "started" in second.hear()
    assert second.go() == {"exited": 0}


def test_a_server_ends_with_its_host_and_its_copies_with_it(project, warm):
    project.write("steps.py", SLOW)
    attempts = warm()
    folder, variables = attempts.prepare("steps:waits", outputs=())
    with open(folder / "log", "ab") as log:
        call = attempts.server.call("steps:waits", variables, log)
    pid = call.hear()["started"]
    call.connection.sendall(b"go\n")
    until((project.root / "waits").exists)
    call.close()
    assert attempts.server.close() == 0
    until(lambda: not is_running(pid))


KEEPING = """
import os
from sundae import step

CALLS = []

@step
def call() -> list:
    CALLS.append(os.environ["SUNDAE_CONTEXT"])
    print("call", len(CALLS))
    return [len(CALLS), len(set(CALLS)), os.getpid(), os.environ.get("ONCE")]

@step
def fails() -> None:
    {}["no"]
"""


def test_without_isolation_modules_keep_what_they_hold(project, warm):
    project.write("steps.py", KEEPING)
    attempts = warm("--isolation", "none")
    folder, variables = attempts.prepare("steps:call")
    with open(folder / "log", "ab") as log:
        call = attempts.server.call("steps:call", {**variables, "ONCE": "1"}, log)
    assert (call.hear(), call.go()) == ("itself", {"exited": 0})
    call.close()
    failed = attempts.run("steps:fails", outputs=())
    assert failed.said == {"exited": 1}
    assert "KeyError: 'no'" in failed.log
    second = attempts.run("steps:call")
    pid = attempts.server.process.pid
    assert json.loads((folder / "out" / "output").read_text()) == [1, 1, pid, "1"]
    assert second.output() == [2, 2, pid, None]
    assert ((folder / "log").read_text(), second.log) == ("call 1\n", "call 2\n")


def test_without_isolation_changed_code_ends_the_server(project, warm):
    file = project.write("steps.py", KEEPING)
    os.utime(file, (1, 1))
    attempts = warm("--isolation", "none")
    assert attempts.run("steps:call").said == {"exited": 0}
    file.write_text(KEEPING + "\n")
    assert attempts.run("steps:call").said == {"refused": f"`{file}` was changed since it was imported"}
    assert attempts.server.process.wait(timeout=DEADLINE) == 0


def test_what_is_no_step_of_ours_is_refused(project, warm):
    attempts = warm()
    folder, variables = attempts.prepare("steps:work")
    with open(folder / "log", "ab") as log:
        call = attempts.server.call("steps:work", variables, log)
        call.close()  # The server survives that nobody listens.
        ours = attempts.server.call("", variables, log)
    assert ours.hear() == {"refused": "this server does not know how to start it"}
