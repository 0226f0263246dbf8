"""A real server process with small limits, and clients of all kinds on loopback."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import resource
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

# Linux routes all of 127.0.0.0/8 to this machine, so clients have as many addresses as they want.
ATTACKER = "127.0.0.66"
OTHER = "127.0.0.77"
SMALL = {
    "MAX_CONNECTIONS": "60",
    "MAX_CONNECTIONS_PER_ADDRESS": "20",
    "HEADER_TIMEOUT_S": "1.5",
    "BODY_TIMEOUT_S": "1.5",
    "IDLE_TIMEOUT_S": "1.5",
    "MAX_BODY_MEMORY": str(4 * 1024 * 1024),
}
# A deadline is looked at once a second; the rest is for a machine with other work.
LATE_S = 6.0


class Running:
    """One `habitus serve` on a free port."""

    attacker = ATTACKER
    other = OTHER
    late_s = LATE_S

    def __init__(
        self, port: int, process: subprocess.Popen[bytes], log: Path, tls: ssl.SSLContext | None
    ) -> None:
        self.port = port
        self.pid = process.pid
        self._process = process
        self._log = log
        self.tls = tls

    def connect(
        self, source: str = "127.0.0.1", *, tls: bool = True, receive: int = 0
    ) -> socket.socket:
        plain = socket.socket()
        if receive:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        plain.settimeout(15)
        try:
            plain.bind((source, 0))
            plain.connect(("127.0.0.1", self.port))
            if self.tls is not None and tls:
                return self.tls.wrap_socket(plain, server_hostname="localhost")
        except OSError:
            plain.close()
            raise
        return plain

    def ask(
        self, path: str = "/livez", source: str = "127.0.0.1", **headers: str
    ) -> tuple[int, bytes]:
        with self.connect(source) as client:
            asked = {"Host": "localhost", "Connection": "close", **headers}
            lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items())]
            client.sendall("\r\n".join([*lines, "", ""]).encode())
            return parsed(read_all(client))

    def metric(self, name: str) -> float:
        """Give a sample of the metrics page by its name and labels; 0 where it is not there."""
        page = self.ask("/metrics")[1].decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def rss_mib(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def log(self) -> str:
        return self._log.read_text()

    def end(self) -> int:
        """Ask it to end and wait for it; give the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(40)

    def until(self, holds: Any, seconds: float = LATE_S) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "it did not come true in time"
            time.sleep(0.05)

    @contextmanager
    def answering(self, most_mib: float = 40) -> Iterator[None]:
        """Let good clients ask all the while, over new and kept connections; bound the memory.

        The first question of a server loads what answers it, which is no growth.
        """
        assert self.ask("/v1/agents/a/trust")[0] == 200
        before, worst, faults, answered = self.rss_mib(), 0.0, [], 0
        over = threading.Event()

        def ask() -> None:
            nonlocal worst, answered
            kept = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            if self.tls is not None:
                kept = http.client.HTTPSConnection(
                    "localhost", self.port, timeout=10, context=self.tls
                )
            while not over.is_set() or not answered:
                try:
                    kept.request("GET", "/v1/agents/a/trust")
                    answer = kept.getresponse()
                    answer.read()
                    statuses = {answer.status, self.ask()[0]}
                    if statuses != {200}:
                        faults.append(statuses)
                except OSError as error:
                    faults.append(error)
                    break
                answered += 1
                worst = max(worst, self.rss_mib())
                time.sleep(0.02)
            kept.close()

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(20)
        assert not faults, faults
        assert answered
        assert worst - before < most_mib, f"{before:.0f} MiB grew to {worst:.0f} MiB"


def read_all(client: socket.socket) -> bytes:
    """Read until the server closes; a reset ends it too."""
    parts = []
    while True:
        try:
            part = client.recv(65_536)
        except ConnectionError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def parsed(answer: bytes) -> tuple[int, bytes]:
    """Split an answer into status and body; 0 where there is none."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


def free_port(host: str) -> int:
    """Give a port below those that the system gives to clients, so that none takes it meanwhile."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError), socket.create_server((host, port)):
            return port


@contextmanager
def serving(
    folder: Path,
    *,
    open_files: int | None = None,
    tls: ssl.SSLContext | None = None,
    listen: str = "127.0.0.1",
    **settings: str,
) -> Iterator[Running]:
    """Start `habitus serve` with these settings, wait until it is ready, and end it."""
    port = free_port(listen)
    env = {name: value for name, value in os.environ.items() if not name.startswith("HABITUS_")}
    env |= {"HABITUS_LISTEN": f"{listen}:{port}", "HABITUS_STORE": f"sqlite:{folder / 'h.db'}"}
    env |= {f"HABITUS_{name}": value for name, value in settings.items()}
    log = folder / "log"

    def few_files() -> None:
        if open_files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", "serve"],
            env=env,
            cwd=folder,
            stderr=stderr,
            preexec_fn=few_files,
        )
    running = Running(port, process, log, tls)

    def ready() -> bool:
        assert process.poll() is None, running.log()
        try:
            return running.ask("/readyz")[0] == 200
        except OSError:
            return False

    try:
        running.until(ready, 120)
        yield running
    finally:
        try:
            running.end()
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("served"), **SMALL) as running:
        yield running


@pytest.fixture
def serve() -> Any:
    return serving


@pytest.fixture
def small() -> dict[str, str]:
    return dict(SMALL)


@pytest.fixture
def answer_of() -> Any:
    """Give the function that reads status and body until the server closes."""
    return lambda client: parsed(read_all(client))


@pytest.fixture
def one_answer() -> Any:
    """Give the function that reads an answer of a connection that is kept."""

    def read(client: socket.socket) -> int:
        answer = http.client.HTTPResponse(client)
        answer.begin()
        answer.read()
        return answer.status

    return read


@pytest.fixture
def everything() -> Any:
    """Give the function that reads all bytes until the server closes."""
    return read_all


class Authority:
    """Issues certificates, as an operator's own authority does."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._own = self._build(self._name, self._key.public_key(), 30, [], authority=True)
        self.file.write_bytes(self._own.public_bytes(Encoding.PEM))

    def issue(
        self,
        folder: Path,
        file: str,
        *,
        dns: str = "",
        uris: tuple[str, ...] = (),
        name: str = "",
        days: float = 30,
    ) -> int:
        """Write `file`.pem and `file`.key, the certificate last; give its serial number."""
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in uris]
        names += [x509.DNSName(dns)] if dns else []
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else []
        made = self._build(x509.Name(parts), key.public_key(), days, names)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{file}.key").write_bytes(private)
        (folder / f"{file}.pem").write_bytes(made.public_bytes(Encoding.PEM))
        return made.serial_number

    def _build(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        days: float,
        names: list[x509.GeneralName],
        *,
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def another_authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "another authority")
