"""The tables of the argument detector, and the surprise in bits by them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from models.codec.hashing import mix
from models.provenance.history.request_clusters import DocumentFrequencies, RoleTable
from models.provenance.history.similarity import WordWeights
from models.provenance.novelty import KNOWN, NEW, NEW_DOMAIN, NEW_DOMAIN_BITS, ArgumentContext
from models.provenance.novelty_prior import VALUE, NoveltyRates
from models.provenance.request import TextParser

if TYPE_CHECKING:
    from models.codec.hashing import Hasher
    from models.provenance.request import Request

TOOL_WORD_FLOOR = 0.2
_MAX_CONTEXTS = 50_000


class ScoreParts(NamedTuple):
    """Whether each part of the score counts.

    Without `value`, the parts `recurrence`, `wandering` (cross-task spread) and `names` (entity
    binding) are zero too.
    """

    value: bool
    flow: bool
    intent: bool
    recurrence: bool
    wandering: bool
    names: bool
    rewritten: bool


PARTS = ScoreParts._fields


class ProvenanceTables:
    """The tables of all roles and of the fleet."""

    __slots__ = ("documents", "rates", "roles")

    def __init__(self) -> None:
        self.roles: dict[str, RoleTable] = {}
        self.documents = DocumentFrequencies()
        self.rates = NoveltyRates()


class ProvenanceKnowledge:
    """Read `ProvenanceTables`.

    Parameters
    ----------
    without
        The `PARTS` that the score leaves out. They are still learned, except for origins that are
        not traced.

    Attributes
    ----------
    context
        Gives the context of (role, tool, key, kind); results are cached.
    """

    def __init__(
        self, hasher: Hasher, tables: ProvenanceTables, without: frozenset[str] = frozenset()
    ) -> None:
        self.hasher = hasher
        self.parser = TextParser(hasher)
        self.parts = ScoreParts(*(part not in without for part in PARTS))
        self.context = lru_cache(_MAX_CONTEXTS)(self._context)
        self.use(tables)

    def use(self, tables: ProvenanceTables) -> None:
        """Replace the tables, and drop the data derived from the old ones."""
        self.tables = tables
        self.weights = WordWeights(tables.documents)

    def role(self, name: str) -> RoleTable:
        """Give the table of a role; create it at the first use."""
        table = self.tables.roles.get(name)
        if table is None:
            table = self.tables.roles[name] = RoleTable()
        return table

    def name_floor(self, name: str, request: Request) -> float:
        """Give the lower bound of a tool's probability, 0 .. 0.2.

        The bound is 0.2 times the idf share of the words of its name that the request contains
        (recipe, section 2, intent).
        """
        own = self.parser.tool_words(name)
        shared = own & request.words
        if not shared:
            return 0.0
        weigh = self.weights.of
        return TOOL_WORD_FLOOR * (sum(map(weigh, sorted(shared))) / sum(map(weigh, sorted(own))))

    def _context(self, role: str, tool_key: int, key: int, kind: int) -> ArgumentContext:
        exact = mix(tool_key, kind, 5)
        general = mix(7, kind + 1)
        contexts = (general, mix(general, key), mix(exact, self.hasher.of(role), 6))
        return ArgumentContext(exact, contexts)

    def domain_is_surprising(self, context: ArgumentContext, familiarity: float, day: int) -> bool:
        """Give whether a new domain adds `NEW_DOMAIN_BITS` to the bits of a new address."""
        address, domain = (
            self.bits(context, VALUE, level, familiarity, day)
            for level in (NEW_DOMAIN - 1, NEW_DOMAIN)
        )
        return domain - address >= NEW_DOMAIN_BITS

    def effective_level(
        self, context: ArgumentContext, level: int, familiarity: float, day: int
    ) -> int:
        """Give the level of a value; a new domain that is not surprising counts as new address."""
        ordinary = level == NEW_DOMAIN and not self.domain_is_surprising(context, familiarity, day)
        return level - 1 if ordinary else level

    def bits(
        self, context: ArgumentContext, column: int, level: int, familiarity: float, day: int
    ) -> float:
        """Give the surprise of a novelty level in bits, 0 for level 0.

        Log-linear mix of the strata of known and new requests (recipe, section 2, novelty rates).

        Parameters
        ----------
        column
            First column of the levels: `VALUE` or `FLOW`.
        familiarity
            Familiarity of the request and the argument, 0 .. 1: weight of the known stratum.
        """
        if not level:
            return 0.0
        bits, rates = 0.0, self.tables.rates
        if familiarity:
            bits = familiarity * rates.bits(context.strata[KNOWN - 1], column + level - 1, day)
        if familiarity < 1:
            bits += (1 - familiarity) * rates.bits(context.strata[NEW - 1], column + level - 1, day)
        return bits
