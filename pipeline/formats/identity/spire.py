"""SPIRE: the audit lines of the server log, as text or JSON.

The agent is the workload that an SVID is for, and otherwise the caller. Sources: SPIRE's audit log
page, and the log of a SPIRE 1.13 server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.bounded_event import SECOND_US, instant_text, instant_us, ip_of, whole
from pipeline.formats.json_records import parts_in
from pipeline.formats.log_lines import logged, pairs_of, text_of
from pipeline.formats.members import number, text
from pipeline.formats.secrets import digest, digest_of_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.formats.part import Part

_ISSUES = {"NewJWTSVID", "MintJWTSVID", "BatchNewX509SVID", "MintX509SVID", "NewDownstreamX509CA"}
_WORDS = {"Get": "read", "List": "read", "Count": "read", "Sync": "read", "BatchDelete": "delete",
          "Delete": "delete", "Ban": "admin", "Create": "admin", "BatchCreate": "admin",
          "BatchUpdate": "admin", "Attest": "admin", "Mint": "admin"}  # fmt: skip
_DENIALS = {"PermissionDenied", "Unauthenticated"}
# The codes of gRPC by their number: a text log has the name, and a JSON log the number.
_CODES = ("OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound",
          "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
          "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss",
          "Unauthenticated")  # fmt: skip
_KEPT = ("caller_id", "caller_uid", "caller_path", "authorized_as", "authorized_via", "parent_id",
         "selectors", "entry_id", "node_attestor_type", "admin", "downstream", "jwt_svid_ttl",
         "x509_svid_ttl", "status_code", "status_message")  # fmt: skip


class Spire:
    """Reader of SPIRE server audit lines.

    Examples
    --------
    >>> line = (
    ...     b'time="2026-01-05T08:00:00Z" level=info audience=payments method=NewJWTSVID '
    ...     b'request_id=r1 service=svid.v1.SVID spiffe_id="spiffe://example.org/bot" '
    ...     b'status=success ttl=300 type=audit'
    ... )
    >>> (part,) = Spire().decode(line)
    >>> part.event["agent"]["id"], part.event["resource"]["id"]
    ('spiffe://example.org/bot', 'payments')
    >>> part.event["credential"]["expires_at"]
    '2026-01-05T08:05:00.000000Z'
    """

    ordered = True
    whole_file = False
    supports = frozenset({"network"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the event of one line."""
        if value.lstrip()[:1] in (b"{", b"["):
            return parts_in(value, lambda one: _parts(logged(one, pairs_of)))
        lines = text_of(value).splitlines()
        return [part for line in lines for part in _parts(dict(pairs_of(line)))]


def _parts(line: dict[str, Any]) -> Iterator[Part]:
    method, service = text(line.get("method")), text(line.get("service"))
    if line.get("type") != "audit" or method is None:
        return
    at_us = instant_us(line.get("time"))
    subject, caller = text(line.get("spiffe_id")), text(line.get("caller_id"))
    attested = text(line.get("agent_id"))
    issues = method in _ISSUES and subject is not None
    status, code = line.get("status"), _code(line.get("status_code"))
    event: dict[str, Any] = {
        "agent": {"id": subject if issues else caller or attested, "kind": _unnamed(line)},
        "mode": "autonomous" if issues else None,
        "tool": f"{service}/{method}" if service else method,
        "operation": "admin" if issues else _operation(method),
        "resource": _resource(line, subject, issues),
        "network": {"source_ip": ip_of(line.get("caller_addr"))},
        "outcome": {"success": "ok", "error": "error"}.get(
            status if isinstance(status, str) else ""
        ),
        "credential": _credential(line, at_us) if issues else {},
        "attributes": {key: line.get(key) for key in _KEPT if line.get(key) not in (None, "")},
    }
    if code is not None:
        event["attributes"]["status_code"] = code
    if code in _DENIALS:
        event["outcome"] = "denied"
    # A batch is one request with a line for each entry.
    parts = (line.get("request_id"), line.get("entry_id") or subject)
    call = "/".join(part for part in parts if isinstance(part, str) and part)
    yield whole(call or digest(repr(sorted(line.items()))), at_us, event)


def _unnamed(line: dict[str, Any]) -> str:
    """Give the kind of a caller without a SPIFFE ID: a local user, or nobody."""
    local = line.get("caller_uid") not in (None, "")
    return f"spire-server/uid:{line['caller_uid']}" if local else "spire-server/unauthenticated"


def _code(value: Any) -> str | None:
    """Give the name of a status code.

    >>> _code("NotFound"), _code(7), _code(99), _code(None)
    ('NotFound', 'PermissionDenied', '99', None)
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return _CODES[value] if 0 <= value < len(_CODES) else str(value)
    return text(value)


def _operation(method: str) -> str | None:
    return next((word for start, word in _WORDS.items() if method.startswith(start)), None)


def _resource(line: dict[str, Any], subject: str | None, issues: bool) -> dict[str, Any]:
    if issues:
        return {"id": next(iter(_audiences(line)), None), "type": "audience"}
    if subject:
        return {"id": subject, "type": "spiffe_id"}
    return {"id": text(line.get("trust_domain_id")), "type": "trust_domain"}


def _audiences(line: dict[str, Any]) -> list[str]:
    """Give the audiences of a JWT-SVID, which the log joins with commas."""
    return [one for one in (text(line.get("audience")) or "").split(",") if one]


def _credential(line: dict[str, Any], at_us: int) -> dict[str, Any]:
    """Give the SVID; the log names it by its request, and an X.509 one by a hash of its CSR."""
    csr, request = text(line.get("csr")), text(line.get("request_id"))
    named = f"{request}/{line.get('entry_id') or line.get('spiffe_id')}" if request else None
    if csr is None and named is None:
        return {}
    lifetime = number(line.get("ttl")) or 0
    ends = instant_us(line.get("expires_at"))
    if not ends and at_us and 0 < lifetime < 10**9:
        ends = at_us + int(lifetime * SECOND_US)
    return {
        "id": digest_of_hash(csr) if csr else digest(named or ""),
        "issued_at": instant_text(at_us),
        "expires_at": instant_text(ends),
        "scopes": [f"aud:{audience}" for audience in _audiences(line)],
    }
