"""Make hidden and misleading characters in outside text visible.

`scoring_api/console/visible.js` does the same for the console, and is tested with the same cases
(`tests/visible_cases.json`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"})
# Invisible marks and letters, and code points reserved for more of them.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\ufff0-\ufff8\U0001bca0-\U0001bca3\U000e0000-\U000e0fff]"
)
_SPACE = re.compile("^ | $|(?<= ) ")  # of an id: spaces that a terminal or a browser would hide
_LONGEST_STACK = 32  # combining marks on one character that are normalised
_MARK = "\u27e8"  # begins a mark; it is marked itself in text, so that text cannot fake a mark


@cache
def confusables() -> dict[str, dict[str, str]]:
    """Read the shipped table of characters that look like ASCII characters.

    >>> confusables()["ascii"]["1"]
    'l'
    """
    read = msgspec.json.decode(files("pipeline").joinpath("data/confusables.json").read_bytes())
    return {name: read[name] for name in ("looks_like", "ascii")}


@cache
def _lookalikes() -> dict[str, str]:
    return {one: key for key, ones in confusables()["looks_like"].items() for one in ones}


def visible(text: str, *, name: bool = False) -> str:
    r"""Mark hidden and misleading characters of a text with their code, as in ``⟨U+202E⟩``.

    Hidden characters (controls, direction, zero width, other spaces) are replaced by their code. A
    letter that resembles an ASCII letter stays, followed by its code. That applies to words with
    ASCII letters, and to words with only look-alike letters.

    Parameters
    ----------
    name
        The text is an id. Then look-alike signs and digits, non-normalised marks, and leading,
        trailing or repeated spaces are marked, too. Prose may contain them.

    Examples
    --------
    >>> visible("agent\u202e1")
    'agent⟨U+202E⟩1'
    >>> [ascii(visible("a\u20131", name=name)) for name in (False, True)]
    ["'a\\u20131'", "'a\\u2013\\u27e8U+2013\\u27e91'"]
    """
    if text.isascii() and text.isprintable():
        return _SPACE.sub(_code(" "), text) if name else text
    shown: list[str] = []
    for word, is_word in _words(text):
        shown += _word(word, name=name) if is_word else [_sign(char, name=name) for char in word]
    if not name:
        return "".join(shown)
    variants = (at for at, char in enumerate(text) if _is_variant(char))
    for at in (*_non_normalised(text), *variants):
        if shown[at] == text[at]:
            shown[at] += _code(text[at])
    return _SPACE.sub(_code(" "), "".join(shown))


def skeleton(text: str) -> str:
    """Give the visual skeleton of a text; equal for texts that look alike.

    >>> skeleton("refunds-1") == skeleton("refunds-l") == skeleton("r\u0435funds-I")
    True
    """
    lookalike, as_ascii = _lookalikes(), confusables()["ascii"]
    normalised = unicodedata.normalize("NFKD", text)
    seen = (lookalike.get(char, char) for char in normalised if not _is_hidden(char))
    return "".join(as_ascii.get(char, char) for char in seen)


def distinguishable(names: Iterable[str]) -> dict[str, str]:
    """Give ids for display together; where two look alike, their differences are marked.

    >>> distinguishable(["refunds-1", "refunds-l", "helpdesk"])
    {'refunds-1': 'refunds-1⟨U+0031⟩', 'refunds-l': 'refunds-l⟨U+006C⟩', 'helpdesk': 'helpdesk'}
    """
    alike: dict[str, list[str]] = {}
    given = list(dict.fromkeys(names))
    for name in given:
        alike.setdefault(skeleton(name), []).append(name)
    shown = {}
    for name in given:
        others = [one for one in alike[skeleton(name)] if one != name]
        plain = visible(name, name=True)
        # Marks of hidden characters and other scripts already distinguish most of them.
        rivals = [one for one in others if skeleton(visible(one, name=True)) == skeleton(plain)]
        shown[name] = _differing(name, rivals) if rivals else plain
    return shown


def _differing(name: str, others: list[str]) -> str:
    """Mark the characters of an id between the prefix and suffix shared with others."""
    head = min(_shared(name, one) for one in others)
    tail = min(_shared(name[::-1], one[::-1]) for one in others)
    tail = min(tail, *(min(len(name), len(one)) - head for one in others))
    end = len(name) - tail
    middle = "".join(
        _code(char) if _is_hidden(char) else f"{char}{_code(char)}" for char in name[head:end]
    )
    return f"{visible(name[:head], name=True)}{middle}{visible(name[end:], name=True)}"


def _shared(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _words(text: str) -> list[tuple[str, bool]]:
    """Split text into words (letters, marks, digits) and the text between them."""
    parts: list[tuple[str, bool]] = []
    start, before = 0, None
    for at, char in enumerate(text):
        is_word = unicodedata.category(char)[0] in "LMN" and not _is_hidden(char)
        if before is not None and is_word is not before:
            parts.append((text[start:at], before))
            start = at
        before = is_word
    return [*parts, (text[start:], bool(before))]


def _word(word: str, *, name: bool) -> list[str]:
    lookalike = _lookalikes()
    letters = [char for char in word if unicodedata.category(char)[0] == "L"]
    mixed = any(char.isascii() for char in letters)
    alike = bool(letters) and all(char in lookalike for char in letters)
    return [
        char + _code(char)
        if char in lookalike and (mixed or alike or (name and char not in letters))
        else char
        for char in word
    ]


def _non_normalised(text: str) -> list[int]:
    """Give the indices of characters that look like another one, or merge with the previous one.

    These are characters that normal form C changes, and marks on an ASCII character.
    """
    found, stack, normalised = [], "", ""
    for at, char in enumerate(text):
        both = unicodedata.normalize("NFC", stack + char)
        is_mark = unicodedata.category(char)[0] == "M"
        if both != normalised + char or (
            is_mark and (stack[:1].isascii() or len(stack) > _LONGEST_STACK)
        ):
            found.append(at)
        elif not is_mark:
            stack, both = "", char
        if len(stack) <= _LONGEST_STACK:
            stack, normalised = stack + char, both
    return found


def _is_variant(char: str) -> bool:
    """Return whether a character is a variant of an ASCII one, a ligature, or another dash."""
    if char.isascii():
        return False
    plain = unicodedata.normalize("NFKC", char)
    return plain.isascii() or unicodedata.category(char) == "Pd"


def _sign(char: str, *, name: bool) -> str:
    if _is_hidden(char):
        return _code(char)
    if char == _MARK or (name and char in _lookalikes()):
        return char + _code(char)
    return char


def _is_hidden(char: str) -> bool:
    if char == " ":
        return False
    return unicodedata.category(char) in _HIDDEN or _BLANK.match(char) is not None


def _code(char: str) -> str:
    return f"\u27e8U+{ord(char):04X}\u27e9"
