"""The inventory: who is known, in which role, whose; and errors that name their line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.baseline.identity import Declared
from models.errors import ConfigError
from models.units import SECOND_US
from pipeline.enrichment.inventory import load

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.enrichment.inventory import Inventory

CSV = "agent_id,role,owner,team\nspiffe://example.com/a,clerk,amal@example.com,blue\nb,,,\n"
LIST = """
- agent_id: spiffe://example.com/a
  role: clerk
  owner: amal@example.com
  team: blue
- agent_id: b
"""
UNDER = "agents:" + LIST.replace("\n", "\n  ").rstrip() + "\n"
BY_ID = """
spiffe://example.com/a: {role: clerk, owner: amal@example.com, team: blue}
b:
"""


def written(tmp_path: Path, name: str, text: str) -> Inventory:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return load(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", CSV),
        ("a.csv", "\ufeff" + CSV.replace("\n", "\r\n")),
        ("a.yaml", LIST),
        ("a.yml", UNDER),
        ("a.yaml", BY_ID),
    ],
)
def test_every_form_says_the_same(tmp_path: Path, name: str, text: str) -> None:
    inventory = written(tmp_path, name, text)
    assert inventory.loaded
    assert len(inventory) == 2
    named = Declared(True, "clerk", "amal@example.com", "blue")
    assert inventory.declared("spiffe://example.com/a") == named
    assert inventory.declared("b") == Declared(registered=True)
    assert inventory.declared("c") == Declared(registered=False)
    assert next(iter(inventory)).more == {"team": "blue"}


def test_registration_is_unknown_without_an_inventory() -> None:
    inventory = load(None)
    assert inventory.declared("anyone").registered is None
    assert not inventory.loaded
    assert len(inventory) == 0


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "id,role\na,b\n", r"line 1: expected a column 'agent_id', got \['id', 'role'\]"),
        ("a.csv", "agent_id,role\na,b\na,c\n", "line 3: agent 'a' is on line 2 already"),
        ("a.csv", "agent_id,role\n,b\n", "line 2: agent_id must have 1 to 256 characters, got 0"),
        ("a.csv", f"agent_id\n{'x' * 300}\n", "line 2: .* got 300"),
        ("a.csv", "agent_id,role\na,b,c\n", "line 2: more values than the 2 columns"),
        ("a.csv", 'agent_id\n"a\n', "line 2: unexpected end of data"),
        ("a.csv", "agent_id,role\n", "holds no agent"),
        ("a.csv", "", "line 1: expected a column"),
        ("a.yaml", "- agent_id: a\n- agent_id: a\n", "line 2: agent 'a' is on line 1 already"),
        ("a.yaml", "- agent_id: a\n- role: b\n", "line 2: agent_id must have 1 to 256"),
        ("a.yaml", "- agent_id: a\n- just text\n", "line 2: expected a mapping"),
        ("a.yaml", "a: {role: [b]}\n", "line 1: 'role' must be one value"),
        ("a.yaml", "a: [\n", "line 2: "),
        ("a.yaml", "just text\n", "line 1: expected a list or mapping"),
        ("a.yaml", "", "holds no agent"),
    ],
)
def test_fault_is_reported_with_its_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        written(tmp_path, name, text)


def test_yaml_that_would_run_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 1: could not determine a constructor"):
        written(tmp_path, "a.yaml", "- !!python/object/apply:os.system ['true']\n")


def test_missing_or_binary_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "absent.csv")
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "agent_id, allowed_tools, review_date\na,crm.read; mail.*,2027-01-31\n"),
        ("a.yaml", "a: {allowed_tools: [crm.read, mail.*], review_date: 2027-01-31}\n"),
        ("a.yaml", "- {agent_id: a, allowed_tools: crm.read;mail.*, review_date: '2027-01-31'}\n"),
    ],
)
def test_lists_and_dates_are_read_in_every_form(tmp_path: Path, name: str, text: str) -> None:
    agent = written(tmp_path, name, text).get("a")
    assert agent is not None
    assert agent.tools is not None
    assert "mail.send" in agent.tools
    assert "crm.write" not in agent.tools
    assert agent.scopes is None
    assert str(agent.review_date) == "2027-01-31"
    assert not agent.more


def test_empty_list_allows_nothing_and_an_empty_cell_everything(tmp_path: Path) -> None:
    assert written(tmp_path, "a.yaml", "a: {allowed_tools: []}\n").is_limited
    assert not written(tmp_path, "a.csv", "agent_id,allowed_tools\na,\n").is_limited


def test_changed_file_is_read_again_at_most_once_a_second(tmp_path: Path) -> None:
    inventory = written(tmp_path, "a.csv", "agent_id,role\na,clerk\n")
    grouped = inventory.grouped(lambda _: "like:x")
    (tmp_path / "a.csv").write_text("agent_id,role\na,porter\nb,\n")
    assert inventory.refresh(SECOND_US)
    assert inventory.declared("a").role == grouped.declared("a").role == "porter"
    (tmp_path / "a.csv").write_text("agent_id,role\na,steward\n")
    assert not inventory.refresh(SECOND_US + 10)
    assert inventory.refresh(2 * SECOND_US)
    assert inventory.declared("b").registered is False
    assert not inventory.refresh(3 * SECOND_US)


@pytest.mark.parametrize("text", ["role\nclerk\n", "", "agent_id\na\na\n", None])
def test_unusable_change_is_logged_and_the_entries_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str | None
) -> None:
    inventory = written(tmp_path, "a.csv", "agent_id,role\na,clerk\n")
    if text is None:
        (tmp_path / "a.csv").unlink()
    else:
        (tmp_path / "a.csv").write_text(text)
    assert not inventory.refresh(SECOND_US)
    assert inventory.declared("a").role == "clerk"
    assert [one.message for one in caplog.records] == ["inventory_kept"]
    assert not inventory.refresh(2 * SECOND_US)
    assert len(caplog.records) == 1
