"""The compiled provenance detector gives the numbers and stored bytes of the reference."""

from __future__ import annotations

import string
from collections import OrderedDict

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.simulation.sample.fleet import fleet_events
from models.errors import StateError
from models.event import Event, microseconds
from models.provenance.backend import provenance_detector
from models.provenance.history.bounded_table import MAX_KNOWN
from models.provenance.history.request_clusters import MAX_CLUSTERS, YOUNG
from models.provenance.open_sessions import open_sessions
from tests.native.both import DAY, MINUTE, SECRET, TAINTED, Both, native, needs_native

pytestmark = needs_native

# Identifiers and requests: what patterns tell apart, and whatever else there is.
awkward = st.text(alphabet="aZé1٣.-_/@:?%$+,\n\t \x1cwİK", max_size=14)
shaped = st.from_regex(
    r"(https?://)?(www\.)?[a-z0-9-]{1,6}(\.[a-z0-9]{1,4}){0,3}(/[a-z0-9.]{0,6}){0,2}[?:/\n]?"
    r"|[a-z.]{1,5}@[a-z.]{1,6}\.[a-z]{0,3}\n?|\d{1,5}[-/:.]\d{1,3}([./]\d{1,4})?"
    r"|[-+$]?\d{1,4}([.,]\d{0,3}){0,2}%?\n?|/?[a-z]{1,4}/[a-zA-Z]{1,4}\.(pdf|docx?|jpe?g|ex)\n?",
    fullmatch=True,
)
words = st.lists(
    st.sampled_from(
        [
            "pay",
            "paying",
            "invoices",
            "of",
            "Ines",
            "sendInvoice",
            "x",
            "2026",
            "Landlord's",
            "é",
            "Tomas",
            "Reyes,",
            "PDF",
            "I'm",
            "(O'Brien)",
            "Ask.",
            "B&B",
            "-Oslo",
        ]
    ),
    max_size=8,
).map(" ".join)
anything = st.one_of(awkward, shaped, words, st.text(max_size=20))
where = st.lists(
    st.sampled_from(["request", "system", "result:web.browse", "result:", "result:é", "other"]),
    max_size=3,
)
origins = st.none() | st.dictionaries(
    st.sampled_from(["to", "payee", "clé"]),
    st.lists(st.tuples(anything, where), max_size=4),
    max_size=2,
)
few = settings(max_examples=60)


@few
@given(tool=anything, purpose=anything, given=st.lists(st.tuples(anything, where), max_size=12))
def test_any_text_is_parsed_alike(tool, purpose, given):
    both = Both()
    for _ in range(2):
        session = both.open(purpose)
        both.score(session, tool, {"to": given})
        both.close(session)
    both.dump()


played = st.lists(
    st.tuples(
        st.sampled_from(["clerk", "auditor:é"]),
        words | anything,
        st.lists(st.tuples(st.sampled_from(["bank.pay", "mail_send", "rm"]), origins), max_size=4),
        st.none() | st.sampled_from([0.01, 0.3, 0.9]),
        st.booleans(),
        st.integers(-40, 400),
        st.sampled_from(["", "", "dump", "reload"]),
    ),
    max_size=12,
)


@few
@given(played)
def test_random_sessions_are_judged_and_learned_alike(cast):
    both = Both()
    for role, purpose, calls, p, learning, day, after in cast:
        session = both.open(purpose, role, day * DAY, learning)
        for tool, found in calls:
            both.score(session, tool, found)
        both.close(session, p)
        if after:
            both.dump() if after == "dump" else both.reload()
    both.whole()


def test_the_sample_is_judged_and_learned_alike():
    both, open_now, told = Both(), OrderedDict(), 0
    for number, raw in enumerate(fleet_events(seed=7, agents=30, limit=2_500)):
        event = msgspec.json.decode(raw, type=Event)
        at_us = microseconds(event.time)
        key = (event.agent.id, event.session)
        if key not in open_now:
            role = event.agent.role or ""
            open_now[key] = both.open(event.purpose or "", role, at_us, number < 1_500)
        score, _, _, _, tainted = both.score(open_now[key], event.tool, event.argument_origins)
        told += tainted is not None
        if len(open_now) > 40:
            _, sessions = open_now.popitem(last=False)
            both.close(sessions, (score * 7) % 1)
        if number % 300 == 299:
            both.dump()
        if number % 1_000 == 999:
            both.reload()
            open_now.clear()
    assert told > 20
    both.whole()


@pytest.mark.parametrize(
    "attacked",
    [(7, 36, 65, 94), (30, 60, 90, 94), (20, 30, 60, 90, 94)],
    ids=["each", "two of a kind", "three of a kind"],
)
def test_history_is_cleaned_alike(attacked):
    both, still_open = Both(), None
    for number in range(YOUNG + 5):
        task, odd = ("invoice", "refund", "rent")[number % 3], number in attacked
        purpose = "Renew the permit" if number in range(20, 80, 10) else f"Settle {task}"
        learning = odd or number % 7 != 0
        session = both.open(f"{purpose} {number % 12}", at_us=number * MINUTE, learning=learning)
        both.score(session, "crm.lookup", {"case": [(f"{task}-{number % 12}", ["request"])]})
        payee = "DE31 9876 5432 1098" if odd else f"SE77 1234 56{task[0]} {number % 12:02}"
        both.score(session, "bank.pay", {"payee": [(payee, [f"result:{'web' if odd else 'crm'}"])]})
        if number == 30:
            both.score(session, "mail.send", {"to": [(payee, ["result:web"])]})
        if number == attacked[-1] + 4:
            still_open = both.open("Settle refund", at_us=number * MINUTE)
            payee = "DE31 9876 5432 1098"
            *_, tainted = both.score(still_open, "bank.pay", {"payee": [(payee, ["result:web"])]})
            assert tainted[TAINTED.index("value_level")] < 3
        both.close(session, None if number < 40 else (number * 0.37) % 1)
        if number % 33 == 32:
            both.reload()
    both.close(still_open, 0.5)
    sighted = [role.suspicions for role in both.kernels[0].tables.roles.values()]
    assert any(sighted)
    both.whole()


def test_clusters_are_added_and_evicted_alike():
    both = Both()
    letters = string.ascii_lowercase
    names = [letters[at % 26] + letters[at // 26] for at in range(500)]
    for number in range(MAX_CLUSTERS + 120):
        first, second = names[number % 500], names[(number * 7) % 500]
        purpose = f"Report {first}{number} on {second}x for {first}q and {number % 9}"
        session = both.open(purpose, at_us=number * MINUTE)
        both.score(session, f"tool.{number % 5}", None)
        both.close(session)
        if number in (100, MAX_CLUSTERS + 50):
            both.reload()
    both.whole()


def test_tables_are_bounded_alike():
    both = Both()
    for number in range(MAX_KNOWN // 500 + 3):
        session = both.open("Copy the files", at_us=number * DAY)
        found = [(f"file-{number}-{at}", ["result:list"]) for at in range(500)]
        both.score(session, "file.copy", {"path": found})
        both.close(session)
    for number in range(MAX_KNOWN // 500 + 2):
        session = both.open("Copy the files", at_us=number * DAY, learning=False)
        found = [(f"other-{number}-{at}", ["result:list"]) for at in range(500)]
        both.score(session, "file.copy", {"path": found})
        both.close(session, p=0.2)
    both.whole()


def test_changes_are_small_and_copies_are_rare():
    both = Both()
    sizes, names = [], set()
    for number in range(300):
        session = both.open("Pay the invoice of Ines", at_us=number * MINUTE)
        found = [(f"SE{number:09}", ["result:file.read"])]
        both.score(session, "bank.pay", {"payee": found})
        both.close(session)
        changed = both.dump()
        sizes.append(sum(len(blob) for _, blob in changed))
        names |= {name for name, _ in changed}
    assert both.dump() == []
    assert sum(sizes[200:]) < 100 * sum(len(blob) for _, blob in both.whole()) / 5
    assert {"role:clerk", "+0:role:clerk", "documents", "rates"} <= names


steps = st.lists(
    st.tuples(
        st.sampled_from(["meet", "meet", "meet", "finish", "dump", "reload"]),
        st.integers(0, 5),
        st.integers(0, 40),
    ),
    max_size=40,
)


@few
@given(steps)
def test_sessions_open_and_close_alike(steps):
    kernels = [provenance_detector(SECRET, module) for module in (None, native)]
    tables = [open_sessions(10 * MINUTE, SECRET, module) for module in (None, native)]
    stored, now = {}, 0

    def dumped():
        (changed, gone), other = (table.dump() for table in tables)
        assert other == (changed, gone)
        stored.update(changed)
        for key in gone:
            stored.pop(key, None)

    for step, name, later in steps:
        now += later * MINUTE
        if step == "meet":
            met = [
                table.resume(f"a-{name % 2}", "unknown", f"é{name}", now, now) for table in tables
            ]
            assert (met[0] is None) is (met[1] is None)
            assert [table.pop_overlong() for table in tables] == [[], []]
            if met[0] is None:
                given = (f"a-{name % 2}", "unknown", "", "", now, now, name, True, False)
                for kernel, table in zip(kernels, tables, strict=True):
                    table.add(f"é{name}", kernel.open(*given))
        elif step == "finish":
            one, other = ([s.ordinal for s in table.pop_idle(now)] for table in tables)
            assert one == other
        else:
            dumped()
            if step == "reload":
                tables = [open_sessions(10 * MINUTE, SECRET, module) for module in (None, native)]
                for table in tables:
                    table.load(stored.items())
        assert len(tables[0]) == len(tables[1])
    one, other = ([s.ordinal for s in table.pop_all()] for table in tables)
    assert one == other


@pytest.mark.parametrize("events", [19_999, 20_000])
def test_overlong_session_is_closed_by_both(events):
    for module in (None, native):
        session = provenance_detector(SECRET, module).open("a", "m", "", "", 0, 0, 1, True, False)
        session.events = events
        table = open_sessions(10 * MINUTE, SECRET, module)
        table.add("s", session)
        assert (table.resume("a", "m", "s", MINUTE, MINUTE) is None) is (events == 20_000)
        assert [one.ordinal for one in table.pop_overlong()] == [1] * (events == 20_000)


@given(st.binary(max_size=40))
def test_invalid_bytes_raise_state_error(raw):
    for module in (None, native):
        kernel = provenance_detector(SECRET, module)
        with pytest.raises(StateError):
            kernel.load({"role:clerk": b"\x96" + raw[:20]})
        with pytest.raises(StateError):
            kernel.load_session(b"\xdc\x00\x13" + raw)
