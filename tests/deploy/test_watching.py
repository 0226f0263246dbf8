"""Dashboard and alerts: every metric they name is one that is told."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "habitus.json"
# What Prometheus itself knows of whom it asks.
OF_PROMETHEUS = {"up"}
_NAME = re.compile(r"\b(?:habitus|process|python)_[a-z_]+|\bup\b")
_OF_A_HISTOGRAM = ("_bucket", "_sum", "_count")


def told(page: str) -> set[str]:
    """Give the names of all series of a page of metrics, those without a sample yet included."""
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE):
        if not name.endswith("_created"):
            names |= {name + end for end in _OF_A_HISTOGRAM} if kind == "histogram" else {name}
    return names


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    assert found
    return found


def dashboard_expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


@pytest.fixture
def names(client) -> set[str]:
    client.get("/v1/agents/a/trust")
    return told(client.get("/metrics").text) | OF_PROMETHEUS


def test_alerts_name_metrics_that_are_there(names) -> None:
    for rule in alerts():
        used = set(_NAME.findall(rule["expr"]))
        assert used, rule["alert"]
        assert used <= names, rule["alert"]


def test_the_dashboard_names_metrics_that_are_there_and_shows_all_of_ours(names) -> None:
    used = {name for expression in dashboard_expressions() for name in _NAME.findall(expression)}
    assert used <= names
    own = {re.sub("_(sum|count)$", "_bucket", n) for n in names if n.startswith("habitus_")}
    assert own <= used


def test_routes_and_labels_of_the_queries_are_real(client) -> None:
    client.get("/v1/agents/a/trust")
    page = client.get("/metrics").text
    queries = [rule["expr"] for rule in alerts()] + dashboard_expressions()
    for query in queries:
        for route in re.findall(r'route="([^"]+)"', query):
            assert f'route="{route}"' in page


def test_the_pod_monitor_asks_the_port_of_the_api_by_the_label_of_its_pods() -> None:
    monitor = yaml.safe_load((PROMETHEUS / "pod-monitor.yaml").read_text())["spec"]
    manifests = yaml.safe_load_all((DEPLOY / "kubernetes" / "api.yaml").read_text())
    template = next(one for one in manifests if one["kind"] == "Deployment")["spec"]["template"]
    assert monitor["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    ports = {port["name"] for one in template["spec"]["containers"] for port in one["ports"]}
    asked = monitor["podMetricsEndpoints"]
    assert asked
    assert {endpoint["port"] for endpoint in asked} <= ports
    jobs = {label["replacement"] for one in asked for label in one["relabelings"]}
    assert jobs == {job for rule in alerts() for job in re.findall(r'job="(\w+)"', rule["expr"])}


def test_each_alert_says_what_is_wrong_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in alerts()}) == len(alerts()) > 0
    for rule in alerts():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "action"}
        assert rule["for"]


def test_panels_do_not_lie_on_each_other() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)


@pytest.mark.parametrize(
    "command",
    [
        ["check", "config", "--syntax-only", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ],
    ids=" ".join,
)
def test_prometheus_accepts_it(promtool, command) -> None:
    done = subprocess.run(  # noqa: S603  # Prometheus' own checker
        [promtool, *command], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_accepts_the_page_of_metrics(promtool, client) -> None:
    page = client.get("/metrics").text
    done = subprocess.run(  # noqa: S603  # Prometheus' own checker
        [promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
