"""A realm of a real Keycloak: a person, the portal she uses, and an agent that acts for her."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import Any

import httpx

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
AGENT, PORTAL, RECEIVER = "mail-bot", "portal", "habitus"


def claims_of(token: str) -> dict[str, Any]:
    """Give the claims of a token that comes straight from its issuer."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _mapper(kind: str, **config: str) -> dict[str, Any]:
    return {
        "name": f"{kind}-{len(config)}", "protocol": "openid-connect", "protocolMapper": kind,
        "config": {"access.token.claim": "true", **config},
    }  # fmt: skip


def _audience(client: str) -> dict[str, Any]:
    return _mapper("oidc-audience-mapper", **{"included.client.audience": client})


class Realm:
    """A new realm; `delete` it."""

    def __init__(self, url: str, user: str, password: str, log: str, **_: Any) -> None:
        self._http = httpx.Client(base_url=url, timeout=120)
        self._log = Path(log)
        self._admin = user, password
        self.name = f"test-{secrets.token_hex(4)}"
        self.issuer = f"{url}/realms/{self.name}"
        self.secret = secrets.token_urlsafe(12)
        self._make()

    def delete(self) -> None:
        self._ask("DELETE", "")
        self._http.close()

    # ------------------------------------------------------------------ administration

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        user, password = self._admin
        form = {"grant_type": "password", "client_id": "admin-cli"}
        answer = self._http.post(
            "/realms/master/protocol/openid-connect/token",
            data=form | {"username": user, "password": password},
        )
        headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
        done = self._http.request(
            method, f"/admin/realms/{self.name}{path}".rstrip("/"),
            headers=headers, json=body,
        )  # fmt: skip
        assert done.is_success, (method, path, done.text)
        return done.json() if done.content else None

    def _make(self) -> None:
        person = {
            "username": "alice", "enabled": True, "email": "alice@example.com",
            "firstName": "A", "lastName": "B", "emailVerified": True,
            "credentials": [{"type": "password", "value": self.secret, "temporary": False}],
        }  # fmt: skip
        realm = {
            "realm": self.name, "enabled": True, "users": [person],
            "eventsListeners": ["jboss-logging", "ssf-events"],
            "attributes": {"ssf.transmitterEnabled": "true"},
        }  # fmt: skip
        self._create_realm(realm)
        exchange = {"standard.token.exchange.enabled": "true"}
        # Keycloak 26.7 writes no `act` by itself; a mapper of the agent does.
        act = _mapper(
            "oidc-hardcoded-claim-mapper",
            **{"claim.name": "act.client_id", "claim.value": AGENT, "jsonType.label": "String"},
        )
        self._client(PORTAL, exchange, [_audience(AGENT)], directAccessGrantsEnabled=True)
        self._client(AGENT, exchange, [_audience(PORTAL), act], serviceAccountsEnabled=True)
        ssf = {"ssf.enabled": "true", "ssf.defaultSubjects": "ALL",
               "ssf.validPushUrls": "http://127.0.0.1:*"}  # fmt: skip
        self._client(RECEIVER, ssf, [], serviceAccountsEnabled=True,
                     defaultClientScopes=["basic", "ssf.manage", "ssf.read"])  # fmt: skip

    def _create_realm(self, realm: dict[str, Any]) -> None:
        name, self.name = self.name, ""
        try:
            self._ask("POST", "", realm)
        finally:
            self.name = name

    def _client(
        self, name: str, attributes: dict[str, str], mappers: list[dict[str, Any]], **more: Any
    ) -> None:
        client = {
            "clientId": name, "secret": self.secret, "attributes": attributes,
            "protocolMappers": mappers, "standardFlowEnabled": False,
            "defaultClientScopes": ["acr", "basic", "email", "profile"],
        }  # fmt: skip
        self._ask("POST", "/clients", client | more)

    def end_sessions(self, person: str) -> None:
        """End all sessions of a person, as an administrator does."""
        self._ask("POST", f"/users/{person}/logout")

    def let_receiver_be_pushed_to(self, url: str) -> None:
        """Allow the URL to which the receiver's stream may push."""
        (client,) = self._ask("GET", f"/clients?clientId={RECEIVER}")
        client["attributes"]["ssf.validPushUrls"] = url
        self._ask("PUT", f"/clients/{client['id']}", client)

    # ------------------------------------------------------------------ tokens

    @property
    def token_url(self) -> str:
        return f"{self.issuer}/protocol/openid-connect/token"

    def token(self, client: str, **form: str) -> str:
        given = {"client_id": client, "client_secret": self.secret} | form
        answer = self._http.post(self.token_url, data=given)
        assert answer.is_success, answer.text
        return str(answer.json()["access_token"])

    def delegated(self) -> str:
        """Give a token of the agent for the person, exchanged for that of the portal."""
        hers = self.token(PORTAL, grant_type="password", username="alice", password=self.secret)
        own = self.token(AGENT, grant_type="client_credentials")
        return self.token(
            AGENT, grant_type=EXCHANGE, subject_token=hers, subject_token_type=ACCESS,
            actor_token=own, actor_token_type=ACCESS,
        )  # fmt: skip

    def exchanged(self, client: str, subject: str) -> str:
        """Give the token that a client gets for another one."""
        form = {"subject_token": subject, "subject_token_type": ACCESS}
        return self.token(client, grant_type=EXCHANGE, **form)

    def introspect(self, client: str, token: str) -> None:
        self._post("token/introspect", client, token)

    def revoke(self, client: str, token: str) -> None:
        self._post("revoke", client, token)

    def _post(self, path: str, client: str, token: str) -> None:
        form = {"client_id": client, "client_secret": self.secret, "token": token}
        answer = self._http.post(f"{self.issuer}/protocol/openid-connect/{path}", data=form)
        assert answer.is_success, answer.text

    def log_lines(self) -> list[str]:
        """Give the lines of the event log about this realm."""
        lines = self._log.read_text(errors="replace").splitlines()
        return [line for line in lines if f'realmName="{self.name}"' in line]
