"""The table of anomaly types names real things: severities, facets, and ids of the frameworks."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING, Any, get_args

import pytest

from models.alerting.naming import TYPES as REFINED
from models.features.counters import COUNTERS
from models.features.families import FAMILIES
from models.features.plan import FEATURES
from models.trust.ledger import Facet
from models.trust.policy import SEVERITIES
from pipeline.publishing.catalogue import FRAMEWORKS, catalogue, title_of

if TYPE_CHECKING:
    from pathlib import Path

FORMS = {
    "owasp": re.compile(r"ASI(0[1-9]|10)"),
    "maestro": re.compile(r"L[1-7]"),
    "attack": re.compile(r"T1\d{3}(\.\d{3})?"),
    "atlas": re.compile(r"AML\.(T\d{4}(\.\d{3})?|TA\d{4})"),
}
FIXTURES = {
    "owasp": ("owasp-asi-2026.json", ("items",)),
    "maestro": ("csa-maestro.json", ("items",)),
    "atlas": ("mitre-atlas.json", ("techniques", "tactics")),
}
TYPES = sorted(catalogue())


@pytest.fixture
def framework(shared_dir: Path) -> dict[str, Any]:
    """Give the entries of each framework by id."""
    found = {}
    for name, (file, keys) in FIXTURES.items():
        listed = json.loads((shared_dir / "fixtures" / "frameworks" / file).read_text("utf-8"))
        found[name] = {item["id"]: item for key in keys for item in listed[key]}
    return found


@pytest.mark.parametrize("anomaly", TYPES)
def test_an_anomaly_type_has_a_severity_a_facet_and_a_title(anomaly):
    kind = catalogue()[anomaly]
    assert kind.severity in SEVERITIES
    assert kind.facet in get_args(Facet)
    assert title_of(anomaly) != anomaly
    assert re.fullmatch(r"[a-z]+\.[a-z_]+|cascade", anomaly)


def _kinds_of_tags(anomaly):
    kind = catalogue()[anomaly]
    return [kind.tags, *(kind.tagged([name]) for name in kind.when)]


NO_TECHNIQUE = ("behavior.drift", "error.burst")
"""Types that no attack need be behind."""
TAGS = [(anomaly, tags) for anomaly in TYPES for tags in _kinds_of_tags(anomaly)]


@pytest.mark.parametrize(("anomaly", "tags"), TAGS)
def test_ids_have_the_form_of_their_framework_and_none_is_named_twice(anomaly, tags):
    assert tuple(tags) == FRAMEWORKS
    for name, ids in tags.items():
        assert len(set(ids)) == len(ids)
        assert all(FORMS[name].fullmatch(one) for one in ids), (name, ids)
    assert tags["owasp"]
    assert tags["maestro"]
    assert tags["attack"] or tags["atlas"] or anomaly in NO_TECHNIQUE


@pytest.mark.shared
@pytest.mark.parametrize(("anomaly", "tags"), TAGS)
def test_ids_exist_in_the_framework_itself(framework, anomaly, tags):
    for name in FIXTURES:
        assert set(tags[name]) <= set(framework[name]), f"{name} of {anomaly}"


@pytest.mark.shared
def test_the_version_of_atlas_is_the_one_the_table_names(shared_dir):
    path = shared_dir / "fixtures" / "frameworks" / "mitre-atlas.json"
    version = json.loads(path.read_text("utf-8"))["version"]
    table = files("pipeline").joinpath("data/anomalies.toml").read_text("utf-8")
    assert f"ATLAS {version}" in table


def test_table_has_every_anomaly_of_features_counters_and_families():
    said = {one.anomaly for one in (*FEATURES, *COUNTERS, *FAMILIES.values())}
    said |= {name for name, _ in REFINED}
    assert said <= set(catalogue()), "add the type to pipeline/data/anomalies.toml"


def test_every_row_of_the_table_is_read():
    table = files("pipeline").joinpath("data/anomalies.toml").read_text("utf-8")
    assert set(tomllib.loads(table)) - {"maestro"} == set(catalogue())


def test_an_unknown_type_is_called_by_its_name():
    assert title_of("made.up") == "made.up"
