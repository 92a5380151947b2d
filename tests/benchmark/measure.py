"""Runs commands as whole processes and tells what they cost."""

import os
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable


@dataclass
class Contestant:
    """A command, what to do before each of its runs (it may change the folder and the environment), and what its runs cost."""

    name: str
    command: list[str]
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    prepare: Callable[["Contestant"], None] = lambda _: None
    walls: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    peak_kib: int = 0

    def once(self) -> None:
        self.prepare(self)
        started = time.perf_counter()
        process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env={**os.environ, **self.env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        complaint = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{self.name}: exit code {process.returncode}\n{complaint.decode()}")
        self.walls.append(wall)
        self.processor.append(usage.ru_utime + usage.ru_stime)
        self.peak_kib = max(self.peak_kib, usage.ru_maxrss)

    @property
    def least(self) -> float:
        return min(self.walls)

    @property
    def median(self) -> float:
        return statistics.median(self.walls)


def race(contestants: list[Contestant], rounds: int) -> None:
    """Lets them take turns, so that a busy machine is busy for all of them."""
    for contestant in contestants:
        contestant.once()
        contestant.walls.clear()
        contestant.processor.clear()
    for _ in range(rounds):
        for contestant in contestants:
            contestant.once()


@dataclass
class Target:
    """What was promised: at most so many milliseconds, or so many more, or times as many, as the peer takes; and so much memory."""

    milliseconds: float | None = None
    times: float | None = None
    more: float | None = None
    megabytes: float | None = None

    def verdict(self, ours: Contestant, peer: Contestant | None) -> str:
        verdicts = [self.of_time(ours, peer), self.of_memory(ours)]
        return "; ".join(filter(None, verdicts))

    def of_memory(self, ours: Contestant) -> str:
        if self.megabytes is None:
            return ""
        return verdict(ours.peak_kib * 1024 < self.megabytes * 1e6, f"under {self.megabytes:g} MB")

    def of_time(self, ours: Contestant, peer: Contestant | None) -> str:
        if self.milliseconds is not None:
            return verdict(ours.least * 1000 <= self.milliseconds, f"at most {self.milliseconds:g} ms")
        if self.times is not None and peer is not None:
            return verdict(ours.least / peer.least <= self.times, f"at most {self.times:g} times")
        if self.more is not None and peer is not None:
            more = (ours.least - peer.least) * 1000
            return verdict(more <= self.more, f"at most {self.more:g} ms more; it is {more:.0f}")
        return ""


def verdict(is_kept: bool, promise: str) -> str:
    return f"{'kept' if is_kept else 'MISSED'} ({promise})"


def row(title: str, ours: Contestant, peer: Contestant | None, target: Target) -> str:
    cells = [
        title,
        f"{ours.least * 1000:.1f} / {ours.median * 1000:.1f}",
        f"{ours.peak_kib / 1024:.0f}",
        f"{peer.name}: {peer.least * 1000:.1f} / {peer.median * 1000:.1f}" if peer else "",
        f"{ours.least / peer.least:.2f}" if peer else "",
        target.verdict(ours, peer),
    ]
    return "| " + " | ".join(cells) + " |"


HEADING = (
    "| what | ours, ms (min / median) | peak MiB | peer, ms (min / median) | ratio of minima | target |\n"
    "|---|---|---|---|---|---|"
)
