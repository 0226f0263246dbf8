"""Files, standard input and web addresses: bounded, and never elsewhere than asked."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import ConfigError, HabitusError
from pipeline.inventory.importing import fetching, importer_named, read
from pipeline.inventory.importing.fetching import document
from tests.pipeline.inventory.sources import CARD

if TYPE_CHECKING:
    from collections.abc import Iterator


class Answers(BaseHTTPRequestHandler):
    """Answers of a web server, by path."""

    def do_GET(self) -> None:
        body = json.dumps(CARD).encode()
        if self.path == "/.well-known/agent-card.json":
            self._send(200, body)
        elif self.path == "/moved":
            self._send(302, b"", Location="/.well-known/agent-card.json")
        elif self.path == "/packed":
            self._send(200, gzip.compress(body), **{"Content-Encoding": "gzip"})
        elif self.path == "/large":
            self._send(200, b" " * 5_000)
        elif self.path == "/drips":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                while not self.server.released.wait(0.05):  # type: ignore[attr-defined]
                    self.wfile.write(b" ")
        elif self.path == "/hangs":
            self.server.released.wait(10)  # type: ignore[attr-defined]
        else:
            self._send(404, b"")

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.released = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.released.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_address_without_a_path_gives_the_well_known_card(url):
    found = document(url, importer_named("a2a").url_path)
    assert found.name == f"{url}/.well-known/agent-card.json"
    assert list(read("a2a", [found]).agents) == [CARD["name"]]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/none", "answers with status 404, expected 200"),
        ("/moved", "answers with status 302, expected 200"),
        ("/packed", "answers compressed, expected plain JSON"),
    ],
)
def test_other_answers_than_plain_json_are_refused(url, path, message):
    with pytest.raises(HabitusError, match=message):
        document(url + path)


def test_long_answer_and_long_wait_are_cut(url, monkeypatch):
    monkeypatch.setattr(fetching, "LARGEST_ANSWER", 4_096)
    with pytest.raises(HabitusError, match="answers with more than 4096 bytes"):
        document(f"{url}/large")
    monkeypatch.setattr(fetching, "TIMEOUT_S", 0.2)
    with pytest.raises(HabitusError, match="cannot be asked: ReadTimeout"):
        document(f"{url}/hangs")
    with pytest.raises(HabitusError, match="takes more than 0 s"):
        document(f"{url}/drips")


@pytest.mark.parametrize(
    "place",
    [
        "http://agents.example.com/card.json",
        "file:///etc/passwd",
        "ftp://127.0.0.1/card.json",
        "http://127.0.0.1.example.com/card.json",
        "https://",
        "http://[::1",
        "https://a.example.com:99999/",
    ],
)
def test_only_https_and_this_machine_are_asked(place):
    with pytest.raises(ConfigError, match=r"expected https|is no web address"):
        document(place)


def test_password_in_an_address_is_refused_and_not_shown():
    with pytest.raises(ConfigError, match="must not contain a user") as error:
        document("https://me:s3cret@example.com/card.json")
    assert "s3cret" not in str(error.value)


def test_file_is_named_without_its_folder(tmp_path):
    (tmp_path / "card.json").write_text(json.dumps(CARD))
    assert document(str(tmp_path / "card.json")).name == "card.json"


def test_large_file_folder_and_missing_file_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "LARGEST_FILE", 10)
    (tmp_path / "large.json").write_text("[" + " " * 20 + "]")
    for place, message in (
        (tmp_path / "large.json", "it has more than 10 bytes"),
        (tmp_path, "it is no regular file"),
        (tmp_path / "none.json", "no such file or directory"),
    ):
        with pytest.raises(ConfigError, match=f"cannot be read: {message}"):
            document(str(place))


def test_standard_input_is_bounded(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"[]")))
    assert document("-").content == b"[]"
    monkeypatch.setattr(fetching, "LARGEST_FILE", 1)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"[]")))
    with pytest.raises(ConfigError, match="standard input has more than 1 bytes"):
        document("-")
