"""A bucket with 10,000 objects that nobody needs: what it takes to find them, and to remove them."""

from pathlib import Path

from bucket import Bucket, rclone
from far import Far
from measure import Contestant, Target, race, row
from world import SUNDAE, do

OBJECTS = 10_000

PIPELINE = f"""name = "many"
[[steps]]
name = "make"
run = "mkdir {{out.x}} && cd {{out.x}} && seq {OBJECTS} | split -l 1 -a 4"
outputs = ["x"]
cache = false
"""

# As a bucket in another town has it.
SECONDS = 0.02


def collecting(folder: Path, env: dict[str, str]) -> None:
    folder.mkdir()
    (folder / "pipeline.toml").write_text(PIPELINE)
    near = Store("near", folder, env)
    compare(near, near, f"of {OBJECTS:,} objects")
    with Far(near.place.config["endpoint"], SECONDS) as far:
        store = Store("far", folder, env, far.endpoint)
        compare(near, store, f"of {OBJECTS:,} objects, {SECONDS * 1000:g} ms away")
        near.fill()
        for how in ("--dry-run", "--yes"):
            far.requests.clear()
            store.collector(how).once()
            counts = ", ".join(f"{count} {name}" for name, count in sorted(far.requests.items()))
            print(f"| requests of `artifact gc {how}` | {counts} | | | | |", flush=True)
    near.place.empty()


def compare(near: "Store", store: "Store", title: str) -> None:
    near.fill()
    finding = [store.collector("--dry-run"), store.peer("size")]
    race(finding, 3)
    print(row(f"finding out {title}", *finding, Target()), flush=True)
    # To fill it takes longer than to remove: so once each.
    removing = [store.collector("--yes"), store.peer("delete")]
    removing[0].once()
    near.fill()
    removing[1].once()
    print(row(f"removal {title}", *removing, Target()), flush=True)


class Store:
    """The bucket under a name, as a stack and as rclone knows it."""

    def __init__(self, name: str, folder: Path, env: dict[str, str], endpoint: str | None = None):
        self.name, self.folder = name, folder
        self.place = Bucket("collecting", endpoint)
        self.env = {**env, **self.place.env}
        self.say(*self.place.registration(name))
        self.say("stack", "register", name, "-o", "default", "-a", name)

    def say(self, *words: str) -> None:
        do(list(words), self.folder, self.env)

    def fill(self) -> None:
        """Objects that a run has made, of which nothing is known any more."""
        self.say("run", "pipeline.toml", f"--stack={self.name}")
        self.say("runs", "delete", "--pipeline=many", "--yes")

    def collector(self, how: str) -> Contestant:
        command = [str(SUNDAE), "artifact", "gc", "--grace=0", how, f"--store={self.name}"]
        return Contestant("sundae", command, self.folder, self.env)

    def peer(self, verb: str) -> Contestant:
        return Contestant(f"rclone {verb}", [rclone(), verb, self.place.remote], self.folder, self.place.env)
