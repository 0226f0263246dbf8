"""The provenance tables are stored as changes and copies, and restored in full."""

from __future__ import annotations

import pytest

from models.codec.change_log import MAX_CHANGES, Journal
from models.errors import StateError
from models.provenance.backend import PythonDetector

FILE = "result:file.read"


@pytest.fixture
def desk(an_empty_desk):
    """A role that has paid thirty payees out of files."""
    for number in range(30):
        an_empty_desk.play(an_empty_desk.event(payee=[(f"SE{number:09}", [FILE])]))
    return an_empty_desk


def pay(desk, payee):
    desk.play(desk.event(payee=[(payee, [FILE])]))


def test_whole_copy_is_written_first_and_changes_later(desk):
    copy = dict(desk.detector.dump())
    pay(desk, "DE1")
    changed = dict(desk.detector.dump())
    assert set(copy) == {"documents", "rates", "role:clerk"}
    assert set(changed) == {"+0:rates", "+0:role:clerk"}
    assert len(changed["+0:role:clerk"]) < len(copy["role:clerk"]) / 5


def test_nothing_is_written_when_nothing_changed(desk):
    desk.detector.dump()
    assert desk.detector.dump() == []


def test_copy_is_written_when_changes_are_as_large(desk):
    shared = dict(desk.detector.dump())
    names = []
    for number in range(40):
        pay(desk, f"DE{number}")
        changed = desk.detector.dump()
        shared.update(changed)
        names += [name for name, _ in changed if name.endswith("role:clerk")]
        changes = sum(len(blob) for name, blob in shared.items() if name == "+0:role:clerk")
        assert changes <= len(shared["role:clerk"])
    assert 1 <= names.count("role:clerk") < len(names) / 3


def test_number_of_changes_per_copy_is_bounded():
    journal = Journal()
    names = [
        journal.write("part", lambda _, whole: b"x" * (10_000 if whole else 1))[0]
        for _ in range(MAX_CHANGES + 2)
    ]
    assert names[0] == names[-1] == "part"
    assert names[1:-1] == [f"+{number}:part" for number in range(MAX_CHANGES)]


def test_stored_tables_are_restored(desk):
    shared = dict(desk.detector.dump())
    for number in range(50):
        pay(desk, f"DE{number}")
        shared.update(desk.detector.dump())
    back = PythonDetector(desk.detector.hasher.key)
    back.load(shared)
    first = desk.detector
    dumps = []
    for kernel in (first, back):
        desk.detector = kernel
        session = desk.open("Write to the landlord")
        kernel.record_call(session, desk.judge(session, desk.event(payee=[("FR7", [FILE])])))
        session.last_us = session.opened_us = 0
        kernel.close(session)
        dumps.append(kernel.dump())
    assert dumps[0] == dumps[1] != []
    assert first.dump(whole=True) == back.dump(whole=True)


def test_changes_of_an_older_copy_are_ignored(desk):
    shared = dict(desk.detector.dump())
    copied = False
    for number in range(60):
        pay(desk, f"DE{number}")
        changed = dict(desk.detector.dump())
        shared |= changed
        copied = "role:clerk" in changed
        if copied and number > 20:
            break
    assert copied
    assert "+1:role:clerk" in shared  # of an older copy
    back = PythonDetector(desk.detector.hasher.key)
    back.load(shared)
    assert back.dump(whole=True) == desk.detector.dump(whole=True)


def test_whole_copies_of_equal_tables_are_equal_bytes(an_empty_desk, an_event):
    often = type(an_empty_desk)(an_event)
    for number in range(30):
        pay(an_empty_desk, f"DE{number}")
        pay(often, f"DE{number}")
        often.detector.dump()
    assert often.detector.dump(whole=True) == an_empty_desk.detector.dump(whole=True)


def test_evicted_cluster_is_absent_after_reading(desk, monkeypatch):
    monkeypatch.setattr("models.provenance.history.request_clusters.MAX_CLUSTERS", 3)
    shared = dict(desk.detector.dump())
    for purpose in ("Vacuum tube stock", "Landlord heating letter", "Holiday album", "Zebra"):
        desk.play(desk.event(), purpose=purpose)
        shared.update(desk.detector.dump())
    back = PythonDetector(desk.detector.hasher.key)
    back.load(shared)
    assert list(back.role("clerk").clusters) == list(desk.detector.role("clerk").clusters)
    assert len(back.role("clerk").clusters) == 3
    assert back.dump(whole=True) == desk.detector.dump(whole=True)


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"\x96\x01", b"\x90", b"\xff" * 30])
@pytest.mark.parametrize("name", ["documents", "rates", "role:clerk"])
def test_error_of_invalid_bytes_names_the_part(name, raw):
    with pytest.raises(StateError, match=name.partition(":")[0]):
        PythonDetector(b"0123456789abcdef").load({name: raw})


def test_names_of_other_parts_are_ignored():
    content = PythonDetector(b"0123456789abcdef")
    content.load({"peers": b"", "group:clerk": b"", "+0:other": b""})
    assert content.dump() == []
