"""Which installed distributions modules belong to, in which version, read from the installer's records.

`importlib.metadata` would answer too, but it takes longer to import than all this takes to run.
"""

import os
import sys


def versions(modules: set[str]) -> dict[str, str]:
    """Distribution names with versions, for top-level modules; what is not installed is left out."""
    if not modules:
        return {}
    installed = _installed()
    found = {}
    for module in modules:
        for name in _owners(module, installed):
            found[name] = installed[name].version
    return dict(sorted(found.items()))


class _Distribution:
    def __init__(self, record: str, version: str):
        self.record = record
        self.version = version
        self._listing = None

    def holds(self, module: str) -> bool:
        """Whether the module is among the files that the distribution has installed."""
        if self._listing is None:
            self._listing = "\n" + _text(self.record, "top_level.txt") + "\n" + _text(self.record, "RECORD")
        forms = (f"\n{module}/", f"\n{module}.", f"\n{module}\n", f"\n_{module}")
        return any(form in self._listing for form in forms)


def _installed() -> dict[str, _Distribution]:
    found = {}
    for folder in sys.path:
        try:
            entries = os.listdir(folder or ".")
        except OSError:
            continue
        for entry in entries:
            stem, ending = os.path.splitext(entry)
            if ending in (".dist-info", ".egg-info"):
                name, _, version = stem.partition("-")
                record = os.path.join(folder, entry)
                found.setdefault(_normal(name), _Distribution(record, version.split("-py")[0]))
    return found


def _owners(module: str, installed: dict[str, _Distribution]) -> list[str]:
    namesake = _normal(module)
    if namesake in installed and installed[namesake].holds(module):
        return [namesake]
    owners = [name for name, distribution in installed.items() if distribution.holds(module)]
    return owners or [namesake] * (namesake in installed)


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _text(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
