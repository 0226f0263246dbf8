"""The name in a verified client certificate."""

from __future__ import annotations

import ssl
from typing import Any

from models.units import SECOND_US
from scoring_api.authentication.certificate_entries import ClientCertificate

_SPIFFE = "spiffe://"
_LONGEST = 2048


def certificate_of(found: dict[str, Any]) -> ClientCertificate:
    """Convert the result of `ssl.SSLSocket.getpeercert`.

    >>> names = (("DNS", "a.example.com"), ("URI", "spiffe://example.com/ns/shop"))
    >>> end = "Jan  5 09:34:43 2027 GMT"
    >>> certificate_of({"subjectAltName": names, "notAfter": end}).subject
    'spiffe://example.com/ns/shop'
    """
    until_us = int(ssl.cert_time_to_seconds(found["notAfter"])) * SECOND_US
    return ClientCertificate(_subject(found), until_us)


def _subject(found: dict[str, Any]) -> str | None:
    names: dict[str, list[str]] = {"URI": [], "DNS": [], "email": []}
    for kind, value in found.get("subjectAltName", ()):
        names.setdefault(kind, []).append(value)
    uris = names["URI"]
    if any(uri.lower().startswith(_SPIFFE) for uri in uris) and len(uris) > 1:
        return None  # a SPIFFE certificate has exactly one URI
    common = [
        value for part in found.get("subject", ()) for name, value in part if name == "commonName"
    ]
    for kind, values in (("URI", uris), ("DNS", names["DNS"]), ("", names["email"]), ("", common)):
        if values:
            # Only a URI may be a SPIFFE id: an authority that checks only host names must not be
            # able to issue one.
            name = values[0]
            certain = (kind == "URI") == ("://" in name)
            return name if certain and name.isprintable() and len(name) <= _LONGEST else None
    return None
