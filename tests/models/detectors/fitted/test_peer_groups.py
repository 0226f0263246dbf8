"""Peer groups by behaviour (models.detectors.fitted.peer_groups)."""

from __future__ import annotations

from collections import Counter

import pytest

from models.detectors.fitted.peer_groups import PeerGroups, group_agents, shares_of
from models.errors import ConfigError


def test_groups_do_not_depend_on_the_order_of_agents() -> None:
    counts = {f"post-{n}": Counter({"mail.read": 30 + n, "files.read": 3}) for n in range(4)}
    counts |= {f"bank-{n}": Counter({"bank.pay": 30 + n}) for n in range(4)}
    forward = group_agents(shares_of(counts))
    backward = group_agents(shares_of(dict(reversed(counts.items()))))
    assert forward.of == backward.of
    assert forward.nearest({"bank.pay": 5}) == forward.role("bank-0")


def test_two_agents_are_too_few_for_groups() -> None:
    with pytest.raises(ConfigError, match="at least 3 agents"):
        group_agents(shares_of({"a": Counter(x=30), "b": Counter(y=30)}))


def test_stored_groups_are_restored() -> None:
    groups = PeerGroups(["a"], {"x": "like:a"}, {"like:a": [1.0]}, 0.5)
    again = PeerGroups.from_bytes("desks", groups.columns, groups.to_bytes())
    assert (again.name, again.of, again.centres) == ("desks", groups.of, groups.centres)
    assert again.silhouette == groups.silhouette


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (
            PeerGroups(["a", "b"], {}, {"like:a": [1.0]}, 0.5),
            "'like:a' of desks has 1 columns, its header names 2 tools; fit it again",
        ),
        (
            PeerGroups(["a"], {"x": "like:b"}, {"like:a": [1.0]}, 0.5),
            r"agents of desks are in groups that it lacks: \['like:b'\]",
        ),
    ],
)
def test_groups_of_another_shape_are_refused(groups: PeerGroups, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        PeerGroups.from_bytes("desks", groups.columns, groups.to_bytes())
