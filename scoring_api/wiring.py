"""Make the API out of the settings: what ``habitus serve`` starts by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pkgutil import resolve_name
from typing import Any

from models.errors import ConfigError
from models.event import Event, microseconds
from models.trust.state import TrustState
from pipeline.credentials.entries import read_credentials
from pipeline.enrichment import inventory
from pipeline.enrichment.inventory import Inventory
from pipeline.events.accepted_times import ahead_us_of, check_time
from pipeline.events.duplicates import Fate
from pipeline.settings import Settings, load_settings, trust_policy_of
from pipeline.store import Store, open_store
from scoring_api.app import Application, create_app
from scoring_api.authentication.jwks import KeySource
from scoring_api.clock import wall_us
from scoring_api.config import ApiConfig
from scoring_api.service import Validate
from scoring_api.serving.certificates import TlsFiles, load
from scoring_api.serving.limits import Limits
from scoring_api.trust_cache.store_reading import PipelineStatus

# By name, as the command line starts us: loading the API loads no edge of the stream.
_NATIVE = "pipeline.formats.native:Native"


def create_app_from_settings() -> Application:
    """Make the application as the settings say; raises `ConfigError` for what is wrong in them."""
    settings = load_settings()
    config = config_of(settings)
    store = open_store(settings.store)
    return create_app(
        StoreReading(store, inventory.load(settings.inventory)),
        _validator(ahead_us_of(settings)),
        config,
        trust_policy_of(settings, store.configs.promoted()),
    )


def check(settings: Settings) -> None:
    """Raise `ConfigError` for what the API cannot be served with, before anything is opened."""
    config = config_of(settings)
    config.validate()
    limits_of(settings).validate()
    tls = tls_of(settings)
    if tls is not None:
        load(tls, wall_us())
    if config.api_keys_file is not None:
        read_credentials(config.api_keys_file)
    if config.jwks is not None:
        KeySource(config.jwks).examine()


def _validator(ahead_us: int) -> Validate:
    """Give what reads an event's bytes, and refuses those that the worker would not take."""
    read: Validate = resolve_name(_NATIVE)().read

    def validate(value: bytes) -> tuple[Event, tuple[str, ...]]:
        event, unknown = read(value)
        check_time(microseconds(event.time), wall_us(), ahead_us)
        return event, unknown

    return validate


def config_of(settings: Settings) -> ApiConfig:
    """Give the part of the settings that the API needs."""
    return ApiConfig(
        listen=settings.listen,
        api_keys_file=settings.api_keys_file,
        jwks=settings.jwks,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        algorithms=settings.jwt_algorithms,
        clock=settings.clock,
        client_ca=settings.tls_client_ca,
        max_body_memory=settings.max_body_memory,
    )


def limits_of(settings: Settings) -> Limits:
    """Give what clients may hold."""
    return Limits(
        connections=settings.max_connections,
        connections_per_address=settings.max_connections_per_address,
        header_bytes=settings.max_header_bytes,
        target_bytes=settings.max_target_bytes,
        header_s=settings.header_timeout_s,
        body_s=settings.body_timeout_s,
        idle_s=settings.idle_timeout_s,
    )


def tls_of(settings: Settings) -> TlsFiles | None:
    """Give the files of TLS, None without; raises `ConfigError` where one is missing."""
    cert, key, client_ca = settings.tls_cert, settings.tls_key, settings.tls_client_ca
    if cert is not None and key is not None:
        return TlsFiles(cert, key, client_ca)
    given = {"HABITUS_TLS_CERT": cert, "HABITUS_TLS_KEY": key, "HABITUS_TLS_CLIENT_CA": client_ca}
    for name in ("HABITUS_TLS_CERT", "HABITUS_TLS_KEY"):
        if given[name] is None:
            for other, path in given.items():
                if path is not None:
                    raise ConfigError(f"{name} must be set when {other} is")
    return None


class StoreReading:
    """A store as the API reads it.

    Parameters
    ----------
    registered
        Says who an agent is, also before it acts again; None where the store alone does.
    """

    def __init__(self, store: Store, registered: Inventory | None = None) -> None:
        self._store = store
        self._inventory = registered or inventory.load(None)

    def data_version(self) -> int:
        """Give a number that changes with every commit."""
        return self._store.data_version()

    def changes(self, after: int, limit: int) -> Sequence[tuple[int, TrustState]]:
        """Give trust rows with a sequence number above `after`, ascending."""
        rows = self._store.changes(after, limit)
        return [(seq, self._inventory.settled(state)) for seq, state in rows]

    def status(self) -> PipelineStatus:
        """Give the state of the pipeline."""
        return self._store.status()

    def counters(self) -> Mapping[str, int]:
        """Give what the pipeline counted, by name."""
        return self._store.counters()

    def voices(self, bucket: int, /) -> Sequence[Mapping[str, bytes]]:
        """Give what is stored of when agents were heard, of a bucket of them: once a shard."""
        return self._store.voices(bucket)

    def anomalies(self, **chosen: Any) -> Sequence[dict[str, Any]]:
        """Give anomalies in an order, those that come after a place in it."""
        return self._store.anomalies(**chosen)

    def anomaly(self, anomaly_id: str, /) -> dict[str, Any] | None:
        """Give one anomaly by its id or by a name that leads to it."""
        return self._store.anomaly(anomaly_id)

    def members(self, anomaly_id: str, limit: int, /) -> Sequence[str]:
        """Give the ids of agents of an anomaly of several, in order, at most `limit`."""
        return self._store.members(anomaly_id, limit)

    def inbox(self, values: list[bytes], /) -> Sequence[Fate]:
        """Append raw native events but repeats durably; give what each is."""
        return self._store.inbox(values)
