"""Who acts in a CloudTrail record: the role behind a session, and the human behind the role.

Sources: the CloudTrail reference of ``userIdentity``, STS source identity, IAM Identity Center.
"""

from __future__ import annotations

import re
from typing import Any

from pipeline.formats.bounded_event import instant_text
from pipeline.formats.json_records import object_in
from pipeline.formats.members import inner, text, time_us
from pipeline.formats.secrets import digest

_SESSION_ARN = re.compile(
    r"arn:(?P<part>[\w-]+):sts::(?P<account>\d*):assumed-role/(?P<role>[^/]+)/"
)
_ENGLISH = re.compile(
    r"(?P<month>[A-Z][a-z]{2}) (?P<day>\d{1,2}), (?P<year>\d{4}),? "
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})\s(?P<half>AM|PM)"
)
_PERSONS = {"Root", "IdentityCenterUser"}
_PERMISSION_SET = "/AWSReservedSSO_"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def agent_of(record: dict[str, Any]) -> str | None:
    """Give the role or user that acts, without the name of the session.

    >>> agent_of({"userIdentity": {"arn": "arn:aws:sts::1:assumed-role/InvoiceBot/run-17"}})
    'arn:aws:iam::1:role/InvoiceBot'
    """
    identity = inner(record.get("userIdentity"))
    issuer = text(inner(inner(identity.get("sessionContext")).get("sessionIssuer")).get("arn"))
    if issuer:
        return issuer
    if text(identity.get("type")) in {"SAMLUser", "WebIdentityUser"}:
        role = text(object_in(record.get("requestParameters")).get("roleArn"))
        if role:
            return role
    arn = text(identity.get("arn"))
    if arn:
        return role_of(arn)
    return text(identity.get("invokedBy")) or text(identity.get("principalId"))


def is_person(record: dict[str, Any]) -> bool:
    """Return whether a human acts: Root, or somebody who signed in at IAM Identity Center.

    >>> is_person({"userIdentity": {"type": "Root", "arn": "arn:aws:iam::1:root"}})
    True
    >>> arn = "arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_0a1b/ines@example.com"
    >>> is_person({"userIdentity": {"type": "AssumedRole", "arn": arn}})
    True
    >>> is_person({"userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/ci"}})
    False
    """
    identity = inner(record.get("userIdentity"))
    return text(identity.get("type")) in _PERSONS or _is_of_identity_center(identity)


def _is_of_identity_center(identity: dict[str, Any]) -> bool:
    """Return whether a role is one that Identity Center makes for a permission set."""
    issuer = inner(inner(identity.get("sessionContext")).get("sessionIssuer"))
    arns = text(issuer.get("arn")), text(identity.get("arn"))
    return any(_PERMISSION_SET in role_of(arn) for arn in arns if arn)


def account_of(record: dict[str, Any]) -> str | None:
    """Give the kind of a principal that a record does not name: that of its account."""
    account = text(inner(record.get("userIdentity")).get("accountId"))
    account = account or text(record.get("recipientAccountId"))
    return f"aws:{account}" if account else None


def role_of(arn: str) -> str:
    """Give the role of a session; any other name unchanged."""
    found = _SESSION_ARN.match(arn)
    return f"arn:{found['part']}:iam::{found['account']}:role/{found['role']}" if found else arn


def human_of(record: dict[str, Any]) -> str | None:
    """Give the human of the source identity, of Identity Center, or of a SAML assertion."""
    identity = inner(record.get("userIdentity"))
    context = inner(identity.get("sessionContext"))
    asked = object_in(record.get("requestParameters"))
    members = (context, inner(context.get("attributes")), identity, asked)
    named = next((name for one in members if (name := text(one.get("sourceIdentity")))), None)
    named = named or text(inner(identity.get("onBehalfOf")).get("userId"))
    if named is None and record.get("eventName") == "InvokeAgentRuntime":
        named = text(asked.get("runtimeUserId"))
    if named is None and identity.get("type") == "SAMLUser":
        named = text(identity.get("userName")) or text(identity.get("principalId"))
    if named is None and is_person(record):
        # The session of a permission set has the name of its user.
        named = (text(identity.get("arn")) or "").rpartition("/")[2] or text(
            identity.get("principalId")
        )
    return named


def key_of(record: dict[str, Any]) -> str | None:
    """Give the digest of the access key that signed the request."""
    identity = inner(record.get("userIdentity"))
    key = text(identity.get("accessKeyId")) or text(identity.get("credentialId"))
    return digest(key) if key else None


def is_session_key(record: dict[str, Any]) -> bool:
    """Return whether the access key belongs to a session and expires."""
    return (text(inner(record.get("userIdentity")).get("accessKeyId")) or "").startswith("ASIA")


def issued_by(record: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Give the digest of the access key that a record issued, and what holds for its session."""
    made = object_in(record.get("responseElements"))
    credentials = inner(made.get("credentials"))
    key = text(credentials.get("accessKeyId"))
    if key is None:
        return None
    asked, identity = object_in(record.get("requestParameters")), inner(record.get("userIdentity"))
    assumed = text(asked.get("roleArn")) or text(inner(made.get("assumedRoleUser")).get("arn"))
    caller: str | None = agent_of(record)
    if identity.get("type") == "WebIdentityUser":
        caller = text(identity.get("userName")) or text(identity.get("principalId"))
    elif identity.get("type") == "SAMLUser" or is_person(record):
        caller = None
    has_caller = caller and assumed and role_of(assumed) != caller
    facts: dict[str, Any] = {
        "credential": {
            "issued_at": instant_text(aws_time_us(record.get("eventTime"))),
            "expires_at": instant_text(aws_time_us(credentials.get("expiration"))),
        }
    }
    if has_caller:
        facts["delegation"] = [caller]
    human = human_of(record)
    if human:
        facts["human"] = {"id": human[:256]}
    return digest(key), facts


def aws_time_us(value: Any) -> int:
    """Give the microseconds since 1970 of a time in a record; 0 for anything else.

    >>> aws_time_us("20131102T010628Z") == aws_time_us("Nov 2, 2013, 1:06:28 AM")
    True
    """
    found = _ENGLISH.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return time_us(value)
    if found["month"] not in _MONTHS:
        return 0
    hour = int(found["hour"]) % 12 + (12 if found["half"] == "PM" else 0)
    month = _MONTHS.index(found["month"]) + 1
    return time_us(
        f"{found['year']}-{month:02}-{int(found['day']):02}"
        f"T{hour:02}:{found['minute']}:{found['second']}+00:00"
    )
