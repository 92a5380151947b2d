"""Which files and packages a step is made of, and how its process finds it."""

import json

from sundae.source import Project


def compiled(project, script: str = "run.py", cwd: str = ".", **environment) -> dict:
    plan = json.loads(project.says(script, cwd=cwd, **environment))
    plan["steps"] = {step["name"]: step for step in plan["steps"]}
    return plan


STEP = "from sundae import step\n@step\ndef {name}():\n    return 1\n"
RUN = """
import json
from sundae import pipeline
from steps.train import train

@pipeline
def training():
    train()

if __name__ == "__main__":
    print(json.dumps(training.compile()))
"""


WHOLE = "import importlib\n"
"""With this, all files that a module imports count as a whole."""


def definitions(step: dict) -> set[str]:
    """What of the project counts as code of a step, by name."""
    return {name for name, value in step["fingerprint"].items() if value.startswith("code:")}


def test_the_code_of_a_step_is_what_it_reaches(project):
    project.write("run.py", RUN)
    project.write("steps/__init__.py", "")
    body = "from lib import data\n" + STEP.format(name="train").replace("return 1", "return data.rows()")
    project.write("steps/train.py", body)
    project.write("lib/data.py", "import os, json\ndef rows():\n    return 1\ndef columns():\n    return 2\n")
    plan = compiled(project)
    step = plan["steps"]["train"]
    assert plan["root"] == str(project.root)
    assert step["run"][-1] == "steps.train:train"
    assert "code" not in step
    assert definitions(step) == {"steps/train.py:train", "lib/data.py:rows"}


def test_where_names_do_not_tell_it_is_what_its_module_imports(project):
    project.write("run.py", RUN)
    project.write("steps/__init__.py", "")
    project.write(
        "steps/train.py", WHOLE + "from lib import data\nfrom . import helper\n" + STEP.format(name="train")
    )
    project.write("steps/helper.py", "def help():\n    import lib.late\n")
    project.write("steps/load.py", "")
    project.write("lib/data.py", "import os, json\n")
    project.write("lib/late.py", "if True:\n    from lib.data import nothing\n")
    step = compiled(project)["steps"]["train"]
    files = ["lib/data.py", "lib/late.py", "steps/__init__.py", "steps/helper.py", "steps/train.py"]
    assert step["code"] == files
    assert definitions(step) == set()


def test_a_step_in_the_script_is_named_by_its_file(project):
    script = project.write("run.py", RUN.replace("from steps.train import train", STEP.format(name="train")))
    step = compiled(project)["steps"]["train"]
    assert step["run"][-1] == "run.py:train"
    assert definitions(step) == {"run.py:train"}
    assert script.exists()


def test_the_project_is_the_folder_with_the_marker(project):
    project.write("sundae.toml", "")
    project.write("scripts/run.py", RUN)
    project.write("scripts/steps/train.py", STEP.format(name="train"))
    plan = compiled(project, cwd="scripts")
    step = plan["steps"]["train"]
    assert plan["root"] == str(project.root)
    assert definitions(step) == {"scripts/steps/train.py:train"}
    assert step["run"][-3:] == ["steps.train:train", "--path", "scripts"]


def test_the_place_of_the_project_is_not_in_the_steps(project, tmp_path_factory):
    plans = []
    for place in ("one", "two"):
        project.write(f"{place}/run.py", RUN)
        project.write(f"{place}/steps/train.py", STEP.format(name="train"))
        plans.append(compiled(project, cwd=place))
    assert plans[0]["steps"] == plans[1]["steps"]
    assert plans[0]["root"] != plans[1]["root"]


def test_code_outside_the_project_counts_by_its_content(project):
    project.write("work/run.py", RUN)
    project.write("work/steps/train.py", WHOLE + "import shared.tools\n" + STEP.format(name="train"))
    project.write("elsewhere/shared/tools.py", "x = 1\n")
    path = f"{project.root}/elsewhere"

    def fingerprint() -> dict:
        import os

        pythonpath = os.pathsep.join([path, *project.source_path])
        return compiled(project, cwd="work", PYTHONPATH=pythonpath)["steps"]["train"]["fingerprint"]

    before = fingerprint()
    assert "shared/tools.py" in before
    project.write("elsewhere/shared/tools.py", "x = 2\n")
    assert fingerprint()["shared/tools.py"] != before["shared/tools.py"]
    step = STEP.format(name="train").replace("return 1", "return shared.tools.x")
    project.write("work/steps/train.py", "import shared.tools\n" + step)
    before = fingerprint()
    project.write("elsewhere/shared/tools.py", "x = 3\ny = 1")
    assert fingerprint()["shared/tools.py:x"] != before["shared/tools.py:x"]


def test_installed_packages_count_by_version(project):
    project.write("run.py", RUN)
    project.write("steps/train.py", "import pytest, json\n" + STEP.format(name="train"))
    step = compiled(project)["steps"]["train"]
    assert set(step["fingerprint"]) == {"python", "pytest", "steps/train.py:train"}


def test_an_editable_install_with_a_finder_of_its_own_is_the_users_code(project):
    """setuptools installs some projects so: nothing on the import path, but a finder that knows it."""
    project.write("elsewhere/mine/__init__.py", "")
    project.write("elsewhere/mine/tools.py", "import mine.deep\nprint('imported')\n")
    project.write("elsewhere/mine/deep.py", "")
    finder = """
import importlib.util, sys
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "mine":
            places = ["{0}/elsewhere/mine"]
            return importlib.util.spec_from_file_location(
                name, places[0] + "/__init__.py", submodule_search_locations=places)
sys.meta_path.append(Finder)
"""
    project.write("work/run.py", finder.replace("{0}", str(project.root)) + RUN)
    body = "    import mine.tools\n    return 1\n"
    project.write("work/steps/train.py", "from sundae import step\n@step\ndef train():\n" + body)
    step = compiled(project, cwd="work")["steps"]["train"]
    assert definitions(step) == {"steps/train.py:train", "mine/tools.py"}
    project.write("work/steps/train.py", WHOLE + "from sundae import step\n@step\ndef train():\n" + body)
    step = compiled(project, cwd="work")["steps"]["train"]
    assert step["code"] == ["steps/train.py"]
    assert set(step["fingerprint"]) == {"python", "mine/__init__.py", "mine/tools.py", "mine/deep.py"}


def test_the_script_is_code_only_of_the_steps_in_it(project):
    script = RUN.replace("@pipeline", STEP.format(name="local") + "@pipeline")
    project.write("run.py", script.replace("    train()\n", "    train()\n    local()\n"))
    project.write("steps/train.py", STEP.format(name="train"))
    steps = compiled(project)["steps"]
    assert definitions(steps["train"]) == {"steps/train.py:train"}
    assert definitions(steps["local"]) == {"run.py:local"}
    project.write("run.py", WHOLE + script.replace("    train()\n", "    train()\n    local()\n"))
    assert compiled(project)["steps"]["local"]["code"] == ["run.py", "steps/train.py"]


def test_every_form_of_import_is_seen(tmp_path):
    package = tmp_path / "package" / "inner"
    package.mkdir(parents=True)
    file = package / "module.py"
    file.write_text(
        "import a, b.c\nfrom d import e as f\nfrom g import *\nfrom . import h\nfrom ..i import j\n"
        "try:\n    import k\nexcept ImportError:\n    import l\nelse:\n    import m\nfinally:\n    import n\n"
        "with open('x'):\n    import o\nclass C:\n    import p\n    async def late(self):\n        import q\n"
        "match 1:\n    case 1:\n        import r\nwhile 0: import s\n"
    )
    found = set(Project(str(tmp_path), [str(tmp_path)])._imports_in(str(file)))
    relative = {"package.inner", "package.inner.h", "package.i", "package.i.j"}
    assert found == {"a", "b.c", "d", "d.e", "g", *relative, *"klmnopqrs"}


def test_a_file_that_cannot_be_parsed_imports_nothing(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("import a\n(")
    assert list(Project(str(tmp_path), [str(tmp_path)])._imports_in(str(file))) == []
