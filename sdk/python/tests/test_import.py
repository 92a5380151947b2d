"""Each step starts an interpreter, so importing the package must stay next to free."""

import ast
import subprocess
import sys

from conftest import SOURCE

import sundae


def imported_by(code: str) -> set[str]:
    """The modules that some code imports, beyond those of the bare interpreter."""
    script = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    words = [sys.executable, "-c", script]
    return set(subprocess.check_output(words, text=True, env={"PYTHONPATH": str(SOURCE)}).split())


def test_the_package_alone_imports_nothing():
    assert imported_by("import sundae") == {"sundae"}


def test_the_decorators_import_nothing_large():
    found = imported_by("from sundae import command, pipeline, step")
    assert {name for name in found if not name.startswith("sundae")} <= {"contextvars", "_contextvars"}


def test_every_name_is_there_and_in_the_stub():
    stub = ast.parse((SOURCE / "sundae" / "__init__.pyi").read_text())
    declared = {node.name for node in stub.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    assert {name for name in declared if name[0] != "_"} == set(sundae.__all__)
    for name in sundae.__all__:
        assert getattr(sundae, name)


def test_the_stub_knows_every_option():
    from sundae.declaration import PIPELINE_OPTIONS, STEP_OPTIONS

    stub = ast.parse((SOURCE / "sundae" / "__init__.pyi").read_text())
    for name, options in (("step", STEP_OPTIONS), ("pipeline", PIPELINE_OPTIONS)):
        overloads = [node for node in stub.body if isinstance(node, ast.FunctionDef) and node.name == name]
        assert tuple(argument.arg for argument in overloads[1].args.kwonlyargs) == options
