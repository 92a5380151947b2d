"""How the program is started, and what is made of the ways in which it can end."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import SOURCE

RUN = """
from sundae import pipeline, step
@step
def train() -> int:
    return 1
@pipeline
def training():
    train()
if __name__ == "__main__":
    print(training.with_options(stack="cluster", cache=False)())
"""

RESULT = {
    "id": "1",
    "name": "training-1",
    "pipeline": "training",
    "stack": "default",
    "status": "completed",
    "params": {},
    "steps": [{"name": "train", "status": "failed", "outputs": {}}],
}

DEADLINE = 60


@pytest.fixture
def program(project, monkeypatch):
    """Puts a program in the place of `sundae` that does what the shell script says."""

    def put(script: str) -> Path:
        file = project.write("bin/sundae", f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        monkeypatch.delenv("SUNDAE_BIN", raising=False)
        monkeypatch.setenv("PATH", f"{file.parent}:{os.environ['PATH']}")
        return file

    project.write("run.py", RUN)
    return put


def printing(facts: dict) -> str:
    return f"cat <<'END'\n{json.dumps(facts)}\nEND"


def test_what_it_is_told(project, program):
    program(f'echo "$PWD|$*|$SUNDAE_PYTHONPATH|$PATH" >&2; cp "$2" plan.json; {printing(RESULT)}')
    done = project.python("../run.py", cwd="bin")
    assert (done.returncode, done.stdout) == (0, "<run training-1: completed>\n")
    folder, words, paths, path = done.stderr.strip().split("|")
    assert folder == str(project.root)
    assert words.startswith("run /") and words.endswith(
        "/training.json --output json --stack cluster --no-cache"
    )
    assert paths.split(":") == [str(project.root)]
    assert os.path.samefile(path.split(":")[0], os.path.dirname(sys.executable))
    assert json.loads((project.root / "plan.json").read_text())["name"] == "training"
    assert not Path(words.split()[1]).parent.exists()  # The plan's file is gone.


def test_it_may_be_named_relative_to_the_current_folder(project, program):
    program(printing(RESULT))
    done = project.python("../run.py", cwd="bin", SUNDAE_BIN="./sundae", PATH="/usr/bin:/bin")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("script", "code", "sentence"),
    [
        ("echo 'error: no stack' >&2; exit 2", 2, "error: no stack\n"),
        ("echo 'error: no plugin' >&2; exit 4", 4, "error: no plugin\n"),
        ("exit 0", 1, "gave no result that can be read: is it the `sundae` program?\n"),
        ("echo '[1]'; exit 0", 1, "gave no result that can be read: is it the `sundae` program?\n"),
        ("kill -9 $$", 1, "error: `sundae run` was ended by signal 9\n"),
        (printing(RESULT) + "\nexit 3", 3, "error: run `training-1` failed at step `train`\n"),
        (printing(RESULT) + "\nexit 130", 130, "error: run `training-1` was cancelled\n"),
        ("kill -2 $$", 130, "error: the run was cancelled\n"),
    ],
)
def test_how_it_can_end(project, program, script, code, sentence):
    program(script)
    done = project.python("run.py")
    assert done.returncode == code
    assert done.stderr.endswith(sentence)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_it_is_not_there(project, program):
    program("").unlink()
    done = project.python("run.py", PATH="/nowhere")
    assert done.returncode == 1
    assert done.stderr == (
        "error: the program `sundae` cannot be started (No such file or directory): "
        "put `sundae` on PATH or name it in SUNDAE_BIN\n"
    )


def test_a_failed_run_is_an_ordinary_exception(project, program):
    program(printing(RESULT) + "\nexit 3")
    project.write(
        "catch.py",
        "from run import training\nfrom sundae import RunFailed, SundaeError\n"
        "try:\n    training()\nexcept RunFailed as failed:\n"
        "    assert isinstance(failed, SundaeError) and isinstance(failed, Exception)\n"
        "    print([step.name for step in failed.run.steps.values() if step.status == 'failed'])\n",
    )
    assert project.says("catch.py") == "['train']"


def test_errors_of_others_keep_their_traceback(project, program):
    program(printing(RESULT) + "\nexit 3")
    project.write(
        "raise.py",
        "from run import training\nimport sundae\n"
        "try:\n    training()\nexcept sundae.RunFailed:\n    pass\nraise ValueError('mine')\n",
    )
    done = project.python("raise.py")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")


STOPPABLE = """
import os, signal

stops = 0

def stop(*_):
    global stops
    stops += 1
    with open("stops", "w") as file:
        file.write(str(stops))
    if stops == int(os.environ["PATIENCE"]):
        os._exit(130)

signal.signal(signal.SIGINT, stop)
open("started", "w").close()
while True:
    signal.pause()
"""


@pytest.fixture
def stoppable(project, program):
    """A program that hangs until it was asked to stop PATIENCE times."""
    file = project.write("stoppable.py", STOPPABLE)
    program(f'exec "{sys.executable}" "{file}"')
    return project


def start(project, patience: int) -> subprocess.Popen:
    script = subprocess.Popen(
        [sys.executable, "run.py"],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PATIENCE": str(patience)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until((project.root / "started").exists)
    return script


def until(condition) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.01)


def stops(project) -> str:
    file = project.root / "stops"
    return file.read_text() if file.exists() else ""


def test_an_interrupt_reaches_the_program_and_ends_the_script_with_a_sentence(stoppable):
    script = start(stoppable, patience=1)
    script.send_signal(signal.SIGINT)
    _, said = script.communicate(timeout=DEADLINE)
    assert (script.returncode, said) == (130, "error: the run was cancelled\n")
    assert stops(stoppable) == "1"


def test_the_script_waits_until_the_program_has_ended(stoppable):
    script = start(stoppable, patience=2)
    script.send_signal(signal.SIGINT)
    until(lambda: stops(stoppable) == "1")
    assert script.poll() is None
    script.send_signal(signal.SIGINT)
    script.communicate(timeout=DEADLINE)
    assert script.returncode == 130
    assert stops(stoppable) == "2"


def test_on_a_terminal_the_program_has_heard_an_interrupt_already(project):
    project.write("ask.py", "from sundae.host import _shares_terminal\nprint(_shares_terminal())\n")

    def asked(*words: str) -> bytes:
        return subprocess.run(
            [sys.executable, *words],
            cwd=project.root,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=DEADLINE,
            start_new_session=True,
        ).stdout.strip()

    on_terminal = "import pty, sys; pty.spawn([sys.executable, 'ask.py'])"
    assert (asked("-c", on_terminal), asked("ask.py")) == (b"True", b"False")
