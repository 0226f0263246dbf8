"""Events as rows of Parquet, with the columns that the Parquet source reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pyarrow
import pyarrow.parquet

_TEXT, _COUNT = pyarrow.string(), pyarrow.int64()
_TIME = pyarrow.timestamp("us", tz="UTC")


def _texts(*names: str) -> Any:
    return pyarrow.struct([(name, _TEXT) for name in names])


SCHEMA = pyarrow.schema(
    [
        ("id", _TEXT),
        ("time", _TIME),
        ("agent", _texts("id", "instance", "role", "model", "version", "owner")),
        ("tool", _TEXT),
        ("human", _texts("id")),
        ("mode", _TEXT),
        ("delegation", pyarrow.list_(_TEXT)),
        ("session", _TEXT),
        ("task", _TEXT),
        ("trace_id", _TEXT),
        ("purpose", _TEXT),
        ("operation", _TEXT),
        ("arguments", pyarrow.map_(_TEXT, _TEXT)),
        ("resource", _texts("id", "type", "domain", "sensitivity")),
        (
            "network",
            pyarrow.struct(
                [
                    ("source_ip", _TEXT),
                    ("destination", _TEXT),
                    ("egress", _TEXT),
                    ("asn", _COUNT),
                    ("country", _TEXT),
                ]
            ),
        ),
        ("volume", pyarrow.struct([(n, _COUNT) for n in ("bytes_in", "bytes_out", "records")])),
        ("outcome", _TEXT),
        ("duration_ms", pyarrow.float64()),
        (
            "credential",
            pyarrow.struct(
                [
                    ("id", _TEXT),
                    ("issued_at", _TIME),
                    ("expires_at", _TIME),
                    ("scopes", pyarrow.list_(_TEXT)),
                ]
            ),
        ),
        ("kind", _TEXT),
        (
            "attributes",
            pyarrow.struct(
                [
                    ("tokens", _COUNT),
                    ("adds_tool", _TEXT),
                    ("change", _TEXT),
                    ("approval_seconds", pyarrow.float64()),
                    ("peer_verified", pyarrow.bool_()),
                    ("tool_digest", _TEXT),
                ]
            ),
        ),
    ]
)
"""Columns of a file. Argument origins are missing, as a column cannot hold their mixed types."""


class Rows:
    """Writes events as rows of a Parquet file.

    Parameters
    ----------
    out
        An open file or a path.
    """

    def __init__(self, out: Any) -> None:
        self._writer = pyarrow.parquet.ParquetWriter(out, SCHEMA, compression="zstd")

    def put(self, lines: list[bytes]) -> None:
        """Write some encoded events."""
        rows = [_row(msgspec.json.decode(line)) for line in lines]
        self._writer.write_table(pyarrow.Table.from_pylist(rows, schema=SCHEMA))

    def close(self) -> None:
        """Write the end of the file."""
        self._writer.close()


def _row(event: dict[str, Any]) -> dict[str, Any]:
    event["time"] = _time(event["time"])
    if "arguments" in event:
        event["arguments"] = list(event["arguments"].items())
    credential = event.get("credential")
    if credential:
        for name in ("issued_at", "expires_at"):
            if name in credential:
                credential[name] = _time(credential[name])
    return event


def _time(text: str) -> datetime:
    return msgspec.convert(text, datetime)
