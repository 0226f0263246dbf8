"""The place where a caller decides about cases and agents: his name, the clock, and the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from models.errors import HabitusError
from pipeline.casework.desk import Desk
from pipeline.casework.refusal import Fault, Refusal
from scoring_api.authentication.principal import Principal
from scoring_api.clock import wall_us
from scoring_api.problems import ProblemError
from scoring_api.service import Service

T = TypeVar("T")
_STATUS: dict[Fault, int] = {"missing": 404, "conflict": 409, "wrong": 400}


async def at_work(service: Service, caller: Principal, work: Callable[[Desk], T]) -> T:
    """Do some work in the name of a caller, on the thread of the store.

    Raises
    ------
    ProblemError
        The work was refused, or the store cannot save it now.
    """
    service.cache.require_ready()
    cache = service.cache
    desk = Desk(service.reading, cache.policy, cache.obligations, caller.subject, wall_us())
    try:
        return await cache.read(lambda: work(desk))
    except Refusal as refusal:
        raise ProblemError(
            _STATUS[refusal.fault], refusal.detail, members=refusal.members
        ) from None
    except HabitusError:
        raise ProblemError(503, "the store cannot save this now; nothing was saved") from None
