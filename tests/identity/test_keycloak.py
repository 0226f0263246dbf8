"""A real Keycloak: delegated tokens are events with their chain, and its signals move trust."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.identity.realm import AGENT, PORTAL, RECEIVER, claims_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.identity.conftest import Command
    from tests.identity.realm import Realm

pytestmark = [pytest.mark.keycloak, pytest.mark.slow, pytest.mark.timeout(900)]


def test_delegated_token_and_event_log_name_the_agent_its_person_and_the_chain(
    realm: Realm, habitus: Command
) -> None:
    claims = claims_of(realm.delegated())
    (of_token,) = habitus.decoded("oauth", {"time": claims["iat"], "tool": "t", "claims": claims})
    of_log = habitus.decoded("keycloak", *realm.log_lines())
    exchanges = [one for one in of_log if one["tool"] == "keycloak:TOKEN_EXCHANGE"]
    assert [one["agent"]["id"] for one in (of_token, *exchanges)] == [AGENT, AGENT]
    assert [one["human"]["id"] for one in (of_token, *exchanges)] == [claims["sub"]] * 2
    # The log also names the client whose token was exchanged; Keycloak writes no such claim.
    assert (of_token["delegation"], exchanges[0]["delegation"]) == ([AGENT], [AGENT, PORTAL])
    assert of_token["mode"] == "delegated"
    own = next(one for one in of_log if one["tool"] == "keycloak:CLIENT_LOGIN")
    assert (own["agent"]["id"], own["mode"], "human" in own) == (AGENT, "autonomous", False)


def test_agent_that_acts_for_an_agent_is_delegated_without_a_human(
    realm: Realm, habitus: Command
) -> None:
    own = realm.token(AGENT, grant_type="client_credentials")
    exchanged = realm.exchanged(PORTAL, own)
    realm.introspect(PORTAL, own)
    realm.revoke(AGENT, own)
    claims = [{"tool": "t", "claims": claims_of(one)} for one in (own, exchanged)]
    alone, of_token = habitus.decoded("oauth", *claims)
    of_log = {one["tool"]: one for one in habitus.decoded("keycloak", *realm.log_lines())}
    events = [alone, of_token, *of_log.values()]
    assert not [one for one in events if "human" in one]
    assert alone["mode"] == of_log["keycloak:CLIENT_LOGIN"]["mode"] == "autonomous"
    for one in (of_token, of_log["keycloak:TOKEN_EXCHANGE"]):
        assert (one["mode"], one["delegation"]) == ("delegated", [PORTAL, AGENT])
    assert {"keycloak:INTROSPECT_TOKEN", "keycloak:REVOKE_GRANT"} <= of_log.keys()


@pytest.mark.parametrize("delivery", ["poll", "push"])
def test_end_of_a_persons_sessions_lowers_the_trust_of_her_agent(
    realm: Realm, habitus: Command, delivery: str
) -> None:
    claims = claims_of(realm.delegated())
    (habitus.folder / "claims.jsonl").write_text(
        json.dumps({"time": claims["iat"], "tool": "mail.send", "claims": claims}) + "\n"
    )
    store = {"store": f"sqlite:{habitus.folder / 'habitus.db'}"}
    habitus("run", "--drain", source="file:claims.jsonl", format="oauth", **store)
    (habitus.folder / "secret").write_text(realm.secret)
    listen = f"127.0.0.1:{_free_port()}"
    url = f"http://{listen}/v1/ssf/events"
    pushed = ["--push", url] if delivery == "push" else []
    if pushed:
        realm.let_receiver_be_pushed_to(url)
    table = habitus(
        "ssf", "create", "keycloak", "--issuer", realm.issuer, "--token-url", realm.token_url,
        "--client-id", RECEIVER, "--client-secret-file", "secret", *pushed,
    )  # fmt: skip
    (habitus.folder / "transmitters.toml").write_text(table)
    with serving(habitus, listen, ssf_transmitters="transmitters.toml", **store) as trust:
        before = trust()
        realm.end_sessions(claims["sub"])
        after = _until(trust, lambda one: one["score"] < before["score"])
    assert after["reasons"][0]["anomaly"] == "identity.revoked"
    assert after["facets"]["identity"] < before["facets"]["identity"]


@contextmanager
def serving(
    habitus: Command, listen: str, **settings: str
) -> Iterator[Callable[[], dict[str, Any]]]:
    """Serve the API; give what asks it for the trust of the agent."""
    variables = habitus.variables(listen=listen, **settings)
    process = subprocess.Popen(  # noqa: S603 - our own program
        habitus.arguments("serve"), cwd=habitus.folder, env=variables
    )

    def trust() -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"http://{listen}/v1/agents/{AGENT}/trust").json()
        return found

    def ready() -> bool:
        try:
            return httpx.get(f"http://{listen}/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    try:
        _until(ready, bool)
        yield trust
    finally:
        process.terminate()
        process.wait(30)


def _until(read: Callable[[], Any], holds: Callable[[Any], bool], seconds: float = 240) -> Any:
    end = time.monotonic() + seconds
    while not holds(found := read()):
        assert time.monotonic() < end, f"it did not come true in time: {found}"
        time.sleep(0.2)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
