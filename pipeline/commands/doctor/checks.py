"""The checks of `habitus doctor`: one function each, which returns its finding and advice."""

from __future__ import annotations

import os
import platform
import socket
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from msgspec import Struct

from models.errors import ConfigError, HabitusError, NoStore
from models.units import SECOND_US
from pipeline.commands.current_trust import lag_us
from pipeline.commands.doctor.credential_checks import fault_or_note
from pipeline.commands.doctor.last_event import last_event
from pipeline.commands.running import has_credentials
from pipeline.configuration.derived import model_config_of
from pipeline.events.unknown_members import in_words, unknown_by
from pipeline.installed_kernel import installed_kernel
from pipeline.sources import source_of
from pipeline.sources.file_url import file_query
from pipeline.store import (
    is_postgresql,
    open_shard,
    open_store,
    shown_url,
    store_path,
    writer_lock,
)
from pipeline.store.batch import SILENT_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.settings import Settings
    from pipeline.store import PipelineStatus, Store

State = Literal["ok", "optional", "missing"]
T = TypeVar("T")
_OLD_DAYS = 30
_LIBRARIES = ("river", "msgspec", "kafka-python", "fastapi", "uvicorn")


class Check(Struct, frozen=True):
    """Result of one check; `todo` is empty if no action is needed."""

    name: str
    state: State
    found: str
    todo: str = ""


def examine(settings: Settings, at_us: int) -> list[Check]:
    """Run all checks of the settings."""
    checks: dict[str, Callable[[], Check]] = {
        "kernel": lambda: _kernel(settings),
        "format": lambda: _format(settings),
        "model": lambda: _model(settings),
        "store": lambda: _store(settings, at_us),
        "source": lambda: _source(settings),
        "last event": lambda: Check("last event", *last_event(settings, at_us)),
        "position": lambda: _position(settings),
        "sink": lambda: _sink(settings),
        "intel": lambda: _intel(settings, at_us),
        "inventory": lambda: _inventory(settings),
        "listen": lambda: _listen(settings),
        "credentials": lambda: _credentials(settings, at_us),
        "detectors": lambda: _detectors(settings),
        "members": lambda: _members(settings),
    }
    return [_versions(), *(_guarded(name, look) for name, look in checks.items())]


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except HabitusError as error:
        return Check(name, "missing", str(error), "correct it and run doctor again")


def _versions() -> Check:
    parts = [f"python {platform.python_version()}"]
    for name in ("habitus", *_LIBRARIES):
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            if name != "habitus":
                return Check(
                    "versions", "missing", f"{name} is not installed", "install habitus again"
                )
    return Check("versions", "ok", ", ".join(parts))


def _kernel(settings: Settings) -> Check:
    kernel = installed_kernel(settings.kernel)
    if kernel is not None:
        return Check("kernel", "ok", f"native {kernel.__version__}")
    chosen = settings.kernel == "python"
    todo = "" if chosen else "install habitus where Rust is found, or with the wheel habitus-native"
    return Check("kernel", "optional", "python, several times slower", todo)


def _format(settings: Settings) -> Check:
    from pipeline.formats import format_named

    format_named(settings.format)
    return Check("format", "ok", settings.format)


def _model(settings: Settings) -> Check:
    config = model_config_of(settings)
    source = settings.parameters or "defaults, unless one is promoted"
    return Check("model", "ok", f"configuration {config.version}, {source}")


def _store(settings: Settings, at_us: int) -> Check:
    if is_postgresql(settings.store):
        return _server(settings, at_us)
    path = Path(store_path(settings.store))
    if not path.exists():
        if os.access(path.resolve().parent, os.W_OK):
            return Check("store", "ok", f"{path} will be made at the first start")
        todo = "make the folder, or set HABITUS_STORE"
        return Check("store", "missing", f"{path.parent} cannot be written", todo)
    with open_store(settings.store, read_only=True) as store:
        said = store.status().state
    if not (os.access(path, os.W_OK) and os.access(path.resolve().parent, os.W_OK)):
        todo = "give this user the right to write to the file and its folder"
        return Check("store", "missing", f"{path} cannot be written", todo)
    with writer_lock(settings.store) as lock:
        busy = "no worker uses it now" if lock.acquire() else "a worker uses it now"
    return Check("store", "ok", f"{path}, pipeline {said}, {busy}")


def _server(settings: Settings, at_us: int) -> Check:
    url = shown_url(settings.store)
    try:
        with open_shard(settings.store, "", read_only=True) as store:
            said, parts = store.status(), store.statuses()
    except NoStore:
        return Check("store", "ok", f"{url} will get its tables at the first start")
    alive = [name for name, one in parts.items() if _lives(one, at_us)]
    shared = [name for name in parts if name]
    of = f", {sum(map(bool, alive))} of {len(shared)} partitions in hand" if shared else ""
    if said.state == "running" and not alive:
        newest = max(one.heartbeat_us or 0 for one in parts.values())
        silent = f"no heartbeat for {(at_us - newest) / SECOND_US:.0f} s"
        return Check("store", "optional", f"{url}, {silent}{of}", "start habitus run")
    late = lag_us(said, at_us, settings.clock) or 0
    behind = f", {late / SECOND_US:.0f} s behind" if said.state == "running" else ""
    return Check("store", "ok", f"{url}, pipeline {said.state}{behind}{of}")


def _lives(status: PipelineStatus, at_us: int) -> bool:
    """Return whether a worker is running and its heartbeat is recent."""
    return status.state == "running" and at_us - (status.heartbeat_us or 0) <= SILENT_US


def _source(settings: Settings) -> Check:
    url = settings.source
    if not url:
        todo = "set HABITUS_SOURCE to kafka:, file: or - for habitus run"
        return Check("source", "optional", "none, so only events over HTTP are judged", todo)
    _, kind = source_of(url)
    if url.partition("?")[0] == "-":
        return Check("source", "ok", f"standard input, {kind}")
    if url.startswith("kafka:"):
        return _kafka("source", url, settings.kafka_client, topic=True)
    if not url.startswith("file:"):
        return Check(
            "source",
            "missing",
            "unknown kind of source",
            "set HABITUS_SOURCE to kafka:, file: or -",
        )
    from pipeline.sources.files import find

    plain, query = file_query(url)
    path = plain.removeprefix("file:")
    files = find(path)
    if not files and query.get("follow") != "1":
        return Check("source", "missing", f"no file at {path!r}", "set HABITUS_SOURCE")
    size = sum(file.stat().st_size for file in files)
    return Check("source", "ok", f"{len(files)} files, {size / 1e6:.1f} MB, {kind}")


def _sink(settings: Settings) -> Check:
    url = settings.sink
    if url == "none":
        return Check("sink", "optional", "results stay in the store", "HABITUS_SINK publishes them")
    if url.startswith("kafka:"):
        return _kafka("sink", url, settings.kafka_client, topic=False)
    if not url.startswith("file:"):
        todo = "set HABITUS_SINK to kafka:, file: or none"
        return Check("sink", "missing", "unknown kind of sink", todo)
    place = Path(url.removeprefix("file:")).resolve()
    while not place.exists():
        place = place.parent
    if place.is_dir() and os.access(place, os.W_OK):
        return Check("sink", "ok", url)
    return Check("sink", "missing", f"{place} cannot be written", "set HABITUS_SINK")


def _kafka(name: str, url: str, client: str, *, topic: bool) -> Check:
    if client == "librdkafka" and find_spec("confluent_kafka") is None:
        todo = "install habitus with the extra librdkafka, or leave HABITUS_KAFKA_CLIENT out"
        return Check(name, "missing", "the client librdkafka is not installed", todo)
    from pipeline.sources.kafka.address import answers, parse, without_group
    from pipeline.sources.kafka.clients.registry import try_options

    address = parse(url, topic=topic)
    brokers = ",".join(address.brokers)
    if not answers(address.brokers):
        todo = "start the broker, or correct the address"
        return Check(name, "missing", f"no Kafka broker answers at {brokers}", todo)
    from pipeline.sources.kafka.topics import ACTIONS, TOPICS, topics_at

    wanted = {address.topic} if topic else set(TOPICS) - {ACTIONS}
    try:
        try_options(client, without_group(address))
        missing = ", ".join(sorted(wanted - topics_at(address)))
    except ConfigError as error:
        return Check(name, "missing", str(error), "correct the options of the client")
    if missing:
        todo = "habitus doctor --create-topics"
        return Check(name, "missing", f"{brokers} answers, but has no topic {missing}", todo)
    return Check(name, "ok", f"{brokers} answers, its topics are there")


def _position(settings: Settings) -> Check:
    """Check whether the source still holds the store's resume positions."""
    if not settings.source.startswith("kafka:"):
        return Check("position", "ok", "a source of this kind keeps its records")
    from pipeline.sources.kafka.address import answers, parse
    from pipeline.sources.kafka.retained import outside

    address = parse(settings.source, topic=True)
    stored = _stored(settings.store, lambda store: store.positions())
    if not stored or not answers(address.brokers):
        return Check("position", "ok", "none stored, or no broker to ask")
    lost = outside(settings.kafka_client, address, stored)
    if not lost:
        return Check("position", "ok", "the broker holds the next records")
    if address.skip_lost:
        return Check("position", "optional", lost[0], "lost=skip resumes at the first record held")
    todo = "restore the records, or add lost=skip to the source once"
    return Check("position", "missing", lost[0], todo)


def _stored(url: str, asked: Callable[[Store], dict[str, T]]) -> dict[str, T]:
    """Query a store; give nothing if it does not exist, which another check reports."""
    if not is_postgresql(url) and not Path(store_path(url)).exists():
        return {}
    try:
        with open_store(url, read_only=True) as store:
            return asked(store)
    except HabitusError:
        return {}


def _intel(settings: Settings, at_us: int) -> Check:
    from pipeline.enrichment.intel import intel_status

    lists = intel_status(settings.intel, at_us)
    if not lists:
        todo = "HABITUS_INTEL names a folder, habitus intel fetch fills it"
        return Check("intel", "optional", "no IP lists, so egress stays unknown", todo)
    oldest = max(row.age_days for row in lists)
    todo = "habitus intel fetch" if oldest > _OLD_DAYS else ""
    state: State = "optional" if todo else "ok"
    entries = sum(row.entries for row in lists)
    return Check("intel", state, f"{len(lists)} lists, {entries} entries, {oldest} days old", todo)


def _inventory(settings: Settings) -> Check:
    from pipeline.enrichment.inventory import load

    inventory = load(settings.inventory)
    if settings.inventory is None:
        todo = "HABITUS_INVENTORY names the registered agents"
        return Check("inventory", "optional", "none, so no agent counts as unregistered", todo)
    return Check("inventory", "ok", f"{len(inventory)} registered agents")


def _listen(settings: Settings) -> Check:
    host, _, port = settings.listen.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), int(port)), family=family).close()
    except OSError as error:
        found = f"{settings.listen}: {error.strerror}"
        return Check("listen", "optional", found, "fine if that is habitus serve")
    return Check("listen", "ok", f"{settings.listen} is free")


def _detectors(settings: Settings) -> Check:
    from models.detectors.panel import Panel
    from pipeline.configuration.detectors import registered_detectors

    detectors, groups = registered_detectors(settings)
    names = [detector.name for detector in Panel(detectors).detectors]
    names += ["peer groups"] if groups is not None else []
    return Check("detectors", "ok", ", ".join(names) or "none besides the built-in ones")


def _members(settings: Settings) -> Check:
    """Check for unknown members of native events."""
    unknown = unknown_by(_stored(settings.store, lambda store: store.counters()))
    if not unknown:
        return Check("members", "ok", "no unknown member was seen")
    todo = "correct the name at the sender, or move the member to attributes"
    return Check("members", "optional", in_words(unknown), todo)


def _credentials(settings: Settings, at_us: int) -> Check:
    if settings.jwks is not None and not (settings.jwt_issuer and settings.jwt_audience):
        todo = "set HABITUS_JWT_ISSUER and HABITUS_JWT_AUDIENCE"
        return Check("credentials", "missing", "a key set without issuer or audience", todo)
    if has_credentials(settings):
        found, todo = fault_or_note(settings, at_us)
        return Check("credentials", "optional" if todo else "ok", found, todo)
    host = settings.listen.rpartition(":")[0].strip("[]")
    if host == "localhost" or host == "::1" or host.startswith("127."):
        todo = "HABITUS_API_KEYS_FILE or HABITUS_JWKS before others may call"
        return Check("credentials", "optional", "none, so for this machine only", todo)
    todo = "set HABITUS_API_KEYS_FILE or HABITUS_JWKS, or listen on 127.0.0.1"
    return Check("credentials", "missing", f"none, and {host} is open to others", todo)
