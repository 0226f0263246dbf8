"""Records that are made where they are asked for are the same as a list of them."""

from __future__ import annotations

import pytest

from pipeline.processing.lag import lags_us
from pipeline.processing.stream_types import (
    KEPT_OF_LONG,
    MAX_VALUE,
    Joined,
    RawRecord,
    by_source,
    values_of,
)
from pipeline.sources.kafka.records import records_of
from pipeline.sources.lines import LineBatch

LONG = b"x" * (MAX_VALUE + 1)


def polled(partition, *values, now=7_000):
    def told(at):
        return 40 + at, b"key", [("h", b"1")], at + 1

    return records_of(f"kafka:t:{partition}", values, told, now)


@pytest.fixture
def both():
    return Joined([polled(0, b"a", b"b"), polled(1, b"c")])


def test_a_record_of_kafka_has_all_that_the_client_knows():
    (one,) = polled(3, b"{}")
    headers = (("h", b"1"),)
    assert one == RawRecord(b"{}", "kafka:t:3", 40, 7_000, headers, b"key", 0, 1_000)


def test_long_value_is_cut_and_a_missing_one_is_empty():
    records = polled(0, LONG, None)
    assert [len(one.value) for one in records] == [KEPT_OF_LONG, 0]
    assert [one.full_length for one in records] == [len(LONG), 0]
    assert values_of(records) == ([LONG[:KEPT_OF_LONG], b""], [None, 7_000])


def test_lines_keep_their_numbers_and_full_lengths():
    taken = LineBatch()
    taken.add(2, b"{}")
    taken.add(5, b"[", 9)
    assert list(taken.records("stdin", 3)) == [
        RawRecord(b"{}", "stdin", 2, 3),
        RawRecord(b"[", "stdin", 5, 3, full_length=9),
    ]


def test_indices_are_those_of_a_list(both):
    alike = list(both)
    assert [one.where for one in alike] == ["kafka:t:0@40", "kafka:t:1@40", "kafka:t:0@41"]
    of_one = [alike[0], alike[2]]
    for records, wanted in ((both, alike), (both.parts[0], of_one)):
        for at in range(-len(wanted), len(wanted)):
            assert records[at] == wanted[at]
        assert records[1:] == wanted[1:]
        assert records[::-1] == wanted[::-1]
        with pytest.raises(IndexError):
            records[len(wanted)]


def test_partitions_are_merged_by_time_and_keep_their_order():
    def part(name, *sent):
        return [RawRecord(b"%d" % at, name, at, 0, sent_us=us) for at, us in enumerate(sent)]

    joined = Joined([part("kafka:t:0", 5, 9, 7, 20), part("kafka:t:1", 6, 8, 30)])
    assert [(one.source[-1], one.sent_us) for one in joined] == [
        ("0", 5), ("1", 6), ("1", 8), ("0", 9), ("0", 7), ("0", 20), ("1", 30),
    ]  # fmt: skip
    assert values_of(joined)[0] == [b"0", b"0", b"1", b"1", b"2", b"3", b"2"]


def test_records_that_arrived_together_have_one_time(both):
    assert values_of(both) == ([b"a", b"c", b"b"], 7_000)
    later = Joined([*both.parts, polled(2, b"d", now=8_000)])
    assert values_of(later) == ([b"a", b"c", b"d", b"b"], [7_000, 7_000, 8_000, 7_000])


def test_lag_is_measured_for_each_source(both):
    alike = by_source(list(both))
    assert {name: list(some) for name, some in by_source(both).items()} == alike
    assert {name: list(some) for name, some in by_source(both.parts[1]).items()} == {
        "kafka:t:1": alike["kafka:t:1"]
    }
    assert (
        by_source(Joined([])) == by_source(LineBatch().records("stdin", 0)) == by_source([]) == {}
    )


def test_last_record_of_a_source_gives_its_lag(both):
    assert (
        lags_us(both, 9_000)
        == lags_us(list(both), 9_000)
        == {
            "kafka:t:0": 7_000,
            "kafka:t:1": 8_000,
        }
    )
    assert lags_us(LineBatch().records("stdin", 0), 9_000) == {}
