"""Commands that look, beside a process that does nothing."""

import os
import shutil
import subprocess
from pathlib import Path

from measure import Contestant, Target, race, row
from world import CHECKOUT, SUNDAE, environment_with


def cli(folder: Path, arguments) -> None:
    folder.mkdir(parents=True)
    env = {"SUNDAE_HOME": str(folder / "home")}
    nothing = Contestant("true", ["/bin/true"], folder)
    zenml = zenml_in(folder) if arguments.with_zenml else None
    for words, zenml_words in (
        (["stack", "list"], ["stack", "list"]),
        (["stack", "describe"], ["stack", "describe"]),
        (["flavor", "--list"], ["artifact-store", "flavor", "list"]),
    ):
        ours = Contestant("sundae", [str(SUNDAE), *words], folder, env)
        race([ours, nothing], arguments.rounds)
        print(row(" ".join(words), ours, nothing, Target(milliseconds=10)), flush=True)
        if zenml:
            peer = Contestant("zenml", [zenml[0], *zenml_words], folder, zenml[1])
            race([ours, peer], 3)
            print(row(" ".join(words), ours, peer, Target()), flush=True)


def plugins(folder: Path, arguments) -> None:
    """A thousand installed libraries: copies of one, each a file of its own."""
    home = folder / "home"
    (home / "plugins").mkdir(parents=True)
    library = next((CHECKOUT / "plugins-dist").glob("*artifact_store*.so"))
    for number in range(1000):
        shutil.copy(library, home / "plugins" / f"plugin_{number:04}.so")
    ours = Contestant("sundae", [str(SUNDAE), "flavor", "--list"], folder, {"SUNDAE_HOME": str(home)})
    race([ours], arguments.rounds)
    print(row("flavor --list, 1000 libraries", ours, None, Target(milliseconds=20)), flush=True)


def zenml_in(folder: Path) -> tuple[str, dict[str, str]]:
    program = str(environment_with("zenml", "zenml[server]") / "zenml")
    env = {
        "ZENML_CONFIG_PATH": str(folder / "zenml"),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_ENABLE_REPO_INIT_WARNINGS": "false",
    }
    subprocess.run([program, "stack", "list"], env={**os.environ, **env}, check=True, capture_output=True)
    return program, env
