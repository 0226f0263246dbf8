"""Hosts: what a word says about a destination, without its credentials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.actions.hosts import bare_url, host_in, socket_in, url_in


@pytest.mark.parametrize(
    ("word", "host"),
    [
        ("example.com", "example.com"),
        ("Example.COM:8080/a?b=1#c", "example.com:8080"),
        ("ana:pw@example.com", "example.com"),
        ("https://[2001:db8::7]:443/a", "[2001:db8::7]:443"),
        ("192.0.2.7", "192.0.2.7"),
        ("gs://bucket/a/b", "gs://bucket"),
        ("file:///etc/passwd", None),
        ("data:text/plain,a", None),
        ("./a", None),
        ("/a", None),
        ("$HOST", None),
        ("a b", None),
        ("", None),
        ("a" * 300, None),
    ],
)
def test_host_of_a_word(word: str, host: str | None) -> None:
    assert host_in(word) == host


@pytest.mark.parametrize(
    ("word", "host"),
    [
        ("git@git.example.com:team/app.git", "git.example.com"),
        ("ssh://git@git.example.com:22/app.git", "git.example.com:22"),
        ("host.example.com:/srv", "host.example.com"),
        ("origin", None),
        ("./a:b", None),
        ("C:\\data", None),
        ("main:main", "main"),
    ],
)
def test_only_a_url_or_a_remote_path_has_a_host(word: str, host: str | None) -> None:
    assert url_in(word) == host


def test_network_file_of_bash_is_an_address() -> None:
    assert socket_in("/dev/udp/Host.Example/53") == "host.example:53"
    assert socket_in("/dev/tcp/") is None


@given(st.text(max_size=60))
def test_no_word_raises(word: str) -> None:
    for read in (host_in, url_in, socket_in):
        assert read(word) != ""
    assert "@" not in bare_url(f"https://ana:pw@example.com?{word}")


def test_bare_url_omits_password_and_query() -> None:
    assert bare_url("https://ana:pw@example.com/a/b?token=1#c") == "https://example.com/a/b"
    assert bare_url("/a/b?token=1") == "/a/b"
