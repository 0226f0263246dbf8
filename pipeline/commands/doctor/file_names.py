"""How the name of a file says it is read, and whether its content fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.formats import whole_files
from pipeline.sources import jsonl, parquet, whole
from pipeline.sources.files import find
from pipeline.text.quoted import LONGEST_PATH, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pipeline.formats import AnyFormat

_SIGNATURES = (
    (b"\x1f\x8b", ".gz", "is compressed with gzip"),
    (b"\x28\xb5\x2f\xfd", ".zst", "is compressed with zstandard"),
    (b"PAR1", ".parquet", "is a Parquet file"),
)
_ARCHIVE = b"PK\x03\x04"
_HEAD = 4


def manner_of(files: Sequence[str], fmt: str, wire: AnyFormat) -> str:
    """Say what is a record of files; standard input has no name.

    Raises
    ------
    ConfigError
        The name of a file does not fit the format, or its content.

    Examples
    --------
    >>> from pipeline.formats import FORMATS
    >>> manner_of(["-"], "codex", FORMATS["codex"]), manner_of(["-"], "mcp", FORMATS["mcp"])
    ('each file is one record', 'each line is one record')
    """
    found = dict.fromkeys(_manners(files, fmt, is_whole=whole_files(wire)))
    return ", ".join(found) or "each line is one record"


def _manners(files: Sequence[str], fmt: str, *, is_whole: bool) -> Iterator[str]:
    for file in files:
        for path in () if file == "-" else find(file):
            _check(path, fmt, is_whole=is_whole)
            if not is_whole:
                yield _manner(path)
    if is_whole:
        yield "each file is one record"


def _manner(path: Path) -> str:
    if path.suffix in parquet.SUFFIXES:
        return "each row of a Parquet file is one record"
    if _plain(path).suffix == ".json":
        return "each object of a JSON document, else each line, is one record"
    return "each line is one record"


def _check(path: Path, fmt: str, *, is_whole: bool) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return  # the source says why
    named = quoted(str(path), LONGEST_PATH)
    for signature, suffix, content in _SIGNATURES:
        if head.startswith(signature) and path.suffix != suffix:
            raise ConfigError(f"{named} {content}, expected a name that ends in {suffix}")
    if is_whole and path.suffix in parquet.SUFFIXES:
        raise ConfigError(f"{named} is named as a Parquet file, but {fmt} reads a file as a record")
    if not is_whole and (_plain(path).suffix in whole.SUFFIXES or head == _ARCHIVE):
        raise ConfigError(
            f"{named} is one record, but {fmt} reads a record a line: give the format of the file, "
            "such as inspect or swe-agent"
        )


def _plain(path: Path) -> Path:
    """Give the name of a file as if it were not compressed."""
    return path.with_suffix("") if path.suffix in jsonl.COMPRESSED else path
