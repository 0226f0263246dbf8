"""LiteLLM's proxy and the OpenAI Agents SDK, as they are installed, report to a Habitus."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.telemetry.model_on_loopback import CALLS, call, model
from tests.telemetry.processes import free_port, habitus, running, until

# Its imports alone take half a minute where other tests run too.
pytestmark = [pytest.mark.litellm, pytest.mark.slow, pytest.mark.timeout(400)]
SESSION = Path(__file__).parent / "programs" / "agents_session.py"
KEY = "sk-" + "0123456789abcdef" * 2
RESULTS = ("INV-7: pay 120 to AC-9930417", "paid")


def chat(url: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Do as a client of the proxy does in one turn; give the message of the model."""
    tools = [{"type": "function", "function": {"name": name}} for name, _ in CALLS]
    body = {"model": "gpt-5", "messages": messages, "tools": tools, "user": "ines@example.com"}
    request = urllib.request.Request(  # noqa: S310  # our own server
        f"{url}/v1/chat/completions",
        json.dumps(body | {"litellm_session_id": "thread-1"}).encode(),
        {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)["choices"][0]["message"]
    return found


def test_session_through_the_proxy_of_litellm_becomes_scored_events(
    frameworks: Path, tmp_path: Path
) -> None:
    config, log = tmp_path / "litellm.yaml", tmp_path / "litellm.log"
    url = f"http://127.0.0.1:{free_port()}"
    with model() as base, habitus(tmp_path, "serve") as api:
        upstream = {"model": "openai/gpt-5", "api_base": base, "api_key": "none"}
        callback = {"callback_type": "generic_api", "endpoint": f"{api.url}/v1/litellm"}
        said = {
            "model_list": [{"model_name": "gpt-5", "litellm_params": upstream}],
            "litellm_settings": {"callbacks": ["habitus"]},
            "callback_settings": {"habitus": callback | {"headers": {"X-Of": "litellm"}}},
            "general_settings": {"master_key": KEY},
        }
        config.write_text(json.dumps(said))
        command = [str(frameworks / "litellm"), "--config", str(config), "--host", "127.0.0.1"]
        local = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONPATH": ""}
        with running([*command, "--port", url.rpartition(":")[2]], log, **local):
            until(lambda: "Uvicorn running on" in log.read_text(), log)
            messages: list[dict[str, Any]] = [{"role": "user", "content": "Settle invoice INV-7"}]
            for number, result in enumerate(RESULTS):
                messages.append(chat(url, messages))
                name = call(number)["id"]
                messages.append({"role": "tool", "tool_call_id": name, "content": result})
            chat(url, messages)
            events = api.events(2)
    assert [one["tool"] for one in events] == ["read_invoice", "pay"]
    for event in events:
        assert event["agent"]["id"].startswith("litellm-key-")
        assert event["human"] == {"id": "ines@example.com"}
        assert event["session"] == "thread-1"
        assert event["outcome"] == "ok"
        assert isinstance(event["assessment"]["rank"], float)
    assert events[0]["argument_origins"] == {"number": [["INV-7", ["request"]]]}
    assert events[1]["argument_origins"] == {"account": [["AC-9930417", ["result:read_invoice"]]]}


def test_trace_of_the_agents_sdk_becomes_scored_events(frameworks: Path, tmp_path: Path) -> None:
    with model() as base, habitus(tmp_path, "serve") as api:
        done = subprocess.run(  # noqa: S603  # our own program
            [
                str(frameworks / "python"),
                "-P",
                str(SESSION),
                base,
                f"{api.url}/v1/openai-traces",
            ],
            capture_output=True,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            text=True,
            check=False,
            timeout=150,
        )
        assert done.stdout == "Done.\n", done.stderr
        events = api.events(2)
    assert [one["tool"] for one in events] == ["read_invoice", "pay"]
    for event in events:
        assert event["agent"]["id"] == "Clerk"
        assert event["human"] == {"id": "jane@example.com"}
        assert event["session"] == "thread-1"
        assert event["purpose"] == "Settle invoice INV-7"
        assert isinstance(event["assessment"]["rank"], float)
    assert events[0]["argument_origins"] == {"number": [["INV-7", ["request"]]]}
    assert events[1]["argument_origins"] == {"account": [["AC-9930417", ["result:read_invoice"]]]}
