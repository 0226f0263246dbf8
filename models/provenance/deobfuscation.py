"""Undo rewriting of identifiers: give the letters and digits of the possible originals.

The forms cover other characters, encodings (base64, hex, percent), reversal and ROT13. Unicode
normalisation brings letters and digits of other scripts to ASCII where it can. Translated words
have no form.
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

SHORTEST, LONGEST = 6, 128  # letters and digits of a traced value; fewer match by chance
MAX_FORMS = 32  # forms of one identifier
_MAX_CHARACTERS = 512
_FINGERPRINT = 0xFFFF_FFFF
_LAYERS = 2  # nested encodings
_SEPARATORS = re.compile(r"[\t-\r\x1c-\x1f ,;|\"'()\[\]{}<>=&]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{8,}")
_HEX = re.compile(r"[0-9a-fA-F]{12,}")
_PERCENT = re.compile(rb"%([0-9a-fA-F]{2})")
_ROT13 = str.maketrans(
    string.ascii_lowercase, string.ascii_lowercase[13:] + string.ascii_lowercase[:13]
)


def alphanumerics(text: str) -> str:
    r"""Give the letters and digits of an identifier in normal form.

    >>> alphanumerics("DE89 3704-0044"), alphanumerics("m\u00fcller@\uff11\uff12\u0663")
    ('DE8937040044', 'muller123')
    """
    if not text.isascii():
        text = "".join(map(_plain, unicodedata.normalize("NFKD", text).lower()))
    return "".join(filter(str.isalnum, text))


def _plain(letter: str) -> str:
    digit = unicodedata.decimal(letter, None)
    return letter if digit is None else str(digit)


def fingerprint(letters: str, hasher: Hasher) -> int:
    """Give a keyed hash of 32 bits, enough for the `MAX_SOURCES` values of a session."""
    return hasher.once(letters) & _FINGERPRINT


def traceable(text: str) -> bool:
    """Give whether letters and digits are long enough not to match by chance."""
    return SHORTEST <= len(text) <= LONGEST


def decoded_forms(raw: str) -> list[str]:
    """Give the letters and digits of the identifiers that this one may encode.

    The parts of a decoded text have forms of their own, since an encoded text can hold several
    identifiers.

    >>> decoded_forms("ZGU4OS0zNzA0")[-1], decoded_forms("['de89-3704']")[0]
    ('de893704', 'de893704')
    """
    raw = raw[:_MAX_CHARACTERS]
    whole = alphanumerics(normalise(raw))
    found = dict.fromkeys((whole, whole[::-1], whole.translate(_ROT13)))
    for text in _decoded(raw, _LAYERS):
        for part in (text, *_SEPARATORS.split(text)):
            found[alphanumerics(normalise(part))] = None
    return list(filter(traceable, found))[:MAX_FORMS]


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
