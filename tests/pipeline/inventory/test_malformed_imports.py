"""A malformed import is one clear error, which names document, entry and expectation."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ConfigError, HabitusError
from pipeline.inventory.importing import KINDS, read
from pipeline.inventory.importing.documents import Document
from tests.pipeline.inventory.sources import CARD, CLIENTS, ENTRIES, GRAPH, document

SPAN = {
    "object": "trace.span",
    "span_data": {"type": "agent", "name": "Clerk", "tools": ["pay"], "handoffs": ["Payer"]},
}
PAGES: dict[str, Any] = {
    "entra": GRAPH,
    "a2a": CARD,
    "spire": ENTRIES,
    "keycloak": CLIENTS,
    "openai-agents": {"data": [SPAN]},
}
TABLES = {
    "csv": b"agent_id,owner,allowed_tools\na,ana@example.com,x;y\n",
    "yaml": b"agents:\n  - agent_id: a\n    allowed_tools: [x, y]\n    review_date: 2027-01-31\n",
}


def refused(kind: str, given: Document) -> str:
    with pytest.raises(ConfigError) as error:
        read(kind, [given], every=True)
    return str(error.value)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("entra", {"value": [{"displayName": "x"}]},
         "f.json, entry 1, value 1: 'id' must be a text, got nothing"),
        ("entra", {"value": {}}, "f.json, entry 1: 'value' must be a list, got an object"),
        ("entra", {"value": [{"id": "a", "owners": ["u"]}]},
         "f.json, entry 1, value 1: 'owners[]' must be an object, got a text"),
        ("a2a", {"name": "x"},
         "f.json, entry 1: an Agent Card has 'supportedInterfaces' with a 'url', or a 'url'"),
        ("a2a", {"url": "https://x.example.com"},
         "f.json, entry 1: 'name' must be a text, got nothing"),
        ("a2a", [CARD, 7], "f.json, entry 2: expected an object, got number"),
        ("spire", {"entries": [{"spiffe_id": "spiffe://a/b"}]},
         "f.json, entry 1: 'spiffe_id' must be an object, got a text"),
        ("spire", {"entries": [{"spiffe_id": {"trust_domain": "a", "path": "b"}}]},
         "f.json, entry 1, spiffe_id: a SPIFFE ID has a trust domain, and a path such as "
         "/agent/bot"),
        ("spire", {"entries": [{"spiffe_id": {"trust_domain": "a", "path": "/b"},
                                "expires_at": "soon"}]},
         "f.json, entry 1: 'expires_at' must be seconds since 1970, got a text"),
        ("spire", {"entries": 3}, "f.json: expected a list of objects, got number"),
        ("keycloak", [{"clientId": "a"}, {"clientId": 7}],
         "f.json, entry 2: 'clientId' must be a text, got a number"),
        ("keycloak", [{"clientId": "a", "serviceAccountsEnabled": "yes"}],
         "f.json, entry 1: 'serviceAccountsEnabled' must be true or false, got a text"),
        ("openai-agents", {"data": [SPAN, SPAN | {"span_data": {"type": "agent"}}]},
         "f.json, entry 2, span_data: 'name' must be a text, got nothing"),
        ("openai-agents", [{"object": "trace.span", "span_data": {
            "type": "agent", "name": "x", "tools": [None]}}],
         "f.json, entry 1, span_data: 'tools[]' must be a text, got nothing"),
        ("keycloak", [{"clientId": "x" * 300}],
         "f.json, entry 1: an agent id has 1 to 256 characters"),
        ("keycloak", [{"clientId": "x", "name": "y" * 600}],
         "f.json, entry 1: 'name' must have at most 512 characters"),
    ],
)  # fmt: skip
def test_wrong_entry_is_named_with_what_was_expected(kind, value, message):
    assert refused(kind, document("f.json", value)) == message


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("spire", b"", "f: expected JSON, record is empty"),
        ("spire", b"{", "f: expected JSON, the JSON ends too early or holds half a surrogate pair"),
        ("a2a", b"\xff\xfe", "f: expected JSON, text is not UTF-8: invalid start byte"),
        ("a2a", b"[" * 500 + b"]" * 500, "f: expected at most 64 levels of values"),
        ("csv", b"owner\nana\n", "f, line 1: expected a column 'agent_id', got ['owner']"),
        ("csv", b"agent_id\n\xff\n", "f: expected UTF-8, invalid start byte"),
        ("csv", b"agent_id,review_date\na,soon\n",
         "f, line 2: review_date must be a day such as 2027-01-31, got 'soon'"),
        ("csv", b"agent_id,aliases\na,plain\n",
         "f, line 2: an alias must be KIND:VALUE, got 'plain'"),
        ("yaml", b"- agent_id: a\n  allowed_tools: {x: 1}\n",
         "f, line 1: 'allowed_tools' must be a list of at most 1000 texts, got {'x': 1}"),
        ("yaml", b"- agent_id: a\n  peers: [1]\n",
         "f, line 1: 'peers' must hold texts of 1 to 512 characters, got 1"),
        ("yaml", b"- agent_id: a\n  review_date: 2027-13-45\n",
         "f, line 1: a value is not what its form or tag says"),
        ("yaml", b"- agent_id: a\n  owner: !!int x\n",
         "f, line 1: a value is not what its form or tag says"),
    ],
)  # fmt: skip
def test_wrong_document_is_named_with_what_was_expected(kind, content, message):
    assert refused(kind, Document("f", content)) == message


def test_only_the_first_faults_are_listed():
    clients = [{"clientId": number} for number in range(9)]
    message = refused("keycloak", document("f.json", clients))
    assert message.count("must be a text") == 5
    assert message.endswith("; and 4 more")


def test_secret_values_stay_out_of_errors():
    clients = [{"clientId": ["s3cret"], "secret": "s3cret"}]
    message = refused("keycloak", document("f.json", clients))
    assert "s3cret" not in message


def test_deep_json_is_refused_and_not_a_crash():
    message = refused("keycloak", Document("f", b'{"a":' * 100_000))
    assert message.startswith("f: expected JSON")


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
WORDS = st.text(max_size=8)


def several(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3)


ANY = st.recursive(LEAVES | WORDS, several, max_leaves=6)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Give the paths of all values inside a value."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    return [path, *(one for key in keys for one in places(value[key], (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    out = copy.deepcopy(value)
    inner = out
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = by
    return out


def refusal(kind: str, content: bytes) -> str | None:
    """Give the error of a document; None for one that is read, into agents with ids."""
    try:
        found = read(kind, [Document("f.json", content)], every=True)
    except HabitusError as error:
        return str(error)
    assert all(0 < len(agent_id) <= 256 for agent_id in found.agents)
    return None


@pytest.mark.parametrize("kind", PAGES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_changed_member_is_read_or_refused_with_its_document(kind, data):
    path = data.draw(st.sampled_from(places(PAGES[kind])))
    value = changed(PAGES[kind], path, data.draw(ANY))
    message = refusal(kind, json.dumps(value).encode())
    assert message is None or "f.json" in message


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_changed_bytes_are_read_or_refused_with_their_document(kind, data):
    whole = TABLES.get(kind) or json.dumps(PAGES[kind]).encode()
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 4))
    content = whole[:at] + data.draw(st.binary(max_size=6)) + whole[at + cut :]
    message = refusal(kind, content)
    assert message is None or "f.json" in message
