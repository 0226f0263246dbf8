"""Score the identifiers of one call, and find the tainted value with the most bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from models.codec.hashing import mix
from models.provenance.cross_task_spread import MAX_SPREAD_BITS, is_spread, matches_by_chance
from models.provenance.entity_binding import MATCHED, UNBOUND, VIOLATED, check_binding
from models.provenance.history.bounded_table import count_marks, marks_of
from models.provenance.novelty import (
    NEW_AT_ARGUMENT,
    NEW_DOMAIN,
    add_vote,
    familiarity,
    levels,
    own_cluster,
    similar_marks,
    source_of,
    use_of,
)
from models.provenance.novelty_prior import FLOW, VALUE
from models.provenance.request import COVERAGE_DISCOUNT, is_requested, request_coverage
from models.provenance.session import MAX_USES, Session, Use, Vote
from models.provenance.taint import REWRITTEN
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from models.event import Origins
    from models.provenance.history.request_clusters import RoleTable
    from models.provenance.knowledge import ProvenanceKnowledge
    from models.provenance.novelty import ArgumentContext, WeightedClusters
    from models.provenance.request import Request, Value

RECURRENCE_BITS = 4.0  # for each other task in which a value was suspicious
MAX_RECURRENCES = 2
# Level of a value that differs from the bound value of an entity in the request.
OTHER_ENTITY = 5


class TaintedValue(Struct, frozen=True, gc=False):
    """The identifier of a call that comes from a result, is not requested and has the most bits.

    The recipe (section 2) calls it a carrier.

    Attributes
    ----------
    bits
        Value and flow bits after the discounts for specificity and coverage.
    key, kind, source
        Key of the argument, index of the kind in `KINDS`, tool of the result.
    value_level, flow_level
        0 typical for this request .. 3 new to the role; of a value also `NEW_DOMAIN` and
        `OTHER_ENTITY`.
    value, argument
        Hashes of the value and of its (tool, key).
    recurrences
        Number of other tasks in which it was suspicious, 0 .. 2.
    rewritten
        Whether it was traced in another form: `models.provenance.taint`.
    uncovered
        Whether the request covers less than half of it.
    cross_task_bits
        Part of `value_bits` for recurrences and for cross-task spread.
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
    argument: int = 0
    recurrences: int = 0
    rewritten: bool = False
    uncovered: bool = False
    cross_task_bits: float = 0.0


def recurrence(role: RoleTable, value: int, day: int, own: AbstractSet[int]) -> tuple[int, float]:
    """Give the number of other tasks in which a value was suspicious, and the bits for them.

    `own` are the marks of the request's cluster and the similar ones.
    """
    if value not in role.suspicions:
        return 0, 0.0
    recurrences = min(MAX_RECURRENCES, count_marks(marks_of(role.suspicions[value], day), own))
    return recurrences, RECURRENCE_BITS * recurrences


class CallScorer:
    """Score the identifiers of one call of an open session; state does not change.

    Parameters
    ----------
    near
        Clusters similar to the request with their weights, and the sum of the weights.

    Attributes
    ----------
    tainted
        The tainted value with the most bits; None when no value has bits.
    has_new_taint
        Whether a value from a result is new at its argument and mostly not in the request.
    uses, votes, sources
        Entries for the session: `models.provenance.history.learning.record_call`.
    """

    def __init__(
        self,
        knowledge: ProvenanceKnowledge,
        session: Session,
        request: Request,
        tool: int,
        near: tuple[WeightedClusters, float],
    ) -> None:
        self.tainted: TaintedValue | None = None
        self.has_new_taint = False
        self.uses: list[Use] = []
        self.votes: dict[int, Vote] = {}
        self.sources: dict[int, str] = {}
        self._knowledge, self._session, self._request = knowledge, session, request
        self._tool, self._near, self._role = tool, near, knowledge.role(session.role)
        self._votes_count = session.learning or session.trusted_history
        self._day = session.last_us // DAY_US
        self._own = similar_marks(session.near, own_cluster(session.near, self._role))

    def judge(self, origins: Origins) -> None:
        """Score all identifiers of the call in their order."""
        of, parser = self._knowledge.hasher.of, self._knowledge.parser
        for key, found in origins.items():
            hashed_key = of(key)
            tool_key = mix(self._tool, hashed_key, 1)
            here = [(s, c.keys.get(tool_key, 0), c.skipped) for _, c, s in self._near[0]]
            argument = _Argument(
                key, hashed_key, tool_key, (self._session.familiarity + familiarity(here)) / 2
            )
            for raw, where in found:
                value = parser.value(raw)
                if value is not None:
                    self._value(argument, value, where)

    def _value(self, argument: _Argument, value: Value, where: list[str]) -> None:
        source = source_of(where)
        if source is not None and is_requested(value, self._request):
            source = None
        hashed = self._knowledge.hasher.of(source) if source else 0
        use = use_of(argument.tool_key, argument.hashed_key, value, hashed)
        if source and value.fingerprint:
            self.sources.setdefault(value.fingerprint, source)
        novelty = _Novelty() if source is None else self._novelty(use, argument, value)
        if len(self.uses) < MAX_USES:
            self.uses.append(use)
        if self._votes_count:
            context = self._context(argument, value)
            vote = Vote(
                context.contexts, use.level, novelty.flow_level, argument.familiarity,
                novelty.binding, novelty.spread,
            )  # fmt: skip
            add_vote(self.votes, context.exact, vote)
        if source is not None and (use.level or novelty.flow_level):
            self._weigh(argument, value, use, novelty, (source, REWRITTEN in where))

    def _context(self, argument: _Argument, value: Value) -> ArgumentContext:
        role = self._session.role
        return self._knowledge.context(role, argument.tool_key, argument.hashed_key, value.kind)

    def _novelty(self, use: Use, argument: _Argument, value: Value) -> _Novelty:
        """Set the level of a value; give the level of its flow, its binding and its spread."""
        of, (near, total) = self._knowledge.hasher.of, self._near
        agent_id, knowledge, day = self._session.agent_id, self._knowledge, self._day
        use.level, flow_level = levels(
            self._role,
            use,
            near,
            total,
            lambda: of(agent_id),
            lambda: knowledge.domain_is_surprising(
                self._context(argument, value), argument.familiarity, day
            ),
        )
        binding = UNBOUND
        if use.is_entity and (self._votes_count or use.level or flow_level):
            binding = check_binding(
                self._role.bindings, use.tool_key, self._request.entities, use.value
            )
        if binding == VIOLATED and not use.level and not flow_level:
            binding = MATCHED  # a value typical for such requests violates no binding
        by_chance = matches_by_chance(value.kind, is_entity=use.is_entity)
        unexplained = use.level > 0 and flow_level > 0 and not by_chance
        spread = unexplained and is_spread(self._role, use.value, day, self._own)
        return _Novelty(flow_level, binding, spread)

    def _weigh(
        self,
        argument: _Argument,
        value: Value,
        use: Use,
        novelty: _Novelty,
        source: tuple[str, bool],
    ) -> None:
        knowledge, parts = self._knowledge, self._knowledge.parts
        level, flow_level = use.level * parts.value, novelty.flow_level * parts.flow
        if not level and not flow_level:
            return
        context = self._context(argument, value)
        level = knowledge.effective_level(context, level, argument.familiarity, self._day)
        value_bits = knowledge.bits(context, VALUE, level, argument.familiarity, self._day)
        flow_bits = knowledge.bits(context, FLOW, flow_level, argument.familiarity, self._day)
        if novelty.binding == VIOLATED and parts.value and parts.names:
            other = knowledge.tables.rates.bits(context.binding, VALUE, self._day)
            value_bits = max(value_bits, other)
            if level != NEW_DOMAIN:
                level = OTHER_ENTITY
        recurrences, cross_task_bits = self._cross_task(context, use, level, novelty)
        value_bits += cross_task_bits
        cover = request_coverage(value, self._request)
        uncovered = cover < 0.5
        bits = (value_bits + flow_bits) * (1 - COVERAGE_DISCOUNT * cover) * value.specificity
        if bits > (self.tainted.bits if self.tainted else 0.0):
            self.tainted = TaintedValue(
                bits, argument.key, value.kind, source[0], value_bits, flow_bits, level, flow_level,
                use.value, argument.tool_key, recurrences, source[1], uncovered, cross_task_bits,
            )  # fmt: skip
        self.has_new_taint = self.has_new_taint or (level >= NEW_AT_ARGUMENT and uncovered)

    def _cross_task(
        self, context: ArgumentContext, use: Use, level: int, novelty: _Novelty
    ) -> tuple[int, float]:
        """Give the recurrences and the cross-task bits of a value with this level."""
        recurrences, bits, parts = 0, 0.0, self._knowledge.parts
        if parts.recurrence and level > NEW_AT_ARGUMENT:
            recurrences, bits = recurrence(self._role, use.value, self._day, self._own)
        if parts.wandering and level and novelty.spread:
            spread_bits = self._knowledge.tables.rates.bits(context.spread, VALUE, self._day)
            bits += min(MAX_SPREAD_BITS, spread_bits)
        return recurrences, bits


class _Novelty(NamedTuple):
    """Level of the flow; binding and spread of the value."""

    flow_level: int = 0
    binding: int = UNBOUND
    spread: bool = False


class _Argument(NamedTuple):
    """The argument of an identifier, and how familiar similar calls are with it."""

    key: str
    hashed_key: int
    tool_key: int
    familiarity: float
