"""The example of docs/inventory.md is what an import makes, and the page names all kinds."""

from __future__ import annotations

import re
from pathlib import Path

from models.baseline.allowed import Allowed
from pipeline.inventory.coverage import GROUPS
from pipeline.inventory.document import InventoryDocument
from pipeline.inventory.importing import KINDS, importer_named, read
from pipeline.inventory.importing.documents import Document
from pipeline.inventory.merging import Merge
from pipeline.inventory.reading import agents_of

PAGE = (Path(__file__).parents[3] / "docs" / "inventory.md").read_text()
AT = "2026-12-02T08:00:00Z"


def test_example_of_the_page_is_what_an_import_makes():
    clients, before, after = re.findall(r"^```(?:json|yaml)\n(.*?)^```$", PAGE, re.M | re.S)
    document = InventoryDocument(Path("inventory.yaml"), before)
    gathered = read("keycloak", [Document("clients.json", clients.encode())])
    merged = Merge(document, importer_named("keycloak"), "keycloak", AT, replace=False).apply(
        gathered
    )
    assert document.text() == after
    assert [one.column for one in merged.conflicts] == ["owner"]
    (agent,) = agents_of(Path("inventory.yaml"), after).values()
    assert agent.scopes == Allowed.of(["mail.send", "openid"])


def test_page_names_all_kinds_and_groups():
    for word in (*KINDS, *GROUPS):
        assert f"`{word}`" in PAGE
