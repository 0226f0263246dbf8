"""What the detectors remember of one agent in one mode: a few hundred bytes."""

from __future__ import annotations

from msgspec import Struct, field

COUNTS = 10


class Watch(Struct, array_like=True):
    """The memory of `models.watch`, part of an agent's facts.

    Attributes
    ----------
    session, before
        Session that was looked at last, and the tool before its last one.
    disorder
        Running sum of the bits by which that session's order of tools is odd.
    astray
        Running sum of the bits by which that session's tools are not what its request calls for.
    windows, weights
        Open minute, hour and day, and how many closed ones are remembered of each.
    counts, rates
        Of each count in `models.watch.counting`: in the open window, and faded over closed ones.
    squares
        Faded sums of ``n (n - 1)`` over the closed windows of each count.
    seen
        Marks of the resources of the open hour.
    out_day, out_sum
        Day and its bytes out so far, -1 for none.
    evidence
        ``log2`` of the e-value that p-values have stopped being uniform.
    mixture
        Mark of a tool -> uses today, and faded over 7 days, over 90 days, at the anchor.
    anchored, strayed
        Day of the anchor, -1 for none; and how far the fast mixture lies from it, in thousandths.
    shifted
        Mode the agent had acted in alone until it first acted in this one.
    definitions
        Marks of tools, and of tools with a digest that they had; the oldest first.
    hasty
        Approvals given too fast in the last hour, each as its haste counts (`models.watch.haste`).
    added
        Tools that deployments announced; an empty one where it was said that none comes.
    sizes
        Mark of a tool -> calls and mean size of each of `models.watch.sizes.SIZED`, deviation and
        running sum of the first; -1 is any tool, with the deviation of the last.
    expected, out_expected
        What the calls of the open hour, and of the open day, usually take.
    leak
        Running sum of the last call's tool.
    highs
        Most bits of the open hour, of each quantity of `SIZED`, and of the open day.
    peaks
        Of each count, whole bits of the open window when it was last looked at closely.
    spent
        Running sum of the spreads by which that session's calls cost more than such calls do.
    tops
        Feature -> how far beyond the usual it has gone in that session, in bits.
    kept
        Rarity of the most ordinary category for which an act of that session was held, in bits.
    week
        Acts of each hour of the week, and how many hours have passed, as `models.watch.week` counts
        them; nothing before an hour has passed.
    """

    session: int = -1
    before: str = ""
    disorder: float = 0.0
    astray: float = 0.0
    windows: list[int] = field(default_factory=lambda: [-1, -1, -1])
    weights: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    counts: list[int] = field(default_factory=lambda: [0] * COUNTS)
    rates: list[float] = field(default_factory=lambda: [0.0] * COUNTS)
    squares: list[float] = field(default_factory=lambda: [0.0] * COUNTS)
    seen: list[int] = []
    out_day: int = -1
    out_sum: int = -1
    evidence: float = 0.0
    mixture: dict[int, list[int]] = {}
    anchored: int = -1
    strayed: int = 0
    shifted: str = ""
    definitions: list[int] = []
    hasty: int = 0
    added: list[str] = []
    sizes: dict[int, list[float]] = {}
    expected: list[float] = field(default_factory=lambda: [0.0, 0.0])
    out_expected: float = 0.0
    leak: float = 0.0
    highs: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    peaks: list[int] = field(default_factory=lambda: [0] * COUNTS)
    spent: float = 0.0
    tops: dict[int, float] = {}
    kept: float = 0.0
    week: dict[int, int] = {}
