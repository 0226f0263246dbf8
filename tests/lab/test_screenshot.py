"""The picture of the console in README.md, and the command that takes it."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from lab.demo import screenshot

ROOT = Path(__file__).resolve().parents[2]
MAX_BYTES = 250_000
README = ROOT / "README.md"


def size_of(picture: bytes) -> tuple[int, int]:
    """Give width and height of a PNG."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def test_readme_shows_a_picture_of_moderate_size() -> None:
    (name,) = re.findall(r"!\[[^\]]+\]\((docs/images/\S+\.png)\)", README.read_text())
    picture = (ROOT / name).read_bytes()
    assert len(picture) < MAX_BYTES
    assert size_of(picture)[0] == 1280


@pytest.mark.slow
@pytest.mark.browser
def test_picture_shows_the_demonstration(
    tmp_path: Path, chromium_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABITUS_TEST_CHROMIUM", chromium_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    screenshot.take(str(tmp_path / "console.png"))
    assert size_of((tmp_path / "console.png").read_bytes()) == (1280, 836)
