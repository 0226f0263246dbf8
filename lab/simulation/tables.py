"""CSV tables: those beside a module, and the inventory of synthetic agents."""

from __future__ import annotations

import csv
import io
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = dict[str, str]

_INVENTORY = ("agent_id", "role", "owner", "model")


def table(package: str, name: str) -> list[Row]:
    """Read a CSV file of a package.

    >>> table("lab.simulation.sample.world", "agents.csv")[0]["agent_id"]
    'invoice-clerk-1'
    """
    return list(csv.DictReader(files(package).joinpath(name).read_text("utf-8").splitlines()))


def inventory_csv(agents: Iterable[tuple[str, str, str, str]]) -> bytes:
    r"""Format an inventory as CSV: agent id, role, owner and model of each registered agent.

    >>> inventory_csv([("desk-1", "support", "help@example.com", "cedar-2")])
    b'agent_id,role,owner,model\ndesk-1,support,help@example.com,cedar-2\n'
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_INVENTORY)
    rows.writerows(agents)
    return text.getvalue().encode()
