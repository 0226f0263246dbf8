"""An import fills the inventory, and what a person wrote stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from models.errors import ConfigError
from pipeline.enrichment.inventory import load
from pipeline.inventory.document import InventoryDocument
from pipeline.inventory.importing import importer_named, read
from pipeline.inventory.merging import Merge, Merged
from tests.pipeline.inventory.sources import CLIENTS, ENTRIES, GRAPH, document

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = "2026-12-01T08:00:00Z", "2026-12-02T08:00:00Z"
HAND = """\
# ours; ask Ana before you change it
agents:
  - agent_id: invoice-bot  # night shift
    owner: 'eve@example.com'
    team: blue

  - agent_id: other
    role: "clerk"
"""


class File:
    """An inventory on disk, and imports into it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_text(HAND)

    def take(self, kind: str, value: Any, at: str = FIRST, *, replace: bool = False) -> Merged:
        given = InventoryDocument(self.path, self.path.read_text())
        gathered = read(kind, [document(f"{kind}.json", value)])
        merged = Merge(given, importer_named(kind), kind, at, replace=replace).apply(gathered)
        self.path.write_text(given.text())
        return merged

    def entry(self, agent_id: str) -> dict[str, Any]:
        found = yaml.safe_load(self.path.read_text())["agents"]
        (entry,) = (one for one in found if one["agent_id"] == agent_id)
        assert isinstance(entry, dict)
        return entry


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "inventory.yaml")


def test_hand_written_values_comments_and_quotes_stay(file):
    merged = file.take("keycloak", CLIENTS)
    assert (merged.added, merged.changed) == ([], ["invoice-bot"])
    (conflict,) = merged.conflicts
    assert (conflict.column, conflict.kept, conflict.imported, conflict.origin) == (
        "owner", "eve@example.com", "ana@example.com", "by hand",
    )  # fmt: skip
    text = file.path.read_text()
    for line in HAND.splitlines():
        assert line in text.splitlines()
    assert file.entry("other") == {"agent_id": "other", "role": "clerk"}


def test_each_imported_value_has_its_source_and_time(file):
    file.take("keycloak", CLIENTS)
    entry = file.entry("invoice-bot")
    assert set(entry["imported"]) == {"name", "review_date", "allowed_scopes", "aliases"}
    for note in entry["imported"].values():
        assert (note["source"], note["at"]) == ("keycloak keycloak.json", FIRST)
    assert list(entry)[-1] == "imported"


def test_repeated_import_changes_nothing(file):
    file.take("keycloak", CLIENTS)
    before = file.path.read_text()
    merged = file.take("keycloak", CLIENTS, SECOND)
    assert (merged.added, merged.changed) == ([], [])
    assert file.path.read_text() == before


def test_new_value_of_the_same_source_replaces_the_imported_one(file):
    file.take("keycloak", CLIENTS)
    renamed = [CLIENTS[0] | {"name": "Bill bot"}]
    merged = file.take("keycloak", renamed, SECOND)
    entry = file.entry("invoice-bot")
    assert (merged.changed, entry["name"]) == (["invoice-bot"], "Bill bot")
    assert entry["imported"]["name"]["at"] == SECOND
    assert entry["imported"]["review_date"]["at"] == FIRST


def test_imported_value_that_a_person_changed_is_theirs(file):
    file.take("keycloak", CLIENTS)
    file.path.write_text(file.path.read_text().replace("name: Invoice bot", "name: Our bot"))
    merged = file.take("keycloak", [CLIENTS[0] | {"name": "Bill bot"}], SECOND)
    assert file.entry("invoice-bot")["name"] == "Our bot"
    assert {(one.column, one.origin) for one in merged.conflicts} == {
        ("owner", "by hand"), ("name", "by hand"),
    }  # fmt: skip


def test_imported_value_that_a_person_took_out_stays_out(file):
    file.take("keycloak", CLIENTS)
    lines = file.path.read_text().splitlines(keepends=True)
    file.path.write_text("".join(one for one in lines if not one.startswith("    name:")))
    merged = file.take("keycloak", CLIENTS, SECOND)
    assert "name" not in file.entry("invoice-bot")
    assert [one.kept for one in merged.conflicts if one.column == "name"] == [None]


def test_two_sources_that_differ_are_a_conflict(file):
    file.take("keycloak", CLIENTS)
    page = {"value": [GRAPH["value"][0] | {"id": "invoice-bot", "displayName": "Graph bot"}]}
    merged = file.take("entra", page, SECOND)
    conflict = next(one for one in merged.conflicts if one.column == "name")
    assert (conflict.kept, conflict.origin) == ("Invoice bot", "keycloak keycloak.json")
    assert file.entry("invoice-bot")["sponsor"] == "Finance sponsors"


def test_aliases_of_all_sources_are_kept(file):
    file.take("keycloak", CLIENTS)
    file.take("entra", {"value": [GRAPH["value"][0] | {"id": "invoice-bot"}]}, SECOND)
    assert file.entry("invoice-bot")["aliases"] == [
        "oauth-client:invoice-bot", "entra-app:5d0e0000-0000-0000-0000-000000000001",
    ]  # fmt: skip


def test_replace_takes_the_imported_value_of_a_conflict(file):
    merged = file.take("keycloak", CLIENTS, replace=True)
    assert merged.conflicts == []
    entry = file.entry("invoice-bot")
    assert entry["owner"] == "ana@example.com"
    assert entry["imported"]["owner"]["source"] == "keycloak keycloak.json"


def test_declared_tools_of_later_traces_are_added_to_imported_ones(file):
    def traces(*tools: str) -> dict[str, Any]:
        span = {"type": "agent", "name": "Clerk", "tools": list(tools)}
        return {"data": [{"object": "trace.span", "span_data": span}]}

    file.take("openai-agents", traces("a"))
    file.take("openai-agents", traces("b"), SECOND)
    assert file.entry("Clerk")["allowed_tools"] == ["a", "b"]
    text = file.path.read_text().replace("[a, b]", "[a]")
    file.path.write_text(text)
    merged = file.take("openai-agents", traces("b"), SECOND)
    assert file.entry("Clerk")["allowed_tools"] == ["a"]
    assert [one.column for one in merged.conflicts] == ["allowed_tools"]


def test_agents_that_the_source_no_longer_has_are_named_and_kept(file):
    file.take("spire", ENTRIES)
    merged = file.take("spire", {"entries": []}, SECOND)
    assert merged.absent == ["spiffe://example.org/agent/invoice-bot"]
    assert file.entry("spiffe://example.org/agent/invoice-bot")["hint"] == "internal"


def test_merged_inventory_is_what_the_judge_reads(file):
    file.take("keycloak", CLIENTS)
    file.take("spire", ENTRIES)
    inventory = load(file.path)
    assert len(inventory) == 3
    bot = inventory.get("invoice-bot")
    assert bot is not None
    assert bot.scopes is not None
    assert "mail.send" in bot.scopes
    assert bot.review_date is not None
    assert bot.review_date.isoformat() == "2027-03-31"
    assert bot.aliases == ("oauth-client:invoice-bot",)
    assert inventory.declared("invoice-bot").owner == "eve@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "agents:\n",
        "# nobody yet\n",
        "- agent_id: other\n  role: clerk\n",
        "other: {role: clerk}\n",
        "other:\n",
        "agents: {other: {role: clerk}}\n",
        "agents:\n- agent_id: other\n",
    ],
)
def test_every_form_of_an_inventory_takes_an_import(tmp_path, text):
    path = tmp_path / "inventory.yaml"
    given = InventoryDocument(path, text)
    merged = Merge(given, importer_named("keycloak"), "keycloak", FIRST, replace=False).apply(
        read("keycloak", [document("clients.json", CLIENTS)])
    )
    assert merged.added == ["invoice-bot"]
    path.write_text(given.text())
    inventory = load(path)
    assert inventory.declared("invoice-bot").registered
    assert inventory.declared("other").registered is ("other" in text)


@pytest.mark.parametrize(
    "name", ["no", "7", "2027-01-31", "a: b", "#x", "'", "é\u202e", "- a", "~"]
)
def test_any_text_is_read_back_as_it_was_imported(tmp_path, name):
    path = tmp_path / "inventory.yaml"
    given = InventoryDocument(path, "")
    clients = [CLIENTS[0] | {"name": name, "clientId": f"{name}!"}]
    Merge(given, importer_named("keycloak"), "keycloak", FIRST, replace=False).apply(
        read("keycloak", [document("clients.json", clients)])
    )
    path.write_text(given.text(), encoding="utf-8")
    agent = load(path).get(f"{name}!")
    assert agent is not None
    assert agent.more["name"] == name


def test_wrong_inventory_is_refused_before_the_merge(tmp_path):
    with pytest.raises(ConfigError, match="line 2: agent 'a' is on line 1 already"):
        InventoryDocument(tmp_path / "i.yaml", "- agent_id: a\n- agent_id: a\n")
