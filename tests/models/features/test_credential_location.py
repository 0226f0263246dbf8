"""The name of the place where a credential is used."""

from __future__ import annotations

import pytest

from models.event import Origin
from models.features.credential_location import location_of


@pytest.mark.parametrize(
    ("address", "origin", "location"),
    [
        ("192.0.2.7", Origin(), "192.0.0.0/16"),
        ("2001:db8:1:2::3", Origin(), "2001:db8::/32"),
        ("not an address", Origin(), ""),
        ("192.0.2.7", Origin(asn=64500), "unknown country AS64500"),
        ("192.0.2.7", Origin(country="SE"), "SE unknown operator"),
        ("not an address", Origin(asn=64500, country="SE"), "SE AS64500"),
    ],
)
def test_a_place_is_named_by_the_best_that_is_known(address, origin, location):
    assert location_of(address, origin) == location
