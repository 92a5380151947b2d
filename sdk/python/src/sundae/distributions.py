"""Which installed distributions modules belong to, in which version, read from the installer's records.

`importlib.metadata` would answer too, but it takes longer to import than all this takes to run.
"""

import os
import sys


class Installed:
    """The distributions on the import path; looked for when first asked."""

    def __init__(self):
        self._distributions = None
        self._owners = {}

    def versions(self, modules: set[str]) -> dict[str, str]:
        """Distribution names with versions, for top-level modules; what is not installed is left out."""
        found = {}
        for module in modules:
            if module not in self._owners:
                self._owners[module] = self._owners_of(module)
            found.update(self._owners[module])
        return dict(sorted(found.items()))

    def _owners_of(self, module: str) -> dict[str, str]:
        if self._distributions is None:
            self._distributions = _distributions()
        known, namesake = self._distributions, _normal(module)
        if namesake in known and known[namesake].holds(module):
            owners = [namesake]
        else:
            owners = [name for name, distribution in known.items() if distribution.holds(module)]
            owners = owners or [namesake] * (namesake in known)
        return {name: known[name].version for name in owners}


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


def _distributions() -> dict[str, _Distribution]:
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


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _text(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
