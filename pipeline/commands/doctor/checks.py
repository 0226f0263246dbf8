"""The checks of `habitus doctor`: each returns its finding and advice."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from models.errors import HabitusError
from pipeline.commands.doctor.access_checks import check_credentials, check_listen, check_server
from pipeline.commands.doctor.check import Check
from pipeline.commands.doctor.judging_checks import (
    check_detectors,
    check_format,
    check_intel,
    check_inventory,
    check_kernel,
    check_model,
)
from pipeline.commands.doctor.last_event import last_event
from pipeline.commands.doctor.store_checks import check_baselines, check_members, check_store
from pipeline.commands.doctor.stream_checks import check_position, check_sink, check_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.settings import Settings

_LIBRARIES = ("river", "msgspec", "kafka-python", "fastapi", "uvicorn")


def examine(settings: Settings, at_us: int) -> list[Check]:
    """Run all checks of the settings."""
    checks: dict[str, Callable[[], Check]] = {
        "kernel": lambda: check_kernel(settings),
        "format": lambda: check_format(settings),
        "model": lambda: check_model(settings),
        "store": lambda: check_store(settings, at_us),
        "source": lambda: check_source(settings),
        "last event": lambda: Check("last event", *last_event(settings, at_us)),
        "position": lambda: check_position(settings),
        "sink": lambda: check_sink(settings),
        "intel": lambda: check_intel(settings, at_us),
        "inventory": lambda: check_inventory(settings),
        "listen": lambda: check_listen(settings),
        "server": lambda: check_server(settings),
        "credentials": lambda: check_credentials(settings, at_us),
        "detectors": lambda: check_detectors(settings),
        "baselines": lambda: check_baselines(settings),
        "members": lambda: check_members(settings),
    }
    return [_versions(), *(_guarded(name, look) for name, look in checks.items())]


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except HabitusError as error:
        return Check(name, "missing", str(error), "correct it and run doctor again")


def _versions() -> Check:
    parts = [f"python {platform.python_version()}"]
    for name in ("habitus", *_LIBRARIES):
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            if name != "habitus":
                return Check(
                    "versions", "missing", f"{name} is not installed", "install habitus again"
                )
    return Check("versions", "ok", ", ".join(parts))
