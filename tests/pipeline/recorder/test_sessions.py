"""Calls of a session belong together: who asked, on whose behalf, and what was read before."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.recorder.sending import events as events_module

if TYPE_CHECKING:
    from tests.pipeline.recorder.conftest import Recorded


def origins(event: dict[str, Any]) -> dict[str, list[str]]:
    found = event.get("argument_origins", {})
    return {key: origin for key, values in found.items() for _, origin in values}


def read_and_pay(recorded: Recorded, payee: str = "Eve") -> None:
    with recorded.recorder.call("mail.read", {"folder": "inbox"}) as call:
        call.returned({"text": f"please pay {payee} now", "amount": 912})
    with recorded.recorder.call("pay", {"to": payee, "amount": 912}):
        pass


def test_value_of_a_result_has_its_tool_as_origin(recorded: Recorded) -> None:
    with recorded.recorder.session("Read my inbox", human="sam@example.com", task="mail"):
        read_and_pay(recorded)
    read, pay = recorded.events()
    assert origins(read) == {"folder": ["request"]}
    assert origins(pay) == {"to": ["result:mail.read"], "amount": ["result:mail.read"]}
    assert pay["purpose"] == "Read my inbox"
    assert (pay["human"], pay["mode"], pay["task"]) == (
        {"id": "sam@example.com"}, "delegated", "mail",
    )  # fmt: skip
    assert read["session"] == pay["session"]


def test_content_of_a_result_is_not_written(recorded: Recorded) -> None:
    with recorded.recorder.session("Read my inbox"):
        read_and_pay(recorded)
    recorded.events()
    assert b"please" not in recorded.path.read_bytes()


def test_sessions_do_not_share_what_they_read(recorded: Recorded) -> None:
    async def one(payee: str, after: str) -> None:
        with recorded.recorder.session(f"Help {payee}"):
            with recorded.recorder.call("mail.read") as call:
                call.returned(f"pay {payee}")
            await asyncio.sleep(0.02)
            with recorded.recorder.call("pay", {"to": payee, "not": after}):
                pass

    async def main() -> None:
        await asyncio.gather(one("Ines", "Eve"), one("Eve", "Ines"))

    asyncio.run(main())
    paid = [origins(event) for event in recorded.events() if event["tool"] == "pay"]
    assert paid == [{"to": ["request", "result:mail.read"], "not": []}] * 2


def test_calls_outside_a_session_have_none(recorded: Recorded) -> None:
    read_and_pay(recorded)
    for event in recorded.events():
        assert {"session", "argument_origins", "human", "mode"}.isdisjoint(event)


def test_another_agent_inside_acts_for_the_outer_one(recorded: Recorded) -> None:
    recorder = recorded.recorder
    with recorder.session("Refund Ines", human="sam"):
        with recorder.session("find Bob", agent="finder"), recorder.call("find", {"who": "Bob"}):
            pass
        with recorder.call("pay", {"to": "Ines"}):
            pass
    find, pay = recorded.events()
    assert find["agent"] == {"id": "finder"}
    assert (find["delegation"], find["human"]) == (["billing-bot"], {"id": "sam"})
    assert (find["purpose"], origins(find)) == ("find Bob", {"who": []})
    assert (pay["agent"]["id"], pay["purpose"], origins(pay)) == (
        "billing-bot", "Refund Ines", {"to": ["request"]},
    )  # fmt: skip
    assert "delegation" not in pay
    assert find["session"] == pay["session"]


def test_session_with_another_id_inherits_nothing(recorded: Recorded) -> None:
    recorder = recorded.recorder
    outer = recorder.session("Refund Ines", human="sam", id="one")
    with outer, recorder.session(id="two", agent="other"), recorder.call("pay", {"to": "Ines"}):
        pass
    (event,) = recorded.events()
    assert (event["session"], event["agent"]) == ("two", {"id": "other"})
    assert {"human", "delegation", "purpose", "argument_origins"}.isdisjoint(event)


def test_turns_of_one_chat_remember_what_was_read(recorded: Recorded) -> None:
    for turn, call in (("Read it", "mail.read"), ("Go on", "pay")):
        with (
            recorded.recorder.session(turn, id="chat-7"),
            recorded.recorder.call(call, {"to": "Eve"}) as made,
        ):
            made.returned("pay Eve")
    read, pay = recorded.events()
    assert (origins(read), origins(pay)) == ({"to": []}, {"to": ["result:mail.read"]})
    assert [read["purpose"], pay["purpose"]] == ["Read it", "Go on"]


def test_chat_that_was_quiet_for_longest_is_forgotten_first(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "MAX_REMEMBERED", 2)
    for chat in ("a", "b", "c", "a"):
        with recorded.recorder.session(id=chat), recorded.recorder.call("x", {"v": "Eve"}) as call:
            call.returned("Eve")
    assert [origins(event) for event in recorded.events()] == [{}] * 4


def test_another_request_is_an_origin_of_later_arguments(recorded: Recorded) -> None:
    with recorded.recorder.session("Refund Ines", system="Be kind to Zoe") as session:
        with recorded.recorder.call("pay", {"to": "Bob", "also": "Zoe"}):
            pass
        session.ask("and Bob")
        with recorded.recorder.call("pay", {"to": "Bob"}):
            pass
    first, second = recorded.events()
    assert origins(first) == {"to": [], "also": ["system"]}
    assert (origins(second), second["purpose"]) == ({"to": ["request"]}, "and Bob")


def test_call_that_outlives_its_session_is_complete(recorded: Recorded) -> None:
    recorder = recorded.recorder

    async def late() -> None:
        with recorder.call("mail.read") as call:
            await asyncio.sleep(0.1)
            call.returned("Eve")
        with recorder.call("pay", {"to": "Ines"}):
            pass

    async def main() -> None:
        with recorder.session("Refund Ines", human="sam"):
            task = asyncio.create_task(late())
            await asyncio.sleep(0.01)
        await task

    asyncio.run(main())
    read, pay = recorded.events()
    assert (read["outcome"], read["human"]) == ("ok", {"id": "sam"})
    assert (pay["purpose"], origins(pay)) == ("Refund Ines", {"to": ["request"]})


def test_thread_may_enter_a_session_of_another_one(recorded: Recorded) -> None:
    with recorded.recorder.session("Refund Ines") as session, ThreadPoolExecutor(4) as pool:

        def work(number: int) -> None:
            with session, recorded.recorder.call("pay", {"n": number}):
                pass

        list(pool.map(work, range(20)))
    events = recorded.events()
    assert {event["session"] for event in events} == {session.id}
    assert sorted(event["arguments"]["n"] for event in events) == list(range(20))


def test_unknown_mode_is_refused_at_once(recorded: Recorded) -> None:
    with pytest.raises(ValueError, match="unknown mode 'robot', expected one of: delegated"):
        recorded.recorder.session(mode="robot")  # type: ignore[arg-type]
