"""The profile of one agent in one mode: what it knows and how much it does, to and from bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from models.calibration.day_maxima import DayMaxima
from models.calibration.fading import FadingCounts
from models.codec.bitpacking import BitReader, BitWriter
from models.codec.compact_reader import Reader
from models.codec.compact_writer import Writer
from models.codec.ordered import ordered
from models.constants import KNOWN_DAYS, MAX_HELD, MAX_KNOWN, NOVELTY_LEVELS, STATE_DAYS
from models.errors import StateError
from models.units import DAY_US

if TYPE_CHECKING:
    from models.codec.hashing import Hasher

PublishedTrust = tuple[int, int, str, str, str]
"""Published trust: score, lower, level, gate and state."""
VERSION = 6
_FIRST = bytes((VERSION,))
_LAST_BEFORE = 5
"""Version of the profiles of the judge before: they are learned again."""
NEW, DEPLOYED = "new", "deployed"
"""Special states of an agent: its first week, and the week after an announced deployment."""
SUMS = 4
"""Sums of an amount: days with it, logarithms, squares of logarithms, all days."""
LOW32 = 0xFFFF_FFFF
BLOCK_DAYS = 30
"""Days in which the last use of a value is noted."""


def agent_mark(hasher: Hasher, agent_id: str) -> int:
    """Give the mark of an agent among those that know a value."""
    return hasher.of(f"agent\x1f{agent_id}")


class OpenDay(Struct, array_like=True):
    """One day of an agent that may still get events.

    Attributes
    ----------
    state
        Special state of the agent on this day; None for none.
    maxima
        Series -> highest bits.
    largest
        Counter -> largest amount of one session.
    combined
        Highest combination of a session that repeats no case of an earlier day.
    excess
        Calls with a known size, and the sums of what they exceed it by, and of its squares.
    sent
        Tool -> calls that sent anything, and the sum of the logarithms of their bytes.
    """

    state: str | None
    maxima: dict[int, float] = {}
    largest: dict[int, float] = {}
    combined: float = 0.0
    excess: tuple[int, float, float] = (0, 0.0, 0.0)
    sent: dict[int, tuple[int, float]] = {}


class SlowChange(Struct, array_like=True):
    """What the test for slow change remembers.

    Attributes
    ----------
    expected
        Tool -> calls, faded, and the mean logarithm of the bytes that they send.
    spread
        Days, faded, and the sum of the variance between days.
    cusum
        Log-likelihood ratio in nats, 0 or more.
    """

    expected: dict[int, tuple[float, float]] = {}
    spread: tuple[float, float] = (0.0, 0.0)
    cusum: float = 0.0


class Profile(Struct):
    """One agent in one mode.

    Attributes
    ----------
    role
        Role that it is compared with.
    mark
        Mark of the agent among those that know a value.
    events, opened
        Number of its events and of its sessions.
    learn_until
        Number of the last session that belongs to learning or relearning.
    known
        Low 32 bits of the marks of the values that it knows -> block of days of the last use.
    held
        Values from rare sessions that wait: low bits of the mark -> days of use.
    rates
        Sessions by feature and level of novelty.
    amounts
        Sums by counter.
    maxima
        Day maxima by series.
    open_days
        Days since 1970 that are not over yet.
    slow
        State of the test for slow change.
    versions
        Versions that it reported.
    locations
        Country and network -> first day there.
    credentials
        Mark of a credential -> country and network -> latest use there.
    sole
        Destination that no other agent used -> days of use.
    utc_hour, published
        Hour of the last evaluation of trust, and its published values.

    Examples
    --------
    >>> profile = Profile("billing-7", "delegated", known={7: 680})
    >>> Profile.load(profile.dump(), "billing-7", "delegated") == profile
    True
    """

    agent_id: str
    mode: str
    role: str = ""
    mark: int = 0
    first_us: int = 0
    last_us: int = 0
    deployed_us: int = -STATE_DAYS * DAY_US
    events: int = 0
    opened: int = 0
    learn_until: int = 0
    utc_hour: int = -1
    published: PublishedTrust | None = None
    versions: list[str] = field(default_factory=list)
    announced: str | None = None
    known: dict[int, int] = field(default_factory=dict)
    held: dict[int, list[int]] = field(default_factory=dict)
    rates: FadingCounts = field(default_factory=lambda: FadingCounts(1 + NOVELTY_LEVELS))
    amounts: FadingCounts = field(default_factory=lambda: FadingCounts(SUMS))
    maxima: DayMaxima = field(default_factory=DayMaxima)
    open_days: dict[int, OpenDay] = field(default_factory=dict)
    slow: SlowChange = field(default_factory=SlowChange)
    locations: dict[str, int] = field(default_factory=dict)
    credentials: dict[int, dict[str, int]] = field(default_factory=dict)
    sole: dict[int, list[int]] = field(default_factory=dict)

    def special_state(self, time_us: int) -> str | None:
        """Give the special state of the agent at a time; None for none."""
        span_us = STATE_DAYS * DAY_US
        if time_us - self.first_us < span_us:
            return NEW
        return DEPLOYED if 0 <= time_us - self.deployed_us < span_us else None

    def day(self, number: int, time_us: int) -> OpenDay:
        """Give the open day of this number since 1970."""
        found = self.open_days.get(number)
        if found is None:
            found = self.open_days[number] = OpenDay(self.special_state(time_us))
        return found

    def state(self) -> str:
        """Give ``learning``, ``relearning`` or ``active``."""
        if self.opened > self.learn_until:
            return "active"
        return "learning" if self.announced is None else "relearning"

    # ------------------------------------------------------------------ values

    def knows(self, mark: int) -> bool:
        """Tell whether the agent knows a value."""
        return mark & LOW32 in self.known

    def know(self, mark: int, day: int) -> None:
        """Note the use of a value that the agent knows from now on."""
        low = mark & LOW32
        block = day // BLOCK_DAYS
        if block > self.known.get(low, -1):
            self.known[low] = block
        self.held.pop(low, None)

    def hold(self, mark: int, day: int, days: int) -> None:
        """Note the use of a value that waits; after so many days the agent knows it."""
        used = self.held.setdefault(mark & LOW32, [])
        if day not in used:
            used.append(day)
        if len(used) >= days:
            self.know(mark, day)
        elif len(self.held) > MAX_HELD:
            del self.held[min(self.held, key=lambda low: (self.held[low][-1], low))]

    def forget(self, mark: int) -> None:
        """Forget one value, whether it is known or waits."""
        self.known.pop(mark & LOW32, None)
        self.held.pop(mark & LOW32, None)

    def forget_values(self, day: int) -> None:
        """Forget values without use for `KNOWN_DAYS`, and the oldest beyond `MAX_KNOWN`."""
        oldest = (day - KNOWN_DAYS) // BLOCK_DAYS
        if any(block < oldest for block in self.known.values()):
            self.known = {low: block for low, block in self.known.items() if block >= oldest}
        if len(self.known) > MAX_KNOWN:
            newest = sorted(self.known.items(), key=lambda one: (-one[1], one[0]))[:MAX_KNOWN]
            self.known = dict(newest)
        if any(days[-1] < day - KNOWN_DAYS for days in self.held.values()):
            self.held = {
                low: days for low, days in self.held.items() if days[-1] >= day - KNOWN_DAYS
            }

    # ------------------------------------------------------------------ bytes

    def dump(self) -> bytes:
        """Write the profile; the same profile gives the same bytes."""
        out = Writer(_FIRST)
        out.value(
            [
                self.role, self.mark, self.first_us, self.last_us - self.first_us,
                self.deployed_us, self.events, self.opened, self.learn_until, self.utc_hour,
                self.published, self.versions, self.announced, _packed(self.known),
                dict(sorted(self.held.items())), self.rates.packed(), self.amounts.packed(),
                self.maxima.packed(), _plain(self.open_days), _plain(self.slow),
                dict(sorted(self.locations.items())), ordered(self.credentials),
                dict(sorted(self.sole.items())),
            ]
        )  # fmt: skip
        return bytes(out.out)

    @classmethod
    def load(cls, raw: bytes, agent_id: str, mode: str) -> Profile:
        """Read a profile; call only with bytes whose keyed digest holds.

        Raises
        ------
        StateError
            The bytes are malformed, or a later version wrote them.
        """
        check_version(raw, agent_id)
        try:
            reader = Reader(raw, 1)
            parts = reader.value()
            reader.end()
            return _unpacked(parts, agent_id, mode)
        except (ValueError, TypeError, msgspec.MsgspecError) as error:
            raise StateError(f"profile of agent {agent_id!r} cannot be read: {error}") from error


def check_version(raw: bytes, agent_id: str) -> None:
    """Refuse a profile that another version wrote."""
    version = raw[0] if raw else 0
    if version != VERSION:
        raise StateError(
            f"profile of agent {agent_id!r} was written by version {version}, this is "
            f"{VERSION}; upgrade, or move the store away to learn from scratch"
        )


def is_before(raw: bytes) -> bool:
    """Tell whether a profile is of the judge before, which is learned again."""
    return bool(raw) and 0 < raw[0] <= _LAST_BEFORE


def _plain(value: Any) -> Any:
    return ordered(msgspec.to_builtins(value))


def _packed(known: dict[int, int]) -> list[Any]:
    """Give the known values by block of the last use: block, number and bit-packed words."""
    blocks: dict[int, list[int]] = {}
    for low, block in known.items():
        blocks.setdefault(block, []).append(low)
    found: list[Any] = []
    for block in sorted(blocks):
        bits = BitWriter()
        bits.words(sorted(blocks[block]))
        found += [block, len(blocks[block]), bits.end()]
    return found


def _known(parts: list[Any]) -> dict[int, int]:
    known: dict[int, int] = {}
    for at in range(0, len(parts), 3):
        block, number, raw = parts[at : at + 3]
        bits = BitReader(raw)
        known.update(dict.fromkeys(bits.words(number), block))
        if not bits.ended():
            raise ValueError("known values end too late")
    return known


def _unpacked(parts: list[Any], agent_id: str, mode: str) -> Profile:
    (
        role, mark, first_us, span_us, deployed_us, events, opened, learn_until, utc_hour,
        published, versions, announced, known, held, rates, amounts, maxima, open_days, slow,
        locations, credentials, sole,
    ) = parts  # fmt: skip
    return Profile(
        agent_id, mode, role, mark, first_us, first_us + span_us, deployed_us, events, opened,
        learn_until, utc_hour, None if published is None else tuple(published), versions,
        announced, _known(known), held, FadingCounts.unpacked(rates, 1 + NOVELTY_LEVELS),
        FadingCounts.unpacked(amounts, SUMS), DayMaxima.unpacked(maxima),
        msgspec.convert(open_days, dict[int, OpenDay]), msgspec.convert(slow, SlowChange),
        locations, credentials, sole,
    )  # fmt: skip
