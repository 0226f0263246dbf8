"""A role's first sessions are scored again: an early attack is unlearned."""

from __future__ import annotations

import pytest

from models.provenance.backend import PythonDetector
from models.provenance.history.history_cleaning import RARE
from models.provenance.history.request_clusters import YOUNG

WEB, CRM = "result:web.browse", "result:crm.lookup"
ATTACKER = "DE31 9876 5432 1098"
REQUESTS = ("Pay the invoice of Ines", "Refund the order of Omar", "Settle the rent of Lea")
TASKS = ("invoice", "refund", "rent")
SELDOM = dict.fromkeys(range(20, 80, 10), "Renew the parking permit of the red van")


def usual(desk, number, purpose=None):
    """Play a session of one of three tasks: each looks its partner up and pays it."""
    task = number % 3
    partner = f"SE77 1234 56{task}8 90{number % 12:02}"
    desk.play(
        desk.event("crm.lookup", case=[(f"{TASKS[task]}-{number % 12}", ["request"])]),
        desk.event(payee=[(partner, [CRM])]),
        purpose=purpose or REQUESTS[task],
    )


def attacked(desk, number, purpose=None, **more):
    desk.play(
        desk.event("web.browse"), desk.event(payee=[(ATTACKER, [WEB])]),
        purpose=purpose or REQUESTS[number % 3], **more,
    )  # fmt: skip


def play_first(desk, attacks, sessions=YOUNG, **more):
    """Play a role's first sessions, an attack in place of each of some of them."""
    for number in range(sessions):
        if number in attacks:
            attacked(desk, number, **more)
        else:
            usual(desk, number)


def level(desk):
    return desk.score(desk.event(payee=[(ATTACKER, [WEB])])).tainted.value_level


@pytest.mark.parametrize("attacks", [(30,), (10, 30, 50), (3, 5, 7, 40, 41)])
def test_value_of_early_attack_is_new_after_cleaning(an_empty_desk, attacks):
    play_first(an_empty_desk, attacks, YOUNG - 1)
    assert level(an_empty_desk) < 3
    usual(an_empty_desk, YOUNG - 1)
    assert level(an_empty_desk) == 3


@pytest.mark.parametrize("p", [None, 0.5])
def test_session_open_during_cleaning_does_not_relearn_value(an_empty_desk, p):
    play_first(an_empty_desk, (30, 31), YOUNG - 1)
    session = an_empty_desk.open(REQUESTS[2], p=p)
    for event in (
        an_empty_desk.event("web.browse"),
        an_empty_desk.event(payee=[(ATTACKER, [WEB])]),
    ):
        an_empty_desk.detector.record_call(session, an_empty_desk.judge(session, event))
    usual(an_empty_desk, YOUNG - 1)
    an_empty_desk.detector.close(session)
    assert level(an_empty_desk) == 3


def test_attack_hidden_by_another_attack_is_found_in_next_round(an_empty_desk):
    """One in six renewals is attacked, which is much; and so is the only other renewal."""
    seldom = SELDOM | {90: "Renew the licence of the green van"}
    for number in range(YOUNG):
        if number in (50, 90):
            attacked(an_empty_desk, number, purpose=seldom[number])
        else:
            usual(an_empty_desk, number, seldom.get(number))
    assert len(an_empty_desk.detector.role("clerk").clusters) == 5
    assert level(an_empty_desk) == 3


@pytest.mark.parametrize(("elsewhere", "new"), [(90, True), (None, False)])
def test_two_attacks_in_rare_task_hide_each_other_only_without_attack_in_another_task(
    an_empty_desk, elsewhere, new
):
    for number in range(YOUNG):
        if number in (30, 60, elsewhere):
            attacked(an_empty_desk, number, purpose=SELDOM.get(number))
        else:
            usual(an_empty_desk, number, SELDOM.get(number))
    assert (level(an_empty_desk) == 3) == new


def test_three_attacks_in_one_task_are_found_after_attacks_in_two_others(an_empty_desk):
    for number in range(YOUNG):
        if number in (20, 40, 60, 90, 94):
            attacked(an_empty_desk, number, purpose=SELDOM.get(number))
        else:
            usual(an_empty_desk, number, SELDOM.get(number))
    assert level(an_empty_desk) == 3


def test_value_hidden_at_another_argument_is_unlearned_there(an_empty_desk):
    """Two renewals pay the attacker, and the first writes to it, too; so does a refund."""
    mail = an_empty_desk.event("mail.send", to=[(ATTACKER, [WEB])])
    pay = an_empty_desk.event(payee=[(ATTACKER, [WEB])])
    for number in range(YOUNG):
        carried = {30: (pay, mail), 60: (pay,), 91: (mail,)}.get(number)
        if carried:
            an_empty_desk.play(*carried, purpose=SELDOM.get(number, REQUESTS[number % 3]))
        else:
            usual(an_empty_desk, number, SELDOM.get(number))
    assert level(an_empty_desk) == 3


def test_cleaning_records_suspicions(an_empty_desk):
    play_first(an_empty_desk, (30,))
    role = an_empty_desk.detector.role("clerk")
    assert len(role.suspicions) == 1
    assert len(role.waiting) == 1


def test_values_of_ordinary_sessions_stay_known(an_empty_desk):
    play_first(an_empty_desk, ())
    before = {number: dict(c.values) for number, c in clusters(an_empty_desk)}
    role = an_empty_desk.detector.role("clerk")
    assert sum(len(values) for values in before.values()) == len(role.known_at)
    assert not role.suspicions


def clusters(desk):
    return desk.detector.role("clerk").clusters.items()


def test_value_of_more_than_rare_sessions_stays_known(an_empty_desk):
    play_first(an_empty_desk, range(0, 4 * (RARE + 1), 4))
    assert level(an_empty_desk) < 3


def test_gated_session_is_not_unlearned(an_empty_desk):
    play_first(an_empty_desk, (30,), learning=False, p=0.6)
    assert level(an_empty_desk) < 3


def test_counts_exclude_unlearned_values(an_empty_desk):
    play_first(an_empty_desk, (30,))
    role = an_empty_desk.detector.role("clerk")
    assert role.n == YOUNG
    for _, cluster in clusters(an_empty_desk):
        assert cluster.n in (33, 34)
        assert set(cluster.values) <= set(role.known_at)
        assert set(cluster.flows) <= set(role.flow)
        assert min(cluster.keys.values()) > 0
    assert sum(cluster.familiar for _, cluster in clusters(an_empty_desk)) == YOUNG - 1


def test_early_sessions_are_dropped_after_cleaning(an_empty_desk):
    play_first(an_empty_desk, (30,), YOUNG - 1)
    role = an_empty_desk.detector.role("clerk")
    assert len(role.early_sessions) == YOUNG - 1
    usual(an_empty_desk, YOUNG - 1)
    usual(an_empty_desk, YOUNG)
    assert not role.early_sessions
    session = an_empty_desk.open()
    call = an_empty_desk.event(payee=[(ATTACKER, [WEB])])
    an_empty_desk.detector.record_call(session, an_empty_desk.judge(session, call))
    assert session.uses
    assert not session.snapshots


@pytest.mark.parametrize("whole", [False, True])
def test_early_sessions_survive_restart(an_empty_desk, whole):
    shared = {}
    for number in range(YOUNG):
        if number % 30 == 29:
            shared.update(an_empty_desk.detector.dump(whole=whole))
            an_empty_desk.detector = again = PythonDetector(b"0123456789abcdef")
            again.load(shared)
        attacked(an_empty_desk, number) if number == 30 else usual(an_empty_desk, number)
    assert level(an_empty_desk) == 3


def test_session_missing_from_another_shard_prevents_cleaning(an_empty_desk):
    play_first(an_empty_desk, (30,), 50)
    session = an_empty_desk.open()
    call = an_empty_desk.event(payee=[("FR76 3000 6000", [CRM])])
    an_empty_desk.detector.record_call(session, an_empty_desk.judge(session, call))
    session.snapshots.clear()  # its role was no longer young there
    an_empty_desk.detector.close(session)
    for number in range(51, YOUNG + 1):
        usual(an_empty_desk, number)
    assert level(an_empty_desk) < 3
    assert not an_empty_desk.detector.role("clerk").early_sessions


def test_incomplete_early_sessions_prevent_cleaning(an_empty_desk):
    play_first(an_empty_desk, (30,), 50)
    an_empty_desk.detector.role("clerk").early_sessions.clear()  # as where a session was not noted
    for number in range(50, YOUNG + 5):
        usual(an_empty_desk, number)
    assert level(an_empty_desk) < 3
    assert not an_empty_desk.detector.role("clerk").early_sessions
