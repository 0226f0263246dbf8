"""Decisions of a real Open Policy Agent, with the policy of deploy/opa, by the trust of Habitus."""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.pipeline.tap.conftest import ROOT, decoded, listening_tap
from tests.pipeline.tap.test_sdk import over_stdio, sdk_server, with_client
from tests.telemetry.processes import free_port, habitus, running, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from tests.pipeline.tap.conftest import Answering

    Start = Callable[..., Answering]

pytestmark = pytest.mark.slow
POLICY = str(ROOT / "deploy" / "opa" / "evaluation.rego")
AGENT = "orders-agent"
OWN_POLICY = """
package shop.access.v1

evaluation := {"decision": input.resource.id != "fail"}
"""


@contextmanager
def open_policy_agent(
    opa_path: str, folder: Path, *policies: str, api: str = "http://127.0.0.1:9", **more: str
) -> Iterator[str]:
    """Run a decision point; give its URL."""
    address, log = f"127.0.0.1:{free_port()}", folder / "opa.log"
    command = [opa_path, "run", "--server", "--skip-version-check", "--addr", address, *policies]
    with running(command, log, HABITUS_API=api, **more):
        until(lambda: _is_healthy(f"http://{address}"), log)
        yield f"http://{address}"


def _is_healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").is_success
    except httpx.HTTPError:
        return False


async def denial(client: Any, tool: str = "echo") -> str | None:
    """Give why a call is denied; None if it passes."""
    answer = await client.call_tool(tool, {"text": "a"} if tool == "echo" else {})
    said = str(answer.content[0].text)
    assert answer.is_error == (said != "a")
    return said if answer.is_error else None


async def within_3_s(look: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + 3
    while not await look():
        assert time.monotonic() < end


def set_gate(api: str, action: str) -> None:
    """Quarantine or release the agent, in two steps."""
    path, body = f"{api}/v1/agents/{AGENT}/{action}", {"reason": "a key leaked"}
    first = httpx.post(path, json=body).raise_for_status().json()
    done = httpx.post(path, json=body | {"confirm": first["confirm"]}).raise_for_status().json()
    assert done["done"]


def outcomes(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["tool"], event["outcome"]) for event in events]


def test_quarantine_in_habitus_denies_the_calls_of_the_agent_within_3_seconds(
    tmp_path: Path, opa_path: str
) -> None:
    made: list[tuple[str, str]] = []
    denied_tools = tmp_path / "data.json"
    denied_tools.write_text(json.dumps({"habitus": {"denied_tools": ["fail"]}}))
    with (
        habitus(tmp_path, "serve") as api,
        open_policy_agent(opa_path, tmp_path, POLICY, str(denied_tools), api=api.url) as opa,
    ):

        async def talk(client: Any) -> None:
            async def call(tool: str = "echo") -> str:
                said = await denial(client, tool)
                made.append((tool, "ok" if said is None else "denied"))
                return said or ""

            assert await call() == ""
            assert await call("fail") == (
                "the decision point denies tools/call of fail: no agent may call fail"
            )
            until(lambda: api.get(f"/v1/agents/{AGENT}"), api.log)
            set_gate(api.url, "quarantine")

            async def denied() -> bool:
                return f"agent {AGENT} is quarantined" in await call()

            await within_3_s(denied)
            set_gate(api.url, "release")

            async def passes() -> bool:
                return not await call()

            await within_3_s(passes)
            httpx.put(f"{opa}/v1/data/habitus/lowest_score", content="100").raise_for_status()

            def score() -> int:
                return int(api.get(f"/v1/agents/{AGENT}/trust")["score"])

            before, said = score(), await call()
            given = re.search(f"the score of agent {AGENT} is ([0-9]+), below 100", said)
            assert given is not None, said
            # The calls before this one may still move it.
            lowest, highest = sorted((before, score()))
            assert lowest <= int(given[1]) <= highest

        server = over_stdio(tmp_path, "--enforce", f"{opa}/v0/data/habitus")
        # The tap reports to the API instead of a file.
        at = server.args.index("--out")
        server.args[at : at + 2] = ["--api", api.url]
        with_client(server, "legacy", talk)
        found = api.events(len(made))
    assert {event["agent"]["id"] for event in found} == {AGENT}
    assert outcomes(found) == made


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_own_policy_decides_until_its_decision_point_is_down(
    tmp_path: Path, opa_path: str, transport: str
) -> None:
    policy, out = tmp_path / "shop.rego", tmp_path / "out.jsonl"
    policy.write_text(OWN_POLICY)
    with ExitStack() as stack, ExitStack() as point:
        opa = point.enter_context(open_policy_agent(opa_path, tmp_path, str(policy)))
        enforce = ["--enforce", f"{opa}/v0/data/shop"]

        async def talk(client: Any) -> None:
            assert await denial(client) is None
            assert await denial(client, "fail") == "the decision point denies tools/call of fail"
            point.close()
            said = await denial(client)
            assert said == "the call was not made: the decision point cannot be reached"

        server = over_stdio(tmp_path, *enforce)
        if transport == "http":
            upstream = stack.enter_context(sdk_server(tmp_path))
            options = ["--upstream", f"{upstream}/mcp", "--out", str(out), *enforce]
            server = stack.enter_context(listening_tap(tmp_path, *options)) + "/mcp"
        with_client(server, "legacy", talk)
    assert outcomes(decoded(out, tmp_path)) == [
        ("echo", "ok"), ("fail", "denied"), ("echo", "error"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "why", "outcome"),
    [
        # The policy of deploy/opa, while no Habitus answers it.
        ("/v0/data/habitus", "Habitus gives no trust of this agent", "denied"),
        # Its answer is {"result": …}, and it takes no question but {"input": …}.
        ("/v1/data/habitus", "the answer of the decision point is no AuthZEN decision", "error"),
        ("/v0/data/of/no/policy", "the decision point answers 404", "error"),
        ("", "the decision point answers 404", "error"),
    ],
)
def test_nothing_passes_if_the_policy_cannot_decide(
    tmp_path: Path, opa_path: str, path: str, why: str, outcome: str
) -> None:
    async def talk(client: Any) -> None:
        assert why in str(await denial(client))

    with open_policy_agent(opa_path, tmp_path, POLICY) as opa:
        with_client(over_stdio(tmp_path, "--enforce", opa + path), "legacy", talk)
    assert outcomes(decoded(tmp_path / "out.jsonl", tmp_path)) == [("echo", outcome)]


def test_policy_signs_in_and_names_the_agent_as_it_is(
    tmp_path: Path, opa_path: str, answering: Start
) -> None:
    agent = "Ines' agent/../b c"
    asked = answering(lambda _: (401, {}))
    question = {
        "subject": {"type": "agent", "id": agent},
        "action": {"name": "tools/call"},
        "resource": {"type": "tool", "id": "echo"},
        "context": {"agent": agent},
    }
    with open_policy_agent(
        opa_path,
        tmp_path,
        POLICY,
        api=asked.url,
        HABITUS_TOKEN="key",  # noqa: S106  # of no one
    ) as opa:
        answer = httpx.post(f"{opa}/v0/data/habitus/access/v1/evaluation", json=question)
    assert answer.json()["decision"] is False
    assert asked.bodies == [{"agents": [agent]}]
    assert asked.paths == ["/v1/trust/query"]
    assert asked.headers[0]["Authorization"] == "Bearer key"
