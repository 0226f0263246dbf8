"""The compiled checksums of words are those of Python."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.assembling.assembler import Assembler
from pipeline.assembling.word_sums import word_sums, word_sums_of
from tests.native.both import native, needs_native
from tests.pipeline.formats.page_examples import ARRIVED_US, example_of, part_format

SALTS = st.integers(0, 2**32 - 1)
TEXTS = st.text() | st.text(alphabet=st.characters(max_codepoint=127)) | st.text(alphabet="aZ_9 .é")


@needs_native
@settings(max_examples=500)
@given(TEXTS, SALTS)
def test_sums_are_equal_for_any_text(text: str, salt: int) -> None:
    assert word_sums_of(native)(text, salt) == word_sums(text, salt)


@needs_native
@pytest.mark.parametrize("code", range(128))
def test_every_character_of_ascii_is_in_a_word_or_ends_one(code: int) -> None:
    text = f"Ab{chr(code)}Cd{chr(code)}"
    assert word_sums_of(native)(text, 7) == word_sums(text, 7)


@needs_native
def test_text_that_is_not_ascii_is_left_to_python() -> None:
    text = "Größe İstanbul \ud800 ΑΣ"
    with pytest.raises(ValueError, match="not ASCII"):
        native.word_sums("Größe", 7)
    assert word_sums_of(native)(text, 7) == word_sums(text, 7)


def test_sum_of_one_word_is_that_of_zlib() -> None:
    assert word_sums("Lily", 5) == zlib.crc32(b"lily", 5).to_bytes(4, "little")
    assert word_sums_of(None) is word_sums


@needs_native
@pytest.mark.parametrize("name", ["codex", "openhands", "langsmith", "crewai"])
def test_kernels_assemble_equal_events_and_equal_state(name: str) -> None:
    records, _ = example_of(name)
    found = []
    for kernel in ("python", "native"):
        assembler, wire = Assembler(7, kernel), part_format(name)
        lines = [
            line
            for record in records
            for line in assembler.take(
                wire.decode(record), ordered=wire.ordered, arrived_us=ARRIVED_US
            )
        ]
        found.append((lines, assembler.dump(), assembler.due(whole=True)))
    assert found[0] == found[1]
    assert found[0][0] or found[0][2]
