"""Checks of what judges: kernel, format, model, detectors, and what is known of agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.commands.doctor.check import Check
from pipeline.configuration.derived import model_config_of
from pipeline.installed_kernel import installed_kernel

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.sources.finding import State

_OLD_DAYS = 30


def check_kernel(settings: Settings) -> Check:
    """Check which kernel judges."""
    kernel = installed_kernel(settings.kernel)
    if kernel is not None:
        return Check("kernel", "ok", f"native {kernel.__version__}")
    chosen = settings.kernel == "python"
    todo = "" if chosen else "install habitus where Rust is found, or with the wheel habitus-native"
    return Check("kernel", "optional", "python, several times slower", todo)


def check_format(settings: Settings) -> Check:
    """Check that the format exists."""
    from pipeline.formats import format_named

    format_named(settings.format)
    return Check("format", "ok", settings.format)


def check_model(settings: Settings) -> Check:
    """Check the parameters of the model."""
    config = model_config_of(settings)
    source = settings.parameters or "defaults, unless one is promoted"
    return Check("model", "ok", f"configuration {config.version}, {source}")


def check_detectors(settings: Settings) -> Check:
    """Check that the additional detectors can be loaded."""
    from models.detectors.panel import Panel
    from pipeline.configuration.detectors import registered_detectors

    detectors, groups = registered_detectors(settings)
    names = [detector.name for detector in Panel(detectors).detectors]
    names += ["peer groups"] if groups is not None else []
    return Check("detectors", "ok", ", ".join(names) or "none besides the built-in ones")


def check_intel(settings: Settings, at_us: int) -> Check:
    """Check the IP lists and their age."""
    from pipeline.enrichment.intel import intel_status

    lists = intel_status(settings.intel, at_us)
    if not lists:
        todo = "HABITUS_INTEL names a folder, habitus intel fetch fills it"
        return Check("intel", "optional", "no IP lists, so egress stays unknown", todo)
    oldest = max(row.age_days for row in lists)
    todo = "habitus intel fetch" if oldest > _OLD_DAYS else ""
    state: State = "optional" if todo else "ok"
    entries = sum(row.entries for row in lists)
    return Check("intel", state, f"{len(lists)} lists, {entries} entries, {oldest} days old", todo)


def check_inventory(settings: Settings) -> Check:
    """Check the inventory."""
    from pipeline.enrichment.inventory import load

    inventory = load(settings.inventory)
    if settings.inventory is None:
        todo = "HABITUS_INVENTORY names the registered agents"
        return Check("inventory", "optional", "none, so no agent counts as unregistered", todo)
    return Check("inventory", "ok", f"{len(inventory)} registered agents")
