"""`habitus inventory import`: shows the difference, asks, and writes the file as a whole."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import yaml

from pipeline.enrichment.inventory import load
from tests.pipeline.inventory.sources import CLIENTS, ENTRIES, GRAPH

pytestmark = pytest.mark.usefixtures("clean_environment")

HAND = "# ours\nagents:\n  - agent_id: invoice-bot\n    owner: eve@example.com\n"


@pytest.fixture
def clients():
    Path("clients.json").write_text(json.dumps(CLIENTS))
    return "clients.json"


def test_difference_and_conflicts_are_shown_and_written(habitus, clients):
    Path("inventory.yaml").write_text(HAND)
    code, out, err = habitus("inventory", "import", "keycloak", clients, "--yes")
    assert code == 0
    assert "+    name: Invoice bot" in out.splitlines()
    assert (
        "conflict: 'invoice-bot', owner: 'eve@example.com' stays (by hand), "
        "the import has 'ana@example.com'"
    ) in err
    assert "1 agents: 0 new, 1 changed, 1 conflicts" in err
    assert "2 entries are no agents and are left out" in err
    text = Path("inventory.yaml").read_text()
    assert text.startswith(HAND)
    assert load(Path("inventory.yaml")).declared("invoice-bot").owner == "eve@example.com"


def proposals(habitus):
    _, out, _ = habitus("identity", "list", "--json")
    return sorted(
        (one["alias"], one["agent_id"], one["kind"], one["state"], one["source"])
        for one in json.loads(out)["identities"]
    )


def test_identifiers_of_one_agent_are_proposed_and_confirmed_by_a_person_alone(
    habitus, monkeypatch
):
    card = {
        "name": "billing", "url": "https://billing.example.com/a2a",
        "securitySchemes": {"oauth": {"oauth2SecurityScheme": {
            "flows": {"clientCredentials": {"clientId": "c-7"}}}}},
    }  # fmt: skip
    Path("card.json").write_text(json.dumps(card))
    Path("pages.json").write_text(json.dumps(GRAPH))
    Path("entries.json").write_text(json.dumps(ENTRIES))
    Path("ours.csv").write_text(
        "agent_id,aliases\nours,spiffe-id:spiffe://example.org/agent/bot;oauth-client:c-9\n"
    )
    for kind, name in (("a2a", "card"), ("entra", "pages"), ("spire", "entries")):
        assert habitus("inventory", "import", kind, f"{name}.json", "--yes")[0] == 0
    _, _, err = habitus("inventory", "import", "csv", "ours.csv", "--yes")
    assert "2 new aliases are proposed" in err
    bot, application = GRAPH["value"][0]["id"], GRAPH["value"][0]["appId"]
    assert proposals(habitus) == sorted([
        ("https://billing.example.com/a2a", "billing", "a2a-card", "proposed", "a2a card.json"),
        ("c-7", "billing", "oauth-client", "proposed", "a2a card.json"),
        (application, bot, "entra-app", "proposed", "entra pages.json"),
        ("spiffe://example.org/agent/bot", "ours", "spiffe-id", "proposed", "csv ours.csv"),
        ("c-9", "ours", "oauth-client", "proposed", "csv ours.csv"),
    ])  # fmt: skip
    reason = ("--reason", "same owner", "--yes")
    assert habitus("identity", "confirm", "c-7", *reason)[0] == 0
    assert habitus("identity", "refuse", "c-9", *reason)[0] == 0
    Path("none.jsonl").write_text("")
    monkeypatch.setenv("HABITUS_SOURCE", "file:none.jsonl")
    assert habitus("run", "--drain")[0] == 0  # applies what the person decided
    code, out, _ = habitus("inventory", "import", "csv", "ours.csv", "--yes", "--json")
    assert (code, json.loads(out)["aliases_proposed"]) == (0, 0)
    assert [(alias, state) for alias, _, _, state, _ in proposals(habitus)] == [
        (application, "proposed"), ("c-7", "confirmed"), ("c-9", "refused"),
        ("https://billing.example.com/a2a", "proposed"),
        ("spiffe://example.org/agent/bot", "proposed"),
    ]  # fmt: skip


def test_preview_proposes_nothing(habitus):
    Path("a.csv").write_text("agent_id,aliases\na,oauth-client:c\n")
    assert habitus("inventory", "import", "csv", "a.csv", "--preview")[0] == 0
    assert not Path("habitus.db").exists()


def test_preview_writes_nothing(habitus, clients):
    code, out, _ = habitus("inventory", "import", "keycloak", clients, "--preview")
    assert code == 0
    assert "+  - agent_id: invoice-bot" in out or "+- agent_id: invoice-bot" in out
    assert not Path("inventory.yaml").exists()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_file_is_written_after_a_yes_alone(habitus, clients, monkeypatch, answer, code):
    Path("answer").write_text(answer)
    with Path("answer").open() as asked:
        monkeypatch.setattr("sys.stdin", asked)
        assert habitus("inventory", "import", "keycloak", clients)[0] == code
    assert Path("inventory.yaml").exists() is (code == 0)


def test_result_for_programs_names_agents_and_conflicts(habitus, clients):
    Path("inventory.yaml").write_text(HAND)
    code, out, _ = habitus("inventory", "import", "keycloak", clients, "--yes", "--json")
    found = json.loads(out)
    assert (code, found["changed"], found["written"]) == (0, ["invoice-bot"], True)
    assert found["conflicts"] == [
        {"agent_id": "invoice-bot", "column": "owner", "kept": "eve@example.com",
         "imported": "ana@example.com", "origin": "by hand"}
    ]  # fmt: skip
    code, out, _ = habitus("inventory", "import", "keycloak", clients, "--yes", "--json")
    assert (json.loads(out)["changed"], json.loads(out)["written"]) == ([], False)


def test_inventory_of_the_settings_is_the_default(habitus, clients, monkeypatch):
    monkeypatch.setenv("HABITUS_INVENTORY", "ours.yaml")
    Path("ours.yaml").write_text(HAND)
    assert habitus("inventory", "import", "keycloak", clients, "--yes")[0] == 0
    assert "Invoice bot" in Path("ours.yaml").read_text()
    assert habitus("inventory", "import", "keycloak", clients, "--yes", "--out", "b.yaml")[0] == 0
    assert len(load(Path("b.yaml"))) == 1


def test_missing_inventory_of_the_settings_is_created_by_an_import_alone(
    habitus, clients, monkeypatch, tmp_path
):
    path = tmp_path / "sub" / "agents.yaml"
    path.parent.mkdir()
    monkeypatch.setenv("HABITUS_INVENTORY", str(path))
    code, _, err = habitus("agents")
    assert code == 2
    assert "HABITUS_INVENTORY: must be a file that is there" in err
    assert "habitus inventory import writes it" in " ".join(err.split())
    assert habitus("inventory", "import", "keycloak", clients, "--preview")[0] == 0
    assert not path.exists()
    code, _, err = habitus("inventory", "import", "keycloak", clients, "--yes")
    assert code == 0, err
    assert load(path).declared("invoice-bot").owner == "ana@example.com"
    code, _, err = habitus("agents")
    assert "HABITUS_INVENTORY" not in err


def test_csv_inventory_can_be_imported(habitus, clients, monkeypatch):
    Path("old.csv").write_text("agent_id,owner\ninvoice-bot,eve@example.com\n")
    monkeypatch.setenv("HABITUS_INVENTORY", "old.csv")
    code, _, err = habitus("inventory", "import", "keycloak", clients, "--yes")
    assert code == 2
    assert "an import needs an inventory in YAML, got 'old.csv'" in err
    assert habitus("inventory", "import", "csv", "old.csv", "--out", "new.yaml", "--yes")[0] == 0
    assert load(Path("new.yaml")).declared("invoice-bot").owner == "eve@example.com"
    note = yaml.safe_load(Path("new.yaml").read_text())["agents"][0]["imported"]["owner"]
    assert note["source"] == "csv old.csv"


def test_link_and_permissions_of_the_file_stay(habitus, clients):
    Path("real.yaml").write_text(HAND)
    Path("real.yaml").chmod(0o640)
    Path("inventory.yaml").symlink_to("real.yaml")
    assert habitus("inventory", "import", "keycloak", clients, "--yes")[0] == 0
    assert Path("inventory.yaml").is_symlink()
    assert stat.S_IMODE(Path("real.yaml").stat().st_mode) == 0o640
    assert sorted(one.name for one in Path().iterdir()) == [
        "clients.json", "inventory.yaml", "real.yaml",
    ]  # fmt: skip


def test_file_that_changed_meanwhile_is_not_overwritten(habitus, clients, monkeypatch):
    Path("inventory.yaml").write_text(HAND)
    theirs = HAND + "    role: clerk\n"

    def answered(*_: object, **__: object) -> bool:
        Path("inventory.yaml").write_text(theirs)
        return True

    monkeypatch.setattr("typer.confirm", answered)
    code, _, err = habitus("inventory", "import", "keycloak", clients)
    assert code == 2
    assert "inventory.yaml was changed meanwhile; nothing is written" in err
    assert Path("inventory.yaml").read_text() == theirs


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("okta", "a.json"), "unknown kind 'okta', expected one of: entra, a2a, spire"),
        (("spire", "none.json"), "'none.json' cannot be read: no such file or directory"),
        (("spire", "http://a.example.com/x"), "expected https://…"),
        (("spire", "clients.json", "--json"), "--json needs --yes or --preview"),
        (("spire", "-"), "standard input needs --yes or --preview"),
        (("spire", "clients.json", "--yes"), "clients.json, entry 1, spiffe_id: 'trust_domain'"),
    ],
)
def test_wrong_use_is_one_line_and_writes_nothing(habitus, clients, words, message):
    assert clients in {one.name for one in Path().iterdir()}
    code, _, err = habitus("inventory", "import", *words)
    assert code == 2
    assert err.startswith("error: ")
    assert message in err
    assert not Path("inventory.yaml").exists()


def test_several_files_are_one_import(habitus):
    pages = [{"entries": [one]} for one in ENTRIES["entries"]]
    for number, page in enumerate(pages):
        Path(f"{number}.json").write_text(json.dumps(page))
    names = [f"{number}.json" for number in range(len(pages))]
    code, _, err = habitus("inventory", "import", "spire", *names, "--yes")
    assert code == 0
    assert "1 agents: 1 new" in err
