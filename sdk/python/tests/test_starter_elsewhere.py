"""The starter project on stacks of real servers, as `tests/backends` starts them: Ceph's S3 and Slurm."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pandas")

PROGRAM = os.environ.get("SUNDAE_BIN")
SECRET = ("access_key_id", "secret_access_key")
# What a run made, as one line of JSON.
SHOW = """
import json
from pipelines.training import training
run = training.with_options(stack="{stack}")()
print(json.dumps({{
    "accuracy": run.steps["select_best"].metrics["accuracy"],
    "digests": {{s.name: [o.digest for o in s.outputs.values()] for s in run.steps.values()}},
    "statuses": sorted({{s.status for s in run.steps.values()}}),
}}))
"""

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="SUNDAE_BIN names no program")


class User:
    """Somebody with a home and a starter project of their own."""

    def __init__(self, folder: Path):
        self.home, self.project = folder / "home", folder / "starter"
        self.home.mkdir(parents=True)
        self.sundae("init", str(self.project), "--template", "starter", "--template-with-defaults", at=folder)

    def environment(self) -> dict[str, str]:
        return {**os.environ, "SUNDAE_HOME": str(self.home)}

    def sundae(self, *words: str, given: str = "", at: Path | None = None) -> str:
        done = subprocess.run(
            [PROGRAM, *words],
            cwd=at or self.project,
            env=self.environment(),
            input=given,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def register(self, kind: str, name: str, flavor: str, config: dict) -> None:
        """Registers a component; what of its configuration is secret goes into a secret."""
        options = []
        for field, value in config.items():
            if field in SECRET:
                self.sundae("secret", "set", field, given=value)
                value = f"{{secret.{field}}}"
            options.append(f"--{field}={value}")
        self.sundae(kind, "register", name, f"--flavor={flavor}", *options)

    def trains(self, stack: str) -> dict:
        done = subprocess.run(
            [sys.executable, "-c", SHOW.format(stack=stack)],
            cwd=self.project,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def server(variable: str, script: str) -> str:
    """What the environment says of a server. Where all are required, one that is missing fails the test."""
    value = os.environ.get(variable)
    if value is None:
        cure = f'eval "$(bash tests/backends/{script} start)"'
        sentence = f"there is no server; say {cure}, which sets {variable}"
        assert os.environ.get("SUNDAE_TEST_BACKENDS") != "required", sentence
        pytest.skip(sentence)
    return value


def in_s3(folder: Path) -> tuple[str, dict]:
    return "s3", {**json.loads(server("SUNDAE_TEST_S3", "ceph.sh")), "prefix": f"starter-{uuid.uuid4()}"}


def in_a_shared_folder(folder: Path) -> tuple[str, dict]:
    return "local", {"path": folder / "store", "shared": "true"}


def on_this_machine(folder: Path) -> tuple[str, dict]:
    return "local", {}


def on_slurm(folder: Path) -> tuple[str, dict]:
    server("SUNDAE_TEST_SLURM", "slurm.sh")
    return "slurm", {"work_folder": folder / "jobs", "poll_interval": 1}


STACKS = [(on_this_machine, in_s3), (on_slurm, in_a_shared_folder), (on_slurm, in_s3)]


@pytest.mark.parametrize(("orchestrator", "store"), STACKS)
def test_it_trains_the_same_models_there_and_nobody_trains_them_twice(orchestrator, store, tmp_path):
    first = User(tmp_path / "first")
    runs_on, keeps_in = orchestrator(tmp_path), store(tmp_path)
    here = first.trains("default")
    assert here["statuses"] == ["completed"]
    assert here["accuracy"] > 0.9

    def has_the_stack(user: User) -> None:
        user.register("orchestrator", "there", *runs_on)
        user.register("artifact-store", "there", *keeps_in)
        user.sundae("stack", "register", "there", "-o", "there", "-a", "there")

    has_the_stack(first)
    there = first.trains("there")
    assert there == here
    # The second time nothing runs, and neither does it for another user, who has nothing but the store.
    cached = {**here, "statuses": ["cached"]}
    assert first.trains("there") == cached
    second = User(tmp_path / "second")
    has_the_stack(second)
    assert second.trains("there") == cached
