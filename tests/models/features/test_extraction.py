"""What an event's fields are called as categories."""

from __future__ import annotations

import pytest

from models.event import Origin, Resource, microseconds
from models.features.extraction import extract


@pytest.fixture
def categories(an_event):
    """Give the categories of an event that reads data of a sensitivity."""

    def of(sensitivity):
        event = an_event(resource=Resource(id="crm/7", domain="crm", sensitivity=sensitivity))
        return extract(event, Origin(), "START", microseconds(event.time))

    return of


def test_public_data_share_one_area(categories):
    public, internal, unknown = (categories(one) for one in ("public", "internal", None))
    assert public == internal
    assert public["area"] == unknown["area"] == "crm"
    assert "sensitivity" not in unknown


@pytest.mark.parametrize("sensitivity", ["confidential", "restricted"])
def test_sensitive_data_have_their_own_area(categories, sensitivity):
    found = categories(sensitivity)
    assert found["sensitivity"] == sensitivity
    assert found["area"] == f"crm {sensitivity}"
