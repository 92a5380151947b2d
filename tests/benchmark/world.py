"""Where the measured things are: the program, the peers, and folders in which nobody has worked before."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from measure import Contestant

CHECKOUT = Path(__file__).resolve().parents[2]
SUNDAE = CHECKOUT / "target/release/sundae"
PEERS = CHECKOUT / "target/benchmark-peers"

WARM_UP = """name = "warm-up"
[[steps]]
name = "nothing"
run = "true"
"""


def home_in(folder: Path) -> dict[str, str]:
    """A home in which one step has run: what happens once for a user (the database is made, plugins are tried) is over."""
    env = {"SUNDAE_HOME": str(folder / "home")}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "warm-up.toml").write_text(WARM_UP)
    subprocess.run(
        [SUNDAE, "run", "warm-up.toml"], cwd=folder, env={**os.environ, **env}, check=True, capture_output=True
    )
    return env


def do(words: list[str], folder: Path, env: dict[str, str]) -> None:
    """One of our commands, of which only its failure is of interest."""
    done = subprocess.run([SUNDAE, *words], cwd=folder, env={**os.environ, **env}, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"sundae {' '.join(words)}: exit code {done.returncode}\n{done.stderr}")


def anew(source: Path, is_ours: bool):
    """Prepares each run in a new copy of `source`, with a home of its own if it is ours.

    Nothing is removed before the end: a file system from which much was just removed is slower for everybody.
    """
    numbers = itertools.count()

    def prepare(contestant: Contestant) -> None:
        folder = source.parent / f"{source.name}-{contestant.name}-{next(numbers)}"
        shutil.copytree(source, folder)
        contestant.folder = folder
        if is_ours:
            contestant.env = {**contestant.env, **home_in(folder)}

    return prepare


def environment_with(name: str, *packages: str) -> Path:
    """The `bin` of a virtual environment of its own, with these packages from PyPI."""
    venv = PEERS / name
    done = venv / "installed"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        if packages:
            subprocess.run([venv / "bin/python", "-m", "pip", "install", "--quiet", *packages], check=True)
        done.touch()
    return venv / "bin"


def environment_with_ours(name: str, *packages: str) -> Path:
    """The same with our own package, as it is in the checkout now."""
    programs = environment_with(name, *packages)
    words = ["install", "--quiet", "--force-reinstall", "--no-deps", CHECKOUT / "sdk/python"]
    subprocess.run([programs / "python", "-m", "pip", *words], check=True)
    return programs


def ninja() -> str:
    # The wheel's program is a Python script around the real one.
    programs = environment_with("ninja", "ninja")
    real = [*programs.parent.rglob("data/bin/ninja"), programs / "ninja"]
    return str(real[0])


def b3sum() -> str:
    program = PEERS / "bin/b3sum"
    if not program.exists():
        subprocess.run(["cargo", "install", "--quiet", "b3sum", "--root", PEERS], check=True)
    return str(program)
