"""A source or a sink that is registered in one place is checked, described and offered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from models.errors import ConfigError
from pipeline.commands.doctor.checks import examine
from pipeline.configuration.settings_page import page
from pipeline.formats import FORMATS
from pipeline.publishing import SINKS, SinkKind, open_sink
from pipeline.publishing.folder import Discard
from pipeline.settings import Settings
from pipeline.sources import SOURCES, SourceKind, open_source
from pipeline.sources.files import Files
from pipeline.sources.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.commands.doctor.check import Check
    from pipeline.sources import Options

pytestmark = pytest.mark.usefixtures("clean_environment", "registered")
Run = tuple[int, str, str]


def opened(_url: str, options: Options) -> Files:
    return Files(".", batch_size=options.batch_size, clock_us=options.clock_us, follow=True)


def examined(url: str, client: str) -> Finding:
    if url == "queue:gone":
        return Finding("missing", f"no queue {url} ({client})", "make the queue")
    return Finding("ok", f"{url} answers")


def positions_at(_url: str, _client: str, positions: Mapping[str, str]) -> Finding:
    return Finding("missing", f"{len(positions)} positions are gone", "restore them")


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = SourceKind(
        form="queue:NAME", meaning="`queue:NAME` reads a queue", open=opened, check=examined,
        name=lambda url: url, check_positions=positions_at,
    )  # fmt: skip
    monkeypatch.setitem(SOURCES, "queue", kind)
    sink = SinkKind(
        form="queue:NAME", meaning="`queue:NAME` writes a queue", check=examined,
        open=lambda _url, _client: Discard(),
    )  # fmt: skip
    monkeypatch.setitem(SINKS, "queue", sink)


def found(name: str, **settings: str) -> Check:
    return next(one for one in examine(Settings(**settings), 0) if one.name == name)


@pytest.mark.parametrize("name", ["source", "sink"])
def test_doctor_asks_what_is_registered(name: str) -> None:
    assert found(name, **{name: "queue:here"}).found == "queue:here answers"
    gone = found(name, **{name: "queue:gone"})
    assert (gone.state, gone.found) == ("missing", "no queue queue:gone (kafka-python)")
    assert gone.todo == "make the queue"


def test_doctor_asks_the_kind_of_the_source_for_stored_positions(
    habitus: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found("position", source="queue:here").state == "ok"
    monkeypatch.setattr(
        "pipeline.commands.doctor.stream_checks.stored", lambda *_: {"queue:here": "7"}
    )
    monkeypatch.setenv("HABITUS_SOURCE", "queue:here")
    checks = json.loads(habitus("doctor", "--json")[1])["checks"]
    assert [one["found"] for one in checks if one["name"] == "position"] == ["1 positions are gone"]


def test_registered_kinds_are_opened_and_offered() -> None:
    assert isinstance(open_source("queue:here", clock_us=lambda: 0), Files)
    assert isinstance(open_sink("queue:here"), Discard)
    with pytest.raises(ConfigError, match=r"expected one of: -, file:PATH, .*, queue:NAME$"):
        open_source("quue:here", clock_us=lambda: 0)
    with pytest.raises(ConfigError, match=r"expected one of: none, file:FOLDER, .*, queue:NAME$"):
        open_sink("quue:here")
    assert "queue:NAME" in found("source").todo
    assert found("sink", sink="quue:here").state == "missing"


def test_settings_page_describes_what_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "envelope", FORMATS["native"])
    rows = {line.split("`")[1]: line for line in page().splitlines() if line.startswith("| `")}
    assert "`queue:NAME` reads a queue" in rows["HABITUS_SOURCE"]
    assert "`queue:NAME` writes a queue" in rows["HABITUS_SINK"]
    assert "`envelope`" in rows["HABITUS_FORMAT"]
