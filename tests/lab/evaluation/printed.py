"""What a table prints."""

from __future__ import annotations

from typing import Any

from rich.console import Console


def text(one: Any, width: int = 120) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(one)
    return capture.get()
