"""Entities that a request names are bound to their values."""

from __future__ import annotations

import pytest

from models.provenance.backend import PythonDetector
from models.provenance.call_scoring import OTHER_ENTITY
from models.provenance.entity_binding import (
    MATCHED,
    MAX_ENTITIES,
    UNBOUND,
    VIOLATED,
    check_binding,
    entity_names,
    learn_binding,
)
from models.provenance.history.bounded_table import MAX_KNOWN, Table
from tests.models.provenance.subjects import subject_for

PLACE, NAME, OTHER_NAME = 5, 6, 7
LOOKUP = "result:vendors.lookup"
SUPPLIERS = {"Alder Paper": "AC-1001", "Quarry Tools": "AC-1002", "Iris Media": "AC-1003"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("pay the invoice of quarry tools", []),
        ("Pay the invoice", []),
        ("Pay Ines", ["pay ines", "ines"]),
        ("Check INV-7 of Quarry Tools against its order", ["quarry tools"]),
        ("Pay Alder Paper, Iris Media", ["pay alder paper", "alder paper", "iris media"]),
        ("the bill of \u201cQuarry Tools\u201d and Iris\u2019s", ["quarry tools", "iris"]),
        ("Supplier: Quarry, [Alder], {Acme}, <Iris>", ["quarry", "alder", "acme", "iris"]),
        ("Book for Dr. Smith. Then ask Mrs. Reyes", ["dr smith", "mrs reyes"]),
        ("Send it. Tomorrow ask (Ines) or O'Brien's team", ["ines", "o'brien"]),
        ("I think I'm to send the PDF to IBM Sweden", ["ibm sweden"]),
        ("Ask Ines, then Ines again", ["ask ines", "ines"]),
        ("fly from Åre to Élise Noël", ["åre", "élise noël"]),
        ("the Long Name Of Many Words here", ["long name of many"]),
    ],
)
def test_name_is_run_of_capitalised_words(text, names):
    assert entity_names(text) == names


def test_number_of_entities_is_bounded():
    assert len(entity_names("and ".join(f"N{chr(97 + at)}b " for at in range(20)))) == MAX_ENTITIES


def ties(*values, day=20_000):
    table = Table()
    for value in values:
        learn_binding(table, PLACE, NAME, value, day)
    return table


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], UNBOUND),
        ([8, 8, 8], UNBOUND),
        ([8, 8, 8, 8], VIOLATED),
        ([9, 9, 9, 9], MATCHED),
        ([8, 9, 9, 9, 9], UNBOUND),
        ([8, *[9] * 9], MATCHED),
        ([9, *[8] * 9], VIOLATED),
        ([8, 9] * 40, UNBOUND),
        ([8, 9] * 4 + [8] * 20, UNBOUND),
        ([8, 9] * 4 + [8] * 40, VIOLATED),
        ([8, 9] * 40 + [8] * 130, VIOLATED),
    ],
)
def test_binding_counts_after_repeats_with_few_changes(values, expected):
    assert check_binding(ties(*values), PLACE, [NAME], 9) == expected


def test_one_matching_entity_is_enough():
    table = ties(8, 8, 8, 8)
    for _ in range(4):
        learn_binding(table, PLACE, OTHER_NAME, 9, 20_000)
    assert check_binding(table, PLACE, [NAME], 9) == VIOLATED
    assert check_binding(table, PLACE, [NAME, OTHER_NAME], 9) == MATCHED
    assert check_binding(table, PLACE, [OTHER_NAME, NAME], 9) == MATCHED
    assert check_binding(table, PLACE + 1, [NAME, OTHER_NAME], 9) == UNBOUND


def test_counts_are_bounded_and_unrepeated_bindings_are_evicted_first():
    table = ties(*[8] * 200)
    assert check_binding(table, PLACE, [NAME], 9) == VIOLATED
    for name in range(MAX_KNOWN):
        learn_binding(table, PLACE, name + 100, 8, 20_010)
    table.bound(MAX_KNOWN)
    assert check_binding(table, PLACE, [NAME], 9) == VIOLATED


def pays(desk, payee):
    return desk.event(payee=[(payee, [LOOKUP])])


def asks(supplier, number=0):
    return f"Please check invoice INV-{number} from {supplier} against its order and pay it"


@pytest.fixture
def ledger(an_empty_desk):
    """A desk where every supplier has been paid to its own account for weeks."""
    for number in range(60):
        supplier = list(SUPPLIERS)[number % len(SUPPLIERS)]
        account = pays(an_empty_desk, SUPPLIERS[supplier])
        an_empty_desk.play(account, purpose=asks(supplier, number), trusted_history=True)
    return an_empty_desk


def test_other_account_of_known_supplier_has_more_bits_than_new_supplier(ledger):
    new = ledger.score(pays(ledger, "AC-2001"), asks("Cobalt Stone"))
    other = ledger.score(pays(ledger, "AC-2001"), asks("Quarry Tools"))
    same = ledger.score(pays(ledger, "AC-1002"), asks("Quarry Tools"))
    assert new.tainted.value_level < OTHER_ENTITY == other.tainted.value_level
    assert other.score > new.score + 3
    assert same.tainted is None or same.tainted.value_level < OTHER_ENTITY


def test_explanation_names_violated_binding(ledger, an_event):
    event = an_event(tool="bank.pay")
    other = ledger.score(pays(ledger, "AC-2001"), asks("Quarry Tools"))
    subject = subject_for(other, event)
    assert subject.name == "provenance"
    assert "It is not the one that came with a name of the request before" in subject.text


@pytest.mark.parametrize("part", ["names", "value"])
def test_binding_left_out_of_score_is_still_learned(ledger, part):
    silent = PythonDetector(b"0123456789abcdef", frozenset([part]))
    silent.use(ledger.detector.tables)
    event, purpose = pays(ledger, "AC-2001"), asks("Quarry Tools")
    full = ledger.score(event, purpose)
    rest = silent.score(ledger.open(purpose), event.tool, event.argument_origins)
    assert rest.score < full.score - 2
    assert rest.tainted is None or rest.tainted.value_level < OTHER_ENTITY
    assert (rest.uses, rest.votes) == (full.uses, full.votes)


def test_account_in_request_violates_no_binding(ledger):
    told = asks("Quarry Tools") + ", to AC-2001"
    assert ledger.score(pays(ledger, "AC-2001"), told).tainted is None


def test_amount_or_word_is_not_bound(ledger):
    def bills(amount, note):
        return ledger.event("bank.bill", sum=[(amount, [LOOKUP])], note=[(note, [LOOKUP])])

    for number in range(8):
        usual = bills("120.00", "monthly")
        ledger.play(usual, purpose=asks("Quarry Tools", number), trusted_history=True)
    other = ledger.score(bills("130.00", "weekly"), asks("Alder Paper and Quarry Tools"))
    assert other.tainted is None or other.tainted.value_level < OTHER_ENTITY


@pytest.mark.parametrize("account", ["90412233", "SE45 5000 0000 0583", "+46 70 123 45 67"])
def test_account_of_digits_is_entity(an_empty_desk, account):
    for number in range(20):
        usual = pays(an_empty_desk, account)
        an_empty_desk.play(usual, purpose=asks("Quarry Tools", number), trusted_history=True)
    other = an_empty_desk.score(
        pays(an_empty_desk, account.replace("3", "4").replace("0", "7")), asks("Quarry Tools")
    )
    assert other.tainted.value_level == OTHER_ENTITY


def test_session_with_several_payees_binds_none(ledger):
    both = ledger.event(payee=[("AC-1001", [LOOKUP]), ("AC-1002", [LOOKUP])])
    for number in range(9):
        ledger.play(
            both, purpose=asks("Alder Paper and Quarry Tools", number), trusted_history=True
        )
    other = ledger.score(pays(ledger, "AC-2001"), asks("Quarry Tools"))
    assert other.tainted.value_level == OTHER_ENTITY


def test_skipped_or_waiting_session_changes_no_binding(ledger):
    before = dict(ledger.detector.tables.roles["clerk"].bindings)
    odd = pays(ledger, "AC-2001")
    assert not ledger.play(odd, purpose=asks("Quarry Tools"), learning=False, p=0.001)
    assert ledger.play(odd, purpose=asks("Quarry Tools"), learning=False, p=0.3)
    assert dict(ledger.detector.tables.roles["clerk"].bindings) == before
    ledger.play(odd, purpose=asks("Quarry Tools"), trusted_history=True)
    assert dict(ledger.detector.tables.roles["clerk"].bindings) != before


def test_bindings_survive_restart(ledger):
    stored = dict(ledger.detector.dump(whole=True))
    before = ledger.score(pays(ledger, "AC-2001"), asks("Iris Media"))
    ledger.detector.load(stored)
    after = ledger.score(pays(ledger, "AC-2001"), asks("Iris Media"))
    assert (after.score, after.tainted) == (before.score, before.tainted)
