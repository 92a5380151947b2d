"""The program that runs the pipelines of these tests, and scripts for it.

With SUNDAE_BIN set, that is the real `sundae`; else the stand-in beside this file.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src"


@pytest.fixture
def host(tmp_path_factory, monkeypatch) -> str:
    """The program, with a home of its own for this test."""
    folder = tmp_path_factory.mktemp("host")
    monkeypatch.setenv("SUNDAE_HOME", str(folder / "home"))
    (folder / "home").mkdir()
    program = os.environ.get("SUNDAE_BIN")
    if program is None:
        stand_in = folder / "sundae"
        stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{TESTS}/stand_in_host.py" "$@"\n')
        stand_in.chmod(0o755)
        program = str(stand_in)
        monkeypatch.setenv("SUNDAE_BIN", program)
    return program


class Project:
    """A folder of files, and the means to run its scripts."""

    def __init__(self, root: Path):
        self.root = root

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def python(self, *words: str, cwd: str = ".", **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.root / cwd,
            env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    @property
    def source_path(self) -> list[str]:
        """What must be on the import path for `import sundae`."""
        return [str(SOURCE)]

    def says(self, *words: str, **options: str) -> str:
        """What a script prints; it must end well."""
        done = self.python(*words, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path)
