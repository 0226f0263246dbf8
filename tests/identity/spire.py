"""A real SPIRE server and agent of one test, with workloads known by their user and program."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOMAIN = "example.org"
NODE = f"spiffe://{DOMAIN}/node"
_WAIT_S = 120.0

_SERVER = """
server {{
  bind_address = "127.0.0.1"
  bind_port = "{port}"
  socket_path = "{folder}/server.sock"
  trust_domain = "{domain}"
  data_dir = "{folder}/server"
  log_level = "INFO"
  log_format = "{log_format}"
  log_file = "{folder}/server.log"
  audit_log_enabled = true
}}
plugins {{
  DataStore "sql" {{
    plugin_data {{ database_type = "sqlite3", connection_string = "{folder}/db" }}
  }}
  NodeAttestor "join_token" {{ plugin_data {{}} }}
  KeyManager "memory" {{ plugin_data {{}} }}
}}
"""
_AGENT = """
agent {{
  data_dir = "{folder}/agent"
  server_address = "127.0.0.1"
  server_port = "{port}"
  socket_path = "{folder}/agent.sock"
  trust_domain = "{domain}"
  insecure_bootstrap = true
}}
plugins {{
  NodeAttestor "join_token" {{ plugin_data {{}} }}
  KeyManager "memory" {{ plugin_data {{}} }}
  WorkloadAttestor "unix" {{ plugin_data {{ discover_workload_path = true }} }}
}}
"""


@dataclass(frozen=True)
class Workload:
    """A program that a user runs; its SPIFFE ID is what the server would give it."""

    spiffe_id: str
    uid: int
    program: Path


class Spire:
    """Starts with the block and ends with it."""

    def __init__(self, programs: Path, log_format: str) -> None:
        self._programs = programs
        self._log_format = log_format
        self._token = ""
        # Below /tmp itself: workloads of other users must reach the socket.
        self.folder = Path(tempfile.mkdtemp(prefix="spire-", dir="/tmp"))
        self.folder.chmod(0o755)
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Spire:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        said = {"folder": self.folder, "port": port, "domain": DOMAIN}
        said["log_format"] = self._log_format
        for name, text in (("server", _SERVER), ("agent", _AGENT)):
            (self.folder / name).mkdir()
            (self.folder / f"{name}.conf").write_text(text.format(**said))
        self._start("spire-server")
        self._wait(["spire-server", "healthcheck", "-socketPath", f"{self.folder}/server.sock"])
        answer = self._server("token", "generate", "-spiffeID", NODE, "-output", "json")
        self._token = json.loads(answer)["value"]
        self._start("spire-agent", "-joinToken", self._token)
        self._wait(["spire-agent", "healthcheck", "-socketPath", f"{self.folder}/agent.sock"])
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            process.terminate()
            process.wait(30)
        shutil.rmtree(self.folder)

    def workload(self, path: str, uid: int) -> Workload:
        """Give a program of its own to a user; nothing is registered."""
        program = self.folder / "workloads" / path.rpartition("/")[2]
        program.parent.mkdir(exist_ok=True)
        shutil.copy(self._programs / "spire-agent", program)
        return Workload(f"spiffe://{DOMAIN}{path}", uid, program)

    def register(self, path: str, uid: int) -> Workload:
        """Register a workload by its user and program."""
        made = self.workload(path, uid)
        selectors = [f"unix:uid:{uid}", f"unix:path:{made.program}"]
        words = [word for one in selectors for word in ("-selector", one)]
        self._server("entry", "create", "-parentID", NODE, "-spiffeID", made.spiffe_id, *words)
        return made

    def entries(self) -> str:
        """Give the registered entries, as JSON."""
        return self._server("entry", "show", "-output", "json")

    def token_of(self, workload: Workload, *audiences: str) -> str:
        """Give the JWT-SVID that a workload fetches."""
        end = time.monotonic() + _WAIT_S
        while True:  # the agent learns of a new entry within seconds
            done = self.fetch(workload, *audiences)
            if done.returncode == 0:
                found: list[dict[str, Any]] = json.loads(done.stdout)
                (svid,) = next(one for one in found if "svids" in one)["svids"]
                return str(svid["svid"])
            assert time.monotonic() < end, done.stderr
            time.sleep(0.5)

    def fetch(self, workload: Workload, *audiences: str) -> subprocess.CompletedProcess[str]:
        """Run a workload, which asks the agent for a JWT-SVID once."""
        words = ["api", "fetch", "jwt", "-audience", ",".join(audiences), "-output", "json"]
        return subprocess.run(  # noqa: S603 - SPIRE's own program
            [str(workload.program), *words, "-socketPath", f"{self.folder}/agent.sock"],
            capture_output=True, text=True, check=False, cwd="/",
            user=workload.uid if workload.uid != os.geteuid() else None,
        )  # fmt: skip

    def attest_again(self) -> None:
        """Let an agent of another node try the token that was used, until the log has a refusal."""
        text = (self.folder / "agent.conf").read_text()
        for name in ("agent", "agent.sock"):
            text = text.replace(f'{self.folder}/{name}"', f'{self.folder}/second-{name}"')
        (self.folder / "second-agent").mkdir()
        (self.folder / "second.conf").write_text(text)
        self._start("spire-agent", "-joinToken", self._token, configured="second")
        end = time.monotonic() + _WAIT_S
        while not any("already been used" in line for line in self.audit_lines()):
            assert time.monotonic() < end, "SPIRE's log has no refusal"
            time.sleep(0.2)

    def audit_lines(self) -> list[str]:
        """Give the lines of the server's log."""
        return (self.folder / "server.log").read_text().splitlines()

    def _server(self, *words: str) -> str:
        command = [str(self._programs / "spire-server"), *words]
        done = subprocess.run(  # noqa: S603 - SPIRE's own program
            [*command, "-socketPath", f"{self.folder}/server.sock"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _start(self, program: str, *words: str, configured: str = "") -> None:
        name = configured or program.removeprefix("spire-")
        command = [str(self._programs / program), "run", "-config", f"{self.folder}/{name}.conf"]
        with (self.folder / f"{name}.out").open("wb") as out:
            self._running.append(
                subprocess.Popen([*command, *words], stdout=out, stderr=out)  # noqa: S603
            )

    def _wait(self, command: list[str]) -> None:
        end = time.monotonic() + _WAIT_S
        program, *words = command
        while subprocess.run(  # noqa: S603 - SPIRE's own program
            [str(self._programs / program), *words], capture_output=True, check=False
        ).returncode:
            assert self._running[-1].poll() is None, "SPIRE ended; see its log"
            assert time.monotonic() < end, "SPIRE did not start in time"
            time.sleep(0.5)
