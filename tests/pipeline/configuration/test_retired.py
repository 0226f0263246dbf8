"""Parameters of the judge before stop no start: they are ignored, and a warning names them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.config import RETIRED, ModelConfig
from models.errors import ConfigError
from pipeline.configuration.config_file import read_config
from pipeline.configuration.derived import model_config_of
from pipeline.configuration.loading import load_settings
from pipeline.configuration.promotion import in_effect
from pipeline.configuration.retired import warn_of_retired
from pipeline.settings import Settings
from pipeline.store.configs import Promotion

if TYPE_CHECKING:
    from collections.abc import Iterator

BEFORE = dict.fromkeys(RETIRED, 1.0) | {"idle_minutes": 10, "held_days": 5}


@pytest.fixture(autouse=True)
def nothing_said_yet() -> Iterator[None]:
    warn_of_retired.cache_clear()
    yield
    warn_of_retired.cache_clear()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


def test_a_retired_parameter_in_the_file_is_named_once_and_the_others_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("habitus.toml").write_text("[model]\ngate = 0.01\ndaily_cap = 7\nheld_days = 4\n")
    for _ in range(2):
        assert model_config_of(load_settings()) == ModelConfig(held_days=4)
    (said,) = warnings(caplog)
    assert said.startswith("[model] of the configuration file: ignored")
    assert said.endswith("daily_cap, gate")


@pytest.mark.parametrize(
    ("name", "value"),
    [("HABITUS_MODEL__GATE", "0.01"), ("HABITUS_MODEL", '{"gate": 0.01}')],
)
def test_a_retired_variable_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(name, value)
    assert model_config_of(load_settings()) == ModelConfig()
    assert [(said.split(":")[0], said.split()[-1]) for said in warnings(caplog)] == [(name, "gate")]


def test_a_file_of_tuning_may_name_retired_parameters_but_no_unknown_ones(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "tuned.toml"
    file.write_text("[model]\nexcess_bits = 4\nheld_days = 4\n")
    assert read_config(file)[0] == ModelConfig(held_days=4)
    assert [said.split()[-1] for said in warnings(caplog)] == ["excess_bits"]
    file.write_text("[model]\nexcess_bit = 4\n")
    with pytest.raises(ConfigError, match="unknown parameter 'excess_bit'"):
        read_config(file)


def test_a_promotion_of_before_holds_for_what_it_changed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from pipeline.store import open_store

    made = Promotion(1, "0" * 12, "Ines", 1, "trial", BEFORE | {"alerts_per_day": 3.0})
    assert made.config == ModelConfig(alerts_per_day=3.0)  # old defaults stand for those of today
    kept = Promotion(1, "0" * 12, "Ines", 1, "trial", BEFORE | {"held_days": 9})
    assert kept.config == ModelConfig(held_days=9)
    now = Promotion(1, "0" * 12, "Ines", 1, "trial", {"idle_minutes": 10})
    assert now.config == ModelConfig(idle_minutes=10)
    with open_store(f"sqlite:{tmp_path / 'h.db'}") as store:
        store.configs._database.run(  # as the version before wrote it
            "insert into configs (number, version, digest, blob) values (1, ?, ?, ?)",
            (made.version, *_sealed(store, made)),
        )
        assert in_effect(Settings(), store).config == made.config
    (said,) = warnings(caplog)
    assert said.startswith("promotion no. 1 by Ines: ignored")
    assert all(name in said for name in RETIRED)


def _sealed(store: object, made: Promotion) -> tuple[bytes, bytes]:
    from msgspec.structs import asdict

    from pipeline.store.configs import _key
    from pipeline.store.seal import Seal

    blob = json.dumps(asdict(made)).encode()
    return Seal(store.secret, "configs").digest(_key(1, b""), blob), blob  # type: ignore[attr-defined]
