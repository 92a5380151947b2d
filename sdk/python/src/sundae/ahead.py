"""What of an attempt a warm server does before it makes a copy of itself for it.

A copy shares the memory of the server until one of them writes to it, and Python writes to whatever it looks
at. So what a copy does costs several times what it costs in the server, and most of a short attempt is this:
reading the context, finding the step, loading its inputs. Done here is what is the same wherever it is done.
Nothing of the user's runs: that is for the copy, and so is whatever goes wrong.
"""

import os
import sys

from . import attempt, declaration, hints, materializers
from .signature import unwrapped

_LARGEST = 1 << 16
"""So many bytes an input may have that is loaded: the server keeps the memory that it has once needed."""

_PLAIN = (hints.ANYTHING, bool, int, float, str)
"""The hints of params that JSON gives as they are."""


class _NotHere(Exception):
    """It is for the copy to find out."""


class Ahead:
    """Prepares attempts, and remembers the steps that it has found."""

    def __init__(self, paths: list[str]):
        self._paths = paths
        """The folders that the server was told to import from."""
        self._steps: dict[tuple, declaration.Step] = {}

    def prepared(self, words: list[str]) -> attempt.Attempt | None:
        """The attempt that a command line asks for, as far as it can be prepared; `None` if it cannot."""
        try:
            found = attempt.Attempt(words)
            if found.paths != self._paths:
                return None
            found.step = self._step(found.target, found.output_names)
            found.arguments = _arguments(found.step, found.facts)
        except _NotHere:
            return found
        except Exception:
            return None
        return found

    def _step(self, target: str, outputs: list[str] | None) -> declaration.Step:
        key = target, None if outputs is None else tuple(outputs)
        if key not in self._steps:
            self._steps[key] = attempt.with_outputs(_imported(target), outputs)
        return self._steps[key]


def _imported(target: str) -> declaration.Step:
    """The step that a target names, if its module has been imported already."""
    module, _, name = target.rpartition(":")
    if module.endswith(".py"):
        found = sys.modules.get(os.path.splitext(os.path.basename(module))[0])
        if getattr(found, "__file__", None) != os.path.abspath(module):
            raise _NotHere
    else:
        found = sys.modules.get(module)
    step = getattr(found, "__dict__", {}).get(name)
    if type(step) is not declaration.Step or _has_text_for_hints(step):
        raise _NotHere
    return step


def _has_text_for_hints(step: declaration.Step) -> bool:
    """Whether hints are to be evaluated, which may do anything."""
    return any(isinstance(hint, str) for hint in unwrapped(step.function).__annotations__.values())


def _arguments(step: declaration.Step, facts: dict) -> dict:
    signature = step.signature.arguments
    if any(signature[name].hint not in _PLAIN for name in facts["params"]):
        raise _NotHere
    return attempt.arguments(step, facts, _loaded)


def _loaded(step: declaration.Step, key: str, entry: dict, hint):
    if (
        entry["metadata"].get("materializer") != "json"
        or entry["size"] > _LARGEST
        or hasattr(hint, "__fspath__")
    ):
        raise _NotHere
    return materializers.load(entry["path"], entry["metadata"], hint)
