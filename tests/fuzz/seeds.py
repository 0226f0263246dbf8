"""The inputs that mutations begin with: what pages, samples and fixtures of each format show."""

from __future__ import annotations

import base64
import gzip
import json
import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.actions.program_table import load as load_programs
from pipeline.actions.tools import load as load_tools
from pipeline.formats import FORMATS, whole_files
from tests.components import ROOT
from tests.pipeline.actions.test_patches import DIFF, ENVELOPE
from tests.pipeline.actions.test_sql import WORDS
from tests.pipeline.formats.archives import STORED, archive, evaluation
from tests.pipeline.formats.samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = ROOT / "docs" / "integrations"
SHARED = ROOT.parent / "shared" / "fixtures"
TEXTS = ("shell", "sql", "patch")
"""Targets that read a text, beside the formats."""
CALL = "call"
"""Target that reads the tool and the arguments of one call."""
_IDS = {"traceId", "spanId", "parentSpanId"}
_BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHARED = {
    "otlp": "otlp/*.json", "cloudtrail": "cloudtrail/*.json", "spire": "spire/*.log",
    "mcp": "mcp/*.json", "mcp-audit": "mcp/*.json",
}  # fmt: skip


class Seed(NamedTuple):
    """Records of one target: the name of a format, one of `TEXTS`, or `CALL`."""

    target: str
    records: tuple[bytes, ...]


@cache
def seeds() -> tuple[Seed, ...]:
    """Give all seeds, in a fixed order; each format has at least one."""
    found = [Seed(name, tuple(records)) for name, records in _of_pages()]
    found += [Seed(name, tuple(records)) for name, records in sorted(SAMPLES.items())]
    found += [
        _whole(name, path)
        for name, pattern in sorted(_SHARED.items())
        for path in sorted(SHARED.glob(pattern))
        if "schema" not in path.name
    ]
    found += [Seed("inspect", (archive(evaluation(), method),)) for method in (STORED, 93)]
    found += list(_of_protobuf(found))
    found.append(Seed("agentlog", _of_labelled_log()))
    events = [line for name, lines in _events_of_pages() for line in lines]
    found.append(Seed("native", tuple(events)))
    found += [Seed("native", (line,)) for line in events]
    found += list(_of_actions())
    missing = FORMATS.keys() - {one.target for one in found}
    assert not missing, f"no seed for {sorted(missing)}"
    return tuple(found)


def _whole(name: str, path: Path) -> Seed:
    content = path.read_bytes()
    return Seed(name, tuple(content.splitlines()) if name == "spire" else (content,))


def _of_labelled_log() -> tuple[bytes, ...]:
    with gzip.open(ROOT / "data" / "labelled_log.jsonl.gz", "rb") as log:
        return tuple(line.rstrip() for line in islice(log, 4))


def _of_pages() -> Iterator[tuple[str, list[bytes]]]:
    for page in sorted(PAGES.glob("*.md")):
        given = _BLOCK.findall(page.read_text("utf-8"))[-2].encode()
        whole = whole_files(FORMATS[page.stem])
        yield page.stem, [given] if whole else given.splitlines()


def _events_of_pages() -> Iterator[tuple[str, list[bytes]]]:
    for page in sorted(PAGES.glob("*.md")):
        made = _BLOCK.findall(page.read_text("utf-8"))[-1].encode()
        stamped = [_TIMED | json.loads(line) for line in made.splitlines()]
        yield page.stem, [json.dumps(event).encode() for event in stamped]


_TIMED = {"time": "2026-01-05T08:00:00Z"}


def _of_protobuf(found: list[Seed]) -> Iterator[Seed]:
    """Give the payloads in JSON as protobuf."""
    from google.protobuf.json_format import ParseDict, ParseError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    kinds: dict[str, tuple[str, Any]] = {
        "resourceSpans": ("otlp-proto-traces", ExportTraceServiceRequest),
        "resourceLogs": ("otlp-proto-logs", ExportLogsServiceRequest),
    }
    for seed in found:
        for record in seed.records if seed.target == "otlp" else ():
            body = json.loads(record)
            for key, (name, message) in kinds.items():
                if key in body:
                    try:
                        made = ParseDict(_in_base64({key: body[key]}), message(), True)
                    except ParseError:
                        continue
                    yield Seed(name, (made.SerializeToString(deterministic=True),))


def _in_base64(value: Any) -> Any:
    """Write the ids of a payload as the JSON of protobuf has them."""
    if isinstance(value, list):
        return [_in_base64(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(one)).decode() if key in _IDS else _in_base64(one)
        for key, one in value.items()
    }


def _of_actions() -> Iterator[Seed]:
    programs = load_programs()
    lines = [
        str(case["line"])
        for rule in {id(one.rule): one.rule for one in programs.values()}.values()
        for case in rule.cases
    ]
    yield from (Seed("shell", (line.encode(),)) for line in lines)
    yield from (Seed("patch", (text.encode(),)) for text in (DIFF, ENVELOPE))
    yield from (Seed("sql", (text.encode(),)) for text in _STATEMENTS)
    yield Seed("sql", (" ".join(WORDS).encode(),))
    for name, tool in load_tools().items():
        words = f"{tool.path} {tool.url} {tool.command} {tool.patch} {tool.sql} {tool.moves}"
        given: dict[str, Any] = {word: _VALUES.get(word, "a/b.py") for word in words.split()}
        if tool.by:
            given[tool.by] = next(iter(tool.values.values())).split()[0]
        yield Seed(CALL, (json.dumps({"tool": name, "arguments": given}).encode(),))


_VALUES = {"command": "cat a | tee b", "url": "https://a.example/x?y=1", "sql": "select 1 from t"}
_STATEMENTS = (
    "with d as (delete from a returning *) select * from d join s.e on true",
    "insert into t (a, b) values (1, 'x'), (2, $$y$$) on conflict do nothing",
    "merge into t using s on t.i = s.i when matched then update set a = case when 1 then 2 end",
    "copy (select * from t) to program 'gzip' with (format csv); grant all on t to eve",
    "explain (analyze, buffers) update t set a = -1 where not exists (select 1 from u)",
    "select top 5 [a] from [dbo].[users]; select `a` from `b`.`c` -- x\n/* y */",
    "create table t as select * from read_csv('s3://a/b.csv'); \\d t",
)
