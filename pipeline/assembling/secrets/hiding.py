"""Hide credentials in an event: each becomes its kind, and one that is sent out is a leak."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from pipeline.actions.enrich import inferred
from pipeline.actions.secrets import credentials_in, may_have_credentials
from pipeline.actions.tools import tool_of
from pipeline.assembling.secrets.seen_secrets import secrets_in
from pipeline.formats.bounds import CUT, cut
from pipeline.formats.secrets import digest, is_secret_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.assembling.secrets.seen_secrets import SeenSecret
    from pipeline.formats.part import Part

NAMED = "named_secret"
"""Kind of a value that only its name, such as ``password``, shows to be a secret."""
ORIGIN = "secret:"
"""Beginning of the origin that a credential has beside where it was read."""
_DEEPEST = 80
"""More levels than arguments have (`pipeline.formats.bounds.flat`); what is deeper is left out."""
_LONGEST = 200
_IDS = ("session", "trace_id")
_NOT_HIDDEN = frozenset({"id", "time", "session", "trace_id", "credential"})
"""Members that have ids, and no content."""


def mark_of(kind: str) -> str:
    """Give what a credential is replaced by: a word of a shell, and no credential."""
    return f"***{kind}***"


def secret_origins(arguments: dict[str, Any], known: list[SeenSecret], salt: int) -> dict[str, Any]:
    """Give the credentials in arguments and their names, as values with their origins.

    >>> secret_origins({"note": "token glpat-ABCDEFGH12345678IJKL"}, [], 7)
    {'note': [['***gitlab_token***', ['secret:gitlab_token']]]}
    """
    found: dict[str, Any] = {}
    for key, name in _names(arguments, known, salt, {}).items():
        kinds: dict[str, str] = {}
        for text in (key, *_texts(arguments[key], 0)):
            if known or may_have_credentials(text.encode("utf-8", "replace")):
                for one, origin in secrets_in(known, text, salt):
                    kinds[one.kind] = kinds.get(one.kind) or origin
        if kinds:
            found[name] = [
                [mark_of(kind), [*([origin] if origin else []), f"{ORIGIN}{kind}"]]
                for kind, origin in kinds.items()
            ]
    return found


def with_hidden_ids(part: Part) -> Part:
    """Give a part whose ids have digests of credentials, so that all halves of a call still join.

    >>> from pipeline.formats.part import Part
    >>> with_hidden_ids(Part(kind="end", session="claude-code/glpat-ABCDEFGH12345678IJKL")).session
    'claude-code/sha256:7c6305b5d1520114'
    """
    event = part.event
    own = f"{part.session} {part.call} {part.match} {part.span} {part.parent}"
    of_event = f"{event.get('session')} {event.get('trace_id')}"
    if not may_have_credentials(f"{own} {of_event}".encode("utf-8", "replace")):
        return part
    return replace(
        part,
        session=hidden_id(part.session),
        call=hidden_id(part.call),
        match=hidden_id(part.match),
        span=hidden_id(part.span),
        parent=hidden_id(part.parent),
        event=event | {one: hidden_id(event[one]) for one in _IDS if one in event},
    )


def hidden_id(name: Any) -> Any:
    """Give an id in which each credential is the digest of it; anything else is unchanged."""
    if not isinstance(name, str):
        return name
    for one in reversed(credentials_in(name)):
        name = f"{name[: one.start]}{digest(name[one.start : one.end])}{name[one.end :]}"
    return name


def hidden(event: dict[str, Any], known: list[SeenSecret], salt: int) -> dict[str, Any]:
    """Give an event whose credentials are replaced by their kinds.

    `attributes.secrets` names the kinds. `attributes.leaked_secret` says what was read from a
    result and leaves with this call.
    """
    kinds: dict[str, None] = {}
    found = {
        key: value if key in _NOT_HIDDEN else _hidden(value, known, salt, kinds, 0)
        for key, value in event.items()
    }
    facts: dict[str, Any] = {"secrets": list(kinds)} if kinds else {}
    read = dict(_read_before(found.get("argument_origins") or {}))
    if read and (target := target_of(found)):
        kind, tool = next(iter(read.items()))
        facts["leaked_secret"] = cut(f"{kind} out of {tool} to {target}", _LONGEST)
    if facts:
        found["attributes"] = (found.get("attributes") or {}) | facts
    return found


def target_of(event: dict[str, Any]) -> str:
    """Give where a call sends its arguments; empty where they stay on the machine.

    >>> target_of({"tool": "Write", "resource": {"id": "/a", "type": "file"}, "operation": "write"})
    ''
    >>> target_of({"tool": "slack.send_message"})
    'slack.send_message'
    """
    tool, operation = event.get("tool") or "", event.get("operation")
    if operation in (None, "unknown"):
        operation = inferred(tool)
    network, resource = event.get("network") or {}, event.get("resource") or {}
    if network.get("destination"):
        return str(network["destination"])
    if operation == "send":
        return str(resource.get("id") or tool)
    outside = tool_of(tool) is None and resource.get("type") != "file"
    return tool if operation in ("write", "pay") and outside else ""


def _read_before(origins: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for values in origins.values():
        for _, where in values:
            kind = next((one for one in where if one.startswith(ORIGIN)), None)
            source = next((one for one in where if one.startswith("result:")), None)
            if kind and source:
                yield kind.removeprefix(ORIGIN), source.removeprefix("result:")


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list) and depth < _DEEPEST:
        if isinstance(value, dict):
            yield from value
            value = value.values()
        for one in value:
            yield from _texts(one, depth + 1)


def _hidden(
    value: Any, known: list[SeenSecret], salt: int, kinds: dict[str, None], depth: int
) -> Any:
    if isinstance(value, str):
        for one, _ in reversed(secrets_in(known, value, salt)):
            kinds[one.kind] = None
            value = f"{value[: one.start]}{mark_of(one.kind)}{value[one.end :]}"
        return value
    if not isinstance(value, dict | list):
        return value
    if depth >= _DEEPEST:
        return CUT
    if isinstance(value, list):
        return [_hidden(one, known, salt, kinds, depth + 1) for one in value]
    found = {}
    for key, name in _names(value, known, salt, kinds).items():
        one = value[key]
        found[name] = _hidden(one, known, salt, kinds, depth + 1)
        if found[name] == one and isinstance(one, str) and one and is_secret_name(key):
            kinds[NAMED] = None
            found[name] = mark_of(NAMED)
    return found


def _names(
    value: dict[str, Any], known: list[SeenSecret], salt: int, kinds: dict[str, None]
) -> dict[str, str]:
    """Give the hidden name of each member; names that would be equal are numbered."""
    names: dict[str, str] = {}
    given: Counter[str] = Counter()
    for key in value:
        mark = name = _hidden(key, known, salt, kinds, 0)
        while name in given or (name != key and name in value):
            given[mark] += 1
            name = f"{mark}{given[mark]}"
        given[name] += 1
        names[key] = name
    return names
