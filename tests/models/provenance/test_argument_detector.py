"""The argument detector on small made-up sessions: unrequested values and tools have bits."""

from __future__ import annotations

import pytest

from models.provenance.backend import PythonDetector
from tests.models.provenance.subjects import subject_for

PAY = "Pay the invoice of Ines"
READ = "Summarise the news of today"
CLEAR = "Clear the archive of the finance share"
WEB = "result:web.browse"
FILE = "result:file.read"
IBAN = "SE77 1234 5678 9012"
OTHER_ENTITY = "DE31 9876 5432 1098"


@pytest.fixture
def desk(an_empty_desk):
    """A role that has paid its usual invoices twenty times, the payee taken from the file."""
    desk = an_empty_desk
    usual = desk.event(payee=[(IBAN, [FILE])])
    for _ in range(20):
        desk.play(desk.event("file.read", path=[("/invoices/march.pdf", ["request"])]), usual)
    return desk


def test_unrequested_payee_from_web_page_has_more_bits_than_requested_one(desk):
    requested = desk.score(desk.event(payee=[(OTHER_ENTITY, ["request"])]))
    unrequested = desk.score(desk.event(payee=[(OTHER_ENTITY, [WEB])]))
    assert requested.tainted is None
    assert unrequested.tainted.source == "web.browse"
    assert unrequested.tainted.key == "payee"
    assert unrequested.score > requested.score + 5


@pytest.mark.parametrize("where", [["request"], ["system"], [WEB, "request"], []])
def test_value_that_is_requested_or_has_no_origin_is_not_tainted(desk, where):
    assert desk.score(desk.event(payee=[(OTHER_ENTITY, where)])).tainted is None


def test_value_in_text_of_request_is_not_tainted(desk):
    event = desk.event(payee=[(OTHER_ENTITY, [WEB])])
    assert desk.score(event, f"{PAY}, to {OTHER_ENTITY.lower()}").tainted is None
    assert desk.score(event).tainted is not None


def test_typical_value_of_similar_requests_has_no_bits(desk):
    judged = desk.score(desk.event(payee=[(IBAN, [FILE])]))
    assert judged.tainted is None
    assert judged.score < 1


def test_better_known_value_has_fewer_bits(desk):
    mails = desk.event("mail.send", to=[("ines@example.com", [FILE])])
    desk.play(mails, purpose="Write to the landlord about the heating")
    nameless = PAY.lower()  # Ines has been paid to another account
    new = desk.score(desk.event(payee=[(OTHER_ENTITY, [FILE])]), nameless).tainted
    elsewhere = desk.score(desk.event(payee=[("ines@example.com", [FILE])]), nameless).tainted
    here = desk.score(mails, PAY).tainted
    assert (new.value_level, elsewhere.value_level, here.value_level) == (3, 2, 1)
    assert new.value_bits >= elsewhere.value_bits > 0
    assert here.value_bits < elsewhere.value_bits + 1


def test_known_host_lowers_level_of_another_page(desk):
    visit = desk.event("web.browse", url=[("https://news.example/today", [WEB])])
    desk.play(visit, purpose=READ)
    same_host = desk.score(desk.event("mail.send", link=[("news.example/other", [WEB])]), READ)
    other_host = desk.score(desk.event("mail.send", link=[("evil.example/other", [WEB])]), READ)
    assert same_host.tainted.value_level == 2
    assert other_host.tainted.value_level == 3


def test_new_flow_has_more_bits_than_typical_one(desk):
    from_file = desk.score(desk.event(payee=[(OTHER_ENTITY, [FILE])])).tainted
    from_web = desk.score(desk.event(payee=[(OTHER_ENTITY, [WEB])])).tainted
    assert (from_file.flow_level, from_web.flow_level) == (0, 3)
    assert from_file.flow_bits == 0
    assert from_web.bits > from_file.bits


def test_source_is_first_result_with_value(desk):
    judged = desk.score(desk.event(payee=[(OTHER_ENTITY, [WEB, FILE])]))
    assert judged.tainted.source == "web.browse"


def test_new_value_has_more_bits_in_familiar_request_than_in_new_one(desk):
    event = desk.event(payee=[(OTHER_ENTITY, [WEB])])
    known, unknown = desk.score(event), desk.score(event, "Quarterly vacuum tube inventory")
    assert known.familiarity > 0.9
    assert unknown.familiarity == 0
    assert known.tainted.bits > unknown.tainted.bits + 2
    assert subject_for(known, event).name == subject_for(unknown, event).name == "provenance"
    tool = desk.event("shell.run")
    told = subject_for(desk.score(tool), tool).text
    assert "of the sessions with a request like this one use shell.run." in told
    guessed = subject_for(desk.score(tool, "Quarterly vacuum tube inventory"), tool).text
    assert "of the sessions of this role use shell.run." in guessed


def test_number_has_fewer_bits_than_account(desk):
    account = desk.score(desk.event(payee=[(OTHER_ENTITY, [WEB])])).tainted
    number = desk.score(desk.event(payee=[("20", [WEB])])).tainted
    assert number.bits < account.bits / 2


def test_value_named_by_request_loses_most_of_its_bits(desk):
    named = desk.score(desk.event(payee=[("ines@example.com", [WEB])])).tainted
    foreign = desk.score(desk.event(payee=[("olga@example.com", [WEB])])).tainted
    assert named.bits == pytest.approx(0.3 * foreign.bits, rel=0.01)


def test_only_value_with_most_bits_counts(desk):
    one = desk.score(desk.event(payee=[(OTHER_ENTITY, [WEB])]))
    both = desk.score(desk.event(payee=[(OTHER_ENTITY, [WEB]), ("20", [FILE])]))
    assert both.score == one.score
    assert both.tainted == one.tainted


def test_call_without_new_value_counts_half(desk):
    plain = desk.score(desk.event("shell.run"))
    assert plain.tainted is None
    assert plain.score == plain.intent / 2 > 0
    carrying = desk.score(desk.event("shell.run", path=[("/srv/secrets/key.pem", [WEB])]))
    assert carrying.score == carrying.tainted.bits + carrying.intent


def test_unusual_tool_for_request_has_more_bits_than_typical_one(desk):
    usual, odd = desk.score(desk.event("bank.pay")), desk.score(desk.event("shell.run"))
    assert usual.intent < 0.5
    assert odd.intent > usual.intent + 4


def test_tool_named_in_request_has_fewer_bits(desk):
    purpose = "Translate the letter of the landlord"
    named = desk.score(desk.event("translate"), purpose)
    other = desk.score(desk.event("shell.run"), purpose)
    assert named.intent < 2.5 < other.intent


@pytest.fixture
def a_desk_of_two_kinds(an_empty_desk):
    """A role that pays invoices and clears archives, and now and then leaves a note at either."""
    desk = an_empty_desk
    for number in range(40):
        note = [desk.event("notes.save")] if number % 10 == 0 else []
        desk.play(desk.event(), *note)
        desk.play(desk.event("files.delete"), *note, purpose=CLEAR)
    return desk


def test_tool_of_another_task_has_off_task_bits_even_if_request_names_it(
    a_desk_of_two_kinds,
):
    desk = a_desk_of_two_kinds
    few = desk.score(desk.event("files.delete"))
    for _ in range(60):
        desk.play(desk.event())
    many = desk.score(desk.event("files.delete"))
    assert many.off_task_bits > few.off_task_bits + 0.8
    assert desk.score(desk.event("files.delete"), CLEAR).off_task_bits == 0
    assert desk.score(desk.event()).off_task_bits == 0


@pytest.mark.parametrize("tool", ["notes.save", "shell.run"], ids=["any takes it", "none takes it"])
def test_tool_of_no_or_any_task_has_few_off_task_bits(a_desk_of_two_kinds, tool):
    desk = a_desk_of_two_kinds
    for _ in range(60):
        desk.play(desk.event())
    odd = desk.score(desk.event(tool))
    assert odd.intent > 3
    assert odd.off_task_bits < 1 < desk.score(desk.event("files.delete")).off_task_bits


def test_value_of_many_sessions_is_typical_at_any_share(desk):
    def flow():
        return desk.event("mail.send", to=[(OTHER_ENTITY, [WEB])])

    for number in range(120):
        more = [flow()] if number % 8 == 0 else []
        desk.play(desk.event(payee=[(IBAN, [FILE])]), *more)
    assert desk.score(flow()).tainted is None
    desk.play(desk.event(payee=[("DE00 1234 5678", [WEB])]))
    assert desk.score(desk.event(payee=[("DE00 1234 5678", [WEB])])).tainted is not None


def test_session_without_request_has_no_intent_bits(desk):
    judged = desk.score(desk.event("shell.run"), "")
    assert judged.intent is None
    assert judged.score == 0
    assert desk.score(desk.event(payee=[(OTHER_ENTITY, [WEB])]), "").score > 0


def test_scoring_twice_gives_same_bits_and_changes_no_state(desk):
    session, event = desk.open(), desk.event(payee=[(OTHER_ENTITY, [WEB])])
    before = desk.detector.dump_session(session)
    desk.detector.dump()
    assert desk.judge(session, event) == desk.judge(session, event)
    assert desk.detector.dump() == []
    assert desk.detector.dump_session(session) == before


def test_session_does_not_affect_scores_of_its_calls(desk):
    session, event = desk.open(), desk.event(payee=[(OTHER_ENTITY, [WEB])])
    first = desk.judge(session, event)
    desk.detector.record_call(session, first)
    assert desk.judge(session, event).score == first.score
    desk.detector.close(session)
    assert desk.score(event).score < first.score


def test_tables_store_no_text(desk):
    desk.play(desk.event(payee=[(OTHER_ENTITY, [WEB])]))
    raw = b"".join(blob for _, blob in desk.detector.dump()).lower()
    for text in (OTHER_ENTITY, IBAN, "invoice", "payee", "bank.pay", "march"):
        assert text.lower().encode() not in raw


def test_tables_survive_their_bytes(desk):
    back = PythonDetector(desk.detector.hasher.key)
    back.load(dict(desk.detector.dump()))
    session, event = desk.open(), desk.event(payee=[(OTHER_ENTITY, [WEB])])
    again = back.load_session(desk.detector.dump_session(session))
    assert back.score(again, event.tool, event.argument_origins) == desk.judge(session, event)
    assert back.dump(whole=True) == desk.detector.dump(whole=True)


def test_a_payee_out_of_a_web_page_leads_the_reasons_of_the_engine(a_stream, an_event):
    stream = a_stream(explain_all=True)
    for number in range(40):
        origins = {"payee": [(IBAN, [FILE])]}
        event = an_event(
            at=360 * number, tool="bank.pay", session=f"s-{number}", purpose=PAY,
            argument_origins=origins,
        )  # fmt: skip
        stream.judge(event)
    odd = an_event(
        at=360 * 40, tool="bank.pay", session="odd", purpose=PAY,
        argument_origins={"payee": [(OTHER_ENTITY, [WEB])]},
    )  # fmt: skip
    judged = stream.judge(odd)
    reason = next(one for one in judged.reasons if one.observed.startswith("the value"))
    assert reason.feature == "provenance"
    assert reason.observed == f"the value {OTHER_ENTITY} out of a result of web.browse"
    assert reason.why.startswith(
        f"bank.pay uses the value {OTHER_ENTITY} as payee: it is out of a result of web.browse, "
        "and the request does not state it. "
        "It is not the one that came with a name of the request before"
    )
    assert {one.feature for one in judged.reasons[:2]} <= {"provenance", "value", "flow"}
