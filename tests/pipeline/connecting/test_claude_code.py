"""The settings of Claude Code: hooks are added, shown, and taken back without a trace."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.connecting.claude_code import EVENTS, PATH, connected, disconnected

API = "http://127.0.0.1:8765"
OWN = {"type": "command", "command": "check.sh"}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"model": "opus"},
    {"hooks": {}},
    {"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [OWN]}], "Stop": [{"hooks": [OWN]}]}},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("key", [False, True])
def test_undo_gives_back_what_there_was(settings: dict[str, Any], *, key: bool) -> None:
    before = copy.deepcopy(settings)
    made = connected(settings, API, key=key)
    assert settings == before, "the input is not changed"
    left = disconnected(made)
    assert left == {name: value for name, value in settings.items() if value != {}}


def test_every_event_has_one_hook_and_those_of_others_stay_first() -> None:
    made = connected(SETTINGS[3], API, key=False)
    again = connected(made, "https://habitus.example.com/", key=True)
    for event in EVENTS:
        urls = [hook.get("url") for group in again["hooks"][event] for hook in group["hooks"]]
        assert [url for url in urls if url] == ["https://habitus.example.com" + PATH]
    assert again["hooks"]["PreToolUse"][0]["hooks"] == [OWN]
    assert again["hooks"]["Stop"] == [{"hooks": [OWN]}]


def test_key_is_named_and_never_written() -> None:
    text = json.dumps(connected({}, API, key=True))
    assert '"Bearer $HABITUS_TOKEN"' in text
    assert '"allowedEnvVars": ["HABITUS_TOKEN"]' in text
    assert "HABITUS_TOKEN" not in json.dumps(connected({}, API, key=False))


ANY = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["hooks", "matcher", "url", "x"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["hooks", "model"]), ANY, max_size=2))
def test_any_settings_are_read(settings: dict[str, Any]) -> None:
    assert disconnected(disconnected(settings)) == disconnected(settings)
