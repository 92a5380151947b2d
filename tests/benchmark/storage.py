"""Artifacts in S3: a large one put, got, and passed from step to step, beside rclone; then many small ones collected.

The service is that of `tests/backends`: `eval "$(bash tests/backends/ceph.sh start)"` says by the environment where it is.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

from bucket import Bucket, is_there, rclone
from collecting import collecting
from measure import Contestant, Target, race, row
from world import CHECKOUT, SUNDAE, do, home_in

SIZE = 2 << 30

MAKE, READ = f"head -c {SIZE} /dev/zero > {{to}}", "cat {of} > /dev/null"

PIPELINE = f"""name = "large"
[[steps]]
name = "make"
run = "{MAKE.format(to='{out.x}')}"
outputs = ["x"]
cache = false
[[steps]]
name = "use"
run = "{READ.format(of='{in.x}')}"
inputs = {{ x = "make.x" }}
cache = false
"""

# At least 80 % of the throughput, in less than 100 MB of memory.
TARGET = Target(times=1.25, megabytes=100)


def measure(folder: Path, arguments) -> None:
    if not is_there():
        print("| artifacts in S3 | NOT MEASURED: there is no service | | | | |", flush=True)
        return
    folder.mkdir(parents=True)
    build(folder / "plugins")
    env = {**home_in(folder / "at-home"), "SUNDAE_PLUGIN_PATH": str(folder / "plugins")}
    flavor(folder / "flavor")
    runs(folder / "runs", env)
    collecting(folder / "collecting", env)


def build(folder: Path) -> None:
    words = ["cargo", "build", "--quiet", "--release", "-p", "sundae-object-storage", "--lib", "--example", "transfer"]
    subprocess.run(words, cwd=CHECKOUT, check=True)
    folder.mkdir()
    shutil.copy(CHECKOUT / "target/release/libsundae_object_storage.so", folder)


def flavor(folder: Path) -> None:
    """The plugin alone: what it does not do is to find out the digest of what it puts, and to verify what it gets."""
    folder.mkdir()
    made, got = folder / "made", folder / "got"
    subprocess.run(["sh", "-c", MAKE.format(to=made)], check=True)
    place = Bucket("flavor")
    transfer = [str(CHECKOUT / "target/release/examples/transfer"), "s3", json.dumps(place.config)]

    def emptied(_) -> None:
        place.empty()
        os.sync()

    def there(_) -> None:
        got.unlink(missing_ok=True)
        os.sync()

    remote = f"{place.remote}/x"
    race_beside_rclone("2 GB put", [*transfer, "put", made, "x"], [made, remote], place, folder, emptied)
    race_beside_rclone("2 GB got", [*transfer, "get", "x", got], [remote, got], place, folder, there)
    there(None)
    emptied(None)


def race_beside_rclone(title: str, ours: list, copied: list, place: Bucket, folder: Path, prepare) -> None:
    ours = Contestant("the flavor", ours, folder, prepare=prepare)
    copy = [rclone(), "copyto", *copied]
    peers = [
        Contestant("rclone", copy, folder, place.env, prepare),
        Contestant("rclone, parts as ours", [*copy, "--s3-chunk-size=8Mi"], folder, place.env, prepare),
    ]
    race([ours, *peers], 3)
    for peer, target in zip(peers, (TARGET, Target())):
        print(row(title, ours, peer, target), flush=True)


def runs(folder: Path, env: dict[str, str]) -> None:
    """What users meet: one step makes the file, another one reads it, and between them it is in the bucket."""
    folder.mkdir()
    (folder / "pipeline.toml").write_text(PIPELINE)
    place = Bucket("runs")
    env = {**env, **place.env}
    for words in (place.registration("team"), ["stack", "register", "team", "-o", "default", "-a", "team"]):
        do(words, folder, env)

    def emptied(_) -> None:
        place.empty()
        os.sync()

    copy, there = f"{rclone()} copyto", f"{place.remote}/x"
    script = [MAKE.format(to="x"), f"{copy} x {there}", "rm x", f"{copy} {there} x", READ.format(of="x"), "rm x"]
    ours = Contestant("sundae", [str(SUNDAE), "run", "pipeline.toml", "--stack=team"], folder, env, emptied)
    peer = Contestant("sh, rclone", ["sh", "-ec", "\n".join(script)], folder, place.env, emptied)
    race([ours, peer], 3)
    print(row("2 GB from step to step", ours, peer, TARGET), flush=True)
    emptied(None)
