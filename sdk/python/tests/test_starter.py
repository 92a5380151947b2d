"""The project that `sundae init --template starter` makes."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pandas")

TEMPLATE = Path(__file__).parents[3] / "host" / "templates" / "starter"
PROGRAM = os.environ.get("SUNDAE_BIN")


@pytest.fixture
def starter(project, host):
    """The project; the real program makes it, in the place of the stand-in we do."""
    project.root = project.root / "starter"
    if PROGRAM is None:
        shutil.copytree(TEMPLATE, project.root, ignore=shutil.ignore_patterns("__pycache__"))
        project.write("sundae.toml", "")
    else:
        words = [PROGRAM, "init", str(project.root), "--template", "starter", "--template-with-defaults"]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return project


def accuracy(said: str) -> float:
    assert said.startswith("accuracy: ")
    return float(said.split()[1])


def test_its_files_are_those_of_the_template(starter):
    def files(root: Path) -> set[str]:
        names = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        return {name for name in names if "__pycache__" not in name}

    assert files(starter.root) - files(TEMPLATE) == {"sundae.toml"}
    assert files(TEMPLATE) <= files(starter.root)
    if PROGRAM is not None:
        assert (starter.root / "README.md").read_text().startswith("# starter\n")


def test_training_keeps_the_better_model_and_needs_no_second_time(starter):
    first = starter.python("run.py", "--training-pipeline")
    assert first.returncode == 0, first.stderr
    assert accuracy(first.stdout) > 0.9
    assert starter.says("run.py", "--training-pipeline") == first.stdout.strip()
    statuses = "from pipelines.training import training\nprint({s.status for s in training().steps.values()})"
    assert starter.says("-c", statuses) == "{'cached'}"
    # Trained anew, the models are the same to the byte.
    script = (
        "from pipelines.training import training\n"
        "def digests(run):\n"
        "    return {s.name: [o.digest for o in s.outputs.values()] for s in run.steps.values()}\n"
        "print(digests(training()) == digests(training.with_options(cache=False)()))"
    )
    assert starter.says("-c", script) == "True"


def test_every_pipeline(starter):
    said = starter.says("run.py", "--feature-pipeline", "--training-pipeline", "--inference-pipeline")
    features, training, inference = said.splitlines()
    assert features == "rows: 433 train, 108 test, 28 batch"
    assert accuracy(training) > 0.9
    kinds = [word.strip(",") for word in inference.split()[2::2]]
    counts = [int(word) for word in inference.split()[1::2]]
    assert (kinds, sum(counts)) == (["benign", "malignant"], 28)
    # What the training has done, the inference does not do again.
    script = (
        "from pipelines.inference import inference\nprint({s.status for s in inference().steps.values()})"
    )
    assert starter.says("-c", script) == "{'cached'}"


def test_without_a_pipeline_it_says_which_there_are(starter):
    done = starter.python("run.py")
    assert done.returncode == 2
    assert "--training-pipeline" in done.stdout


def test_its_own_tests(starter):
    done = starter.python("-m", "unittest")
    assert done.returncode == 0, done.stderr


def test_each_step_is_its_own_file_and_the_script_is_code_of_none(starter):
    script = "import json\nfrom pipelines.inference import inference\nprint(json.dumps(inference.compile()))"
    for step in json.loads(starter.says("-c", script))["steps"]:
        module = step["run"][3].partition(":")[0]
        files = {
            name.partition(":")[0] for name, value in step["fingerprint"].items() if value.startswith("code:")
        }
        assert module.replace(".", "/") + ".py" in files
        assert "run.py" not in files and all(file.startswith("steps/") for file in files), files
        assert {"python", "pandas"} & set(step["fingerprint"])
