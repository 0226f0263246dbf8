"""One call: its identifiers, one after the other, and which of them is hardest to account for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from models.codec.hashing import mix
from models.provenance.cross_task_spread import MOST_WANDERING_BITS, alike_by_chance, has_wandered
from models.provenance.entity_binding import BROKEN, KEPT, UNSAID, standing
from models.provenance.history.request_clusters import RoleTable, marks_of, noted
from models.provenance.novelty import (
    OUTSIDE,
    UNKNOWN,
    count_vote,
    familiarity,
    kinds_like,
    levels,
    own_cluster,
    source_of,
    use_of,
)
from models.provenance.novelty_prior import FLOW, VALUE
from models.provenance.request import COVER_DISCOUNT, asked_for, covered
from models.provenance.session import MAX_USES, Session, Use, Vote
from models.provenance.taint import REWRITTEN
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from models.event import Origins
    from models.provenance.knowledge import ContentKnowledge
    from models.provenance.novelty import Near, VotePlace
    from models.provenance.request import Request, Value

RECURRENCE_BITS = 4.0  # for each other kind of request in which a value raised suspicion
MOST_RECURRENCES = 2
OTHER = 5  # level of a value that is not the one which always came with a name of the request


class Carrier(Struct, frozen=True, gc=False):
    """The identifier of a call that is hardest to account for.

    Attributes
    ----------
    bits
        Value and flow bits after the discounts for specificity and coverage.
    value_level, flow_level
        0 usual for this request .. 3 new to the role; of a value also `OUTSIDE` and `OTHER`.
    value, place
        Hashes of the value and of its (tool, key).
    recurrences
        In how many other kinds of request it raised suspicion before.
    elsewhere
        Bits of `value_bits` for that, and for having wandered:
        `models.provenance.cross_task_spread`.
    rewritten
        Whether it did not stand there as it is: `models.provenance.taint`.
    bare
        Whether the request covers less than half of it.
    """

    bits: float
    key: str
    kind: int
    source: str
    value_bits: float
    flow_bits: float
    value_level: int
    flow_level: int
    value: int = 0
    place: int = 0
    recurrences: int = 0
    rewritten: bool = False
    bare: bool = False
    elsewhere: float = 0.0


def recurrence(role: RoleTable, value: int, day: int, own: AbstractSet[int]) -> tuple[int, float]:
    """Give in how many other kinds of request a value raised suspicion, and the bits for that.

    `own` are the marks of the request's own kind and its like.
    """
    if value not in role.sightings:
        return 0, 0.0
    again = min(MOST_RECURRENCES, noted(marks_of(role.sightings[value], day), own))
    return again, RECURRENCE_BITS * again


class Scene:
    """Judges the identifiers of one call of an open session; changes nothing.

    Parameters
    ----------
    near
        The clusters of requests like the session's, each with its weight, and the weights' sum.

    Attributes
    ----------
    carrier
        The identifier that is hardest to account for, if any carries bits.
    foreign
        Whether one came out of a result, is new at its place, and is not named in the request.
    uses, votes, came
        What the session takes note of: `models.provenance.history.learning.note`.
    """

    def __init__(
        self,
        knowledge: ContentKnowledge,
        session: Session,
        request: Request,
        tool: int,
        near: tuple[Near, float],
    ) -> None:
        self.carrier: Carrier | None = None
        self.foreign = False
        self.uses: list[Use] = []
        self.votes: dict[int, Vote] = {}
        self.came: dict[int, str] = {}
        self._knowledge, self._session, self._request = knowledge, session, request
        self._tool, self._near, self._role = tool, near, knowledge.role(session.role)
        self._votes_count = session.learning or session.vouched
        self._day = session.last_us // DAY_US
        self._own = kinds_like(session.near, own_cluster(session.near, self._role))

    def judge(self, origins: Origins) -> None:
        """Judge all that the call carries, in its order."""
        of, reader = self._knowledge.hasher.of, self._knowledge.reader
        for key, found in origins.items():
            hashed_key = of(key)
            tool_key = mix(self._tool, hashed_key, 1)
            here = [(s, c.keys.get(tool_key, 0), c.skipped) for _, c, s in self._near[0]]
            spot = _Spot(key, hashed_key, tool_key, (self._session.known + familiarity(here)) / 2)
            for raw, where in found:
                value = reader.value(raw)
                if value is not None:
                    self._value(spot, value, where)

    def _value(self, spot: _Spot, value: Value, where: list[str]) -> None:
        source = source_of(where)
        if source is not None and asked_for(value, self._request):
            source = None
        hashed = self._knowledge.hasher.of(source) if source else 0
        use = use_of(spot.tool_key, spot.hashed_key, value, hashed)
        if source and value.mark:
            self.came.setdefault(value.mark, source)
        stands = _Standing() if source is None else self._standing(use, spot, value)
        if len(self.uses) < MAX_USES:
            self.uses.append(use)
        if self._votes_count:
            place = self._place(spot, value)
            vote = Vote(
                place.contexts, use.level, stands.flow_level, spot.known,
                stands.said, stands.wandered,
            )  # fmt: skip
            count_vote(self.votes, place.exact, vote)
        if source is not None and (use.level or stands.flow_level):
            self._weigh(spot, value, use, stands, (source, REWRITTEN in where))

    def _place(self, spot: _Spot, value: Value) -> VotePlace:
        role = self._session.role
        return self._knowledge.place(role, spot.tool_key, spot.hashed_key, value.kind)

    def _standing(self, use: Use, spot: _Spot, value: Value) -> _Standing:
        """Note how new a value is; give how new its flow is, and what else is said of it."""
        of, (near, total) = self._knowledge.hasher.of, self._near
        agent_id, knowledge, day = self._session.agent_id, self._knowledge, self._day
        use.level, flow_level = levels(
            self._role,
            use,
            near,
            total,
            lambda: of(agent_id),
            lambda: knowledge.telling(self._place(spot, value), spot.known, day),
        )
        said = UNSAID
        if use.who and (self._votes_count or use.level or flow_level):
            said = standing(self._role.names, use.tool_key, self._request.names, use.value)
        if said == BROKEN and not use.level and not flow_level:
            said = KEPT  # it is usual for such requests all the same
        by_chance = alike_by_chance(value.kind, who=use.who)
        strange = use.level > 0 and flow_level > 0 and not by_chance
        wandered = strange and has_wandered(self._role, use.value, day, self._own)
        return _Standing(flow_level, said, wandered)

    def _weigh(
        self,
        spot: _Spot,
        value: Value,
        use: Use,
        stands: _Standing,
        source: tuple[str, bool],
    ) -> None:
        knowledge, counted = self._knowledge, self._knowledge.counted
        level, flow_level = use.level * counted.value, stands.flow_level * counted.flow
        if not level and not flow_level:
            return
        place = self._place(spot, value)
        level = knowledge.counting(place, level, spot.known, self._day)
        value_bits = knowledge.bits(place, VALUE, level, spot.known, self._day)
        flow_bits = knowledge.bits(place, FLOW, flow_level, spot.known, self._day)
        if stands.said == BROKEN and counted.value and counted.names:
            other = knowledge.tables.rates.bits(place.said, VALUE, self._day)
            value_bits = max(value_bits, other)
            if level != OUTSIDE:
                level = OTHER
        again, elsewhere = self._elsewhere(place, use, level, stands)
        value_bits += elsewhere
        cover = covered(value, self._request)
        bare = cover < 0.5
        bits = (value_bits + flow_bits) * (1 - COVER_DISCOUNT * cover) * value.specific
        if bits > (self.carrier.bits if self.carrier else 0.0):
            self.carrier = Carrier(
                bits, spot.key, value.kind, source[0], value_bits, flow_bits, level, flow_level,
                use.value, spot.tool_key, again, source[1], bare, elsewhere,
            )  # fmt: skip
        self.foreign = self.foreign or (level >= UNKNOWN and bare)

    def _elsewhere(
        self, place: VotePlace, use: Use, level: int, stands: _Standing
    ) -> tuple[int, float]:
        """Give `Carrier.recurrences` and `Carrier.elsewhere` of a value that counts as `level`."""
        again, bits, counted = 0, 0.0, self._knowledge.counted
        if counted.recurrence and level > UNKNOWN:
            again, bits = recurrence(self._role, use.value, self._day, self._own)
        if counted.wandering and level and stands.wandered:
            seldom = self._knowledge.tables.rates.bits(place.wandered, VALUE, self._day)
            bits += min(MOST_WANDERING_BITS, seldom)
        return again, bits


class _Standing(NamedTuple):
    """How new a flow is, and what a name and other kinds of request say of the value."""

    flow_level: int = 0
    said: int = UNSAID
    wandered: bool = False


class _Spot(NamedTuple):
    """Where an identifier stands in the call, and how well its like are known there."""

    key: str
    hashed_key: int
    tool_key: int
    known: float
