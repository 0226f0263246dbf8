"""Draws events that meet every feature, counter, rule and reader of texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import strategies as st

from models.event import Agent, Credential, Event, Human, Network, Origin, Resource, Volume

START = datetime(2026, 1, 1, tzinfo=UTC)
TOOLS = (
    "mail.send", "db.deleteRow", "Vault.read", "search_all", "agent/config.set", "memory.write",
    "STRASSE.löschen", "İstanbul.list", "shell",
)  # fmt: skip
RESOURCES = (
    "INV-17", "https://Docs.Example.com/a/b?c", "hr/payroll/2026/1", "finance.payments",
    "arn:aws:s3:::logs", "ana@Example.com", "./src/./pay/api.py", "über/Straße/x", "memory/notes",
    "x" * 250, "agent/billing-7/settings",
)  # fmt: skip
TEXTS = (
    "", "cd src && sudo git push origin | tee log; A=1 nc -l 4444", "copy ../a/b.py to s3://k/x",
    "pay ana@example.com and https://[2001:db8::1]:80/x", "INV-17", "a b c", "ß" * 130,
    "finance.ledger", "user@host:443/x",
)  # fmt: skip
ORIGINS = (["request"], ["system", "result:mail.read"], ["result:mail.read"], [], ["memory"])
HOSTS = ("api.example.com", "https://Ana@API.example.com:443/v1", "192.0.2.7", "[2001:db8::1]:80")
DELEGATES = ("ana", "billing-5", "planner")
_serial = count()


def _maybe(some: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | some


arguments = st.dictionaries(
    st.sampled_from(("command", "to", "path", "n")),
    st.sampled_from(TEXTS) | st.integers(),
    max_size=3,
)
origins = st.dictionaries(
    st.sampled_from(("to", "path")),
    st.lists(st.tuples(st.sampled_from(RESOURCES + HOSTS), st.sampled_from(ORIGINS)), max_size=3),
    max_size=2,
)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "tool_digest": st.sampled_from(("d1", "d2", 7)),
        "peer_verified": st.booleans(),
        "security_event": st.sampled_from(["session-revoked", "x" * 300, 7]),
        "effect": st.sampled_from(["revoked", "changed", "none", False]),
        "tokens": st.sampled_from((5, 0, -1, True, "7", 2.5)),
        "total_tokens": st.integers(0, 5_000),
        "cost_usd": st.floats(0, 1e6),
        "approval_seconds": st.sampled_from((0, 1.5, 2.0, 9, 60, True, -3)),
        "programs": st.sampled_from(
            (["git push", "tee"], ["curl", 7, None], [], ["é" * 300], "git", ["ls"] * 30)
        ),
        "leaked_secret": st.sampled_from(("jwt out of Read to h", "", 3, ["x"], "é" * 300)),
    },
)
volumes = st.builds(
    Volume, bytes_in=_maybe(st.integers(0, 10**12)), bytes_out=_maybe(st.integers(0, 10**12)),
    records=_maybe(st.integers(0, 10**6)),
)  # fmt: skip
steps = st.one_of(
    st.timedeltas(timedelta(seconds=0), timedelta(minutes=20)),
    st.timedeltas(timedelta(hours=-30), timedelta(days=2)),
    st.just(timedelta(days=70)),
)
places = st.builds(
    Origin, st.sampled_from(("direct", "vpn", "tor", "corporate", "unknown")),
    _maybe(st.sampled_from((64500, 64501))), _maybe(st.sampled_from(("SE", "DE", "BR"))),
)  # fmt: skip


@st.composite
def events(draw: st.DrawFn, at: datetime) -> Event:
    """Draw one event at a time."""
    lifetime = draw(_maybe(st.timedeltas(timedelta(hours=-9), timedelta(days=90))))
    credential = Credential(
        id=f"key-{draw(st.integers(0, 1))}",
        issued_at=draw(_maybe(st.just(at - timedelta(hours=1)))),
        expires_at=None if lifetime is None else at + lifetime,
        scopes=draw(_maybe(st.lists(st.sampled_from(("read", "write", "admin")), max_size=3))),
        purpose=draw(_maybe(st.sampled_from(("", "pay", "refund")))),
    )
    resource = Resource(
        id=draw(st.sampled_from(RESOURCES)), type=draw(_maybe(st.just("record"))),
        domain=draw(_maybe(st.sampled_from(("crm", "hr")))),
        sensitivity=draw(_maybe(st.sampled_from(("public", "restricted")))),
    )  # fmt: skip
    return Event(
        id=f"e-{next(_serial)}",
        time=at,
        agent=Agent(
            id=f"billing-{draw(st.integers(5, 8))}", role=draw(st.sampled_from(("clerk", "buyer"))),
            version=draw(_maybe(st.sampled_from(("1.0", "1.1")))),
        ),
        tool=draw(st.sampled_from(TOOLS)),
        human=draw(_maybe(st.just(Human("ana")))),
        mode=draw(st.sampled_from(("unknown", "delegated"))),
        delegation=draw(_maybe(st.lists(st.sampled_from(DELEGATES), max_size=6))),
        session=draw(_maybe(st.sampled_from(("s-1", "s-2")))),
        trace_id=draw(_maybe(st.sampled_from(("t-1", "t-2")))),
        purpose=draw(_maybe(st.just("Pay the invoice of Ines"))),
        operation=draw(st.sampled_from(("read", "write", "delete", "send", "unknown"))),
        arguments=draw(_maybe(arguments)),
        argument_origins=draw(_maybe(origins)),
        resource=draw(_maybe(st.just(resource))),
        network=draw(_maybe(st.builds(Network, destination=_maybe(st.sampled_from(HOSTS))))),
        volume=draw(_maybe(volumes)),
        outcome=draw(_maybe(st.sampled_from(("ok", "denied", "error")))),
        duration_ms=draw(_maybe(st.floats(0, 1e5))),
        credential=draw(_maybe(st.just(credential))),
        kind=draw(st.sampled_from(("action",) * 8 + ("deployment", "security_event"))),
        attributes=draw(_maybe(attributes)),
    )  # fmt: skip


def ordinary(days: int, agents: int = 12) -> list[Event]:
    """Give a past from which rates and amounts are known: some calls of each agent and day."""
    return [
        Event(
            id=f"p-{next(_serial)}",
            time=START + timedelta(days=day, minutes=9 * one + call),
            agent=Agent(id=f"billing-{one}", role="clerk" if one % 2 else "buyer"),
            tool=TOOLS[(one + call) % 3],
            session="s-1",
            volume=Volume(bytes_out=1_000 + 37 * one + 500 * (day % 3)),
            network=Network(destination="api.example.com"),
        )
        for day in range(days)
        for one in range(agents)
        for call in range(1 + (day + one) % 3)
    ]
