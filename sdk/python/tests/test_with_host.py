"""What only the real program can show: narration and records, commands around a plan, Ctrl-C, the examples.

Everything else that needs a run is in `test_runs.py` and `test_starter.py`, which take the real program too.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import SOURCE

PROGRAM = os.environ.get("SUNDAE_BIN")
EXAMPLES = Path(__file__).parents[3] / "examples"
DEADLINE = 60

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="SUNDAE_BIN does not name a `sundae` program"),
    pytest.mark.usefixtures("host"),
]


def sundae(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [PROGRAM, *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )


def data(*words: str, cwd: Path | None = None):
    """What a command says as JSON; it must end well."""
    done = sundae(*words, "--output", "json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def statuses(run: dict) -> dict[str, str]:
    return {step["name"]: step["status"] for step in run["steps"]}


FAILING = """
from sundae import log_metric, pipeline, step

@step
def broken(rows: int) -> int:
    for row in range(rows):
        print(f"row {row}")
    log_metric("rows", rows)
    return 1 // 0

@step
def after(number: int) -> int:
    return number

@step
def aside() -> int:
    return 1

@pipeline
def training(rows: int = 100):
    after(broken(rows))
    aside()

if __name__ == "__main__":
    training()
"""


def test_a_failing_step_is_shown_with_its_last_lines_and_recorded(project):
    project.write("run.py", FAILING)
    done = project.python("run.py")
    assert (done.returncode, done.stdout) == (3, "")
    assert "row 99\n" in done.stderr
    assert "row 10\n" not in done.stderr
    assert "ZeroDivisionError: integer division or modulo by zero" in done.stderr
    assert "sundae/attempt.py" not in done.stderr
    assert done.stderr.count("Traceback") == 1
    run = data("runs", "describe", "training-1", cwd=project.root)
    assert run["status"] == "failed"
    assert statuses(run) == {"broken": "failed", "after": "skipped", "aside": "completed"}
    broken = run["steps"][0]
    assert (broken["exit_code"], broken["metrics"]) == (1, {"rows": 100})
    assert "row 0\n" in sundae("runs", "logs", "training-1", "broken", cwd=project.root).stdout


def test_what_the_program_refuses_is_said_once_and_by_the_program(project):
    project.write("run.py", FAILING + "    pass\n")
    done = project.python("-c", "from run import training\ntraining.with_options(stack='nowhere')()")
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error:") == 1


HANGING = """
import os, signal
from sundae import pipeline, step

@step
def hang() -> int:
    with open("started", "w") as file:
        file.write(str(os.getpid()))
    while True:
        signal.pause()

@pipeline
def training():
    hang()

if __name__ == "__main__":
    training()
    print("went on")
"""


def test_an_interrupt_stops_the_steps_and_leaves_a_cancelled_run(project):
    project.write("run.py", HANGING)
    script = subprocess.Popen(
        [sys.executable, "run.py"],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    started = project.root / "started"
    until(lambda: started.exists() and started.read_text())
    script.send_signal(signal.SIGINT)
    out, said = script.communicate(timeout=DEADLINE)
    assert (script.returncode, out) == (130, "")
    assert said.endswith("error: run `training-1` was cancelled\n")
    assert "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)
    run = data("runs", "describe", "training-1", cwd=project.root)
    assert (run["status"], statuses(run)) == ("cancelled", {"hang": "cancelled"})


def until(condition) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.01)


def test_a_plan_is_a_pipeline_file(project):
    project.write(
        "run.py",
        "import json\nfrom sundae import pipeline, step\n"
        "@step\ndef double(number: int) -> int:\n    return 2 * number\n"
        "@pipeline\ndef training(size: int = 3):\n    double(size)\n"
        "if __name__ == '__main__':\n    import sys\n"
        "    print(training(5).steps['double'].status if sys.argv[1:] else json.dumps(training.compile()))\n",
    )
    plan = project.write("plan.json", project.says("run.py"))
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    done = subprocess.run(
        [PROGRAM, "run", str(plan), "-p", "size=5", "--output", "json"],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PATH": path},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["params"] == {"size": 5}
    target = project.root / "value"
    assert sundae("artifact", "get", "training-1/double.output", "--to", str(target)).returncode == 0
    assert target.read_text() == "10"
    assert project.says("run.py", "now") == "cached"


def test_another_stack_runs_the_same_script(project):
    project.write("run.py", FAILING.replace("1 // 0", "1"))
    assert project.python("run.py").returncode == 0
    store, stack = "my_artifact_store", "a_new_local_stack"
    assert sundae("artifact-store", "register", store, "--flavor=local").returncode == 0
    assert sundae("stack", "register", stack, "-o", "default", "-a", store).returncode == 0
    script = (
        "from run import training\nrun = training.with_options(stack={!r})()\n"
        "print(run.stack, run.steps['aside'].status)"
    )
    assert project.says("-c", script.format(stack)) == f"{stack} completed"
    assert sundae("stack", "set", stack).returncode == 0
    assert project.says("-c", script.format(None)) == f"{stack} cached"


SECRETIVE = """
import json, os
from sundae import pipeline, step

@step(env={"TOKEN": "Bearer {secret.token}"})
def upload() -> int:
    with open(os.environ["SUNDAE_MESSAGES"], "a") as messages:
        print(json.dumps({"note": f"with {os.environ['TOKEN']}"}), file=messages)
    raise ValueError(os.environ["TOKEN"])

@pipeline
def uploading():
    upload()

if __name__ == "__main__":
    uploading()
"""


def test_a_secret_is_in_the_environment_of_its_step_and_shown_nowhere(project):
    project.write("run.py", SECRETIVE)
    refused = project.python("run.py")
    assert refused.returncode != 0
    assert "step `upload` needs the secret `token`, which is not set" in refused.stderr
    value = 'hörse "battery"'
    words = [PROGRAM, "secret", "set", "token"]
    subprocess.run(words, input=value, text=True, check=True, timeout=DEADLINE)
    failed = project.python("run.py")
    assert "ValueError: Bearer ***" in failed.stderr, failed.stderr
    run = data("runs", "describe")
    assert run["steps"][0]["notes"] == ["with Bearer ***"]
    for text in (failed.stderr, sundae("runs", "logs").stdout, json.dumps(run, ensure_ascii=False)):
        assert "battery" not in text


@pytest.fixture
def example(tmp_path):
    """A copy of an example, and a way to run it."""

    def copy(name: str):
        folder = tmp_path / name
        shutil.copytree(EXAMPLES / name, folder)
        return folder

    return copy


def test_the_example_without_python(example):
    folder = example("word-count")
    run = data("run", "pipeline.toml", cwd=folder)
    assert set(statuses(run).values()) == {"completed"}
    steps = {step["name"]: step for step in run["steps"]}
    assert steps["split"]["outputs"]["words"]["kind"] == "folder"
    assert steps["split"]["metrics"] == {"texts": 3}
    assert steps["count"]["metrics"] == {"words": 346, "distinct_words": 204}
    report = folder / "report.txt"
    assert sundae("artifact", "get", "word-count-1/report.report", "--to", str(report)).returncode == 0
    shown = "".join(f"    {line}\n" if line else "\n" for line in report.read_text().splitlines())
    assert shown in (folder / "README.md").read_text()

    assert set(statuses(data("run", "pipeline.toml", cwd=folder)).values()) == {"cached"}
    changed = statuses(data("run", "pipeline.toml", "-p", "top=3", cwd=folder))
    assert changed == {
        "split": "cached",
        "count": "cached",
        "rank": "completed",
        "lengths": "cached",
        "report": "completed",
    }
    text = folder / "texts" / "sonnet-18.txt"
    text.write_text(text.read_text().upper())  # Other bytes, but the same words in the end.
    changed = statuses(data("run", "pipeline.toml", cwd=folder))
    assert changed.pop("split") == "completed"
    assert set(changed.values()) == {"cached"}


def test_the_example_with_plain_scripts(example):
    folder = example("training")
    run = data("run", "pipeline.toml", cwd=folder)
    steps = {step["name"]: step for step in run["steps"]}
    assert steps["evaluate"]["metrics"] == {"accuracy": 0.9}
    assert steps["evaluate"]["notes"] == ["3 of 30 irises were mistaken for others"]
    assert steps["evaluate"]["outputs"]["mistakes"]["metadata"] == {"media_type": "application/json"}
    changed = data("run", "pipeline.toml", "-p", "seed=8", cwd=folder)
    assert statuses(changed)["load"] == "cached"
    assert statuses(changed)["train"] == "completed"
