"""What Microsoft Graph, A2A, SPIRE and Keycloak write, with made-up names."""

from __future__ import annotations

import json
from typing import Any

from pipeline.inventory.importing.documents import Document

# Graph beta: servicePrincipals with $expand=owners,sponsors, and the grants of each.
GRAPH: dict[str, Any] = {
    "@odata.context": "https://graph.microsoft.com/beta/$metadata#servicePrincipals",
    "@odata.nextLink": "https://graph.microsoft.com/beta/servicePrincipals?$skiptoken=x",
    "value": [
        {
            "@odata.type": "#microsoft.graph.agentIdentity",
            "id": "27a3cf14-5bdc-4814-bb13-8f1740ca9a4f",
            "displayName": "Invoice bot",
            "accountEnabled": False,
            "appId": "5d0e0000-0000-0000-0000-000000000001",
            "agentIdentityBlueprintId": "65415bb1-9267-4313-bbf5-ae259732ee12",
            "createdDateTime": "2026-11-24T10:00:00Z",
            "servicePrincipalType": "ServiceIdentity",
            "tags": [],
            "owners": [
                {"@odata.type": "#microsoft.graph.user", "id": "u-1", "mail": None,
                 "userPrincipalName": "ana@example.com"},
                {"@odata.type": "#microsoft.graph.user", "id": "u-2",
                 "userPrincipalName": "bo@example.com"},
            ],
            "sponsors": [
                {"@odata.type": "#microsoft.graph.group", "id": "g-1",
                 "displayName": "Finance sponsors"},
            ],
            "oauth2PermissionGrants": [
                {"clientId": "27a3cf14", "consentType": "AllPrincipals", "resourceId": "r-1",
                 "scope": " User.Read Mail.Send "},
            ],
        },
        {
            "@odata.type": "#microsoft.graph.agentIdentityBlueprintPrincipal",
            "id": "sp-blueprint",
            "displayName": "Invoice blueprint",
            "servicePrincipalType": "Application",
        },
        {
            "id": "sp-portal",
            "displayName": "Portal",
            "appId": "p-1",
            "servicePrincipalType": "Application",
            "accountEnabled": True,
            "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
        },
    ],
}  # fmt: skip

# The sample card of the A2A 1.0 specification, shortened.
CARD: dict[str, Any] = {
    "name": "GeoSpatial Route Planner Agent",
    "description": "Provides route planning.",
    "supportedInterfaces": [
        {"url": "https://georoute-agent.example.com/a2a/v1", "protocolBinding": "JSONRPC",
         "protocolVersion": "1.0"},
        {"url": "https://georoute-agent.example.com/a2a/grpc", "protocolBinding": "GRPC",
         "protocolVersion": "1.0"},
    ],
    "provider": {"organization": "Example Geo Services Inc.", "url": "https://www.example.com"},
    "version": "1.2.0",
    "capabilities": {"streaming": True, "pushNotifications": True, "extendedAgentCard": True},
    "securitySchemes": {
        "google": {"openIdConnectSecurityScheme": {"openIdConnectUrl": "https://example.com/oidc"}}
    },
    "securityRequirements": [{"schemes": {"google": {"list": ["openid", "profile", "email"]}}}],
    "defaultInputModes": ["application/json", "text/plain"],
    "defaultOutputModes": ["application/json", "image/png"],
    "skills": [
        {"id": "route-optimizer-traffic", "name": "Traffic-Aware Route Optimizer", "tags": ["maps"],
         "description": "Calculates the optimal driving route."},
        {"id": "custom-map-generator", "name": "Personalized Map Generator", "tags": ["maps"],
         "description": "Creates custom map images."},
    ],
    "signatures": [
        {"protected": "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpPU0UiLCJraWQiOiJrZXktMSJ9",
         "signature": "QFdkNLNszlGj3z3u0YQGt_T9LixY3qtdQpZmsTdDHDe3fXV9y9-B3m2-XgCpzuhiLt8E"},
    ],
}  # fmt: skip


def _entry(number: int, path: str, parent: str, **more: Any) -> dict[str, Any]:
    """Give an entry as `spire-server entry show -output json` prints it."""
    return {
        "id": f"e-{number}",
        "spiffe_id": {"trust_domain": "example.org", "path": path},
        "parent_id": {"trust_domain": "example.org", "path": parent},
        "selectors": [{"type": "unix", "value": "uid:1001"}],
        "x509_svid_ttl": 0,
        "federates_with": [],
        "admin": False,
        "downstream": False,
        "expires_at": "0",
        "dns_names": [],
        "revision_number": "0",
        "store_svid": False,
        "jwt_svid_ttl": 0,
        "hint": "",
        "created_at": "1732458508",
    } | more


ENTRIES: dict[str, Any] = {
    "entries": [
        _entry(
            1, "/agent/invoice-bot", "/spire/agent/join_token/a0", hint="internal",
            expires_at="1798761600",
        ),
        _entry(
            2, "/agent/invoice-bot", "/spire/agent/k8s/n1",
            selectors=[{"type": "k8s", "value": "sa:invoice-bot"}],
        ),
        _entry(3, "/node", "/spire/server"),
        _entry(
            5, "/node", "/spire/agent/join_token/a0",
            selectors=[
                {"type": "spiffe_id", "value": "spiffe://example.org/spire/agent/join_token/a0"},
            ],
        ),
        _entry(4, "/nested", "/spire/agent/join_token/a0", downstream=True),
    ],
    "next_page_token": "",
}  # fmt: skip

CLIENTS: list[dict[str, Any]] = [
    {
        "id": "c0ffee00-0000-0000-0000-000000000001",
        "clientId": "invoice-bot",
        "name": "Invoice bot",
        "enabled": True,
        "clientAuthenticatorType": "client-secret",
        "secret": "s3cret",
        "serviceAccountsEnabled": True,
        "publicClient": False,
        "protocol": "openid-connect",
        "attributes": {"owner": "ana@example.com", "review_date": "2027-03-31"},
        "defaultClientScopes": ["basic"],
        "optionalClientScopes": ["mail.send"],
    },
    {
        "clientId": "portal",
        "name": "Portal",
        "enabled": True,
        "serviceAccountsEnabled": False,
        "publicClient": True,
    },
    {"clientId": "account", "name": "${client_account}", "serviceAccountsEnabled": False},
]


def document(name: str, value: Any) -> Document:
    """Give a JSON document."""
    return Document(name, json.dumps(value).encode())
