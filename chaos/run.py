"""One run: send, kill, restart, drain, verify."""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
from msgspec import Struct

from chaos.stream import messages
from chaos.topics import Topics
from chaos.verifier import Found, judged_again, stored
from chaos.workers import Workers
from pipeline.settings import Settings
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chaos.servers import Servers

_ASLEEP = 0.15  # share of disturbances that suspend a worker instead of killing it
_MAX_FUTURE_S = 100 * 366 * 86_400


class Plan(Struct, frozen=True, kw_only=True):
    """Plan of a run.

    Attributes
    ----------
    seconds
        Duration of sending records and killing workers.
    kills
        Smallest number of kills; the run is extended if necessary.
    restarts
        Number of restarts of the broker, and of the database.
    clients
        Comma-separated Kafka clients of the workers, repeated if there are fewer.
    """

    workers: int = 3
    partitions: int = 4
    agents: int = 24
    events: int = 8_000
    seconds: float = 30.0
    kills: int = 20
    restarts: int = 1
    seed: int = 1
    batch_size: int = 150
    clients: str = "kafka-python"


class Outcome(Struct, frozen=True):
    """Result of a run.

    Attributes
    ----------
    kills, sleeps
        Number of kills, and of suspensions until other workers took over.
    in_time
        Events judged while workers were killed; the others were judged afterwards.
    published, repeats
        Published messages, and repeats among them.
    """

    kills: int
    sleeps: int
    records: int
    in_time: int
    events: int
    rejected: int
    published: int
    repeats: int
    contributions: int
    differences: list[str]


def run(
    plan: Plan,
    folder: Path,
    servers: Servers,
    say: Callable[[str], None] = print,
    before_comparing: Callable[[str], None] | None = None,
) -> Outcome:
    """Run the plan, and compare with undisturbed judging of the same input.

    Parameters
    ----------
    folder
        Folder for the workers' logs.
    before_comparing
        Called with the URL of the store, for tests of the comparison.
    """
    mark = f"chaos-{uuid.uuid4().hex[:10]}"
    url = _database(servers.postgresql, mark.replace("-", "_"))
    topics = Topics(servers.kafka, mark, plan.partitions)
    values = {
        "HABITUS_SOURCE": f"kafka://{servers.kafka}/{topics.actions}?group={mark}",
        "HABITUS_STORE": url,
        "HABITUS_SINK": f"kafka://{servers.kafka}",
        "HABITUS_BATCH_SIZE": str(plan.batch_size),
        "HABITUS_CACHE_AGENTS": "5",
        "HABITUS_MAX_FUTURE_S": str(_MAX_FUTURE_S),
    }
    workers = Workers(folder, values, plan.workers, plan.clients.split(","))
    try:
        workers.start_all()
        _disturb(plan, workers, servers, topics, say)
        in_time = _counted(url)
        _drain(workers, say)
        if before_comparing is not None:
            before_comparing(url)
        return _compare(values, topics, workers, in_time, say)
    finally:
        workers.close()
        topics.close()
        _on_server(servers.postgresql, f"drop database {urlsplit(url).path[1:]} with (force)")


def _disturb(
    plan: Plan, workers: Workers, servers: Servers, topics: Topics, say: Callable[[str], None]
) -> None:
    chance = random.Random(plan.seed)  # noqa: S311  # random disturbances
    to_send = list(messages(topics.actions, plan.seed, plan.agents, plan.events))
    begun, sent = time.monotonic(), 0
    blows: list[Callable[[], None]] = [servers.restart_kafka, servers.restart_postgresql]
    due = [
        (plan.seconds * (turn + 1) / (plan.restarts + 1.5) + which, blow)
        for turn in range(plan.restarts)
        for which, blow in enumerate(blows)
    ]
    while (gone := time.monotonic() - begun) < plan.seconds or workers.kills < plan.kills:
        share = min(1.0, gone / plan.seconds)
        until = int(len(to_send) * share)
        topics.send(to_send[sent:until])
        sent = until
        workers.start_all()
        time.sleep(chance.uniform(0.2, 2.0 * plan.seconds / plan.kills if plan.kills else 2.0))
        workers.wake()
        if plan.kills:
            what = workers.sleep if chance.random() < _ASLEEP else workers.kill
            what(chance.randrange(plan.workers))
        while due and due[0][0] <= gone:
            _, blow = due.pop(0)
            say(f"{gone:.0f} s: {blow.__name__}")
            blow()
    topics.send(to_send[sent:])
    say(f"{workers.kills} workers killed while {len(to_send)} records were sent")


def _drain(workers: Workers, say: Callable[[str], None]) -> None:
    """Let all workers drain, then start more turns for remaining records."""
    workers.close()
    for turn in range(3):
        workers.start(0, "--drain")
        codes = workers.wait(300)
        say(f"drained, turn {turn + 1}: exit {codes}")
        if codes == [0]:
            return
    raise AssertionError("the workers did not drain; see their logs")


def _compare(
    values: dict[str, str],
    topics: Topics,
    workers: Workers,
    in_time: int,
    say: Callable[[str], None],
) -> Outcome:
    settings = Settings(**{name[8:].lower(): value for name, value in values.items()})  # type: ignore[arg-type]
    records = topics.records()
    say(f"judging {sum(map(len, records.values()))} records again")
    again, found = judged_again(settings, records), stored(settings.store, sorted(records))
    published, repeats = topics.published({one.id for one in again.published})
    differences = [*_tables(again, found), *topics.differences(again.published, published)]
    counted = dict(found.tables["counters"])
    with psycopg.connect(settings.store) as database:
        contributions = database.execute("select count(*) from contributions").fetchone()
    return Outcome(
        workers.kills,
        workers.sleeps,
        sum(map(len, records.values())),
        in_time,
        counted["events"],
        sum(n for name, n in counted.items() if name.startswith("rejected_")),
        len(published),
        repeats,
        contributions[0] if contributions else 0,
        differences,
    )


def _counted(url: str) -> int:
    with open_store(url, read_only=True) as store:
        return store.counters().get("events", 0)


def _tables(again: Found, found: Found) -> list[str]:
    differences = []
    for table in sorted(again.tables | found.tables):
        expected, got = again.tables.get(table, []), found.tables.get(table, [])
        if expected != got:
            lost = Counter(map(repr, expected)) - Counter(map(repr, got))
            more = Counter(map(repr, got)) - Counter(map(repr, expected))
            differences.append(
                f"{table}: {len(expected)} rows expected, {len(got)} found; "
                f"{lost.total()} missing or different, first {next(iter(lost), '')[:80]}; "
                f"{more.total()} unexpected, first {next(iter(more), '')[:80]}"
            )
    return differences


def _database(server: str, name: str) -> str:
    _on_server(server, f"create database {name}")
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    open_store(url).close()
    return url


def _on_server(server: str, statement: str) -> Any:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())
