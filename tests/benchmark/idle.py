"""What the host and its helpers cost while a step runs that says nothing."""

import os
import subprocess
import time
from pathlib import Path

from measure import verdict
from world import SUNDAE, home_in

SECONDS = 10
MOST_PERCENT = 0.5

PIPELINE = f"""name = "idle"
[[steps]]
name = "wait"
run = "exec sleep {SECONDS + 3}"
cache = false
"""


def measure(folder: Path, arguments) -> None:
    env = {**os.environ, **home_in(folder)}
    (folder / "pipeline.toml").write_text(PIPELINE)
    words = [SUNDAE, "run", "pipeline.toml"]
    run = subprocess.Popen(words, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    before = nanoseconds(run.pid)
    time.sleep(SECONDS)
    percent = (nanoseconds(run.pid) - before) / SECONDS / 1e7
    run.terminate()
    run.wait()
    kept = verdict(percent < MOST_PERCENT, f"less than {MOST_PERCENT} % of a core")
    print(f"| while a step sleeps, of one core | {percent:.3f} % | | | | {kept} |", flush=True)


def nanoseconds(pid: int) -> int:
    """What a process and its children, but for what steps have started, have had of the processor."""
    total = 0
    for process in [pid, *children(pid)]:
        if Path(os.readlink(f"/proc/{process}/exe")).name == SUNDAE.name:
            for thread in Path(f"/proc/{process}/task").iterdir():
                total += int((thread / "schedstat").read_text().split()[0])
    return total


def children(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]
