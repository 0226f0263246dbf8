"""What is unusual is called by what the event is."""

from __future__ import annotations

from typing import Any

import pytest

from models.event import Resource
from models.watch.naming import refined


@pytest.mark.parametrize(
    ("tool", "resource", "called"),
    [
        ("agent.settings", None, "config.change"),
        ("update_agent_settings", "desk/1", "config.change"),
        ("agent_config.update", None, "config.change"),
        ("store.put", "agents/settings/logging", "config.change"),
        ("store.put", "agents/billing-7/settings", "config.change"),
        ("store.put", "billing-7/config", "config.change"),
        ("store.put", "billing-70/config", "tool.new"),
        ("store.put", "reagents/settings", "tool.new"),
        ("settings.read", "crm/settings", "tool.new"),
        ("memory.put", "memory/notes", "memory.write"),
        ("a2a.send", None, "peer.new"),
        ("vault.read", None, "secret.access"),
    ],
)
def test_a_first_use_is_called_by_what_it_is(
    an_event: Any, tool: str, resource: str | None, called: str
) -> None:
    touched = Resource(id=resource) if resource is not None else None
    event = an_event(tool=tool, resource=touched, operation="write")
    assert refined("tool.new", event) == called
    assert refined("net.new_origin", event) == "net.new_origin"
