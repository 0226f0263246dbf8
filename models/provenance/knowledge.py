"""What the content detector knows, and how rare something is by it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from models.codec.hashing import mix
from models.provenance.history.request_clusters import Documents, RoleTable
from models.provenance.history.similarity import WordWeights
from models.provenance.novelty import KNOWN, NEW, OUTSIDE, TELLING, VotePlace
from models.provenance.novelty_prior import VALUE, Rates
from models.provenance.request import Reader

if TYPE_CHECKING:
    from models.codec.hashing import Hasher
    from models.provenance.request import Request

TOOL_WORD_FLOOR = 0.2
_MOST_PLACES = 50_000


class Counted(NamedTuple):
    """Which parts a score is made of.

    Without values nothing comes up again or wanders, and no name is missed.
    """

    value: bool
    flow: bool
    intent: bool
    recurrence: bool
    wandering: bool
    names: bool
    rewritten: bool


PARTS = Counted._fields


class ContentTables:
    """Everything the content detector remembers, over all roles."""

    __slots__ = ("documents", "rates", "roles")

    def __init__(self) -> None:
        self.roles: dict[str, RoleTable] = {}
        self.documents = Documents()
        self.rates = Rates()


class ContentKnowledge:
    """Reads `ContentTables`.

    Parameters
    ----------
    without
        Of `PARTS`, those that the score leaves out; they are learned all the same, but for what
        is not traced.

    Attributes
    ----------
    place
        Gives the contexts of (role, tool, key, kind), and remembers them.
    """

    def __init__(
        self, hasher: Hasher, tables: ContentTables, without: frozenset[str] = frozenset()
    ) -> None:
        self.hasher = hasher
        self.reader = Reader(hasher)
        self.counted = Counted(*(part not in without for part in PARTS))
        self.place = lru_cache(_MOST_PLACES)(self._place)
        self.use(tables)

    def use(self, tables: ContentTables) -> None:
        """Go on with these tables; whatever was derived from others is forgotten."""
        self.tables = tables
        self.weights = WordWeights(tables.documents)

    def role(self, name: str) -> RoleTable:
        """Give the table of a role, a new one for a role not seen before."""
        table = self.tables.roles.get(name)
        if table is None:
            table = self.tables.roles[name] = RoleTable()
        return table

    def named(self, name: str, request: Request) -> float:
        """Give the least probability of a tool for the words of its name in the request."""
        own = self.reader.tool_words(name)
        said = own & request.words
        if not said:
            return 0.0
        weigh = self.weights.of
        return TOOL_WORD_FLOOR * (sum(map(weigh, sorted(said))) / sum(map(weigh, sorted(own))))

    def _place(self, role: str, tool_key: int, key: int, kind: int) -> VotePlace:
        exact = mix(tool_key, kind, 5)
        general = mix(7, kind + 1)
        contexts = (general, mix(general, key), mix(exact, self.hasher.of(role), 6))
        return VotePlace(exact, contexts)

    def telling(self, place: VotePlace, known: float, day: int) -> bool:
        """Tell whether a new domain is news at a place: it seldom comes with a new address."""
        here = [self.bits(place, VALUE, level, known, day) for level in (OUTSIDE - 1, OUTSIDE)]
        return here[1] - here[0] >= TELLING

    def counting(self, place: VotePlace, level: int, known: float, day: int) -> int:
        """Give the level that a value counts with: a domain that is no news is none."""
        outside = level == OUTSIDE and not self.telling(place, known, day)
        return level - 1 if outside else level

    def bits(self, place: VotePlace, column: int, level: int, known: float, day: int) -> float:
        """Surprise of reaching a level, counted from `column` on; by how known the request is."""
        if not level:
            return 0.0
        bits, rates = 0.0, self.tables.rates
        if known:
            bits = known * rates.bits(place.strata[KNOWN - 1], column + level - 1, day)
        if known < 1:
            bits += (1 - known) * rates.bits(place.strata[NEW - 1], column + level - 1, day)
        return bits
