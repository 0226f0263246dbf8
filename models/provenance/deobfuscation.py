"""What an identifier may have been rewritten from: its letters and digits, undone in several ways.

Spelled in other characters, encoded, or turned round. Words in another language
are beyond that; digits and letters of other scripts are brought to ASCII where Unicode knows how.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
import unicodedata
from typing import TYPE_CHECKING

from models.provenance.text import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.codec.hashing import Hasher

SHORTEST, LONGEST = 6, 128  # letters and digits of what is traced; fewer are alike by chance
MOST_FORMS = 32  # of one identifier
_READ = 512  # characters
_MARK = 0xFFFF_FFFF
_LAYERS = 2  # encodings, one around the other
_SEPARATORS = re.compile(r"[\t-\r\x1c-\x1f ,;|\"'()\[\]{}<>=&]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{8,}")
_HEX = re.compile(r"[0-9a-fA-F]{12,}")
_PERCENT = re.compile(rb"%([0-9a-fA-F]{2})")
_ROT13 = str.maketrans(
    string.ascii_lowercase, string.ascii_lowercase[13:] + string.ascii_lowercase[:13]
)


def bare(text: str) -> str:
    r"""Give the letters and digits of an identifier in normal form.

    >>> bare("DE89 3704-0044"), bare("\uff11\uff12\u0663"), bare("m\u00fcller@example.com")
    ('DE8937040044', '123', 'mullerexamplecom')
    """
    if not text.isascii():
        text = "".join(map(_plain, unicodedata.normalize("NFKD", text).lower()))
    return "".join(filter(str.isalnum, text))


def _plain(letter: str) -> str:
    digit = unicodedata.decimal(letter, None)
    return letter if digit is None else str(digit)


def marked(letters: str, hasher: Hasher) -> int:
    """Give what letters and digits are remembered by: 32 bits, among a few dozen of a session."""
    return hasher.once(letters) & _MARK


def traceable(text: str) -> bool:
    """Tell whether letters and digits are enough not to be alike by chance."""
    return SHORTEST <= len(text) <= LONGEST


def forms_of(raw: str) -> list[str]:
    """Give the letters and digits that an identifier may have been rewritten from.

    Of what was encoded its parts as well; among other words whoever told the origins has looked.

    >>> forms_of("ZGU4OS0zNzA0")[-1], forms_of("['de89-3704']")[0]
    ('de893704', 'de893704')
    """
    raw = raw[:_READ]
    whole = bare(normalise(raw))
    found = dict.fromkeys((whole, whole[::-1], whole.translate(_ROT13)))
    for text in _decoded(raw, _LAYERS):
        for part in (text, *_SEPARATORS.split(text)):
            found[bare(normalise(part))] = None
    return list(filter(traceable, found))[:MOST_FORMS]


def _decoded(text: str, layers: int) -> Iterator[str]:
    for raw in (_base64(text), _hex(text), _percent(text)):
        if raw and all(" " <= chr(byte) <= "~" for byte in raw):
            inner = raw.decode("ascii")
            yield inner
            if layers > 1:
                yield from _decoded(inner, layers - 1)


def _base64(text: str) -> bytes | None:
    text = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    if not _BASE64.fullmatch(text) or len(text) % 4 == 1:
        return None
    raw = base64.b64decode(text + "=" * (-len(text) % 4))
    return raw if base64.b64encode(raw).decode().rstrip("=") == text else None


def _hex(text: str) -> bytes | None:
    text = text.strip().removeprefix("0x")
    return binascii.unhexlify(text) if _HEX.fullmatch(text) and len(text) % 2 == 0 else None


def _percent(text: str) -> bytes | None:
    if "%" not in text or not text.isascii():
        return None
    return _PERCENT.sub(lambda found: binascii.unhexlify(found[1]), text.encode())
