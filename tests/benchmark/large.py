"""An artifact of 1 GB from one step to the next, and how fast it is hashed."""

import os
import subprocess
from pathlib import Path

from measure import Contestant, Target, race, row
from world import SUNDAE, anew, b3sum, environment_with, home_in

SIZE = 1 << 30

# Both make the file by themselves and read it to its end.
MAKE, READ = "head -c 1073741824 /dev/zero > {to}", "cat {of} > /dev/null"

PIPELINE = f"""name = "large"
[[steps]]
name = "make"
run = "{MAKE.format(to='{out.x}')}"
outputs = ["x"]
[[steps]]
name = "use"
run = "{READ.format(of='{in.x}')}"
inputs = {{ x = "make.x" }}
"""

HASHED = """name = "hashed"
[[steps]]
name = "nothing"
run = "true"
code = ["big"]
"""

DVC = f"""stages:
  make:
    cmd: {MAKE.format(to='x')}
    outs: [x]
  use:
    cmd: {READ.format(of='x')}
    deps: [x]
"""


def measure(folder: Path, arguments) -> None:
    rounds = 3
    source = folder / "large"
    source.mkdir(parents=True)
    (source / "pipeline.toml").write_text(PIPELINE)
    (source / "dvc.yaml").write_text(DVC)
    dvc = str(environment_with("dvc", "dvc") / "dvc")
    env = {"DVC_NO_ANALYTICS": "1"}
    subprocess.run([dvc, "init", "--no-scm", "-q"], cwd=source, env={**os.environ, **env}, check=True)
    script = f"{MAKE.format(to='x')} && {READ.format(of='x')}"
    ours = Contestant("sundae", [str(SUNDAE), "run", "pipeline.toml"], source, prepare=anew(source, True))
    peers = [
        Contestant("sh", ["sh", "-c", script], source, prepare=anew(source, False)),
        Contestant("sh, and cp between", ["sh", "-c", script.replace("&&", "&& cp x y &&")], source,
                   prepare=anew(source, False)),
        Contestant("dvc", [dvc, "repro", "-q"], source, env, anew(source, False)),
    ]
    race([ours, *peers], rounds)
    for peer, target in zip(peers, (Target(), Target(), Target(times=0.5))):
        print(row("1 GB from step to step", ours, peer, target), flush=True)
    hashing(folder / "hashed", max(5, rounds))


def hashing(folder: Path, rounds: int) -> None:
    folder.mkdir()
    with open(folder / "big", "wb") as file:
        for _ in range(SIZE >> 24):
            file.write(os.urandom(1 << 24))
    (folder / "pipeline.toml").write_text(HASHED)
    # A file that looks as it did need not be read again.
    changed = lambda _: os.utime(folder / "big")
    ours = Contestant("sundae", [str(SUNDAE), "run", "pipeline.toml"], folder, home_in(folder), changed)
    peer = Contestant("b3sum", [b3sum(), "big"], folder)
    race([ours, peer], rounds)
    print(row("a run whose code is 1 GB, cached", ours, peer, Target(times=2)), flush=True)
