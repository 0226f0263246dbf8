"""The URL of a Kafka broker, and how to connect to it."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct

from models.errors import ConfigError
from pipeline.files.toml_file import read_toml
from pipeline.processing.stream_types import MAX_VALUE
from pipeline.sources.feed import check_feed
from pipeline.text.quoted import masked, quoted

_CLIENT_KEYS = re.compile(r"(security_protocol|client_id|client_rack|(ssl|sasl)_[a-z_]+)$")
_GROUP_KEYS = re.compile(r"(group_instance_id|session_timeout_ms|heartbeat_interval_ms)$")
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_TIMES = ("session_timeout_ms", "heartbeat_interval_ms")
_TRY_SECONDS = 3


class Address(Struct, frozen=True):
    """Address of a broker, and what to read there.

    Attributes
    ----------
    brokers
        ``HOST:PORT`` of one or more brokers of one cluster.
    topic, group
        Empty if the URL has none.
    skip_lost
        Continue at the first record still held if the stored position is gone.
    client
        Client options from the file in ``config=``: encryption, authentication, and for a source
        also its consumer group.
    longest
        Largest record in bytes; a longer one is cut.
    """

    brokers: list[str]
    topic: str
    group: str
    skip_lost: bool
    client: dict[str, Any]
    longest: int = MAX_VALUE


def without_group(address: Address) -> Address:
    """Give the address without the options of the consumer group."""
    own = {name: value for name, value in address.client.items() if not _GROUP_KEYS.match(name)}
    return msgspec.structs.replace(address, client=own)


def broker_alone(address: Address) -> Address:
    """Give the address without topic and group."""
    alone = without_group(address)
    return msgspec.structs.replace(alone, topic="", group="", skip_lost=False)


def parse(url: str, *, topic: bool) -> Address:
    """Parse a Kafka URL.

    Parameters
    ----------
    url
        ``kafka://HOST:PORT[,HOST:PORT…][/TOPIC][?group=NAME&lost=skip&feed=batch&config=FILE]``.
    topic
        True: a topic is required; False: it is forbidden.

    Raises
    ------
    ConfigError
        The URL has another form, or a part is missing.

    Examples
    --------
    >>> parse("kafka://127.0.0.1:9092/agent.actions?group=habitus", topic=True).topic
    'agent.actions'
    """
    shown = quoted(masked(url))
    try:
        parts = urlsplit(url)
    except ValueError as error:  # unbalanced brackets
        raise ConfigError(f"expected kafka://HOST:PORT, got {shown}: {error}") from error
    if "@" in parts.netloc:
        raise ConfigError(
            "a password does not belong in a Kafka URL; put sasl_plain_username and "
            "sasl_plain_password into a file named by config=FILE"
        )
    brokers = [part for part in parts.netloc.split(",") if part]
    if not brokers or not all(map(_is_broker, brokers)):
        raise ConfigError(f"expected kafka://HOST:PORT, got {shown}")
    name = parts.path.strip("/")
    if topic and not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", name):
        raise ConfigError(f"expected one topic in kafka://HOST:PORT/TOPIC, got {shown}")
    if name and not topic:
        raise ConfigError(f"a sink takes no topic, expected kafka://HOST:PORT, got {shown}")
    given = parse_qsl(parts.query, keep_blank_values=True)
    query = dict(given)
    if len(query) < len(given):
        raise ConfigError(f"a parameter occurs twice in {shown}")
    if unknown := set(query) - ({"group", "lost", "feed", "config"} if topic else {"config"}):
        raise ConfigError(f"unknown parameter {quoted(min(unknown))} in {shown}")
    if query.get("lost", "stop") not in ("stop", "skip"):
        raise ConfigError(f"lost must be stop or skip, got {quoted(query['lost'])}")
    check_feed(query.get("feed"))
    return Address(
        brokers=brokers,
        topic=name,
        group=query.get("group") or "habitus",
        skip_lost=query.get("lost") == "skip",
        client=_client(query["config"], group=topic) if "config" in query else {},
    )


def _is_broker(text: str) -> bool:
    """Return whether a text is HOST:PORT.

    >>> _is_broker("[::1]:9092"), _is_broker("broker:99999")
    (True, False)
    """
    found = re.fullmatch(r".+:([0-9]{1,5})", text)
    return found is not None and 0 < int(found[1]) < 1 << 16


def answers(brokers: list[str]) -> bool:
    """Return whether a process listens at one of these addresses.

    This check runs before the client is made, because the client tries a dead address for ten
    seconds and leaks its sockets.
    """
    for broker in brokers:
        host, _, port = broker.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_TRY_SECONDS).close()
        except (OSError, OverflowError):
            continue
        return True
    return False


def _client(path: str, *, group: bool) -> dict[str, Any]:
    try:
        options = read_toml(Path(path))
    except (OSError, ValueError) as error:
        raise ConfigError(f"Kafka client file {path!r} cannot be read: {error}") from error
    for key, value in options.items():
        if not (_CLIENT_KEYS.match(key) or (group and _GROUP_KEYS.match(key))):
            raise ConfigError(
                f"unknown key {key!r} in {path!r}, expected security_protocol, client_id, "
                "ssl_… or sasl_…" + (" or one of the group's" if group else "")
            )
        if fault := _fault(key, value):
            got = type(value).__name__ if "password" in key else quoted(value)
            raise ConfigError(f"{key} in {path!r} must be {fault}, got {got}")
    return options


def _fault(key: str, value: object) -> str:
    """Describe the expected value of an option; empty if the value is valid.

    One client treats an unknown protocol as none, and would send without encryption.

    >>> _fault("security_protocol", "TLS"), _fault("session_timeout_ms", 6000)
    ('one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL', '')
    """
    if key == "security_protocol":
        return "" if value in _PROTOCOLS else f"one of {', '.join(_PROTOCOLS)}"
    if key in _TIMES:
        return "" if type(value) is int else "a number of milliseconds"
    if key == "ssl_check_hostname":
        return "" if isinstance(value, bool) else "true or false"
    return "" if isinstance(value, str) else "a text"
