"""Small example recordings: labelled logs if available, else a simulated fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from lab.evaluation.run import HISTORY_DAYS
from lab.simulation.fleet import ATTACKS, SimulationConfig
from lab.simulation.output.files import write
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

_QUIET_DAYS = 12


class Example(Struct, frozen=True):
    """A recording with its ground truth, for `evaluate`, `measured` and `sweep`.

    Attributes
    ----------
    truth
        File of planted cases; None if the recording has labels.
    history_days
        With `truth`: number of days of history.
    settings
        Settings for this recording.
    about
        Description in one sentence.
    """

    files: list[str]
    fmt: str
    settings: Settings
    about: str
    truth: str | None = None
    history_days: int = HISTORY_DAYS


def made_up(
    folder: Path,
    *,
    agents: int = 16,
    days: int = 22,
    quiet_days: int = _QUIET_DAYS,
    attacks: tuple[str, ...] = ATTACKS,
    novelties: tuple[str, ...] = ("first_use", "new_colleague"),
    attacked: float = 0.9,
    activity: float = 0.5,
    seed: int = 7,
) -> Example:
    """Write a small simulated fleet into a folder; parameters as in `SimulationConfig`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as name:
    ...     example = made_up(Path(name), agents=2, days=3, quiet_days=1)
    ...     Path(example.files[0]).stat().st_size > 1_000, example.fmt
    (True, 'native')
    """
    written = write(
        SimulationConfig(
            seed=seed,
            agents=agents,
            days=days,
            quiet_days=quiet_days,
            attacks=attacks,
            novelties=novelties,
            attacked=attacked,
            activity=activity,
        ),
        folder / f"fleet-{seed}-{agents}.jsonl.gz",
    )
    return Example(
        [written.out],
        "native",
        Settings.model_validate({"inventory": written.inventory}),
        f"{written.events} made-up events of {agents} agents over {days} days, "
        f"{sum(one.cases for one in written.planted if one.kind == 'attack')} attacks planted",
        written.truth,
        quiet_days,
    )


def labelled(logs: Path, folder: Path, *names: str) -> Example:
    """Give labelled logs by name if available, else a simulated fleet.

    Parameters
    ----------
    logs
        Folder of labelled logs.
    folder
        Folder for the simulated fleet.
    names
        Names of the logs, without ``.jsonl.gz``.
    """
    files = [logs / f"{name}.jsonl.gz" for name in names]
    if not all(file.is_file() for file in files):
        return made_up(folder)
    return Example(
        [str(file) for file in files],
        "agentlog",
        Settings.model_validate({}),
        f"labelled logs: {', '.join(names)}",
    )
