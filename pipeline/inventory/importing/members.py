"""Members of an imported entry, checked as they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.errors import ConfigError
from pipeline.formats.members import is_shallow, kind_of
from pipeline.formats.reasons import REFUSALS, malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.inventory.importing.documents import Document

_LONGEST = 512
_MOST = 1_000
_DEEPEST = 64
_NAMES = {
    "str": "a text", "number": "a number", "object": "an object", "array": "a list",
    "null": "nothing",
}  # fmt: skip


class Members:
    """One object of an import.

    Parameters
    ----------
    where
        Document and number of the entry.
    members
        Its members.

    Examples
    --------
    >>> Members("clients.json, entry 3", {"clientId": 7}).need("clientId")
    Traceback (most recent call last):
    models.errors.ConfigError: clients.json, entry 3: 'clientId' must be a text, got a number
    """

    def __init__(self, where: str, members: dict[str, Any], notes: tuple[str, ...] = ()) -> None:
        self.where = where
        self.members = members
        self.notes = notes

    def fault(self, expected: str) -> ConfigError:
        """Give the error of this entry."""
        return ConfigError(f"{self.where}: {expected}")

    def wrong(self, name: str, expected: str, value: Any) -> ConfigError:
        """Give the error of a member; its value stays out, as it may be a secret."""
        got = _NAMES.get(kind_of(value), "true or false")
        return self.fault(f"{name!r} must be {expected}, got {got}")

    def text(self, name: str) -> str | None:
        """Give a text; None where it is missing or empty."""
        value = self.members.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise self.wrong(name, "a text", value)
        stripped = value.strip()
        if len(stripped) > _LONGEST:
            raise self.fault(f"{name!r} must have at most {_LONGEST} characters")
        return stripped or None

    def need(self, name: str) -> str:
        """Give a text that must be there."""
        found = self.text(name)
        if found is None:
            raise self.wrong(name, "a text", None)
        return found

    def flag(self, name: str) -> bool | None:
        """Give a truth value; None where it is missing."""
        value = self.members.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, "true or false", value)
        return value

    def texts(self, name: str) -> list[str] | None:
        """Give a list of texts; None where it is missing."""
        value = self._list(name)
        if value is None:
            return None
        for one in value:
            if not isinstance(one, str):
                raise self.wrong(f"{name}[]", "a text", one)
            if not 1 <= len(one.strip()) <= _LONGEST:
                raise self.fault(f"each of {name!r} must have 1 to {_LONGEST} characters")
        return [one.strip() for one in value]

    def object(self, name: str) -> Members:
        """Give an object; an empty one where it is missing."""
        value = self.members.get(name)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(name, "an object", value)
        return Members(f"{self.where}, {name}", value or {})

    def objects(self, name: str) -> list[Members]:
        """Give a list of objects; none where it is missing."""
        value = self._list(name) or []
        for one in value:
            if not isinstance(one, dict):
                raise self.wrong(f"{name}[]", "an object", one)
        return [Members(f"{self.where}, {name}[{at}]", one) for at, one in enumerate(value)]

    def _list(self, name: str) -> list[Any] | None:
        value = self.members.get(name)
        if value is None:
            return None
        if not isinstance(value, list):
            raise self.wrong(name, "a list", value)
        if len(value) > _MOST:
            raise self.fault(f"{name!r} must have at most {_MOST} values, got {len(value)}")
        return value


def json_entries(document: Document, *envelopes: str) -> Iterator[Members]:
    r"""Give the objects of a JSON document: one, a list, several lines, or an envelope.

    Parameters
    ----------
    envelopes
        Members of an object that hold the list.

    Raises
    ------
    ConfigError
        The document is no JSON, or holds something else than objects.

    Examples
    --------
    >>> from pipeline.inventory.importing.documents import Document
    >>> pages = Document("pages.json", b'{"value":[{"id":"a"}]}\n{"value":[{"id":"b"}]}')
    >>> [(one.where, one.members["id"]) for one in json_entries(pages, "value")]
    [('pages.json, entry 1', 'a'), ('pages.json, entry 2', 'b')]
    """
    number = 0
    for page in _pages(document):
        held = None
        if isinstance(page, dict):
            held = next((page[one] for one in envelopes if one in page), None)
            if held is not None and not isinstance(held, list):
                raise ConfigError(
                    f"{document.name}: expected a list of objects, got {kind_of(held)}"
                )
        for one in [page] if held is None else held:
            number += 1
            where = f"{document.name}, entry {number}"
            if not isinstance(one, dict):
                raise ConfigError(f"{where}: expected an object, got {kind_of(one)}")
            yield Members(where, one)


def _pages(document: Document) -> list[Any]:
    """Decode a document: one JSON value, or one a line."""
    try:
        found = msgspec.json.decode(document.content)
    except REFUSALS as error:
        found = _lines(document, malformed(error, document.content).detail)
    pages = found if isinstance(found, list) else [found]
    if not is_shallow(pages, _DEEPEST):
        raise ConfigError(f"{document.name}: expected at most {_DEEPEST} levels of values")
    return pages


def _lines(document: Document, detail: str) -> list[Any]:
    lines = [line for line in document.content.splitlines() if line.strip()]
    try:
        if len(lines) > 1:
            return [msgspec.json.decode(line) for line in lines]
    except REFUSALS:
        pass
    raise ConfigError(f"{document.name}: expected JSON, {detail}")
