"""The demonstration."""

from __future__ import annotations

from typing import Annotated

import typer


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the report.")] = False,
) -> None:
    """Judge the bundled sample like production, report the results, then serve API and console."""
    from lab.demo.run import demo as demonstrated

    demonstrated(once=once)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(demo)
