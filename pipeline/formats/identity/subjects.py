"""Whom a security event token is about (RFC 9493, SSF 1.0)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from pipeline.formats.members import inner, text

_MOST = 8
_ALL_SESSIONS = "ALL"
"""How Keycloak names all sessions of a user."""
# Format -> the member that names the subject.
_NAMES = {
    "email": "email", "iss_sub": "sub", "opaque": "id", "uri": "uri", "did": "url",
    "account": "uri", "phone_number": "phone_number", "saml_assertion_id": "assertion_id",
}  # fmt: skip
_NO_FORMAT = ("sub", "id", "email", "uri", "url")
_COMPLEX = ("application", "user", "session", "device", "tenant", "org_unit", "group")


class Subject(Struct, frozen=True, kw_only=True):
    """A subject.

    Attributes
    ----------
    names
        Its names: that of an application first, then that of a user.
    user
        Name of a person or account; empty for none.
    session
        Session that it is about; empty for all.
    token
        Id (``jti``) of the token that it is about; empty for none.
    """

    names: list[str] = []
    user: str = ""
    session: str = ""
    token: str = ""


def subject_of(claims: dict[str, Any], payload: dict[str, Any]) -> Subject:
    """Give the subject of a token: ``sub_id``, or what came before it in drafts.

    Parameters
    ----------
    payload
        Of its event.

    Examples
    --------
    >>> user = {"format": "iss_sub", "iss": "https://idp.example", "sub": "u-7"}
    >>> subject_of({"sub_id": {"user": user, "session": {"format": "opaque", "id": "s-1"}}}, {})
    Subject(names=['u-7'], user='u-7', session='s-1', token='')
    >>> subject_of({"sub_id": {"format": "uri", "uri": "spiffe://a.example/bot"}}, {}).names
    ['spiffe://a.example/bot']
    """
    given = next(
        (found for one in (claims.get("sub_id"), payload.get("subject")) if (found := inner(one))),
        None,
    )
    if given is None:
        name = text(claims.get("sub"))
        return Subject(names=[name] if name else [], user=name or "")
    if _is_complex(given):
        sessions = _names(inner(given.get("session")))
        application, user = (_names(inner(given.get(part))) for part in ("application", "user"))
        return Subject(
            names=(application + user)[:_MOST],
            user=next(iter(user), ""),
            session=next((one for one in sessions if one != _ALL_SESSIONS), ""),
            token=_token(inner(given.get("session"))),
        )
    names = _names(given)
    return Subject(names=names, user=next(iter(names), ""), token=_token(given))


def _is_complex(given: dict[str, Any]) -> bool:
    said = given.get("format", given.get("subject_type"))
    return said == "complex" or (said is None and any(inner(given.get(one)) for one in _COMPLEX))


def _names(given: dict[str, Any]) -> list[str]:
    """Give the names of a simple subject."""
    said = given.get("format", given.get("subject_type"))
    if said == "aliases":
        listed = given.get("identifiers")
        found = listed[:_MOST] if isinstance(listed, list) else []
        return [name for one in found for name in _names(inner(one) | {"identifiers": None})]
    member = _NAMES.get(said.replace("-", "_")) if isinstance(said, str) else None
    members = _NO_FORMAT if said is None else (member,) if member else ()
    return [name for one in members if (name := text(given.get(one)))][:1]


def _token(given: dict[str, Any]) -> str:
    return (text(given.get("jti")) or "") if given.get("format") == "jwt_id" else ""
