"""Commands of people who decide: the effect first, a reason, the last word, and the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.casework.comments import LONGEST
from pipeline.commands.casework import person
from pipeline.identity.alias import Alias
from pipeline.processing.assembly import build_worker
from pipeline.settings import Settings
from pipeline.store import open_store
from tests.pipeline.casework.desks import GHOST, WorkingDesk, an_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = tuple[int, str, str]
    Habitus = Callable[..., Run]

pytestmark = pytest.mark.usefixtures("clean_environment")


@pytest.fixture
def desk(clean_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkingDesk]:  # noqa: ARG001  # the folder is empty before
    """Give a worker over the store of the commands, with one case of an unregistered agent."""
    monkeypatch.setattr(person.getpass, "getuser", lambda: "sam")
    with open("inventory.csv", "w") as inventory:  # noqa: PTH123  # the folder of the test
        inventory.write("agent_id,role,owner\nclerk-1,clerk,team@example.com\n")
    settings = Settings(source="-", store="sqlite:habitus.db", inventory="inventory.csv")
    with open_store(settings.store) as store:
        made = WorkingDesk(settings, store)
        made.worker = build_worker(settings, store)
        made.judge(an_event("e-1"))
        yield made


def as_json(habitus: Habitus, *args: str) -> Any:
    code, out, err = habitus(*args, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_decision_shows_its_effect_and_is_saved_only_with_the_last_word(
    desk: WorkingDesk, habitus: Habitus
) -> None:
    name = desk.case["case_id"]
    code, out, err = habitus("decide", name[:8], "malicious", "--preview")
    assert (code, err) == (0, "")
    assert f"closes  {name}" in out
    assert "gate    quarantined" in out
    code, _, err = habitus("decide", name, "malicious", "--reason", "an attack")
    assert (code, err.startswith("error: --yes is missing")) == (2, True)
    code, _, err = habitus("decide", name, "malicious", "--yes")
    assert (code, err) == (
        2,
        "error: --reason is missing: without a terminal nobody can be asked\n",
    )
    assert desk.store.audit.page() == []
    habitus("decide", name, "malicious", "--reason", "an attack", "--yes")
    desk.beat()
    assert (desk.case["disposition"], desk.gate()) == ("malicious", "quarantined")
    assert desk.case["decision"]["by"] == "terminal:sam"
    effect = as_json(habitus, "decide", name, "undo", "--reason", "a drill", "--yes")
    assert effect["gate"] == "open"
    desk.beat()
    assert (desk.case["status"], desk.gate()) == ("open", "open")
    code, _, err = habitus("decide", name, "undo", "--reason", "again", "--yes")
    assert (code, "no decision to take back" in err) == (1, True)


def test_quarantine_of_an_agent_without_events_says_that_it_is_not_known_yet(
    desk: WorkingDesk, habitus: Habitus
) -> None:
    code, out, err = habitus("quarantine", "newcomer", "--reason", "stop", "--yes")
    assert (code, err) == (0, "saved; habitus run applies it within about a second\n")
    assert "newcomer, not known yet: it begins with this gate" in out
    desk.beat()
    desk.judge(an_event("n-1", "newcomer"))
    assert desk.gate("newcomer") == "quarantined"


def test_a_terminal_asks_for_the_reason_and_the_last_word(
    desk: WorkingDesk, habitus: Habitus, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = iter(["n", "y"])
    monkeypatch.setattr(person.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(person.typer, "prompt", lambda *_, **__: "a key leaked")
    monkeypatch.setattr(person.typer, "confirm", lambda *_, **__: next(words) == "y")
    code, out, err = habitus("quarantine", GHOST)
    assert (code, err) == (0, "nothing was done\n")
    assert "gate    open becomes quarantined" in out
    assert desk.store.audit.page() == []
    assert habitus("quarantine", GHOST)[0] == 0
    ((_, entry),) = desk.store.audit.page()
    assert (entry.action, entry.reason, entry.by) == ("quarantine", "a key leaked", "terminal:sam")


def test_programs_quarantine_and_release_in_one_call_each(
    desk: WorkingDesk, habitus: Habitus
) -> None:
    preview = as_json(habitus, "quarantine", GHOST, "--preview")
    assert (preview["done"], preview["after"]["gate"]) == (False, "quarantined")
    done = as_json(habitus, "quarantine", GHOST, "--reason", "why", "--yes")
    assert done["done"]
    desk.beat()
    assert desk.gate() == "quarantined"
    code, _, err = habitus("quarantine", GHOST, "--reason", "why", "--yes")
    assert (code, err) == (1, "error: the gate of the agent is quarantined already\n")
    assert habitus("release", GHOST, "--reason", "rotated", "--yes")[0] == 0
    desk.beat()
    assert desk.gate() == "open"
    code, _, err = habitus("release", "nobody", "--reason", "why", "--yes")
    assert (code, err) == (1, "error: no such agent\n")


def test_suppressions_are_added_listed_and_ended(desk: WorkingDesk, habitus: Habitus) -> None:
    name, scope = desk.case["case_id"], ("--agent", GHOST, "--until", "30d")
    code, out, _ = habitus("suppressions", "add", *scope, "--preview")
    assert (code, out) == (0, f"it would have hidden 1 case in the last 30 days: {name}\n")
    made = as_json(habitus, "suppressions", "add", *scope, "--reason", "a pilot", "--yes")
    suppression = made["suppression"]["id"]
    desk.judge(an_event("e-2", day=9, session="s-9", minute=1))
    assert desk.case["status"] == "open"  # it was in the queue before
    listed = as_json(habitus, "suppressions", "list", "--state", "active")["suppressions"]
    assert listed == [made["suppression"]]
    code, out, _ = habitus("suppressions", "list")
    words = " ".join(out.split())
    assert code == 0
    assert suppression in words
    assert f"agent {GHOST}" in words
    assert habitus("suppressions", "end", suppression, "--reason", "over", "--yes")[0] == 0
    code, _, err = habitus("suppressions", "end", suppression, "--reason", "over", "--yes")
    assert (code, err) == (1, "error: the suppression was ended before\n")


def test_an_expected_change_may_hide_further_cases(desk: WorkingDesk, habitus: Habitus) -> None:
    desk.now_us = person.now_us()
    name = desk.case["case_id"]
    more = ("--until", "9d", "--role", "clerk", "--reason", "a pilot", "--yes")
    assert habitus("decide", name, "expected_change", *more)[0] == 0
    (one,) = as_json(habitus, "suppressions", "list")["suppressions"]
    assert (one["case_id"], one["scope"]) == (name, {"role": "clerk"})


def test_comments_stand_in_the_case_and_all_writes_in_the_log(
    desk: WorkingDesk, habitus: Habitus
) -> None:
    name = desk.case["case_id"]
    assert habitus("comment", name, "who owns this? [red]x[/]")[0] == 0
    desk.beat()
    shown = as_json(habitus, "cases", name)
    assert (shown["comments"], shown["discussion"][0]["by"]) == (1, "terminal:sam")
    _, out, _ = habitus("cases", name)
    assert "terminal:sam: who owns this? [red]x[/]" in out
    habitus("decide", name, "unclear", "--reason", "asked", "--yes")
    rows = as_json(habitus, "audit")["entries"]
    assert [(one["action"], one["before"]) for one in rows] == [("disposition", 1), ("comment", 0)]
    _, out, err = habitus("audit", "--action", "disposition", "--object", name)
    assert "unclear" in out
    assert "terminal:sam" in out
    assert err == "1 entries\n"


@pytest.mark.parametrize(
    ("args", "fault"),
    [
        (("suppressions", "add", "--until", "9d"), "a scope is missing"),
        (("suppressions", "add", "--until", "soon", "--agent", "a"), "--until must be a span"),
        (("suppressions", "add", "--until", "9d", "--agent", ""), "1 to 256 characters"),
        (("decide", "C-", "benign", "--agent", "a"), "need each other"),
        (("decide", "C-", "benign", "--agent", "a", "--until", "9d"), "belong to an expected"),
        (("decide", "C-", "fine"), "benign"),
        (("comment", "C-", " "), "TEXT must have 1 to"),
        (("comment", "C-", "x" * (LONGEST + 1)), "TEXT must have 1 to"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_saved(
    desk: WorkingDesk, habitus: Habitus, args: tuple[str, ...], fault: str
) -> None:
    more = () if args[0] == "comment" else ("--reason", "why", "--yes")
    code, _, err = habitus(*args, *more)
    assert code == 2, err
    assert fault in err
    assert desk.store.audit.page() == []


def test_a_scope_that_is_too_wide_or_too_long_is_refused(
    desk: WorkingDesk, habitus: Habitus
) -> None:
    yes = ("--reason", "why", "--yes")
    for scope, fault in (
        (("--mode", "delegated", "--until", "9d"), "at least one of agent"),
        (("--agent", "a", "--until", "366d"), "at most 365 days"),
        (("--agent", "a", "--until", "2020-01-01"), "in the future"),
        (("--anomaly", "no.such", "--until", "9d"), "must be a type of anomaly"),
    ):
        code, _, err = habitus("suppressions", "add", *scope, *yes)
        assert (code, fault in err) == (2, True), err
    assert desk.store.audit.page() == []


def test_no_store_is_made_by_a_write(habitus: Habitus, tmp_path: Any) -> None:
    code, _, err = habitus("quarantine", "a", "--reason", "why", "--yes")
    assert (code, "there is no store" in err) == (2, True)
    assert [*tmp_path.iterdir()] == []


def test_proposal_is_confirmed_listed_and_split_on_a_terminal(
    desk: WorkingDesk, habitus: Habitus
) -> None:
    desk.store.aliases.propose(
        [Alias(value="ghost-9", agent_id=GHOST, kind="oauth-client", source="keycloak")]
    )
    code, out, err = habitus("identity", "confirm", "ghost-9", "--preview")
    assert (code, err) == (0, "")
    assert f"agent   {GHOST}" in out
    habitus("identity", "confirm", "ghost-9", "--reason", "its client", "--yes")
    desk.beat()
    (row,) = as_json(habitus, "identity", "list", "--state", "confirmed")["identities"]
    assert (row["alias"], row["agent_id"], row["source"]) == ("ghost-9", GHOST, "keycloak")
    desk.judge(an_event("e-2", "ghost-9", 1))
    assert desk.store.states("ghost-9") == []
    code, out, _ = habitus("identity", "list", "--agent", GHOST)
    assert (code, "oauth-client" in out) == (0, True)
    done = as_json(habitus, "identity", "split", "ghost-9", "--reason", "no", "--yes")
    assert (done["action"], done["done"]) == ("split", True)
    desk.beat()
    (first, second) = desk.store.audit.of("identity", "ghost-9")
    assert (first.by, first.action, second.action) == ("terminal:sam", "merge", "split")


def test_identity_commands_refuse_what_is_wrong(desk: WorkingDesk, habitus: Habitus) -> None:
    reason = ("--reason", "x", "--yes")
    code, _, err = habitus("identity", "confirm", "c-1", *reason)
    assert (code, "no open proposal is about 'c-1'" in err) == (2, True)
    for agent in ("a", "b"):
        desk.store.aliases.propose([Alias(value="c-1", agent_id=agent, kind="agent")])
    code, _, err = habitus("identity", "confirm", "c-1", *reason)
    assert (code, "name --agent, of 'a', 'b'" in err) == (2, True)
    assert as_json(habitus, "identity", "refuse", "c-1", "--agent", "b", *reason)["done"]
    code, _, err = habitus("identity", "merge", GHOST, "nobody", *reason)
    assert (code, "no such agent" in err) == (1, True)
    assert as_json(habitus, "identity", "merge", "c-2", GHOST, "--kind", "a2a-card", *reason)[
        "done"
    ]
