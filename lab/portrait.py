"""What one agent is judged by, as tables: values, novelty, amounts and rarity."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from models.calibration.day_maxima import BIN_BITS, UNIT
from models.calibration.series import SERIES
from models.errors import ConfigError
from models.features.counters import COUNTERS
from models.features.plan import FEATURES, INDEX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.baseline.profile import Profile
    from models.features.fields import Fields, Record
    from models.features.plan import NoveltyFeature
    from models.scoring import Scorer

Key = tuple[str, str]
LEVELS = ("agent", "role", "fleet")
"""To whom a value is new."""
_NOTHING: tuple[Record, ...] = ({},)


class Use(NamedTuple):
    """One use of a value of a feature.

    Attributes
    ----------
    known_as
        Text that the agent knows the value by.
    context
        Context that its rate of novelty belongs to; empty for none.
    """

    feature: str
    value: str
    known_as: str
    context: str


Uses = Counter[Use]


def uses_of(fields: Fields) -> Iterator[Use]:
    """Give the values of all features in an event."""
    for feature in FEATURES:
        kind = feature.each
        for record in _NOTHING if kind is None else fields.records.get(kind, ()):
            known = fields.single | record
            if all(name in known for name in (*feature.of, *feature.within, *feature.known_by)):
                yield Use(
                    feature.name,
                    " ".join(known[name] for name in feature.of),
                    "\x1f".join(known[name] for name in (*feature.known_by, *feature.of)),
                    "\x1f".join(known[name] for name in feature.within),
                )


class Portrait:
    """Baseline of one agent in one mode, as tables.

    The agent knows its values by hashes alone. So values in words are those of the recordings.

    Parameters
    ----------
    scorer
        Has scored the recordings; what it knows is read.
    events
        Rows of the agent in `lab.exploration.Explored.events`.
    own, peers
        Values that the agent, and the other agents of its role, have used.
    """

    def __init__(
        self, scorer: Scorer, profile: Profile, events: pd.DataFrame, own: Uses, peers: Uses
    ) -> None:
        self.agent_id, self.mode = profile.agent_id, profile.mode
        self.profile, self.events = profile, events
        self._shared, self._hasher = scorer.shared, scorer.hasher
        self._own, self._peers = own, peers

    def numbers(self) -> pd.Series:
        """Give how much is known: values, values that wait, sessions, days."""
        profile = self.profile
        return pd.Series(
            {
                "events": profile.events,
                "sessions": profile.opened,
                "known values": len(profile.known),
                "waiting values": len(profile.held),
                "days that are over": profile.maxima.days / UNIT,
                "open days": len(profile.open_days),
            },
            name=self.agent_id,
        )

    def values(self, feature: str) -> pd.DataFrame:
        """Give the values of a feature that agent or role used, the most frequent first.

        ``share`` and ``peers`` are shares of the uses by the agent, and by others of its role.
        ``known`` says whether the agent knows the value. Of another one, ``new_to`` says to whom
        it is new, and ``bits`` how rarely a session of this agent brings something as new.
        """
        declared = _declared(feature)
        own, peers = (_of(feature, uses) for uses in (self._own, self._peers))
        total, total_peers = (max(1, sum(uses.values())) for uses in (own, peers))
        known = {use.value: self._known(declared, use) for use in own + peers}
        share, of_peers = Counter[str](), Counter[str]()
        for use in own + peers:
            share[use.value] += own[use]
            of_peers[use.value] += peers[use]
        rows = [
            {feature: value, "share": share[value] / total, "peers": of_peers[value] / total_peers}
            | known[value]
            for value in known
        ]
        columns = [feature, "share", "peers", "known", "new_to", "bits"]
        table = pd.DataFrame(rows, columns=columns)
        return table.sort_values("share", ascending=False, ignore_index=True, kind="stable")

    def _known(self, feature: NoveltyFeature, use: Use) -> dict[str, object]:
        mark = self._hasher.of(f"{feature.name}\x1f{use.known_as}")
        if self.profile.knows(mark):
            return {"known": True, "new_to": "", "bits": 0.0}
        level = self._shared.knowledge.level(self.profile.role, self.profile.mark, mark)
        return {
            "known": False,
            "new_to": LEVELS[level - 1],
            "bits": self._novelty_bits(feature, use.context, level),
        }

    def _novelty_bits(self, feature: NoveltyFeature, context: str, level: int) -> float:
        rates = self._shared.novelty
        path = rates.path(feature.name, context, self.profile.role)
        return rates.bits(path, self.profile.rates, level)

    def novelty(self) -> pd.DataFrame:
        """Give the bits of a new value by feature and by to whom it is new.

        Features that are counted by context are left out.
        """
        rows = [
            {
                "feature": feature.name,
                "new_to": who,
                "bits": self._novelty_bits(feature, "", level),
                "sessions": self._sessions(feature),
            }
            for feature in FEATURES
            if not feature.within and _of(feature.name, self._own)
            for level, who in enumerate(LEVELS, 1)
        ]
        return pd.DataFrame(rows, columns=["feature", "new_to", "bits", "sessions"])

    def _sessions(self, feature: NoveltyFeature) -> float:
        path = self._shared.novelty.path(feature.name, "", self.profile.role)
        return self.profile.rates.get(path.own)[0]

    def hours(self) -> pd.DataFrame:
        """Give the share of events in each two hours of workdays and weekends, and if it is known.

        ``share`` is that of the agent, ``peers`` that of its role.
        """
        known = self.values("hour").set_index("hour")
        rows = []
        for days in ("workday", "weekend"):
            for start in range(0, 24, 2):
                hours = f"{start:02d}-{start + 2:02d}"
                name = f"{days} {hours}"
                found = known.loc[name] if name in known.index else None
                rows.append(
                    {
                        "days": days,
                        "hours": hours,
                        "share": 0.0 if found is None else found.share,
                        "peers": 0.0 if found is None else found.peers,
                        "known": found is not None and bool(found.known),
                    }
                )
        return pd.DataFrame(rows)

    def transitions(self) -> pd.DataFrame:
        """Give each pair of consecutive tools: how often, what share of the first, if known."""
        pairs = Counter(zip(self.events.previous_tool, self.events.tool, strict=True))
        first = Counter(self.events.previous_tool)
        step = _declared("step")
        rows = [
            {
                "previous_tool": before,
                "tool": tool,
                "events": count,
                "share": count / first[before],
                "known": self._known(step, Use("step", "", f"{before}\x1f{tool}", ""))["known"],
            }
            for (before, tool), count in sorted(pairs.items())
        ]
        return pd.DataFrame(rows, columns=["previous_tool", "tool", "events", "share", "known"])

    def amounts(self) -> pd.DataFrame:
        """Give what the largest session of a day has, by counter.

        ``days`` is the share of days that have any. ``typical`` is the middle of these days, and
        ``upper`` two standard deviations above it. Empty while the fleet is not known.
        """
        rows = []
        for counter in COUNTERS:
            expected = self._shared.amounts.expected(self.profile, counter.id)
            if expected is not None:
                upper = 2.0 ** (expected.mean + 2 * expected.spread) - 1.0
                rows.append(
                    {
                        "counter": counter.name,
                        "what": counter.words,
                        "days": expected.share,
                        "typical": expected.typical,
                        "upper": upper,
                    }
                )
        return pd.DataFrame(rows, columns=["counter", "what", "days", "typical", "upper"])

    def maxima(self) -> pd.DataFrame:
        """Give the day maxima of the agent: series, bits, and agent-days that came as far.

        Days that brought a series less than half a bit are not among them.
        """
        rows = [
            {"series": one.name, "family": one.family, "bits": at * BIN_BITS, "days": days / UNIT}
            for one in SERIES
            for at, days in self.profile.maxima.at_least(one.id)
        ]
        return pd.DataFrame(rows, columns=["series", "family", "bits", "days"])

    def rarity(self, series: str, most: float = 40.0) -> pd.DataFrame:
        """Give the rarity of the bits of a series for this agent today, up to `most` bits."""
        numbers = {one.name: one.id for one in SERIES}
        if series not in numbers:
            raise ConfigError(f"no series {series!r}, expected one of {', '.join(numbers)}")
        own, role = self.profile.maxima, self.profile.role
        steps = [BIN_BITS * place for place in range(int(most / BIN_BITS) + 1)]
        rows = [
            {
                "series": series,
                "bits": bits,
                "rarity": self._shared.rates.rarity(own, role, None, numbers[series], bits),
            }
            for bits in steps
        ]
        return pd.DataFrame(rows)


def _of(feature: str, uses: Uses) -> Uses:
    return Counter({use: count for use, count in uses.items() if use.feature == feature})


def _declared(feature: str) -> NoveltyFeature:
    if feature not in INDEX:
        raise ConfigError(f"no feature {feature!r}, expected one of {', '.join(INDEX)}")
    return FEATURES[INDEX[feature]]
