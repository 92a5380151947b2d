"""What the README shows works."""

import re
from pathlib import Path

import pytest

BLOCKS = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[1] / "README.md").read_text(), re.DOTALL)


@pytest.mark.usefixtures("host")
def test_its_first_pipeline_runs(project):
    project.write("run.py", BLOCKS[0])
    first = project.says("run.py")
    assert first == "19.5 44.5 {'mean': 19.5}"
    assert project.says("run.py") == first


@pytest.mark.parametrize("block", BLOCKS)
def test_its_examples_are_python(block):
    compile(block, "README.md", "exec")
