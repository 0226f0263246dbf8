"""Everything one run of ``python -m benchmarks`` found, as tables and goals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from benchmarks.measuring.findings import Findings
from benchmarks.measuring.meter import Result  # noqa: TC001  # msgspec reads the annotations
from lab.measurement import Goal, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.lookup.results import Measured

_KIB = 1024
_WORDS = {
    "decode-json": "(a) json.loads alone",
    "decode-native": "(a) native format alone",
    "kafka": "(b) kafka-python poll alone",
    "river": "(c) river per agent, in memory",
    "river-committed": "(c') river per agent, committed",
    "habitus": "(d) Habitus, JSONL to commit",
    "habitus-kafka": "(e) Habitus, Kafka to published",
    "habitus-librdkafka": "(e') the same by librdkafka",
}
# Ours, theirs, and how many times theirs ours should at least be (None: no goal).
_RATIOS: tuple[tuple[str, str, str, float | None], ...] = (
    ("d/c", "habitus", "river", 0.5),
    ("d/c'", "habitus", "river-committed", 30.0),
    ("d/b", "habitus", "kafka", 0.39),  # 60,000 events where the plain poll reaches 155,000
    ("e/b", "habitus-kafka", "kafka", 0.25),
    ("e'/b", "habitus-librdkafka", "kafka", 0.25),
    ("e'/c", "habitus-librdkafka", "river", 2.0),
    ("e'/c'", "habitus-librdkafka", "river-committed", 150.0),
    ("e'/e", "habitus-librdkafka", "habitus-kafka", None),
)
_LOWER = "lower of both"
# Goals in KiB: after a short history, and after a long one.
_STORED = (
    ("file", "stored, file of profiles, trust, sessions", 2, 6),
    ("blobs", "stored, sum of blobs", 2, 6),
    ("whole_file", "stored, whole database", None, None),
)
_RESIDENT = (
    ("resident_default_cache", "resident, default cache", 8),
    ("resident_all_ready", "resident, all ready for use", None),
)


class Ratio(Struct, frozen=True):
    """Ratio of our rate to another one, by both clocks; the lower one counts."""

    name: str
    wall: float
    cpu: float
    goal: float | None

    @property
    def lower(self) -> float:
        """The one that counts."""
        return min(self.wall, self.cpu)


class Report(Struct, kw_only=True):
    """All results of one run.

    Attributes
    ----------
    absent
        Measurements that are missing, with the reason.
    failed
        Failed measurements; the errors are on stderr.
    """

    agents: int
    warm: int
    events: int
    at_random: bool = False
    results: dict[str, Result] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    trust_lookup: dict[str, dict[str, float]] = field(default_factory=dict)
    trust_batch: dict[str, float] = field(default_factory=dict)
    freshness: dict[str, float] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def take_trust(self, found: Measured) -> None:
        """Add the results of trust look-ups."""
        self.trust_lookup = {name: result._asdict() for name, result in found.lookups.items()}
        self.trust_batch = {
            "first_ms": found.first_batch_ms,
            "p50_ms": found.batch_p50_ms,
            "p99_ms": found.batch_p99_ms,
        }

    @property
    def ratios(self) -> list[Ratio]:
        """The ratios of measured rates."""
        found = self.results
        return [
            Ratio(
                name,
                found[ours].warm.wall_rate / found[theirs].warm.wall_rate,
                found[ours].warm.cpu_rate / found[theirs].warm.cpu_rate,
                goal,
            )
            for name, ours, theirs, goal in _RATIOS
            if ours in found and theirs in found
        ]


def findings(report: Report) -> Findings:
    """Give all tables and goals of a report; sections that were not measured are left out."""
    parts = [
        rates(report) if report.results else None,
        ratios(report.ratios) if report.ratios else None,
        _stored(report) if "habitus" in report.results else None,
        _memory(report.memory) if report.memory else None,
        look_ups(report) if report.trust_lookup else None,
        fresh(report.freshness) if report.freshness else None,
    ]
    found = [part for part in parts if part is not None]
    return Findings(
        [table for part in found for table in part.tables],
        [goal for part in found for goal in part.goals],
    )


def rates(report: Report) -> Findings:
    """Give the rates of each measurement, each in its own process on one core."""
    rows = [
        [words, *_rate(report.results[n])] for n, words in _WORDS.items() if n in report.results
    ]
    if committed := report.results.get("river-committed"):
        more = committed.more
        again = [f"{more['again']:,.0f}", f"{more['again_per_cpu_s']:,.0f}", "-", "-", "-"]
        rows.append(["(c') after the first commit of all", *again])
    order = "at random within an hour" if report.at_random else "in the order of their sessions"
    table = Table(
        sentence=(
            f"{report.agents:,} agents act {order}; {report.events:,} events are timed after "
            f"{report.warm:,} to warm up."
        ),
        columns=["", "events/s", "per CPU s", "cold, events/s", "cold, per CPU s", "peak MiB"],
        rows=rows,
    )
    return Findings([table], [])


def _rate(result: Result) -> list[str]:
    cold = result.cold
    first = [f"{cold.wall_rate:,.0f}", f"{cold.cpu_rate:,.0f}"] if cold else ["-", "-"]
    return [
        f"{result.warm.wall_rate:,.0f}",
        f"{result.warm.cpu_rate:,.0f}",
        *first,
        f"{result.peak_bytes / _KIB**2:,.0f}",
    ]


def ratios(found: list[Ratio]) -> Findings:
    """Give the ratios by both clocks; the lower one counts."""
    table = Table(
        sentence="A ratio counts by the lower of wall clock and processor time.",
        columns=["ratio", "wall clock", "processor time", _LOWER],
        rows=[[one.name, *(f"{x:.3g}" for x in (one.wall, one.cpu, one.lower))] for one in found],
    )
    goals = [
        Goal(figure=one.name, row=one.name, column=_LOWER, least=one.goal)
        for one in found
        if one.goal is not None
    ]
    return Findings([table], goals)


def _stored(report: Report) -> Findings:
    more = report.results["habitus"].more
    each = (report.warm + report.events) / more["agents"]
    column = "KiB an agent, long history"
    table = Table(
        sentence=f"{more['agents']:,.0f} agents are stored after {each:,.0f} events each.",
        columns=["", column],
        rows=[[words, f"{more[key] / _KIB:.1f}"] for key, words, *_ in _STORED[:2]],
    )
    goals = [
        Goal(figure=f"{words}, KiB an agent after a long history", row=words, column=column, most=g)
        for _, words, _, g in _STORED[:2]
    ]
    return Findings([table], goals)


def _memory(memory: Mapping[str, float]) -> Findings:
    column = "KiB an agent"
    sizes = [(key, words, most) for key, words, most in _RESIDENT]
    sizes += [(f"stored_{key}", words, most) for key, words, most, _ in _STORED]
    table = Table(
        sentence=f"{memory['agents']:,.0f} agents after {memory['events']:,.0f} events.",
        columns=["", column],
        rows=[[words, f"{memory[key] / _KIB:.2f}"] for key, words, _ in sizes],
    )
    goals = [
        Goal(figure=f"{words}, {column}", row=words, column=column, most=most)
        for _, words, most in sizes
        if most is not None
    ]
    return Findings([table], goals)


def look_ups(report: Report) -> Findings:
    """Give look-ups of trust; a rate counts by the lower of two clocks."""
    found, batch = report.trust_lookup, report.trust_batch
    ours = found["habitus"]
    servers = Table(
        sentence="Trust look-ups, beside a plain FastAPI route and a bare ASGI application.",
        columns=["server", "requests/s", "per CPU s", "p50, ms", "p99, ms", "best p99, ms",
                 "loop turn p99, CPU ms"],
        rows=[
            [name, f"{one['rate']:,.0f}", f"{one['cpu_rate']:,.0f}"]
            + [f"{one[key]:.2f}" for key in ("p50_ms", "p99_ms", "quiet_p99_ms", "turn_p99_ms")]
            for name, one in found.items()
        ],
    )  # fmt: skip
    figures: list[tuple[str, float, str, float | None, float | None]] = [
        ("requests/s", min(ours["rate"], ours["cpu_rate"]), ",.0f", 25_000, None),
        ("p99, ms", ours["p99_ms"], ".2f", None, 2.5),
        ("times the bare application's rate", _times(ours, found["bare"]), ".2f", 0.45, None),
        ("times the plain route's rate", _times(ours, found["plain"]), ".2f", 2, None),
        ("1,000 agents in one question, first, ms", batch["first_ms"], ".1f", None, 10),
        ("1,000 agents in one question, p50, ms", batch["p50_ms"], ".1f", None, None),
        ("1,000 agents in one question, p99, ms", batch["p99_ms"], ".1f", None, 10),
    ]
    return _listed("A rate counts by the lower of wall clock and processor time.", figures, servers)


def _times(ours: Mapping[str, float], theirs: Mapping[str, float]) -> float:
    return min(ours[clock] / theirs[clock] for clock in ("rate", "cpu_rate"))


def fresh(found: Mapping[str, float]) -> Findings:
    """Give how long it took from an action to its trust."""
    figures: list[tuple[str, float, str, float | None, float | None]] = [
        ("highest rate, events/s", found["highest"], ",.0f", None, None),
        ("offered, events/s", found["offered"], ",.0f", None, None),
        ("judged, events/s", found["taken"], ",.0f", None, None),
        ("action to visible trust, p50, ms", found["p50_ms"], ".0f", None, 100),
        ("action to visible trust, p99, ms", found["p99_ms"], ".0f", None, 500),
        ("slowest, ms", found["worst_ms"], ".0f", None, None),
    ]
    return _listed("Half of the highest rate is offered.", figures)


def _listed(
    sentence: str,
    figures: list[tuple[str, float, str, float | None, float | None]],
    *before: Table,
) -> Findings:
    """Give figures one a row, with their bounds as goals."""
    table = Table(
        sentence=sentence,
        columns=["figure", "measured"],
        rows=[[name, format(value, shape)] for name, value, shape, *_ in figures],
    )
    goals = [
        Goal(figure=name, row=name, column="measured", least=least, most=most)
        for name, _, _, least, most in figures
        if least is not None or most is not None
    ]
    return Findings([*before, table], goals)


def absent(report: Report) -> Iterator[str]:
    """Name what was not measured, and why."""
    for name, reason in report.absent.items():
        yield f"absent: {name} ({reason})"
    for name in report.failed:
        yield f"FAILED: {name}, stderr says how"
