#!/usr/bin/env python3
"""Measures what the commands and the engine cost, side by side with peers. See README.md in this folder."""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

import cluster
import idle
import large
import look
import many
import python
import shell
import starter
import storage
from measure import HEADING
from world import CHECKOUT

GROUPS = {
    "cli": look.cli,
    "plugins": look.plugins,
    "shell": shell.measure,
    "python": python.measure,
    "starter": starter.measure,
    "large": large.measure,
    "many": many.measure,
    "idle": idle.measure,
    "cluster": cluster.measure,
    "storage": storage.measure,
}


def main() -> None:
    arguments = parsed()
    subprocess.run([CHECKOUT / "plugins-dist/build.sh", "--local"], check=True)
    print(HEADING, flush=True)
    with tempfile.TemporaryDirectory(prefix="sundae-benchmark-") as folder:
        for name in arguments.only or GROUPS:
            GROUPS[name](Path(folder) / name, arguments)
    print(f"\n{os.cpu_count()} cores; load at the end: {os.getloadavg()[0]:.1f}")


def parsed():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=GROUPS, nargs="+", help="some groups of measurements")
    parser.add_argument("--rounds", type=int, default=20, help="how often quick commands are run")
    parser.add_argument("--with-zenml", action="store_true", help="install ZenML and measure it too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
