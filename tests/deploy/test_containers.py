"""Containers and manifests: what they say to Habitus is what Habitus understands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer.main
import yaml

from pipeline.cli import app
from pipeline.settings import PREFIX, Settings
from scoring_api.serving.server import END_S

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
# Named by the containers, there only inside them, or of a store that is an extra.
ELSEWHERE = {"api_keys_file", "store"}
CLIENT_OF_THE_DATABASE = {"PGPASSWORD"}


def ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {n: s for n, s in compose["services"].items() if s["image"] == "habitus"}


def pods(manifests: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give the pod template of everything that runs pods, by name."""
    kinds = ("Deployment", "Job")
    found = {m["metadata"]["name"]: m["spec"]["template"] for m in manifests if m["kind"] in kinds}
    assert len(found) >= 3
    return found


def check_settings(given: dict[str, str]) -> None:
    assert all(name.startswith(PREFIX) for name in given.keys() - CLIENT_OF_THE_DATABASE), given
    values = {n.removeprefix(PREFIX).lower(): v for n, v in given.items() if n.startswith(PREFIX)}
    assert values.keys() <= Settings.model_fields.keys()
    Settings(**{name: value for name, value in values.items() if name not in ELSEWHERE})
    assert re.fullmatch(r"postgresql://[^:@/]+@[^@]+", values["store"]), "no password in there"


def check_command(words: list[str]) -> None:
    command = typer.main.get_command(app).commands[words[0]]  # type: ignore[attr-defined]
    options = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    assert {word.partition("=")[0] for word in words[1:]} <= options, words


def test_compose_sets_only_what_is_a_setting_and_runs_only_what_is_a_command(compose) -> None:
    assert ours(compose).keys() == {"topics", "worker", "api"}
    for service in ours(compose).values():
        check_settings(service["environment"])
        check_command(service["command"])


def test_the_broker_of_compose_writes_to_its_volume(compose) -> None:
    """The image's own place is in the container, which the next one does not have."""
    broker = compose["services"]["kafka"]
    (volume,) = broker["volumes"]
    assert volume == f"kafka:{broker['environment']['KAFKA_LOG_DIRS']}"


def test_the_manifests_set_only_what_is_a_setting_and_run_only_what_is_a_command(manifests) -> None:
    (shared,) = [m["data"] for m in manifests if m["kind"] == "ConfigMap"]
    for pod in pods(manifests).values():
        (container,) = pod["spec"]["containers"]
        own = {one["name"]: one.get("value", "from a secret") for one in container["env"]}
        check_settings(shared | own)
        check_command(container["args"])
        assert {"configMapRef": {"name": "habitus-settings"}} in container["envFrom"]


def test_manifests_are_valid_for_kubernetes(manifests) -> None:
    for one in manifests:
        kubernetes_validate.validate(one, "1.33", strict=True)
    deployment = next(one for one in manifests if one["kind"] == "Deployment")
    misspelt = deployment | {"spec": deployment["spec"] | {"replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(misspelt, "1.33", strict=True)


def test_unknown_setting_is_detected() -> None:
    with pytest.raises(AssertionError):
        check_settings({"HABITUS_STORE": "postgresql://h@db/h", "HABITUS_SAUCE": "-"})
    with pytest.raises(AssertionError):
        check_command(["serve", "--judge-nothing"])


def test_pods_have_only_the_rights_they_need(manifests) -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    for name, pod in pods(manifests).items():
        spec = pod["spec"]
        (container,) = spec["containers"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, "what they bring would be unknown settings"
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert f"USER {spec['securityContext']['runAsUser']}\n" in image
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        assert mounts == {volume["name"] for volume in spec["volumes"]}


def test_the_build_gets_every_file_that_it_copies() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.M)
    sources = {source for line in copied for source in line.split()}
    assert sources
    assert [each for each in sources if not {each, *map(str, Path(each).parents)} & kept] == []
    assert all((DEPLOY.parent / source).exists() for source in sources)


def test_containers_have_only_the_rights_they_need(compose) -> None:
    for name in (*ours(compose), "prometheus", "grafana"):
        service = compose["services"][name]
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert ":" in service["image"] or "build" in service, "a version"


def test_manifests_require_passwords_and_contain_none(compose) -> None:
    passwords = [
        (name, value)
        for service in compose["services"].values()
        for name, value in service.get("environment", {}).items()
        if "PASSWORD" in name
    ]
    assert passwords
    for name, value in passwords:
        assert re.fullmatch(r"\$\{[A-Z_]+:\?.+\}", value), name


def test_grace_period_of_a_pod_exceeds_the_shutdown_time(compose, manifests) -> None:
    assert pods(manifests)["habitus-api"]["spec"]["terminationGracePeriodSeconds"] > END_S
    assert int(compose["services"]["api"]["stop_grace_period"].rstrip("s")) > END_S


def test_probes_use_existing_routes(manifests, client) -> None:
    (container,) = pods(manifests)["habitus-api"]["spec"]["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert client.get(container[probe]["httpGet"]["path"]).status_code == 200
    # Loading does not look like death.
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_selectors_select_something(manifests) -> None:
    labels = [pod["metadata"]["labels"] for pod in pods(manifests).values()]
    asked = [
        m["spec"].get("podSelector", m["spec"].get("selector"))
        for m in manifests
        if m["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy", "Deployment")
    ]
    assert len(asked) == 7
    for selector in asked:
        wanted = selector.get("matchLabels", selector if "matchLabels" not in selector else {})
        assert any(wanted.items() <= found.items() for found in labels), selector


def test_only_the_port_of_the_api_is_open(manifests) -> None:
    (container,) = pods(manifests)["habitus-api"]["spec"]["containers"]
    (port,) = container["ports"]
    opened = [
        entry["port"]
        for m in manifests
        if m["kind"] == "NetworkPolicy"
        for rule in m["spec"].get("ingress", [])
        for entry in rule["ports"]
    ]
    assert opened == [port["containerPort"]]
    listen = {one["name"]: one.get("value") for one in container["env"]}["HABITUS_LISTEN"]
    assert listen == f"0.0.0.0:{port['containerPort']}"


def test_every_manifest_is_named_and_every_mounted_file_is_there(compose) -> None:
    named = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    assert sorted([*named, "kustomization.yaml"]) == sorted(p.name for p in KUBERNETES.iterdir())
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("${"):  # the operator brings it
                continue
            assert source in compose["volumes"] or (DEPLOY / source).exists(), source
