"""Settings of agents: what Habitus adds is found again, and taken back without a trace."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError
from pipeline.connecting import CONNECTORS, syntaxes
from pipeline.connecting.claude_code import EVENTS, PATH
from pipeline.connecting.connector import FileConnector, Target
from pipeline.connecting.gemini import command_of

ROOT = Path(__file__).resolve().parents[3]
API = "http://127.0.0.1:8765"
FAR = Target("https://habitus.example.com/", key=True)
OWN = {"type": "command", "command": "check.sh"}
CLAUDE: list[dict[str, Any]] = [
    {},
    {"model": "opus"},
    {"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [OWN]}], "Stop": [{"hooks": [OWN]}]}},
]
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "claude-code": CLAUDE,
    "gemini": [{}, {"hooks": {"BeforeTool": [{"matcher": "x", "hooks": [OWN]}]}, "ui": {"a": 1}}],
    "codex": [
        {}, {"model": "m", "otel": {"environment": "dev"}},
        {"otel": {"exporter": "none", "log_user_prompt": True}},
    ],
    "litellm": [
        {}, {"model_list": [{"model_name": "a"}]},
        {"litellm_settings": {"callbacks": ["prometheus"], "drop_params": True},
         "callback_settings": {"otel": {"a": 1}}},
    ],
    "mcp": [
        {"mcpServers": {"mail": {"command": "npx", "args": ["-y", "mail"]}, "web": {"url": "u"}}},
        {"servers": {"bare": {"command": "run-me", "env": {"A": "b"}}}, "inputs": []},
    ],
}  # fmt: skip
ALL = [(name, settings) for name, all_of in SETTINGS.items() for settings in all_of]


def test_each_connector_with_a_file_has_settings_here() -> None:
    assert set(SETTINGS) == {
        one.name for one in CONNECTORS.values() if isinstance(one, FileConnector)
    }


@pytest.mark.parametrize(("name", "settings"), ALL)
@pytest.mark.parametrize("target", [Target(API), FAR], ids=["near", "far"])
def test_undo_gives_back_what_there_was(
    name: str, settings: dict[str, Any], target: Target
) -> None:
    connector, before = CONNECTORS[name], copy.deepcopy(settings)
    made = connector.connected(settings, target)
    assert settings == before, "the input is not changed"
    assert made != settings
    assert connector.connected(made, target) == made, "twice is once"
    assert connector.disconnected(made, settings) == settings
    assert connector.disconnected(settings, {}) == settings


@pytest.mark.parametrize(("name", "settings"), ALL)
def test_the_key_is_named_and_never_written(
    name: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABITUS_TOKEN", "hbt_secret")
    connector = CONNECTORS[name]
    made = json.dumps(connector.connected(settings, FAR)) + str(connector.instructions(FAR))
    assert "HABITUS_TOKEN" in made
    assert "hbt_secret" not in made
    assert "HABITUS_TOKEN" not in json.dumps(connector.connected(settings, Target(API)))


def test_every_event_has_one_hook_and_those_of_others_stay_first() -> None:
    connector = CONNECTORS["claude-code"]
    again = connector.connected(connector.connected(CLAUDE[2], Target(API)), FAR)
    for event, _ in EVENTS:
        urls = [hook.get("url") for group in again["hooks"][event] for hook in group["hooks"]]
        assert [url for url in urls if url] == ["https://habitus.example.com" + PATH]
    assert again["hooks"]["PreToolUse"][0]["hooks"] == [OWN]
    assert again["hooks"]["Stop"] == [{"hooks": [OWN]}]


def test_exporter_of_others_is_kept_and_named() -> None:
    other = {"otel": {"exporter": {"otlp-http": {"endpoint": "https://other.example.com"}}}}
    with pytest.raises(ConfigError, match="exports its telemetry to another address already"):
        CONNECTORS["codex"].connected(other, Target(API))
    assert CONNECTORS["codex"].disconnected(other, {}) == other


def test_configuration_that_names_no_servers_is_refused() -> None:
    with pytest.raises(ConfigError, match="no MCP servers"):
        CONNECTORS["mcp"].connected({"model": "x"}, Target(API))


ANY = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["hooks", "matcher", "url", "command", "args", "otlp-http"]), inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)  # fmt: skip
NAMES = ["hooks", "model", "otel", "mcpServers", "callback_settings", "litellm_settings"]


@pytest.mark.parametrize("name", sorted(SETTINGS))
@given(settings=st.dictionaries(st.sampled_from(NAMES), ANY, max_size=3))
def test_any_settings_are_read_or_refused(name: str, settings: dict[str, Any]) -> None:
    connector = CONNECTORS[name]
    try:
        left = connector.disconnected(settings, {})
    except ConfigError:
        return
    assert connector.disconnected(left, {}) == left


@pytest.mark.parametrize(
    "name", ["OTEL_SEMCONV_STABILITY_OPT_IN", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"]
)
def test_variables_of_an_sdk_are_those_of_its_page(name: str) -> None:
    page = (ROOT / "docs" / "integrations" / "otlp.md").read_text()
    found = re.search(rf"`{name}=(\w+)`", page)
    assert found is not None
    lines = CONNECTORS["otel"].instructions(Target(API))
    assert f"export {name}={found[1]}" in lines


# ---------------------------------------------------------------------- the command of Gemini


class _Api(BaseHTTPRequestHandler):
    seen: list[tuple[str | None, bytes]]
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.headers.get("Authorization"), body))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b'{"decision":"deny"}')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("key", [False, True])
@pytest.mark.parametrize("status", [200, 503])
def test_command_of_gemini_posts_and_never_fails(*, key: bool, status: int) -> None:
    handler = type("Api", (_Api,), {"seen": [], "status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        api = f"http://127.0.0.1:{server.server_port}"
        done = subprocess.run(  # noqa: S603  # our own command
            ["/bin/sh", "-c", command_of(Target(api, key=key))], input=b'{"a":1}',
            capture_output=True, check=False, env=os.environ | {"HABITUS_TOKEN": "t-1"},
        )  # fmt: skip
        server.shutdown()
    assert done.returncode == 0
    assert done.stdout == (b'{"decision":"deny"}' if status == 200 else b"")
    assert handler.seen == [("Bearer t-1" if key else None, b'{"a":1}')]  # type: ignore[attr-defined]


# ---------------------------------------------------------------------- comments and order


TEXTS = {
    "claude-code": '{\n  // mine\n  "model": "opus",\n  "hooks": {\n    "Stop": [\n      {"hooks": '
    '[{"type": "command", "command": "x"}]} // keep\n    ]\n  },\n  "z": 1\n}\n',
    "gemini": '{"ui": {"theme": "dark"}, /* two */ "tools": []}\n',
    "codex": '# mine\nmodel = "m" # which\n\n[mcp_servers.mail]\ncommand = "npx"\n',
    "litellm": "# proxy\nmodel_list:\n  - model_name: a # one\n    litellm_params:\n"
    "      model: 'openai/a'\nlitellm_settings:\n  callbacks: [\"prometheus\"] # old\n",
    "mcp": '{\r\n\t"mcpServers": {\r\n\t\t// mail\r\n\t\t"mail": {"command": "npx", "args": '
    '["mail"]}\r\n\t}\r\n}\r\n',
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_text_keeps_comments_there_and_back(name: str) -> None:
    connector, text = CONNECTORS[name], TEXTS[name]
    assert isinstance(connector, FileConnector)
    syntax = connector.syntax
    settings = syntaxes.read(text, syntax, "settings")
    made = syntaxes.edited(text, connector.connected(settings, FAR), syntax)
    assert syntaxes.read(made, syntax, "settings") == connector.connected(settings, FAR)
    for comment in ("// mine", "// keep", "/* two */", "# mine", "# which", "# one", "# old"):
        assert (comment in made) == (comment in text)
    left = syntaxes.edited(made, settings, syntax)
    assert syntaxes.read(left, syntax, "settings") == settings
    assert [line.strip() for line in text.splitlines() if "//" in line or line[:1] == "#"] == [
        line.strip() for line in left.splitlines() if "//" in line or line[:1] == "#"
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip
OBJECTS = st.dictionaries(st.text(max_size=3), VALUES, max_size=4)


@given(before=OBJECTS, after=OBJECTS, indent=st.sampled_from([None, 2, "\t"]))
def test_json_can_become_any_other_json(
    before: dict[str, Any], after: dict[str, Any], indent: Any
) -> None:
    text = json.dumps(before, indent=indent, ensure_ascii=False)
    assert json.loads(syntaxes.edited(text, after, "json")) == after
    assert syntaxes.edited(text, before, "json") == text


@pytest.mark.parametrize(
    ("text", "syntax"),
    [('{"a": }', "json"), ("[1]", "json"), ('{"a": 1,}', "json"), ("a = ", "toml"),
     ("a: [", "yaml"), ("- a", "yaml"), ("[" * 100_000, "json")],
)  # fmt: skip
def test_unreadable_files_are_refused_by_name(text: str, syntax: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"settings, line 1: expected (JSON|TOML|YAML|one object)"
    ):
        syntaxes.read(text, syntax, "settings")
