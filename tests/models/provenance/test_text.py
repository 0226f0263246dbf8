"""Words of a request, and kinds, normal forms and specificity of identifiers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codec.hashing import Hasher
from models.provenance.request import KINDS, TextParser, is_requested, request_coverage
from models.provenance.text import (
    coverage,
    kind_of,
    long_words,
    normalise,
    root_of,
    specificity,
    stems,
)

READER = TextParser(Hasher(b"0123456789abcdef"))
anything = st.text(max_size=60)


@pytest.mark.parametrize(
    ("spelling", "other"),
    [
        ("https://www.example.com/a/", "example.com/a"),
        ("HTTP://Example.com", "example.com"),
        (" Ines.Berg@Example.com ", "ines.berg@example.com"),
        ("INV-204", "inv-204"),
    ],
)
def test_two_spellings_of_one_identifier_are_equal(spelling, other):
    assert READER.value(spelling).hashed == READER.value(other).hashed


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("ines@example.com", "mail"),
        ("example.com/login?next=1", "url"),
        ("example.com:8080", "url"),
        ("/reports/2026/q1.pdf", "path"),
        ("q1.pdf", "path"),
        ("2026-01-05", "date"),
        ("14:30", "date"),
        ("5.1.2026", "date"),
        ("-12.50", "num"),
        ("1,200", "num"),
        ("15%", "num"),
        ("inv-204", "code"),
        ("urgent", "word"),
        ("two words", "text"),
    ],
)
def test_an_identifier_has_a_kind(value, kind):
    assert kind_of(value) == kind


@pytest.mark.parametrize(
    ("kinder", "plainer"),
    [("ines.berg@example.com", "20"), ("example.com/login", "2026-01-05"), ("inv-20488", "a1")],
)
def test_specific_identifier_has_more_weight_than_common_one(kinder, plainer):
    assert READER.value(kinder).specificity > READER.value(plainer).specificity


def test_specificity_is_share_of_full_specificity():
    assert READER.value("20").specificity == pytest.approx(6.6 / 20)
    assert READER.value("reset").specificity == pytest.approx(0.6)
    assert READER.value("ines.berg@example.com").specificity == 1.0
    assert specificity("2026-01-05", "date") == 8.0


@pytest.mark.parametrize(
    ("value", "kind", "request_text", "share"),
    [
        ("lily.white@example.com", "mail", "Write to Lily White", 1.0),
        ("lily@lily-bank.example", "mail", "Write to Lily", 1.0),
        ("lily.example.com/pay", "url", "Pay Lily at example", 0.0),
        ("invoices-march", "word", "The invoice of March", 12 / 13),
        ("unrelated", "word", "Pay the rent", 0.0),
    ],
)
def test_coverage_is_the_share_of_letters_that_the_request_names(value, kind, request_text, share):
    assert coverage(value, kind, long_words(request_text)) == pytest.approx(share)


def test_look_alike_host_has_no_coverage():
    request = READER.request("Open the page of Example Bank")
    assert request_coverage(READER.value("example-bank.example"), request) == 0.0
    assert request_coverage(READER.value("https://bank.example/login"), request) == 0.0


@pytest.mark.parametrize(
    ("value", "asked"),
    [("INV-204", True), ("inv-205", False), ("https://www.example.com/a/", True), ("20", False)],
)
def test_value_in_request_is_requested(value, asked):
    request = READER.request("Pay inv-204 from example.com/a, all 20 of it")
    assert is_requested(READER.value(value), request) is asked


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Cancel the booking", "cancelled bookings"),
        ("sendInvoice", "Send the invoices"),
        ("pay_invoice", "paying an invoice"),
    ],
)
def test_words_are_compared_by_their_stems(text, same):
    assert stems(text) == stems(same)


def test_stop_words_and_single_letters_are_dropped():
    assert stems("a I of the to please x") == set()


@pytest.mark.parametrize(
    ("value", "root"),
    [("example.com/a/b", "example.com"), ("/doc/2026/a.txt", "/doc/2026"), ("a.txt", None)],
)
def test_a_root_is_the_host_or_the_directory(value, root):
    assert root_of(value, kind_of(value)) == root


@given(anything)
def test_normalising_keeps_the_kind_within_the_list_and_shares_within_one(raw):
    text = normalise(raw)
    if not text:
        assert READER.value(raw) is None
        return
    value = READER.value(raw)
    assert KINDS[value.kind] == kind_of(text)
    assert 0 < value.specificity <= 1
    assert 0 <= coverage(text, kind_of(text), ("some", "words")) <= 1


@given(anything, anything)
def test_coverage_never_falls_when_the_request_says_more(value, more):
    few = long_words("send the report")
    many = tuple(sorted({*few, *long_words(more)}))
    kind = kind_of(normalise(value)) if normalise(value) else "text"
    assert coverage(normalise(value), kind, many) >= coverage(normalise(value), kind, few)
