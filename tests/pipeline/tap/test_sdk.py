"""A client and a server of the official SDK meet the tap between them, and notice nothing."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.pipeline.tap.conftest import HERE, ROOT, decoded, environment, listening_tap, records

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from tests.pipeline.tap.conftest import Answering

mcp = pytest.importorskip("mcp")
anyio = pytest.importorskip("anyio")
SERVER = str(HERE / "sdk_server.py")
MODES = ["legacy", "auto"]


def over_stdio(folder: Path, *options: str) -> Any:
    arguments = ["-m", "pipeline.cli", "tap", "--out", str(folder / "out.jsonl"), *options]
    return mcp.StdioServerParameters(
        command=sys.executable,
        args=[*arguments, "--", sys.executable, SERVER, "stdio"],
        env=environment(folder),
        cwd=ROOT,
    )


@contextmanager
def sdk_server(folder: Path, *modes: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603  # our own code
        [sys.executable, SERVER, "http", str(port), *modes],
        env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(400):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def with_client(server: Any, mode: str, talk: Callable[[Any], Awaitable[None]]) -> None:
    info = mcp.types.Implementation(name="orders-agent", version="1.4")

    async def main() -> None:
        async with mcp.Client(server, mode=mode, client_info=info) as client:
            await talk(client)

    anyio.run(main)


async def _visit(client: Any) -> None:
    tools = await client.list_tools()
    assert {"echo", "fail", "slow"} <= {tool.name for tool in tools.tools}
    hours = await client.read_resource("shop://opening-hours")
    key = hours.contents[0].text.split()[-1]
    answer = await client.call_tool("echo", {"text": key})
    assert answer.content[0].text == key
    assert (await client.call_tool("fail", {})).is_error
    answer = await client.call_tool("slow", {})
    assert answer.content[0].text == "done"
    greeting = await client.get_prompt("greet", {"name": "Ines"})
    assert "Ines" in greeting.messages[0].content.text


def _check_events(events: list[dict[str, Any]]) -> None:
    called = {event["tool"]: event for event in events}
    assert [event["tool"] for event in events] == [
        "resources/read", "echo", "fail", "slow", "prompts/get",
    ]  # fmt: skip
    assert {event["agent"]["id"] for event in events} == {"orders-agent"}
    assert {event["attributes"]["mcp_server"] for event in events} == {"shop"}
    assert len({event["session"] for event in events}) == 1
    assert [called[name]["outcome"] for name in ("echo", "fail")] == ["ok", "error"]
    assert len(called["echo"]["attributes"]["tool_digest"]) == 32
    origins = called["echo"]["argument_origins"]
    assert origins == {"text": [["SESAME-77", ["result:resources/read"]]]}


@pytest.mark.parametrize("mode", MODES)
def test_session_over_stdio(tmp_path: Path, mode: str) -> None:
    with_client(over_stdio(tmp_path), mode, _visit)
    _check_events(decoded(tmp_path / "out.jsonl", tmp_path))


@pytest.mark.parametrize("modes", [(), ("json", "stateless")], ids=["sse", "json"])
@pytest.mark.parametrize("mode", MODES)
def test_session_over_http(tmp_path: Path, mode: str, modes: tuple[str, ...]) -> None:
    out = str(tmp_path / "out.jsonl")
    with (
        sdk_server(tmp_path, *modes) as upstream,
        listening_tap(tmp_path, "--upstream", f"{upstream}/mcp", "--out", out) as url,
    ):
        with_client(f"{url}/mcp", mode, _visit)
    events = decoded(tmp_path / "out.jsonl", tmp_path)
    if (mode, modes) == ("legacy", ("json", "stateless")):  # the server gives no session at all
        assert [event["tool"] for event in events][:2] == ["resources/read", "echo"]
    else:
        _check_events(events)


def test_progress_comes_while_the_tool_works(tmp_path: Path) -> None:
    seen: list[float] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        del total, message
        seen.append(done)

    async def talk(client: Any) -> None:
        await client.call_tool("slow", {}, progress_callback=progress)

    with_client(over_stdio(tmp_path), "legacy", talk)
    assert seen == [0, 1, 2]


def test_a_cancelled_call_is_cancelled_at_the_server(tmp_path: Path) -> None:
    async def talk(client: Any) -> None:
        with anyio.move_on_after(0.3):
            await client.call_tool("sleep", {"seconds": 60})
        answer = await client.call_tool("echo", {"text": "still here"})
        assert answer.content[0].text == "still here"

    with_client(over_stdio(tmp_path), "legacy", talk)
    methods = [record["message"].get("method") for record in records(tmp_path / "out.jsonl")]
    assert "notifications/cancelled" in methods
    events = {event["tool"]: event for event in decoded(tmp_path / "out.jsonl", tmp_path)}
    assert events["echo"]["outcome"] == "ok"
    assert events["sleep"].get("outcome") in (None, "error")


@pytest.mark.parametrize("mode", MODES)
def test_a_megabyte_passes(tmp_path: Path, mode: str) -> None:
    async def talk(client: Any) -> None:
        answer = await client.call_tool("echo", {"text": "x" * (1 << 20)})
        assert len(answer.content[0].text) == 1 << 20

    with_client(over_stdio(tmp_path), mode, talk)
    (event,) = decoded(tmp_path / "out.jsonl", tmp_path)
    assert event["volume"]["bytes_in"] == 1 << 20


def test_a_server_that_dies_ends_the_connection(tmp_path: Path) -> None:
    async def talk(client: Any) -> None:
        with pytest.raises(mcp.MCPError):
            await client.call_tool("die", {"code": 3})

    with_client(over_stdio(tmp_path), "legacy", talk)
    (event,) = decoded(tmp_path / "out.jsonl", tmp_path)
    assert (event["tool"], event.get("outcome")) == ("die", None)


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_a_denied_tool_is_an_error_for_the_client(
    tmp_path: Path, answering: Callable[..., Answering], transport: str
) -> None:
    point = answering(lambda body: (200, {"decision": body["resource"]["id"] != "fail"}))

    async def talk(client: Any) -> None:
        assert (await client.call_tool("echo", {"text": "a"})).content[0].text == "a"
        denied = await client.call_tool("fail", {})
        assert denied.is_error
        assert "denies" in denied.content[0].text

    for mode in MODES:
        if transport == "stdio":
            with_client(over_stdio(tmp_path, "--enforce", point.url), mode, talk)
            continue
        options = ["--out", str(tmp_path / "out.jsonl"), "--enforce", point.url]
        with (
            sdk_server(tmp_path) as upstream,
            listening_tap(tmp_path, "--upstream", f"{upstream}/mcp", *options) as url,
        ):
            with_client(f"{url}/mcp", mode, talk)
    assert {one["context"]["agent"] for one in point.bodies} == {"orders-agent"}
    outcomes = {one["tool"]: one["outcome"] for one in decoded(tmp_path / "out.jsonl", tmp_path)}
    assert outcomes == {"echo": "ok", "fail": "denied"}
