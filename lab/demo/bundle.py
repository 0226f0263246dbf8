"""Data and settings of the demonstration: the sample of the repository, or a generated one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lab.simulation.sample.bundle import CORPORATE_NETWORKS, write
from lab.simulation.sample.truth import Truth
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.settings import Settings

SEED = 7
_BUNDLED = Path(__file__).parents[2] / "data"
_EVENTS, _TRUTH, _INVENTORY, _INTEL, _FILES = (
    "sample_events.jsonl.gz",
    "sample_truth.json",
    "sample_inventory.csv",
    "intel",
    ("sample_events.jsonl.gz", "sample_truth.json", "sample_inventory.csv", "intel/vpn_ipv4.json"),
)

# Budget for a dozen agents: one false case in two days.
ALERTS_PER_DAY = 0.5

# A key breaks ties among scores. With this fixed key every demonstration is the same; the store of
# an installation has a random key.
SECRET = b"habitus demo: a story, not an installation"[:32]


def sample_folder(place: Path, note: Callable[[str], None]) -> Path:
    """Give the folder of the sample; in an installed wheel it is generated in `place`.

    Parameters
    ----------
    note
        Called with a message if the sample is generated, which takes some seconds.
    """
    if all((_BUNDLED / name).is_file() for name in _FILES):
        return _BUNDLED
    note("making the sample, which is not part of an installed package")
    write(SEED, place)
    return place


def truth_of(data: Path) -> Truth:
    """Read the ground truth of the sample, for the report only, never for a model."""
    return msgspec.json.decode((data / _TRUTH).read_bytes(), type=Truth)


def events_of(data: Path) -> Path:
    """Give the recording of the sample."""
    return data / _EVENTS


def topics_of(folder: Path) -> Path:
    """Give the folder of published messages."""
    return folder / "topics"


def write_settings(folder: Path, data: Path, listen: str) -> Path:
    """Write the settings of the demonstration to a file, and return the file.

    Examples
    --------
    >>> import tempfile, tomllib
    >>> with tempfile.TemporaryDirectory() as name:
    ...     file = write_settings(Path(name), Path("data"), "127.0.0.1:8765")
    ...     tomllib.loads(file.read_text())["corporate_networks"]
    ['203.0.113.0/28']
    """
    values: dict[str, object] = {
        "source": f"file:{data / _EVENTS}",
        "format": "native",
        "store": f"sqlite:{folder / 'habitus.db'}",
        "sink": f"file:{topics_of(folder)}",
        "alerts_per_day": ALERTS_PER_DAY,
        "intel": str(data / _INTEL),
        "corporate_networks": CORPORATE_NETWORKS,
        "inventory": str(data / _INVENTORY),
        "listen": listen,
        "clock": "event",
        "log_level": "warning",
    }
    # Strings, numbers and lists of strings have the same syntax in JSON and TOML.
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    file = folder / "habitus.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def new_store(settings: Settings) -> None:
    """Create the empty store with the demonstration's key."""
    open_store(settings.store, secret=SECRET).close()
