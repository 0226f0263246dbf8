"""Settings: variables over the file over defaults, and every fault told at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from models.config import ModelConfig
from models.errors import ConfigError
from pipeline.configuration.derived import model_config_of, shown, trust_policy_of
from pipeline.configuration.loading import load_settings
from pipeline.settings import Settings
from scoring_api.wiring import limits_of


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("HABITUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def a_file(text: str) -> None:
    Path("habitus.toml").write_text(text)


def fault() -> str:
    with pytest.raises(ConfigError) as raised:
        load_settings()
    return str(raised.value)


def test_defaults_apply_without_settings() -> None:
    settings = load_settings()
    assert settings.store == "sqlite:habitus.db"
    assert settings.listen == "127.0.0.1:8765"
    assert (settings.source, settings.rejected) == ("", "store")
    assert model_config_of(settings) == ModelConfig()


def test_a_variable_wins_over_the_file_and_the_file_over_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a_file('sink = "file:out"\nalerts_per_day = 3\n[model]\nidle_minutes = 20\nheld_days = 9\n')
    monkeypatch.setenv("HABITUS_ALERTS_PER_DAY", "2")
    monkeypatch.setenv("HABITUS_MODEL__IDLE_MINUTES", "30")
    settings = load_settings()
    model = model_config_of(settings)
    assert (settings.sink, settings.alerts_per_day) == ("file:out", 2.0)
    assert (model.alerts_per_day, model.idle_minutes, model.held_days) == (2.0, 30, 9)
    assert trust_policy_of(settings).version == model.version


@pytest.mark.parametrize(
    ("total", "each"), [("2", 1), ("3", 1), ("200", 50), ("1024", 256), ("90000", 256)]
)
def test_connections_of_an_address_follow_the_total(
    monkeypatch: pytest.MonkeyPatch, total: str, each: int
) -> None:
    monkeypatch.setenv("HABITUS_MAX_CONNECTIONS", total)
    assert load_settings().max_connections_per_address == each
    limits_of(load_settings()).validate()
    a_file("max_connections_per_address = 900")
    assert load_settings().max_connections_per_address == 900


def test_bytes_of_a_target_follow_those_of_the_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    for header, target in (("1024", 1024), ("16384", 8192), ("1048576", 8192)):
        monkeypatch.setenv("HABITUS_MAX_HEADER_BYTES", header)
        assert load_settings().max_target_bytes == target
        limits_of(load_settings()).validate()


def test_fault_of_one_setting_is_not_repeated_for_those_that_follow_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HABITUS_MAX_CONNECTIONS", "1")
    assert fault() == (
        "HABITUS_MAX_CONNECTIONS: input should be greater than or equal to 2, got '1'"
    )


def test_lists_are_comma_separated_and_empty_means_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABITUS_CORPORATE_NETWORKS", "192.0.2.0/24, 2001:db8::1,")
    monkeypatch.setenv("HABITUS_INTEL", "")
    settings = load_settings()
    assert settings.corporate_networks == ("192.0.2.0/24", "2001:db8::1")
    assert settings.intel is None
    a_file('inventory = ""\njwt_algorithms = ["ES256"]\n')
    assert load_settings().inventory is None
    assert load_settings().jwt_algorithms == ("ES256",)


def test_all_faults_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    a_file("batch_sise = 5\n[model]\nheld_day = 1\n")
    monkeypatch.setenv("HABITUS_ALERT_PER_DAY", "1")
    monkeypatch.setenv("HABITUS_LISTEN", "8765")
    monkeypatch.setenv("HABITUS_CACHE_AGENTS", "0")
    said = fault()
    for part in (
        "habitus.toml: unknown setting batch_sise, did you mean batch_size?",
        "unknown setting HABITUS_ALERT_PER_DAY, did you mean HABITUS_ALERTS_PER_DAY?",
        "HABITUS_LISTEN: must be HOST:PORT",
        "HABITUS_CACHE_AGENTS: input should be greater than or equal to 1, got '0'",
        "HABITUS_MODEL: unknown setting held_day, did you mean held_days?",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("STORE", "postgresql://u:hunter2@db.example.com", "no database in the store's URL"),
        ("STORE", "mysql://u:hunter2@db.example.com/x", "unknown store 'mysql'"),
        ("API_KEYS_FILE", "hbt_hunter2", "must be the path of a file of hashed keys, not a key"),
        ("CORPORATE_NETWORKS", "192.0.2.0/24,nets", "entry 2 must be an address or a prefix, got"),
        ("CLOCK", "sundial", "'wall' or 'event', got 'sundial'"),
        ("CLOCK", "\x1b[2J", "got '\\x1b[2J'"),
        ("INTEL", "nowhere", "must be a folder that is there, got 'nowhere'"),
        (
            "INVENTORY",
            "nowhere.csv",
            "must be a file that is there, got 'nowhere.csv'; habitus inventory import writes it",
        ),
        ("LISTEN", "8765", "an IPv6 host in brackets, got '8765'"),
        ("LISTEN", "127.0.0.1:99999", "at most 65535, got '127.0.0.1:99999'"),
        ("MODEL", "abc", "HABITUS_MODEL: must be parameters as JSON, or one in HABITUS_MODEL__…"),
        ("MODEL", "abc", "got 'abc'"),
        ("MODEL", "5", "HABITUS_MODEL: input should be a valid dictionary, got 5"),
        ("MODEL__HELD_DAYS", "400", "held_days must be from 1 to 366, got 400"),
        ("MODEL__ALERTS_PER_DAY", "2", "a setting of its own"),
        ("MODEL__IDLE_MINUTES", "1.5", "idle_minutes must be a whole number, got 1.5"),
        ("ALERTS_PER_DAY", "many", "valid number, unable to parse string as a number, got 'many'"),
        ("BATCH_SIZE", "9" * 5_000, "maximum size, got '" + "9" * 60 + "…'"),
    ],
)
def test_error_names_variable_and_value_but_no_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"HABITUS_{name}", value)
    told = fault()
    assert said in told
    assert told.startswith(f"HABITUS_{name.partition('__')[0]}")
    assert "hunter2" not in told


def test_a_value_of_another_kind_in_the_file_is_named_unless_it_may_be_a_secret() -> None:
    a_file('batch_size = [1]\nsink = { password = "hunter2" }\njwks = 5\njwt_issuer = 5\n')
    told = fault()
    assert "HABITUS_BATCH_SIZE: input should be a valid integer, got [1]" in told
    assert "HABITUS_JWT_ISSUER: input should be a valid string, got 5" in told
    assert "HABITUS_JWKS: input should be a valid string;" in told
    assert "hunter2" not in told


def test_variables_of_tests_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_settings()
    monkeypatch.setenv("HABITUS_TEST_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("HABITUS_NIGHTLY", "true")
    assert load_settings() == before


def test_named_settings_file_must_exist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("other.toml").write_text("batch_size = 7\n")
    monkeypatch.setenv("HABITUS_CONFIG", "other.toml")
    assert load_settings().batch_size == 7
    monkeypatch.setenv("HABITUS_CONFIG", "missing.toml")
    assert fault() == "there is no configuration file at 'missing.toml'"


def test_broken_file_is_reported_by_line() -> None:
    a_file("sink = \n")
    assert "line 1" in fault()


def test_every_setting_has_a_sentence_and_shows_without_passwords() -> None:
    assert all(field.description for field in Settings.model_fields.values())
    plain = shown(Settings(source="kafka://me:hunter2@broker.example.com:9092/t?group=g"))
    assert plain["source"] == "kafka://***@broker.example.com:9092/t?group=g"
    assert set(plain) == set(Settings.model_fields)
    for store in ("me:hunter2@db.example.com/h", "db.example.com/h?password=hunter2&user=me"):
        assert shown(Settings(store=f"postgresql://{store}"))["store"].startswith(
            "postgresql://db.example.com/h"
        )
        assert "hunter2" not in str(shown(Settings(store=f"postgresql://{store}")))


def test_times_of_degraded_telemetry_are_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "HABITUS_DEGRADED",
        "1970-01-01T00:00:01Z/1970-01-01T00:00:03Z, 1970-01-01T02:00:04+02:00/1970-01-01T00:00:05Z",
    )
    model = model_config_of(load_settings())
    assert model.degraded == ((1_000_000, 3_000_000), (4_000_000, 5_000_000))
    assert model.version != ModelConfig().version


@pytest.mark.parametrize(
    "span",
    ["yesterday", "2026-11-02T08:00:00/2026-11-02T09:00:00", "2026-11-02T08:00:00Z",
     "2026-11-02T09:00:00Z/2026-11-02T09:00:00Z"],
)  # fmt: skip
def test_invalid_time_is_reported_with_its_index(
    monkeypatch: pytest.MonkeyPatch, span: str
) -> None:
    monkeypatch.setenv("HABITUS_DEGRADED", f"2026-11-01T08:00:00Z/2026-11-01T09:00:00Z,{span}")
    with pytest.raises(ConfigError, match=rf"HABITUS_DEGRADED.* entry 2 must be START/END.*{span}"):
        load_settings()
