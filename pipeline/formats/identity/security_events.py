"""What the events of security event tokens mean for trust.

Sources: CAEP 1.0, RISC 1.0, the OAuth event types of RISC, and SSF 1.0.
"""

from __future__ import annotations

from typing import Any, Literal

from pipeline.formats.members import text

Effect = Literal["revoked", "changed", "none"]

MANAGEMENT = frozenset({"verification", "stream-updated"})
"""Events about the stream itself: the receiver answers them."""
_ROOT = "https://schemas.openid.net/secevent/"
_REVOKED = {
    "session-revoked", "sessions-revoked", "account-disabled", "account-purged", "account-locked",
    "credential-compromise", "token-revoked", "tokens-revoked", "client-disabled",
}  # fmt: skip
_CHANGED = {
    "credential-change", "token-claims-change", "assurance-level-change",
    "device-compliance-change", "risk-level-change", "account-credential-change-required",
    "identifier-changed", "identifier-recycled", "recovery-activated",
    "recovery-information-changed", "client-credential-changed",
}  # fmt: skip
# Event -> its member that says how, and what each value means; other values mean the default.
_DETAILS: dict[str, tuple[str, dict[str, Effect]]] = {
    "credential-change": ("change_type", {"revoke": "revoked"}),
    "risk-level-change": ("current_level", {"high": "revoked", "low": "none"}),
    "device-compliance-change": ("current_status", {"compliant": "none"}),
    "assurance-level-change": ("change_direction", {"increase": "none"}),
}


def name_of(kind: str) -> str:
    """Give the short name of an event type; types of others keep theirs.

    >>> name_of("https://schemas.openid.net/secevent/caep/event-type/session-revoked")
    'session-revoked'
    >>> name_of("https://example.com/events/left")
    'https://example.com/events/left'
    """
    return kind.rpartition("/")[2] if kind.startswith(_ROOT) else kind


def meaning_of(name: str, payload: dict[str, Any]) -> tuple[str, Effect]:
    """Give an event in words, and its effect: rights are gone, the identity changed, or neither.

    >>> meaning_of("risk-level-change", {"current_level": "HIGH"})
    ('risk-level-change to high', 'revoked')
    >>> meaning_of("device-compliance-change", {"current_status": "compliant"})[1]
    'none'
    >>> meaning_of("session-established", {})
    ('session-established', 'none')
    """
    effect: Effect = "revoked" if name in _REVOKED else "changed" if name in _CHANGED else "none"
    member, meanings = _DETAILS.get(name, ("", {}))
    value = (text(payload.get(member)) or "").lower()
    if not value:
        return name, effect
    return f"{name} to {value}", meanings.get(value, effect)
