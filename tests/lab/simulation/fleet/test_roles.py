"""Roles of the simulator."""

from __future__ import annotations

import pytest

from lab.simulation.fleet.world.roles import all_roles
from lab.simulation.sample.world.roles import roles
from lab.simulation.tables import table


@pytest.mark.parametrize("name", ["tools.csv", "tasks.csv"])
def test_every_role_of_the_tables_is_in_the_fleet(name: str) -> None:
    named = {row["role"] for row in table("lab.simulation.fleet.world", name)}
    todo = "add the role to _ORDER in lab/simulation/fleet/world/roles.py, and to both tables"
    assert named | set(roles()) == set(all_roles()), todo
