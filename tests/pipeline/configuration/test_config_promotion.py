"""A tuned configuration: read, compared, promoted once, kept for ever, used from then on."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from lab.simulation.sample import fleet_events
from models.config import ModelConfig
from models.errors import ConfigError, StateError
from pipeline.cli import app
from pipeline.configuration.config_file import read_config, write_config
from pipeline.configuration.promotion import in_effect, promote
from pipeline.settings import Settings
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Run = tuple[int, str, str]
TUNED = 'reason = "a quieter month"\nalerts_per_day = 3\n[model]\nheld_days = 4\n'


@pytest.fixture
def tuned(tmp_path: Path) -> Path:
    file = tmp_path / "tuned.toml"
    file.write_text(TUNED)
    return file


@pytest.fixture
def habitus(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Run]:
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> Run:
        with pytest.raises(SystemExit) as ended:
            app(list(args))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_a_file_with_several_faults_names_them_all(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('gates = 1\nalerts_per_day = -1\n[model]\nidleminutes = 2\nheld_days = "x"\n')
    with pytest.raises(ConfigError) as error:
        read_config(file)
    said = str(error.value)
    assert "unknown parameter 'gates'" in said
    assert "did you mean idle_minutes" in said
    assert "held_days must be a number" in said
    assert "alerts_per_day must not be negative, got -1" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alerts_per_day = 0", "alerts_per_day must be above 0"),
        ("[model]\nheld_days = 1.5", "held_days must be a whole number, got 1.5"),
        ("[model]\nheld_days = nan", "held_days must be a finite number, got nan"),
        ("[model]\nheld_days = 0", "held_days must be from 1 to 366, got 0"),
        ("[model]\nheld_days = 1000", "held_days must be from 1 to 366, got 1000"),
        ("[model]\nidle_minutes = 0", "idle_minutes must be from 1 to 1e.09, got 0"),
        ("alerts_per_day = 1e308", "alerts_per_day must be from 0 to 1e.09"),
        ("[model]\nalerts_per_day = 4", "alerts_per_day belongs above"),
        ("held_days = 4\n[model]", r"held_days belongs into \[model\], not above it"),
        ("model = 3", "model must be a table"),
        ("[model", "cannot read"),
        ("reason = 4", "reason must be text"),
    ],
)
def test_invalid_file_is_reported_with_the_expected_form(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_config(file)


def test_written_configuration_reads_back_equal(tmp_path: Path) -> None:
    config = ModelConfig(alerts_per_day=2.5, held_days=9, idle_minutes=7)
    write_config(tmp_path / "c.toml", config, reason='said "so"\nand so')
    assert read_config(tmp_path / "c.toml") == (config, 'said "so" and so')


def test_a_promotion_is_in_effect_and_the_register_keeps_who_when_and_why(tuned: Path) -> None:
    with open_store("sqlite::memory:") as store:
        made, new = promote(store, tuned, by="Ines Example", reason=None, at_us=7_000_000)
        assert new
        assert (made.number, made.by, made.at_us) == (1, "Ines Example", 7_000_000)
        assert made.reason == "a quieter month"
        found = in_effect(Settings(), store)
        assert (found.base, found.config) == (
            "promoted",
            ModelConfig(alerts_per_day=3, held_days=4),
        )
        assert made.version == found.config.version
        again, new = promote(store, tuned, by="Olu Example", reason="once more", at_us=8)
        assert not new
        assert again == made


def test_going_back_adds_to_the_register(tmp_path: Path, tuned: Path) -> None:
    usual = tmp_path / "usual.toml"
    usual.write_text("[model]\n")
    with open_store("sqlite::memory:") as store:
        for file in (tuned, usual, tuned):
            promote(store, file, by="Ines Example", reason="trial", at_us=1)
        rows = store.configs.all()
        assert [row.number for row in rows] == [1, 2, 3]
        assert rows[0].version == rows[2].version != rows[1].version


@pytest.mark.parametrize(
    ("by", "reason", "said"),
    [
        (" ", "why", "--by"),
        ("Ines", " ", "--reason"),
        ("I" * 201, "x", "--by"),
        ("Ines\x1b[2J", "x", r"printable .* got 'Ines\\x1b"),
        ("Ines", "x\x1b[2J", r"printable .* got 'x\\x1b"),
    ],
)
def test_promotion_needs_a_person_and_a_reason(
    tuned: Path, by: str, reason: str, said: str
) -> None:
    with open_store("sqlite::memory:") as store, pytest.raises(ConfigError, match=said):
        promote(store, tuned, by=by, reason=reason, at_us=1)


@pytest.mark.parametrize(
    "change",
    [
        "update configs set blob = replace(blob, 'Ines', 'Olaf') where number = 1",
        "delete from configs where number = 1",
        "update configs set number = 9 where number = 2",
    ],
)
def test_a_register_that_was_changed_is_noticed(tmp_path: Path, tuned: Path, change: str) -> None:
    path = tmp_path / "habitus.db"
    usual = tmp_path / "usual.toml"
    usual.write_text("[model]\n")
    with open_store(f"sqlite:{path}") as store:
        for file in (tuned, usual):
            promote(store, file, by="Ines Example", reason="trial", at_us=1)
    with sqlite3.connect(path) as database:
        database.execute(change)
    database.close()
    with open_store(f"sqlite:{path}") as store, pytest.raises(StateError, match="outside"):
        store.configs.all()


def test_a_named_file_wins_over_the_promoted_one_and_settings_over_both(tuned: Path) -> None:
    named = tuned.with_name("named.toml")
    named.write_text("[model]\nidle_minutes = 5\n")
    with open_store("sqlite::memory:") as store:
        promote(store, tuned, by="Ines", reason="x", at_us=1)
        found = in_effect(Settings(parameters=named, alerts_per_day=9), store)
    assert found.base == "file"
    assert found.overridden == ("alerts_per_day",)
    assert found.config == ModelConfig(idle_minutes=5, alerts_per_day=9)


def test_runs_use_a_promotion_from_their_next_start_and_old_decisions_stay(
    pipeline: Any, tuned: Path
) -> None:
    lines = list(fleet_events(7, 6, limit=2_400))
    settings = pipeline.settings(pipeline.file(lines[:450], "first.jsonl"))
    pipeline.run(settings)
    with open_store(settings.store) as store:
        before = {a["id"]: a for a in store.anomalies(limit=500)}
        promote(store, tuned, by="Ines", reason="x", at_us=1)
        now = in_effect(settings, store).config.version
    pipeline.run(pipeline.settings(pipeline.file(lines[-450:], "second.jsonl")))
    with open_store(settings.store) as store:
        after = {a["id"]: a for a in store.anomalies(limit=500)}
        trust = {state.config_version for _, state in store.changes(0, 500)}
    assert before
    assert {a["config_version"] for a in before.values()} == {ModelConfig().version}
    same = [name for name, a in after.items() if a == before.get(name)]
    assert same
    assert {a["config_version"] for name, a in after.items() if name not in same} == {now}
    assert now in trust


def test_the_command_line_shows_compares_and_promotes(
    habitus: Callable[..., Run], tuned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = habitus("config", "diff", str(tuned), "--json")
    assert code == 0
    assert json.loads(out)["changes"]["held_days"] == {"from": 3, "to": 4}
    code, _, err = habitus("config", "promote", str(tuned), "--by", "Ines", "--reason", "trial")
    assert (code, "no. 1, by Ines: trial" in err) == (0, True)
    monkeypatch.setenv("HABITUS_ALERTS_PER_DAY", "9")
    shown = json.loads(habitus("config", "show", "--json")[1])
    assert shown["base"] == "promoted"
    assert shown["overridden"] == ["alerts_per_day"]
    assert shown["parameters"]["held_days"] == 4
    assert [row["by"] for row in shown["promotions"]] == ["Ines"]
    assert json.loads(habitus("config", "--json")[1])["config_version"] == shown["config_version"]
    for command in (("config",), ("config", "show"), ("config", "diff", str(tuned))):
        code, out, err = habitus(*command)
        assert code == 0
        assert "alerts_per_day" in out + err


def test_a_wrong_file_is_one_line_and_makes_no_store(
    habitus: Callable[..., Run], tmp_path: Path
) -> None:
    (tmp_path / "bad.toml").write_text("[model]\nheld_day = 1\n")
    code, out, err = habitus("config", "promote", "bad.toml", "--by", "Ines")
    assert (code, out) == (2, "")
    assert err == "error: bad.toml: unknown parameter 'held_day', did you mean held_days?\n"
    assert not (tmp_path / "habitus.db").exists()


@pytest.mark.parametrize("text", ["", "\n# to come\n"])
def test_empty_file_is_not_a_configuration(
    habitus: Callable[..., Run], tmp_path: Path, text: str
) -> None:
    file = tmp_path / "empty.toml"
    file.write_text(text)
    code, _, err = habitus("config", "promote", str(file), "--by", "Ines", "--reason", "trial")
    assert (code, "empty.toml is empty" in err) == (2, True)
    file.write_text("[model]\n")
    assert read_config(file)[0] == ModelConfig()


def test_a_reason_of_two_lines_is_kept_and_confirmed_in_one(
    habitus: Callable[..., Run], tuned: Path
) -> None:
    tuned.write_text(TUNED, encoding="utf-8-sig")  # as some editors write it
    said = "quieter\nnights"
    code, _, err = habitus("config", "promote", str(tuned), "--by", "Ines", "--reason", said)
    assert (code, err.splitlines()[0].endswith("by Ines: quieter nights")) == (0, True)
    shown = json.loads(habitus("config", "show", "--json")[1])
    assert [row["reason"] for row in shown["promotions"]] == [said]


def test_no_reason_anywhere_is_an_error(habitus: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "plain.toml").write_text("[model]\nheld_days = 4\n")
    code, _, err = habitus("config", "promote", "plain.toml", "--by", "Ines")
    assert code == 2
    assert "--reason" in err
