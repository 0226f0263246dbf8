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

_ASLEEP = 0.15  # share of blows that let a worker sleep instead of killing it
_MAX_FUTURE_S = 100 * 366 * 86_400


class Plan(Struct, frozen=True, kw_only=True):
    """What is to happen.

    Attributes
    ----------
    seconds
        How long records are sent and workers die.
    kills
        How often a worker is killed at least; it goes on for longer if need be.
    restarts
        How often broker and database are each ended and started again.
    clients
        Who reads and publishes, with commas: the first worker's client, the second's, and so on
        from the start.
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
    """How it went.

    Attributes
    ----------
    kills, sleeps
        How often a worker was killed, and how often one slept until others did its work.
    in_time
        Events judged while workers died; the rest was judged after.
    published, repeats
        Messages that came out, and how many of them came again.
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
    """Do what the plan says, and compare with a straight judging of the same input.

    Parameters
    ----------
    folder
        For the workers' logs.
    before_comparing
        Called with the URL of the store: for the test of this check.
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
    chance = random.Random(plan.seed)  # noqa: S311  # when something dies
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
    """Let everybody end by himself, then one more to finish what is left."""
    workers.close()
    for turn in range(3):
        workers.start(0, "--drain")
        codes = workers.wait(300)
        say(f"drained, turn {turn + 1}: exit {codes}")
        if codes == [0]:
            return
    raise AssertionError("it did not come to an end; see the workers' logs")


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
        told = database.execute("select count(*) from contributions").fetchone()
    return Outcome(
        workers.kills,
        workers.sleeps,
        sum(map(len, records.values())),
        in_time,
        counted["events"],
        sum(n for name, n in counted.items() if name.startswith("rejected_")),
        len(published),
        repeats,
        told[0] if told else 0,
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
