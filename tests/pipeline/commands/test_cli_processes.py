"""Commands that run for a while, as processes of their own: signals, ports, the inbox."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[3]
WAIT_S = 40


def an_event(number: int) -> dict[str, Any]:
    return {
        "id": f"e-{number}",
        "time": f"2026-01-05T08:00:{number:02}Z",
        "agent": {"id": "agent-1", "role": "clerk"},
        "tool": "orders.read",
    }


def a_recording(path: Path, count: int = 20) -> Path:
    path.write_text("".join(json.dumps(an_event(n)) + "\n" for n in range(count)) + "broken\n")
    return path


def environment(folder: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HABITUS_")}
    given = {f"HABITUS_{name}": value for name, value in settings.items()}
    return {**kept, "PYTHONPATH": str(ROOT), "HABITUS_STORE": f"sqlite:{folder}/h.db", **given}


def habitus(folder: Path, *args: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-m", "pipeline.cli", *args],
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


@contextlib.contextmanager
def started(folder: Path, *args: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603  # our own code
        [sys.executable, "-m", "pipeline.cli", *args],
        cwd=folder,
        env=environment(folder, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def eventually(look: Callable[[], Any]) -> Any:
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if found := look():
                return found
        time.sleep(0.05)
    pytest.fail("it did not happen in time")


def a_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_run_drain_judges_all_records_and_exits_0(tmp_path: Path) -> None:
    a_recording(tmp_path / "in.jsonl")
    done = habitus(tmp_path, "run", "--drain", SOURCE="file:in.jsonl", SINK="file:out")
    assert done.returncode == 0, done.stderr
    assert "20 events judged" in done.stderr.splitlines()[-1]
    assert "1 rejected" in done.stderr.splitlines()[-1]
    logged = [json.loads(line) for line in done.stderr.splitlines()[:-1]]
    told = [line for line in logged if line["event"] == "progress"]
    assert told[-1]["done"] == told[-1]["total"] == (tmp_path / "in.jsonl").stat().st_size
    assert "broken" in (tmp_path / "out" / "agent.actions.rejected.jsonl").read_text()
    listed = habitus(tmp_path, "agents", "--json")
    assert json.loads(listed.stdout)["agents"][0]["agent_id"] == "agent-1"


def test_sigterm_ends_a_run_with_exit_0_and_everything_committed(tmp_path: Path) -> None:
    recording = a_recording(tmp_path / "in.jsonl")
    with started(tmp_path, "run", SOURCE=f"file:{recording}?follow=1") as process:
        path = tmp_path / "h.db"

        def judged() -> bool:
            if not path.exists() or not path.stat().st_size:
                return False
            with open_store(f"sqlite:{path}") as store:
                return store.counters().get("events") == 20

        eventually(judged)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err
    with open_store(f"sqlite:{path}") as store:
        assert store.status().state == "stopped"


def test_replay_writes_a_line_for_each_event_to_a_file_or_stdout(tmp_path: Path) -> None:
    a_recording(tmp_path / "in.jsonl")
    done = habitus(tmp_path, "replay", "in.jsonl", "--format", "native", "--out", "o.jsonl")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "o.jsonl").read_text().splitlines()
    assert [json.loads(line)["event_id"] for line in lines] == [f"e-{n}" for n in range(20)]
    assert "1 rejected" in done.stderr
    assert (tmp_path / "o.jsonl.rejected.jsonl").exists()
    piped = habitus(tmp_path, "replay", "in.jsonl", "--out", "-", "--json")
    assert [json.loads(line) for line in piped.stdout.splitlines()] == [
        json.loads(line) for line in lines
    ]


def test_history_may_be_several_files_after_one_option(tmp_path: Path) -> None:
    a_recording(tmp_path / "in.jsonl", 3)
    for name in ("a.jsonl", "b.jsonl"):
        a_recording(tmp_path / name, 2)
    args = ("replay", "in.jsonl", "--out", "-", "--history", "a.jsonl", "b.jsonl")
    done = habitus(tmp_path, *args)
    assert done.returncode == 0, done.stderr
    # Two of the three were in the history already.
    assert [json.loads(line)["event_id"] for line in done.stdout.splitlines()] == ["e-2"]


def test_serve_answers_and_judges_until_sigterm(tmp_path: Path) -> None:
    port = a_port()
    base = f"http://127.0.0.1:{port}"

    def get(path: str) -> Any:
        with urllib.request.urlopen(base + path, timeout=5) as answer:  # noqa: S310  # our own
            return json.load(answer)

    how = {"LISTEN": f"127.0.0.1:{port}", "HTTP_FEED": "batch"}
    with started(tmp_path, "serve", **how) as process:
        eventually(lambda: get("/readyz"))
        posted = urllib.request.Request(  # noqa: S310  # our own
            base + "/v1/actions",
            json.dumps(an_event(1)).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(posted, timeout=5) as answer:  # noqa: S310  # our own
            assert json.load(answer)["accepted"] == 1
        eventually(lambda: get("/v1/agents")["agents"])
        assert get("/v1/agents/agent-1/trust")["state"] == "learning"
        second = habitus(tmp_path, "serve", LISTEN=f"127.0.0.1:{port}")
        assert second.returncode == 2
        assert second.stderr == (
            f"error: cannot listen on 127.0.0.1:{port}: address already in use\n"
        )
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err
    assert "no credentials are configured, so for this machine only" in err


def test_http_intake_without_new_events_is_stale(tmp_path: Path) -> None:
    port = a_port()
    base = f"http://127.0.0.1:{port}"

    def ask(path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(base + path, data, {"Content-Type": "application/json"})  # noqa: S310  # our own
        with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310  # our own
            return json.load(answer)

    for _ in range(2):  # a restart makes nothing fresh
        with started(tmp_path, "serve", LISTEN=f"127.0.0.1:{port}") as process:
            eventually(lambda: ask("/readyz"))
            if not (known := ask("/v1/agents")["agents"]):
                eventually(lambda: ask("/readyz")["stale"] is False)  # its worker runs
                ask("/v1/actions", an_event(1))
            eventually(lambda: ask("/v1/agents/agent-1/trust")["state"] == "stale")
            (source,) = eventually(lambda: ask("/readyz")["sources"])
            assert (source["source"], source["quiet"]) == ("http", True)
            assert source["last_event"] == "2026-01-05T08:00:01.000000Z"
            eventually(lambda: ask("/readyz")["lag_s"] < 60)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=WAIT_S)
    assert known
    listed = habitus(tmp_path, "agents")
    assert "no event of the live source http for" in listed.stderr
    fresh = an_event(2) | {"time": datetime.now(UTC).isoformat()}
    with started(tmp_path, "serve", LISTEN=f"127.0.0.1:{port}"):
        eventually(lambda: ask("/readyz"))
        ask("/v1/actions", fresh)
        eventually(lambda: ask("/v1/agents/agent-1/trust")["state"] == "learning")
        assert ask("/readyz")["stale"] is False


def test_a_quarantine_of_the_terminal_shows_in_the_answers_of_a_running_server(
    tmp_path: Path,
) -> None:
    port = a_port()
    base = f"http://127.0.0.1:{port}"

    def ask(path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(base + path, data, {"Content-Type": "application/json"})  # noqa: S310  # our own
        with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310  # our own
            return json.load(answer)

    with started(tmp_path, "serve", LISTEN=f"127.0.0.1:{port}", HTTP_FEED="batch"):
        eventually(lambda: ask("/readyz"))
        ask("/v1/actions", an_event(1))
        eventually(lambda: ask("/v1/agents")["agents"])
        done = habitus(tmp_path, "quarantine", "agent-1", "--reason", "a key leaked", "--yes")
        assert done.returncode == 0, done.stderr
        eventually(lambda: ask("/v1/agents/agent-1/trust")["gate"] == "quarantined")
        answer = ask("/v1/agents/agent-1/trust")
        assert answer["obligations"] == {"max_credential_ttl_s": 0, "step_up": True}
        confirm = ask("/v1/agents/agent-1/release", {"reason": "rotated"})["confirm"]
        ask("/v1/agents/agent-1/release", {"reason": "rotated", "confirm": confirm})
        eventually(lambda: ask("/v1/agents/agent-1/trust")["gate"] == "open")
    listed = habitus(tmp_path, "audit", "--json")
    rows = json.loads(listed.stdout)["entries"]
    assert [one["action"] for one in rows] == ["release", "quarantine"]
    assert rows[0]["by"] == "loopback"
    assert rows[1]["by"].startswith("terminal:")


@pytest.mark.parametrize("how", [[], ["--no-judge"]], ids=["judging", "replica"])
def test_serve_ends_on_a_sigterm_that_comes_while_it_starts(tmp_path: Path, how: list[str]) -> None:
    port = a_port()
    with started(tmp_path, "serve", *how, LISTEN=f"127.0.0.1:{port}") as process:
        eventually((tmp_path / "h.db").exists)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err


def test_serve_refuses_to_listen_beyond_this_machine_without_credentials(tmp_path: Path) -> None:
    done = habitus(tmp_path, "serve", LISTEN="0.0.0.0:0")
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()  # no address was announced
    assert said.startswith("error: no credential store is configured")
    assert not list(tmp_path.glob("*.db"))


def test_serve_refuses_models_that_its_judging_could_not_use(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "peers.model.json").write_text("{}")
    done = habitus(tmp_path, "serve", LISTEN="127.0.0.1:0", OFFLINE_MODELS=str(models))
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()  # no address was announced
    assert "peers.model.json" in said


def test_serve_refuses_a_sink_that_its_judging_could_not_use(tmp_path: Path) -> None:
    done = habitus(tmp_path, "serve", LISTEN="127.0.0.1:0", SINK="bogus:here")
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()  # no address was announced
    assert said.startswith("error: unknown sink 'bogus:here'")


def test_closed_output_pipe_ends_the_command_quietly(tmp_path: Path) -> None:
    a_recording(tmp_path / "in.jsonl")
    done = subprocess.run(  # noqa: S602  # a pipe of the shell is what is tested
        f"{sys.executable} -m pipeline.cli config --json | true",
        shell=True,
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_a_command_that_is_ended_leaves_nothing_half_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with started(tmp_path, "simulate", str(out / "fleet.jsonl"), "--agents", "2000") as running:
        assert eventually(lambda: list(out.iterdir())), "it has begun to write"
        running.terminate()
        assert running.wait(WAIT_S) == 128 + signal.SIGTERM
    assert not list(out.iterdir())
