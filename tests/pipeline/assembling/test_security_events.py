"""Security events in a worker: whose trust they move, how often, and what is left over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from models.trust.opinion import DEFAULT_POLICY, expectation, weigh
from pipeline.assembling import known_subjects
from pipeline.formats import format_named
from pipeline.processing.assembly import build_worker
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.store import PipelineStatus, Store, open_store
from tests.pipeline.formats.otlp.payloads import BEGIN_NS, SECOND_NS, log, logs
from tests.pipeline.formats.samples import GITLAB_AUDIT, GITLAB_LOG

if TYPE_CHECKING:
    from pathlib import Path

NOW_S = 1_767_600_000
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
ANA = {"format": "iss_sub", "iss": "https://idp.example", "sub": "ana"}


def token(jti: str, human: str = "ana", agent: str = "mail-bot", sid: str = "s-1") -> RawRecord:
    claims = {"sub": human, "azp": agent, "sid": sid, "jti": jti, "iat": NOW_S, "scope": "mail"}
    return record({"time": NOW_S, "tool": "mail.send", "claims": claims})


def signal(jti: str, kind: str, subject: dict[str, Any], **payload: Any) -> RawRecord:
    return record(
        {
            "iss": "https://idp.example", "jti": jti, "iat": NOW_S + 60, "sub_id": subject,
            "events": {CAEP + kind: payload},
        }
    )  # fmt: skip


def record(value: dict[str, Any]) -> RawRecord:
    return RawRecord(json.dumps(value).encode(), "t", 1, (NOW_S + 90) * 1_000_000)


class Running:
    """A worker over a store, which may start again."""

    def __init__(self, path: Path, kernel: str = "auto") -> None:
        self.store: Store = open_store(f"sqlite:{path}")
        self.kernel: Any = kernel
        self.start()

    def start(self) -> None:
        self.worker = build_worker(Settings(kernel=self.kernel), self.store, publish=True)

    def judge(self, fmt: str, *records: RawRecord) -> dict[str, int]:
        out = self.worker.judge(records, format_named(fmt))
        self.worker.commit(out, {}, PipelineStatus())
        return dict(out.counters)

    def score(self, agent: str = "mail-bot") -> float:
        (state,) = self.store.states(agent)
        sums = weigh(state.ledger, (NOW_S + 60) * 1_000_000, DEFAULT_POLICY).sums(None)
        return expectation(*sums, DEFAULT_POLICY)

    def kinds(self) -> list[str]:
        found = self.store.anomalies(
            agent_id=None, severity=None, kind=None, not_kind=None, since_us=None, until_us=None,
            sort="time", ascending=True, after=None, limit=50,
        )  # fmt: skip
        return [one["anomaly"] for one in found]


@pytest.fixture(params=["native", "python"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Running:
    if request.param == "native":
        pytest.importorskip("habitus_native")
    return Running(tmp_path / "habitus.db", request.param)


def test_revoked_session_of_a_person_lowers_the_trust_of_the_agent_in_it(running: Running) -> None:
    running.judge("oauth", token("j-1"), token("j-2", human="ben", agent="other-bot", sid="s-2"))
    before, other = running.score(), running.score("other-bot")
    running.start()  # what it has learned of sessions is stored
    session = {"user": ANA, "session": {"format": "opaque", "id": "s-1"}}
    counters = running.judge("ssf", signal("e-1", "session-revoked", session))
    assert counters["events"] == 1
    assert running.score() < before - 10
    assert running.score("other-bot") == other
    assert running.kinds() == ["identity.revoked"]


def test_event_about_the_agent_itself_needs_no_session(running: Running) -> None:
    running.judge("oauth", token("j-1"))
    before = running.score()
    running.judge("ssf", signal("e-1", "session-revoked", {"format": "opaque", "id": "mail-bot"}))
    assert running.score() < before - 10


def test_event_that_is_delivered_again_counts_once(running: Running) -> None:
    running.judge("oauth", token("j-1"))
    revoked = signal("e-1", "session-revoked", ANA)
    running.judge("ssf", revoked)
    once = running.score()
    assert running.judge("ssf", revoked, revoked) == {"calls_repeated": 2}
    assert running.score() == once


def test_event_about_an_unknown_subject_is_kept_and_makes_no_agent(
    running: Running,
) -> None:
    running.judge("oauth", token("j-1"))
    stranger = signal("e-1", "session-revoked", {"format": "email", "email": "zoe@example.com"})
    assert running.judge("ssf", stranger) == {"rejected_unattributed": 1}
    assert not running.store.states("zoe@example.com")
    kept = [one for _, one in running.store.outbox(50) if one.topic.endswith("rejected")]
    assert [one.value for one in kept] == [stranger.value]


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("session-established", {}),
        ("risk-level-change", {"current_level": "LOW"}),
        ("device-compliance-change", {"current_status": "compliant"}),
    ],
)
def test_harmless_event_moves_no_trust_and_counts_as_no_work(
    running: Running, kind: str, payload: dict[str, Any]
) -> None:
    running.judge("oauth", token("j-1"))
    before = running.score()
    (state,) = running.store.states("mail-bot")
    assert running.judge("ssf", signal("e-1", kind, ANA, **payload))["events"] == 1
    assert running.score() == before
    (after,) = running.store.states("mail-bot")
    assert after.last_seen_us == state.last_seen_us
    assert not running.kinds()


def test_one_event_moves_all_modes_and_raises_one_case(running: Running) -> None:
    own = {"sub": "mail-bot", "azp": "mail-bot", "jti": "j-9", "iat": NOW_S, "scope": "mail"}
    running.judge("oauth", token("j-1"), record({"time": NOW_S, "tool": "t", "claims": own}))
    modes = {state.mode for state in running.store.states("mail-bot")}
    assert modes == {"delegated", "autonomous"}
    running.judge("ssf", signal("e-1", "session-revoked", ANA))
    assert running.kinds() == ["identity.revoked"]
    items = [one for state in running.store.states("mail-bot") for one in state.ledger.items]
    assert len(items) == 1


def test_ordinary_events_cannot_pretend_to_be_security_events(running: Running) -> None:
    said = {"security_event": "session-revoked", "effect": "revoked"}
    event = {
        "id": "1", "time": "2026-01-05T08:00:00Z", "agent": {"id": "mail-bot"}, "tool": "t",
        "attributes": said,
    }  # fmt: skip
    running.judge("native", record(event))
    assert not running.kinds()


def test_agents_of_a_person_are_known_from_calls_of_two_halves(tmp_path: Path) -> None:
    running = Running(tmp_path / "habitus.db")
    said = {
        "session.id": "s-1", "user.email": "ana@example.com", "tool_use_id": "toolu_1",
        "tool_name": "Read", "success": "true",
    }  # fmt: skip
    payload = logs(log("claude_code.tool_result", said, at=NOW_S - BEGIN_NS // SECOND_NS))
    running.judge("otlp", RawRecord(payload, "t", 1, NOW_S * 1_000_000))
    running.start()
    about = {"format": "email", "email": "ana@example.com"}
    assert running.judge("ssf", signal("j-1", "session-revoked", about))["events"] == 1
    (state,) = running.store.states("claude-code")
    assert state.events == 2


def risk(state: str, level: str = "high", agent: str = "mail-bot", **more: Any) -> RawRecord:
    return record({
        "id": "r-1", "identityId": agent, "riskEventType": "unfamiliarResourceAccess",
        "riskState": state, "riskLevel": level, "detectedDateTime": "2026-01-05T08:01:00Z",
    } | more)  # fmt: skip


def test_risk_that_entra_detects_lowers_trust_without_counting_as_work(
    running: Running,
) -> None:
    running.judge("oauth", token("j-1"))
    before = running.score()
    (state,) = running.store.states("mail-bot")
    assert running.judge("entra", risk("atRisk"))["events"] == 1
    assert running.score() < before - 10
    assert running.kinds() == ["identity.revoked"]
    (after,) = running.store.states("mail-bot")
    assert after.last_seen_us == state.last_seen_us


def test_dismissed_risk_moves_no_trust_and_makes_no_conflict(running: Running) -> None:
    running.judge("oauth", token("j-1"))
    running.judge("entra", risk("atRisk"))
    once = running.score()
    later = risk("dismissed", lastUpdatedDateTime="2026-01-05T08:01:20Z")
    running.judge("entra", later)
    running.judge("entra", later)
    assert running.score() >= once
    assert running.kinds() == ["identity.revoked"]


def test_event_about_an_unknown_subject_stops_no_other_of_its_record(running: Running) -> None:
    running.judge("oauth", token("j-1"))
    before = running.score()
    one, other = (json.loads(risk("atRisk", agent=agent).value) for agent in ("nobody", "mail-bot"))
    page = record({"value": [one | {"id": "r-0"}, other]})
    counters = running.judge("entra", page)
    assert counters["events"] == 1
    assert counters["rejected_unattributed"] == 1
    assert running.score() < before - 10


def native(agent: str, human: str, number: int = 1) -> RawRecord:
    return record({
        "id": f"{agent}-{number}", "time": "2026-01-05T08:00:00Z", "agent": {"id": agent},
        "human": {"id": human}, "tool": "mail.send",
    })  # fmt: skip


def test_agents_of_a_person_are_known_from_native_events(running: Running) -> None:
    running.judge("native", native("mail-bot", "ana"), native("other-bot", "ben"))
    before, other = running.score(), running.score("other-bot")
    running.start()
    assert running.judge("ssf", signal("e-1", "session-revoked", ANA))["events"] == 1
    assert running.score() < before - 10
    assert running.score("other-bot") == other


def test_revocation_of_a_person_moves_all_agents_of_that_person(running: Running) -> None:
    agents = [f"bot-{number}" for number in range(40)]
    running.judge("native", *(native(agent, "ana") for agent in agents))
    assert running.judge("ssf", signal("e-1", "session-revoked", ANA))["events"] == len(agents)
    assert max(map(running.score, agents)) < 50


def test_agents_above_the_bound_are_counted(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_subjects, "MAX_AGENTS", 2)
    counters = running.judge("native", *(native(f"bot-{number}", "ana") for number in range(3)))
    assert counters["assembly_agents_of_subject_dropped"] == 1


def test_revocation_of_a_gitlab_person_moves_the_account_that_acts_for_them(
    running: Running,
) -> None:
    own = GITLAB_AUDIT | {"author_id": 123, "author_name": "ines"}
    running.judge("gitlab", record(own | {"id": "8", "correlation_id": None}))
    running.judge("gitlab", record(GITLAB_LOG), record(GITLAB_AUDIT))
    running.worker.commit(running.worker.judge([], whole=True), {}, PipelineStatus())
    person, account = running.score("123"), running.score("71")
    about = {"format": "opaque", "id": "123"}
    assert running.judge("ssf", signal("e-1", "session-revoked", about))["events"] == 1
    assert running.score("71") < account - 10
    assert running.score("123") == person
    counters = running.judge("gitlab", record(own | {"id": "9", "correlation_id": None}))
    assert counters == {"assembly_accounts_of_persons": 1}
