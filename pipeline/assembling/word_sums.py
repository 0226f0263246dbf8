"""The words of a text as 32-bit checksums, in Python and by the compiled kernel."""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable

BYTES = 4
"""Bytes of one checksum."""
WORD = re.compile(r"\w+")


def word_sums(text: str, salt: int) -> bytes:
    """Give the checksums of the words of a text, in order.

    A word is a run of letters, digits and underscores; its case does not count.

    Parameters
    ----------
    salt
        Start of the checksums, 32 bits of the installation's secret.

    Examples
    --------
    >>> word_sums("Lily White", 7) == word_sums("lily.white", 7)
    True
    >>> len(word_sums("to: Ines, 40", 7)) // BYTES
    3
    """
    words = WORD.findall(text.lower())
    return array("I", [crc32(word.encode("utf-8", "replace"), salt) for word in words]).tobytes()


def place_in(text: bytes | bytearray, row: bytes, first: int = 0) -> int:
    """Give the number of the word at which the words of a row begin in a text; -1 for nowhere.

    The word `first` of the text and those after it are searched.

    >>> place_in(word_sums("ask Lily White", 7), word_sums("lily white", 7))
    1
    """
    at = text.find(row, first * BYTES)
    while at >= 0 and at % BYTES:
        at = text.find(row, at + 1)
    return at // BYTES


def word_sums_of(kernel: Any | None) -> Callable[[str, int], bytes]:
    """Give the function that computes checksums: compiled for a text of ASCII, else in Python.

    Parameters
    ----------
    kernel
        The compiled kernel (`models.kernel.native_kernel`); None for Python.
    """
    compiled = getattr(kernel, "word_sums", None)
    if compiled is None:
        return word_sums

    def sums(text: str, salt: int) -> bytes:
        found: bytes = compiled(text, salt) if text.isascii() else word_sums(text, salt)
        return found

    return sums
