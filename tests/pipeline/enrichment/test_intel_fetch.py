"""Fetching lists: whole and checked, or what was there stays. Against a server of our own."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from models.errors import ConfigError, HabitusError
from pipeline.enrichment.intel import load
from pipeline.enrichment.intel_fetch import fetch, list_sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = {
    "/vpn.txt": b"198.18.0.0/16\n",
    "/page.html": b"<html>not found</html>\n",
    "/long.txt": b"198.18.0.0/16\n" * 100,
}


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://192.0.2.1/vpn.txt")
            self.end_headers()
            return
        content = PAGES.get(self.path)
        self.send_response(200 if content else 404)
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_a_fetched_list_is_loaded_with_version_and_licence(server: str, tmp_path: Path) -> None:
    folder = tmp_path / "intel"
    digest = hashlib.sha256(PAGES["/vpn.txt"]).hexdigest()
    fetched = fetch(f"{server}/vpn.txt", folder, "vpn.txt", digest, licence="MIT")
    (loaded,) = load(folder)
    assert loaded.evidence == fetched.evidence == f"vpn@{digest[:12]}"
    assert loaded.licence == "MIT"
    meta = json.loads((folder / "vpn.txt.meta.json").read_text())
    assert meta["source"] == f"{server}/vpn.txt"
    assert sorted(path.name for path in folder.iterdir()) == ["vpn.txt", "vpn.txt.meta.json"]


@pytest.mark.parametrize(
    ("page", "sha256", "said"),
    [
        ("/vpn.txt", "0" * 64, "expected 0000"),
        ("/page.html", None, "holds no list entry"),
        ("/absent", None, "cannot fetch .*404"),
        ("/long.txt", None, "longer than 1000 bytes"),
    ],
)
def test_failed_fetch_leaves_the_old_list_in_place(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    page: str, sha256: str | None, said: str,
) -> None:  # fmt: skip
    monkeypatch.setattr("pipeline.enrichment.intel_fetch.LARGEST", 1000)
    (tmp_path / "vpn.txt").write_text("198.18.77.0/24\n")
    with pytest.raises(HabitusError, match=said):
        fetch(server + page, tmp_path, "vpn.txt", sha256)
    assert (tmp_path / "vpn.txt").read_text() == "198.18.77.0/24\n"
    assert [path.name for path in tmp_path.iterdir()] == ["vpn.txt"]


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/vpn.txt", "ftp://192.0.2.1/x", "file:///etc/hosts"]
)
def test_only_https_leaves_this_machine(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="expected https://"):
        fetch(url, tmp_path, "vpn.txt")


def test_unreachable_server_is_reported(tmp_path: Path) -> None:
    with pytest.raises(HabitusError, match="cannot fetch"):
        fetch("http://127.0.0.1:9/vpn.txt", tmp_path, "vpn.txt")


@pytest.mark.parametrize("name", ["../vpn.txt", ".vpn", "a/vpn.txt", "vpn.txt.meta.json"])
def test_a_name_stays_inside_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="is not a file name for a list"):
        fetch("https://example.com/vpn.txt", tmp_path, name)


def test_the_shipped_table_names_kinds_and_licences() -> None:
    sources = list_sources()
    assert {source.name for source in sources if source.default} == {
        "vpn_ipv4.txt", "vpn_ipv6.txt", "vpn_asn.txt", "hosting_asn.txt",
    }  # fmt: skip
    assert all(source.licence and source.url.startswith("https://") for source in sources)


def test_a_wrong_table_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "sources.toml"
    table.write_text('[[source]]\nname = "vpn.txt"\n')
    with pytest.raises(ConfigError, match="cannot be read: Object missing required field `url`"):
        list_sources(table)
