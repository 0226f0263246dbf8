"""The table of anomaly types: severity, facet of trust, title and framework tags."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from models.result import Kind

FRAMEWORK_NAMES = {
    "owasp": "OWASP", "maestro": "MAESTRO", "attack": "ATT&CK", "atlas": "ATLAS",
}  # fmt: skip
FRAMEWORKS = tuple(FRAMEWORK_NAMES)


@cache
def catalogue() -> dict[str, Kind]:
    """Read the shipped table, by anomaly type.

    Examples
    --------
    >>> catalogue()["net.anonymiser"].tags["owasp"]
    ['ASI03']
    """
    return {
        name: Kind(
            row["severity"], row["facet"], {f: row[f] for f in FRAMEWORKS}, row.get("when", {})
        )
        for name, row in _table().items()
    }


def title_of(anomaly: str) -> str:
    """Give the title of an anomaly type.

    >>> title_of("identity.shadow")
    'Agent outside the inventory'
    """
    row = _table().get(anomaly)
    return str(row["title"]) if row else anomaly


@cache
def _table() -> dict[str, dict[str, Any]]:
    text = files("pipeline").joinpath("data/anomalies.toml").read_text(encoding="utf-8")
    return {name: row for name, row in tomllib.loads(text).items() if "severity" in row}
