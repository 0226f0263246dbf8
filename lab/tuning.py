"""Tune model parameters: sweep them, and compare two configurations per agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from lab.evaluation.budget import at_budget
from lab.evaluation.by_case import by_case
from lab.evaluation.figures import figures
from lab.evaluation.run import HISTORY_DAYS, measured
from lab.evaluation.truth.known import JUDGED
from models.errors import ConfigError
from pipeline.configuration.derived import model_config_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.config import ModelConfig
    from pipeline.processing.progress import Progress
    from pipeline.settings import Settings

_OWN = "alerts_per_day"


def with_parameters(settings: Settings, **parameters: float) -> Settings:
    """Give settings with other model parameters.

    Raises
    ------
    ConfigError
        A parameter is unknown, or its value is invalid.

    Examples
    --------
    >>> from pipeline.settings import Settings
    >>> model_config_of(with_parameters(Settings(), held_days=5, alerts_per_day=2)).held_days
    5
    """
    known = model_config_of(settings).__struct_fields__
    for name in parameters:
        if name not in known:
            raise ConfigError(f"no parameter {name!r}, expected one of {', '.join(known)}")
    own = {name: value for name, value in parameters.items() if name != _OWN}
    update: dict[str, Any] = {"model": {**settings.model, **own}}
    if _OWN in parameters:
        update[_OWN] = float(parameters[_OWN])
    changed = settings.model_copy(update=update)
    model_config_of(changed)
    return changed


def candidate(settings: Settings, **parameters: float) -> ModelConfig:
    """Give the model configuration with other parameters, for writing and promotion."""
    return model_config_of(with_parameters(settings, **parameters))


def sweep(
    files: Sequence[str],
    grid: Mapping[str, Sequence[float]],
    *,
    fmt: str,
    settings: Settings,
    truth: str | None = None,
    history_days: int = HISTORY_DAYS,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Judge labelled recordings with the current settings, and once per value of each parameter.

    One parameter is changed at a time. The other arguments are those of `evaluate`.

    Returns
    -------
    pandas.DataFrame
        ``parameter``, ``value``, ``version``; ``auroc`` and ``ap`` of sessions; ``recall``,
        ``own_recall``, ``precision`` and ``false_per_day`` of the cases; ``top_precision`` and
        ``top_recall`` of the day's highest entries within the budget. The first row is the current
        configuration.
    """
    present = model_config_of(settings)
    trials: list[tuple[str, float | None]] = [("current", None)]
    trials += [
        (name, value)
        for name, values in grid.items()
        for value in values
        if value != getattr(present, name, None)
    ]
    rows = []
    for name, value in trials:
        tried = settings if value is None else with_parameters(settings, **{name: value})
        run = measured(
            files,
            fmt=fmt,
            truth=truth,
            history_days=history_days,
            settings=tried,
            progress=progress,
        )
        sessions = [s for s in run.sessions if s.phase == JUDGED]
        of, budget = figures(sessions), at_budget(sessions, run.facts[_OWN])
        cases, top = by_case(run.sessions, run.truth.planted), budget["top"]
        rows.append(
            {
                "parameter": name,
                "value": value,
                "version": run.facts["config_version"],
                "auroc": of["auroc"],
                "ap": of["ap"],
                "recall": cases["recall"],
                "own_recall": cases["recall_in_own_case"],
                "precision": cases["precision"],
                "false_per_day": cases["false_per_day"],
                "top_precision": top["precision"],
                "top_recall": top["recall"],
            }
        )
    return pd.DataFrame(rows)


def by_agent(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Compare two judgements of the same recordings, agent by agent.

    Parameters
    ----------
    before, after
        `lab.exploration.Explored.events` under two configurations.

    Returns
    -------
    pandas.DataFrame
        Per agent: ``events``; alerts, held events and final trust before and after; ``gained`` and
        ``lost`` (events alerted only after, or only before). The most changed agent is first.
    """
    keys = ["agent_id", "event_id"]
    wanted = [*keys, "time", "alert", "held", "trust"]
    both = before[wanted].merge(after[wanted], on=keys, suffixes=("_before", "_after"))
    if not len(both) == len(before) == len(after):
        raise ConfigError(
            f"expected two judgements of the same recordings, got {len(before)} and "
            f"{len(after)} events, {len(both)} of them in both"
        )
    both = both.sort_values("time_before", kind="stable")
    both["gained"] = both.alert_after & ~both.alert_before
    both["lost"] = both.alert_before & ~both.alert_after
    grouped = both.groupby("agent_id", as_index=False)
    table: pd.DataFrame = grouped.agg(
        events=("event_id", "size"),
        alerts_before=("alert_before", "sum"),
        alerts_after=("alert_after", "sum"),
        gained=("gained", "sum"),
        lost=("lost", "sum"),
        held_before=("held_before", "sum"),
        held_after=("held_after", "sum"),
        trust_before=("trust_before", "last"),
        trust_after=("trust_after", "last"),
    )
    moved = (table.gained + table.lost) + (table.trust_after - table.trust_before).abs() / 100
    order = moved.sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)
