"""Every format is of whole events or of parts, with all members of its kind."""

from __future__ import annotations

from pipeline.formats import FORMATS, PartFormat


def test_every_format_that_decodes_has_all_members_of_a_format_of_parts() -> None:
    decoding = {name for name, wire in FORMATS.items() if hasattr(wire, "decode")}
    assert decoding == {name for name, wire in FORMATS.items() if isinstance(wire, PartFormat)}
