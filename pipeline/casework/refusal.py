"""Why something cannot be done."""

from __future__ import annotations

from typing import Any, Literal

from models.errors import HabitusError

Fault = Literal["missing", "conflict", "wrong"]


class Refusal(HabitusError):
    """Something that a person asked for cannot be done; nothing was saved.

    Parameters
    ----------
    fault
        ``missing``: the object does not exist. ``conflict``: it has changed, or is so already.
        ``wrong``: the request itself is wrong.
    detail
        The fault and what to do.
    members
        What the person needs for the next try, such as the newest case.
    """

    def __init__(self, fault: Fault, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail
        self.members = members
