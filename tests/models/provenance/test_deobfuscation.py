"""Values that the agent rewrote are traced to their result."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from models.provenance.backend import PythonDetector
from models.provenance.deobfuscation import (
    LONGEST,
    SHORTEST,
    alphanumerics,
    decoded_forms,
    traceable,
)
from models.provenance.knowledge import PARTS
from models.provenance.session import MAX_USES
from tests.models.provenance.subjects import subject_for

ACCOUNT = "DE31 9876-5432 1098"
LETTERS = "de31987654321098"
MAIL = "olga@evil.example.com"
LIST = "result:bank.list"


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


REWRITTEN = {
    "as it is": ACCOUNT,
    "without spaces": "DE31987654321098",
    "other marks": "[de31.9876.5432.1098]",
    "backwards": ACCOUNT[::-1],
    "base64": in_base64(ACCOUNT),
    "base64 without padding": in_base64(ACCOUNT).rstrip("="),
    "base64 for links": base64.urlsafe_b64encode(ACCOUNT.encode()).decode(),
    "base64 twice": in_base64(in_base64(ACCOUNT)),
    "hexadecimal": ACCOUNT.encode().hex(),
    "with 0x": "0x" + ACCOUNT.encode().hex().upper(),
    "per cent": quote("".join(f"%{ord(letter):02X}" for letter in ACCOUNT), safe="%"),
    "rot13": "qr31987654321098",
    "base64 among others": in_base64(f"amount=5&to={LETTERS};from=me"),
    "full width": "".join(chr(ord(c) + 0xFEE0) for c in ACCOUNT.replace(" ", "")),
    "arabic digits": "DE" + "".join(chr(0x660 + int(c)) for c in LETTERS[2:]),
}


@pytest.mark.parametrize("written", REWRITTEN.values(), ids=REWRITTEN)
def test_decoded_forms_contain_original_account(written):
    assert LETTERS in decoded_forms(written)


def test_accents_are_removed_from_letters():
    assert alphanumerics("Åsa.Öberg@exämple.com".lower()) == "asaobergexamplecom"


@pytest.mark.parametrize(
    "raw",
    ["", "=", "%%%", "%zz", "0x", "====", "Zg", "\x00" * 600, "\ud800abc%41", "١٢٣٤٥٦%"],
)
def test_any_text_has_decoded_forms(raw):
    assert all(map(traceable, decoded_forms(raw)))


def test_too_short_or_too_long_forms_are_not_traced():
    assert decoded_forms("ab-cd") == []
    assert decoded_forms("a" * SHORTEST) != []
    assert decoded_forms("ab" * LONGEST) == []


@pytest.fixture
def desk(an_empty_desk):
    """A role that looks at its bank's list and posts to a page, each time something usual."""
    desk = an_empty_desk
    for number in range(20):
        posted = desk.event("web.post", body=[(f"note-{number % 3}", ["request"])])
        desk.play(desk.event("bank.look", account=[("SE77 1234 5678 9012", [LIST])]), posted)
    return desk


def looked(desk, **arguments):
    """Give a session that has looked at an account out of a list, and written to somebody."""
    session = desk.open()
    for event in (
        desk.event("bank.look", account=[(ACCOUNT, [LIST])]),
        desk.event("mail.send", to=[(MAIL, ["result:web.get"])]),
    ):
        desk.detector.record_call(session, desk.judge(session, event))
    return session, desk.event("web.post", **arguments)


@pytest.mark.parametrize("written", REWRITTEN.values(), ids=REWRITTEN)
def test_rewritten_value_has_result_of_original_as_source(desk, written):
    session, event = looked(desk, body=[(written, [])])
    judged = desk.judge(session, event)
    assert (judged.tainted.source, judged.tainted.rewritten) == ("bank.list", True)
    plain = desk.judge(desk.open(), desk.event("web.post", body=[(written, [LIST])]))
    assert not plain.tainted.rewritten
    assert judged.tainted.bits == plain.tainted.bits
    assert judged.score == plain.score


@pytest.mark.parametrize(
    "pieces",
    [["DE31 98", "765432 1098"], ["de", "319876", "5432", "1098"], ["DE319", "8765432-1098"]],
)
def test_value_split_over_arguments_is_traced(desk, pieces):
    session, event = looked(desk, **{f"p{at}": [(one, [])] for at, one in enumerate(pieces)})
    tainted = desk.judge(session, event).tainted
    assert (tainted.source, tainted.key) == ("bank.list", f"p{len(pieces) - 1}")


@pytest.mark.parametrize(
    ("arguments", "purpose"),
    [
        ({"body": [(ACCOUNT[:8], [])]}, "Pay"),
        ({"b": [("765432 1098", [])], "a": [("DE31 98", [])]}, "Pay"),
        ({"body": [("DE31987654321098", ["request"])]}, "Pay"),
        ({"body": [("DE31987654321098", [])]}, "Pay de31987654321098"),
        ({"body": [("nothing of that", [])]}, "Pay"),
    ],
    ids=["a part", "wrong order", "asked for", "in the words of the request", "made up"],
)
def test_value_of_other_origin_is_not_traced(desk, arguments, purpose):
    _, event = looked(desk, **arguments)
    session = desk.open(purpose)
    seen = desk.event("bank.look", account=[(ACCOUNT, [LIST])])
    desk.detector.record_call(session, desk.judge(session, seen))
    assert desk.judge(session, event).tainted is None


def test_source_is_known_only_after_its_call_is_recorded(desk):
    _, event = looked(desk, body=[("DE31987654321098", [])])
    assert desk.judge(desk.open(), event).tainted is None


def test_rewritten_value_is_learned_with_its_source(desk):
    session, event = looked(desk, body=[(in_base64(MAIL), [])])
    desk.detector.record_call(session, desk.judge(session, event))
    flows = [use.flow for use in session.uses.values()]
    assert len(flows) == 3
    assert all(flows)
    assert {source: len(marks) for source, marks in session.sources.items()} == {
        "bank.list": 1,
        "web.get": 2,
    }


def test_explanation_names_rewriting(desk):
    session, event = looked(desk, body=[(in_base64(MAIL), [])])
    subject = subject_for(desk.judge(session, event), event)
    assert subject.name == "provenance"
    assert subject.text.startswith(f"{event.tool} uses the ")
    assert ", rewritten, as body: it is out of a result of web.get" in subject.text


def test_tracing_can_be_left_out(desk):
    silent = PythonDetector(b"0123456789abcdef", frozenset(["rewritten"]))
    silent.use(desk.detector.tables)
    session, event = looked(desk, body=[(in_base64(MAIL), [])])
    assert "rewritten" in PARTS
    assert silent.score(session, event.tool, event.argument_origins).tainted is None
    assert desk.judge(session, event).tainted is not None


def test_number_of_pieces_is_bounded(desk):
    session, event = looked(desk, body=[(f"{at:03}-x", []) for at in range(MAX_USES + 9)])
    assert len(desk.judge(session, event).uses) == MAX_USES
