"""Figures for people: one table, the ratios with their goals, and memory per agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from benchmarks.meter import Result  # noqa: TC001  # msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.lookup_results import Measured

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
# Ours, theirs, and how many times theirs ours should at least be (None: only told).
_RATIOS: tuple[tuple[str, str, str, float | None], ...] = (
    ("d/c", "habitus", "river", 0.5),
    ("d/c'", "habitus", "river-committed", 30.0),
    ("d/b", "habitus", "kafka", 0.39),  # 60,000 events where the bare poll reaches 155,000
    ("e/b", "habitus-kafka", "kafka", 0.25),
    ("e'/b", "habitus-librdkafka", "kafka", 0.25),
    ("e'/c", "habitus-librdkafka", "river", 2.0),
    ("e'/c'", "habitus-librdkafka", "river-committed", 150.0),
    ("e'/e", "habitus-librdkafka", "habitus-kafka", None),
)
_RESIDENT = (
    ("resident_default_cache", "resident, default cache", 8),
    ("resident_all_ready", "resident, all ready for use", None),
)
# Goals after a short history; after a long one.
_STORED = (
    ("file", "stored, file of profiles, trust, sessions", 2, 6),
    ("blobs", "stored, sum of blobs", 2, 6),
    ("whole_file", "stored, whole database", None, None),
)


class Ratio(Struct, frozen=True):
    """How many times the other's rate ours is, by either clock; the lower one counts."""

    name: str
    wall: float
    cpu: float
    goal: float | None

    @property
    def verdict(self) -> str:
        """Goal, and whether it is met."""
        if self.goal is None:
            return "no goal"
        met = "met" if min(self.wall, self.cpu) >= self.goal else "MISSED"
        return f"goal >= {self.goal:g}: {met}"


class Report(Struct, kw_only=True):
    """Everything one run found.

    Attributes
    ----------
    absent
        What was not measured for want of something, and of what.
    failed
        What broke; it said how on stderr.
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
        """Take in what was measured of trust look-ups."""
        self.trust_lookup = {name: result._asdict() for name, result in found.lookups.items()}
        self.trust_batch = {
            "first_ms": found.first_batch_ms,
            "p50_ms": found.batch_p50_ms,
            "p99_ms": found.batch_p99_ms,
        }

    @property
    def ratios(self) -> list[Ratio]:
        """The ratios of what was measured."""
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


def write(report: Report, out: Callable[[str], Any] = print) -> None:
    """Write the report, line by line."""
    for lines in (_rates, _ratios, _memory, trust_lines, freshness_lines, _absent):
        for line in lines(report):
            out(line)


def _rates(report: Report) -> Iterator[str]:
    if not report.results:
        return
    yield (
        f"{report.events:,} events timed after {report.warm:,} to warm up, {report.agents:,} "
        f"agents{' at random' if report.at_random else ''}; each in its own process on one core"
    )
    yield (
        f"{'':<34}{'events/s':>10}{'per cpu s':>11}{'cold':>10}{'per cpu s':>11}{'peak MiB':>10}"
    )
    for name, words in _WORDS.items():
        if name in report.results:
            yield f"{words:<34}{_row(report.results[name])}"


def _row(result: Result) -> str:
    cold = result.cold
    first = f"{cold.wall_rate:>10,.0f}{cold.cpu_rate:>11,.0f}" if cold else f"{'-':>10}{'-':>11}"
    return (
        f"{result.warm.wall_rate:>10,.0f}{result.warm.cpu_rate:>11,.0f}{first}"
        f"{result.peak_bytes / _KIB**2:>10,.0f}"
    )


def _ratios(report: Report) -> Iterator[str]:
    for one in report.ratios:
        yield f"ratio {one.name:<5} {one.wall:8.3f} wall {one.cpu:8.3f} cpu   {one.verdict}"
    committed = report.results.get("river-committed")
    if committed is not None:
        more = committed.more
        yield (
            f"(c') once all have been committed before: {more['again']:,.0f} events/s, "
            f"{more['again_per_cpu_s']:,.0f} per cpu s"
        )
    habitus = report.results.get("habitus")
    if habitus is not None:
        more = habitus.more
        each = (report.warm + report.events) / more["agents"]
        yield f"stored per agent, {more['agents']:,.0f} agents, {each:,.0f} events each"
        for key, words, _, goal in _STORED[:2]:
            yield _size(words, more[key], goal)


def _size(words: str, size: float, goal: int | None) -> str:
    kib = size / _KIB
    verdict = "" if goal is None else f"goal <= {goal} KiB: {'met' if kib <= goal else 'MISSED'}"
    return f"  {words:<44}{kib:>8.1f} KiB   {verdict}".rstrip()


def _memory(report: Report) -> Iterator[str]:
    if not report.memory:
        return
    yield (
        f"per agent, {report.memory['agents']:,.0f} agents after {report.memory['events']:,.0f} "
        "events"
    )
    for key, words, most in _RESIDENT:
        yield _size(words, report.memory[key], most)
    for key, words, goal, _ in _STORED:
        yield _size(words, report.memory[f"stored_{key}"], goal)


def trust_lines(report: Report) -> Iterator[str]:
    """Tell about trust look-ups and goals; a rate counts by the lower of two clocks."""
    if not report.trust_lookup:
        return
    yield (
        f"{'trust look-up':<14}{'requests/s':>12}{'per cpu s':>11}{'p50 ms':>9}{'p99 ms':>9}"
        f"{'quietest':>10}{'turn p99, cpu ms':>18}"
    )
    for name, found in report.trust_lookup.items():
        yield (
            f"{name:<14}{found['rate']:>12,.0f}{found['cpu_rate']:>11,.0f}"
            f"{found['p50_ms']:>9.2f}{found['p99_ms']:>9.2f}{found['quiet_p99_ms']:>10.2f}"
            f"{found['turn_p99_ms']:>18.2f}"
        )
    batch, ours = report.trust_batch, report.trust_lookup["habitus"]
    yield (
        f"1,000 agents   first {batch['first_ms']:.1f} ms, then p50 {batch['p50_ms']:.1f} ms, "
        f"p99 {batch['p99_ms']:.1f} ms"
    )
    yield _goal("requests/s", min(ours["rate"], ours["cpu_rate"]), 25_000, "{:,.0f}")
    yield _goal("p99, ms", ours["p99_ms"], 2.5, "{:.2f}", most=True)
    for words, name, goal in (("bare app's", "bare", 0.45), ("plain route's", "plain", 2)):
        theirs = report.trust_lookup[name]
        ratio = min(ours[clock] / theirs[clock] for clock in ("rate", "cpu_rate"))
        yield _goal(f"times the {words} rate", ratio, goal, "{:.2f}")
    yield _goal("1,000 agents, first, ms", batch["first_ms"], 10, "{:.1f}", most=True)
    yield _goal("1,000 agents, p99, ms", batch["p99_ms"], 10, "{:.1f}", most=True)


def freshness_lines(report: Report) -> Iterator[str]:
    """Tell how long it took from an action to its trust, and which goals are met."""
    if not report.freshness:
        return
    found = report.freshness
    yield (
        f"freshness      {found['offered']:,.0f} events/s offered, {found['taken']:,.0f} judged; "
        f"{found['highest']:,.0f} is the highest rate; slowest {found['worst_ms']:.0f} ms"
    )
    yield _goal("action to visible trust, p50, ms", found["p50_ms"], 100, "{:.0f}", most=True)
    yield _goal("action to visible trust, p99, ms", found["p99_ms"], 500, "{:.0f}", most=True)


def _goal(words: str, found: float, goal: float, shape: str, *, most: bool = False) -> str:
    met = found <= goal if most else found >= goal
    sign, verdict = "<=" if most else ">=", "met" if met else "MISSED"
    return f"  {words:<32}{shape.format(found):>10}   goal {sign} {goal:g}: {verdict}"


def _absent(report: Report) -> Iterator[str]:
    for name, reason in report.absent.items():
        yield f"absent: {name} ({reason})"
    for name in report.failed:
        yield f"FAILED: {name}, stderr says how"
