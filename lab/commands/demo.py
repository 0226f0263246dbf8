"""The demonstration."""

from __future__ import annotations

from typing import Annotated

import typer


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the story.")] = False,
) -> None:
    """Send the bundled sample through the real path and tell its story; then API and console."""
    from lab.demo.run import demo as demonstrated

    demonstrated(once=once)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(demo)
