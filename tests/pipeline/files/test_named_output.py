"""A file that cannot be written is named, whoever notices (pipeline.files.named_output)."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from models.config import ModelConfig
from models.detectors.fitted.peer_groups import PeerGroups
from pipeline.cli import app
from pipeline.configuration.config_file import write_config
from pipeline.files.fitted_models import save_fitted
from pipeline.files.named_output import create, fault_of, write

FULL = Path("/dev/full")
SAID = "'/dev/full': no space left on device"
if not FULL.exists():
    pytest.skip("this system has no /dev/full", allow_module_level=True)


def test_a_flush_that_fails_names_the_file() -> None:
    out = create(FULL)
    out.write(b"a line that waits in the buffer\n")
    with pytest.raises(OSError, match="No space left") as failed:
        out.flush()
    assert fault_of(failed.value) == SAID
    with pytest.raises(OSError, match="No space left") as failed:
        out.close()
    assert fault_of(failed.value) == SAID


def test_compressing_writer_keeps_the_name_in_errors() -> None:
    with pytest.raises(OSError, match="No space left") as failed:  # noqa: SIM117
        with (
            create(FULL, shown="fleet.jsonl.gz") as raw,
            gzip.GzipFile("", "wb", fileobj=raw) as out,
        ):
            out.write(b"a line\n")
    assert fault_of(failed.value) == "'fleet.jsonl.gz': no space left on device"


def test_a_configuration_and_a_kept_model_are_named(tmp_path: Path) -> None:
    for name in ("tuned.toml", "desks.model.json"):
        (tmp_path / name).symlink_to(FULL)
    with pytest.raises(OSError, match="No space left") as failed:
        write_config(tmp_path / "tuned.toml", ModelConfig(held_days=4))
    assert fault_of(failed.value) == f"'{tmp_path}/tuned.toml': no space left on device"
    with pytest.raises(OSError, match="No space left") as failed:
        save_fitted(PeerGroups(["rate"], {}, {}, 0.0, "desks"), tmp_path)
    assert fault_of(failed.value) == f"'{tmp_path}/desks.model.json': no space left on device"


def test_a_fetched_list_is_named_by_where_it_was_to_go(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as failed:
        write(FULL, b"198.18.77.0/24\n", shown=tmp_path / "vpn.txt")
    assert fault_of(failed.value) == f"'{tmp_path}/vpn.txt': no space left on device"


def test_a_replay_says_which_file_is_full_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet = str(tmp_path / "fleet.jsonl")
    with pytest.raises(SystemExit) as ended:
        app(["simulate", fleet, "--agents", "10", "--days", "2"])
    assert ended.value.code == 0
    with pytest.raises(SystemExit) as ended:
        app(["replay", fleet, "--out", str(FULL)])
    assert ended.value.code == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"error: {SAID}"
