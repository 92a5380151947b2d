"""Steps on a Slurm cluster, beside a bare `sbatch` of the same commands: what a fan-out and a chain take, and how often the controller is called.

The cluster is that of `tests/backends`: `eval "$(bash tests/backends/slurm.sh start)"` says by the environment where it is.
"""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from world import CHECKOUT, SUNDAE, home_in

ITEMS, CHAIN = 1000, 10

FAN_OUT = f"""name = "fan"
[[steps]]
name = "each"
foreach = {{ n = {list(range(ITEMS))} }}
run = "true"
"""


def measure(folder: Path, arguments) -> None:
    if "SUNDAE_TEST_SLURM" not in os.environ:
        print("| on a Slurm cluster | NOT MEASURED: there is none | | | | |", flush=True)
        return
    folder.mkdir(parents=True)
    env = {**os.environ, **home_in(folder), **plugins(folder)}
    stack(folder, env)
    fan_out(folder, env)
    chain(folder, env)


def plugins(folder: Path) -> dict[str, str]:
    """Those of the default stack, and that of the cluster, as a release."""
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "sundae-slurm"], cwd=CHECKOUT, check=True)
    shutil.copy(CHECKOUT / "target/release/libsundae_slurm.so", folder)
    return {"SUNDAE_PLUGIN_PATH": str(folder)}


def stack(folder: Path, env: dict) -> None:
    for words in (
        ["orchestrator", "register", "cluster", "--flavor=slurm", f"--work_folder={folder / 'jobs'}"],
        ["artifact-store", "register", "shared", "--flavor=local", f"--path={folder / 'store'}", "--shared=true"],
        ["stack", "register", "cluster", "-o", "cluster", "-a", "shared"],
        ["stack", "set", "cluster"],
    ):
        subprocess.run([SUNDAE, *words], cwd=folder, env=env, check=True, capture_output=True)


def timed(command: list[str], folder: Path, env: dict) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)
    return time.perf_counter() - began, done.stderr


def fan_out(folder: Path, env: dict) -> None:
    (folder / "fan.toml").write_text(FAN_OUT)
    ours, told = timed([SUNDAE, "--verbose", "run", "fan.toml"], folder, env)
    bare, _ = timed(["sbatch", "--wait", "--quiet", f"--array=0-{ITEMS - 1}", "--output=/dev/null", "--wrap=true"], folder, env)
    row(f"{ITEMS} items on Slurm", ours, "one array of sbatch", bare)
    calls = re.findall(r"calls to Slurm: (.*)", told)
    print(f"| calls for that | {calls[-1] if calls else 'not told'} | | | | |", flush=True)


def chain(folder: Path, env: dict) -> None:
    steps = [
        f'[[steps]]\nname = "s{place}"\nrun = "true"\ncache = false\n' + (f'after = ["s{place - 1}"]\n' if place else "")
        for place in range(CHAIN)
    ]
    (folder / "chain.toml").write_text('name = "chain"\n' + "".join(steps))
    ours, _ = timed([SUNDAE, "run", "chain.toml"], folder, env)
    bare = sum(
        timed(["sbatch", "--wait", "--quiet", "--output=/dev/null", "--wrap=true"], folder, env)[0] for _ in range(CHAIN)
    )
    row(f"a chain of {CHAIN} steps on Slurm", ours, "sbatch --wait, one after the other", bare)


def row(title: str, ours: float, peer: str, theirs: float) -> None:
    cells = [title, f"{ours * 1000:.0f}", "", f"{peer}: {theirs * 1000:.0f}", f"{ours / theirs:.2f}", ""]
    print("| " + " | ".join(cells) + " |", flush=True)
