"""Identifiers and programs of texts: the same as by the plain expressions, in linear time."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.commands import _SEPARATOR, command_programs
from models.features.containers import MAX_CHARACTERS, MAX_IDENTIFIERS, identifiers

PLAIN = re.compile(
    r"[a-z][a-z0-9+.-]*://[^\s'\"<>)]+"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|~?(?:[\w.@-]*/)+[\w.@*-]+"
    r"|\b[a-z_]+\.[a-z_0-9]{3,}\b"
)
"""What identifiers are: it takes quadratic time."""
PLAIN_SEPARATOR = re.compile(r"\s*(?:\|\||&&|[|;\n])\s*")
PIECES = [
    "a", "b1", "Z", "é", "_", "1", ".", "..", "+", "-", "@", "/", "//", "~", "*", ":", "://", " ",
    "'", ")", "\n", "abc", "ab.cde", "x@y.zz", "$",
]  # fmt: skip
MOST_S = 2.0
CHARACTERS = 1_000_000
SHAPES = (
    "a", "A", "7", "_", "é", "a.", "(", " ", "a=", "/", "a/", "@", "a@", "a@b.", ".@b.c", "a://",
    "-", "a+", "~", "ab.cde.", "eyJ", "QUJD", "\n", "a \n",
)  # fmt: skip


def words(pieces: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(pieces), max_size=30).map("".join)


@given(words(PIECES))
def test_identifiers_are_those_of_the_plain_expression(text: str) -> None:
    padded = f"{text} {'x ' * 60}"  # a short text may be an identifier itself
    assert identifiers(padded) == list(dict.fromkeys(PLAIN.findall(padded)))[:MAX_IDENTIFIERS]


@given(words([" ", "\n", "|", "||", "&&", "&", ";", "a", "\t", "\r"]))
def test_programs_are_separated_as_by_the_plain_expression(text: str) -> None:
    assert _SEPARATOR.split(text) == PLAIN_SEPARATOR.split(text)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("read", [identifiers, command_programs])
def test_long_text_takes_linear_time(read: object, shape: str) -> None:
    text = "x " + shape * (CHARACTERS // len(shape)) + " y"
    began = time.process_time()
    read(text)  # type: ignore[operator]
    assert time.process_time() - began < MOST_S


def test_identifier_beyond_the_bound_is_left_out() -> None:
    text = "a " * (MAX_CHARACTERS // 2)
    assert identifiers(text[:-20] + "/etc/hosts " + text) == ["/etc/hosts"]
    assert identifiers(text + "/etc/hosts") == []
