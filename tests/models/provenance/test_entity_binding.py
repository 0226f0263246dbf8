"""What has always come with a name that the request says."""

from __future__ import annotations

import pytest

from models.explain.reasons import content_reasons
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
from models.provenance.history.request_clusters import MAX_KNOWN, Table

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
def test_a_name_is_a_run_of_capitalised_words(text, names):
    assert entity_names(text) == names


def test_a_request_has_a_bounded_number_of_names():
    assert len(entity_names("and ".join(f"N{chr(97 + at)}b " for at in range(20)))) == MAX_ENTITIES


def ties(*values, day=20_000):
    table = Table()
    for value in values:
        learn_binding(table, PLACE, NAME, value, day)
    return table


@pytest.mark.parametrize(
    ("came", "said"),
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
def test_a_name_is_held_to_its_value_once_that_came_again_and_hardly_ever_changed(came, said):
    assert check_binding(ties(*came), PLACE, [NAME], 9) == said


def test_one_name_that_a_value_always_came_with_is_enough():
    table = ties(8, 8, 8, 8)
    for _ in range(4):
        learn_binding(table, PLACE, OTHER_NAME, 9, 20_000)
    assert check_binding(table, PLACE, [NAME], 9) == VIOLATED
    assert check_binding(table, PLACE, [NAME, OTHER_NAME], 9) == MATCHED
    assert check_binding(table, PLACE, [OTHER_NAME, NAME], 9) == MATCHED
    assert check_binding(table, PLACE + 1, [NAME, OTHER_NAME], 9) == UNBOUND


def test_counts_have_an_end_and_names_that_came_once_go_first():
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
        an_empty_desk.play(account, purpose=asks(supplier, number), vouched=True)
    return an_empty_desk


def test_another_account_for_a_known_supplier_is_odder_than_a_new_supplier(ledger):
    new = ledger.score(pays(ledger, "AC-2001"), asks("Cobalt Stone"))
    other = ledger.score(pays(ledger, "AC-2001"), asks("Quarry Tools"))
    same = ledger.score(pays(ledger, "AC-1002"), asks("Quarry Tools"))
    assert new.tainted.value_level < OTHER_ENTITY == other.tainted.value_level
    assert other.score > new.score + 3
    assert same.tainted is None or same.tainted.value_level < OTHER_ENTITY


def test_it_is_told_in_words(ledger, an_event):
    event = an_event(tool="bank.pay")
    other = ledger.score(pays(ledger, "AC-2001"), asks("Quarry Tools"))
    reason = next(r for r in content_reasons(other, 1.0, event) if r.feature == "provenance")
    assert "not the one that always came with a name in the request" in reason.observed
    assert "the code is not the one that always came with a name in the request" in reason.why


@pytest.mark.parametrize("part", ["names", "value"])
def test_it_can_be_left_out_and_is_learned_all_the_same(ledger, part):
    silent = PythonDetector(b"0123456789abcdef", frozenset([part]))
    silent.use(ledger.detector.tables)
    event, purpose = pays(ledger, "AC-2001"), asks("Quarry Tools")
    full = ledger.score(event, purpose)
    rest = silent.score(ledger.open(purpose), event.tool, event.argument_origins)
    assert rest.score < full.score - 2
    assert rest.tainted is None or rest.tainted.value_level < OTHER_ENTITY
    assert (rest.uses, rest.votes) == (full.uses, full.votes)


def test_an_account_that_the_request_itself_gives_is_not_odd(ledger):
    told = asks("Quarry Tools") + ", to AC-2001"
    assert ledger.score(pays(ledger, "AC-2001"), told).tainted is None


def test_a_name_is_not_held_to_an_amount_or_a_word(ledger):
    def bills(amount, note):
        return ledger.event("bank.bill", sum=[(amount, [LOOKUP])], note=[(note, [LOOKUP])])

    for number in range(8):
        usual = bills("120.00", "monthly")
        ledger.play(usual, purpose=asks("Quarry Tools", number), vouched=True)
    other = ledger.score(bills("130.00", "weekly"), asks("Alder Paper and Quarry Tools"))
    assert other.tainted is None or other.tainted.value_level < OTHER_ENTITY


@pytest.mark.parametrize("account", ["90412233", "SE45 5000 0000 0583", "+46 70 123 45 67"])
def test_an_account_of_digits_stands_for_somebody(an_empty_desk, account):
    for number in range(20):
        usual = pays(an_empty_desk, account)
        an_empty_desk.play(usual, purpose=asks("Quarry Tools", number), vouched=True)
    other = an_empty_desk.score(
        pays(an_empty_desk, account.replace("3", "4").replace("0", "7")), asks("Quarry Tools")
    )
    assert other.tainted.value_level == OTHER_ENTITY


def test_a_session_that_pays_several_ties_nobody_to_anothers_account(ledger):
    both = ledger.event(payee=[("AC-1001", [LOOKUP]), ("AC-1002", [LOOKUP])])
    for number in range(9):
        ledger.play(both, purpose=asks("Alder Paper and Quarry Tools", number), vouched=True)
    other = ledger.score(pays(ledger, "AC-2001"), asks("Quarry Tools"))
    assert other.tainted.value_level == OTHER_ENTITY


def test_what_was_skipped_or_waits_changes_no_name(ledger):
    before = dict(ledger.detector.tables.roles["clerk"].bindings)
    odd = pays(ledger, "AC-2001")
    assert not ledger.play(odd, purpose=asks("Quarry Tools"), learning=False, p=0.001)
    assert ledger.play(odd, purpose=asks("Quarry Tools"), learning=False, p=0.3)
    assert dict(ledger.detector.tables.roles["clerk"].bindings) == before
    ledger.play(odd, purpose=asks("Quarry Tools"), vouched=True)
    assert dict(ledger.detector.tables.roles["clerk"].bindings) != before


def test_names_survive_a_restart(ledger):
    stored = dict(ledger.detector.dump(whole=True))
    before = ledger.score(pays(ledger, "AC-2001"), asks("Iris Media"))
    ledger.detector.load(stored)
    after = ledger.score(pays(ledger, "AC-2001"), asks("Iris Media"))
    assert (after.score, after.tainted) == (before.score, before.tainted)
