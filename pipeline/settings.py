"""All settings with default, bounds and description."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pipeline.assembling.state.weights import MAX_BYTES
from pipeline.configuration.setting_types import (
    HIDDEN,
    File,
    Folder,
    HookRules,
    HostAndPort,
    Intervals,
    InventoryFile,
    KeyFile,
    Networks,
    OptionalPath,
    Parameters,
    RejectedTo,
    StoreUrl,
    Text,
    Url,
    Words,
)
from pipeline.processing.stream_types import DEFAULT_BATCH

PREFIX = "HABITUS_"
FILE_VARIABLE = "HABITUS_CONFIG"
DEFAULT_FILE = "habitus.toml"
RECENT_EVENTS = 1_000
"""Default. A kept event takes 50 µs more, so a full batch of 32,768 events takes 2 % longer."""


class Settings(BaseSettings):
    """The settings of an operator; made by `pipeline.configuration.loading.load_settings`.

    Examples
    --------
    >>> settings = Settings(alerts_per_day=2.5)
    >>> settings.alerts_per_day, settings.store
    (2.5, 'sqlite:habitus.db')
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    source: Url = Field("", description="where events come from")
    format: str = Field("native", description="format of the source")
    http_feed: Literal["live", "batch"] = Field(
        "live", description="whether events over HTTP should keep coming: live, or batch"
    )
    store: StoreUrl = Field("sqlite:habitus.db", description="where state is kept")
    sink: Url = Field("none", description="where results go")
    rejected: RejectedTo = Field(
        "store", description="where rejected records are kept, with reason, position and time"
    )
    alerts_per_day: float = Field(
        5.0, gt=0, description="expected false alerts a day, for the whole fleet"
    )
    intel: Folder = Field(None, description="folder of IP lists")
    corporate_networks: Networks = Field(
        (), description="addresses and prefixes of your own egress"
    )
    degraded: Intervals = Field(
        (), description="times of degraded telemetry, START/END: events are judged, and not learned"
    )
    inventory: InventoryFile = Field(None, description="registered agents, CSV or YAML")
    listen: HostAndPort = Field("127.0.0.1:8765", description="HOST:PORT of the API")
    tls_cert: File = Field(None, description="server certificate with its chain, PEM")
    tls_key: File = Field(None, description="private key of the server, PEM")
    tls_client_ca: File = Field(None, description="authorities of client certificates, PEM")
    trusted_proxies: Networks = Field(
        (), description="addresses and prefixes of proxies whose X-Forwarded-For is believed"
    )
    max_connections: int = Field(1024, ge=2, le=1_000_000, description="connections to the API")
    max_connections_per_address: int = Field(
        default_factory=lambda before: max(min(before["max_connections"] // 4, 256), 1),
        ge=1,
        description="connections from one address; behind a proxy, concurrent requests",
    )
    max_header_bytes: int = Field(
        16_384, ge=1024, le=1_048_576, description="bytes of request line and headers"
    )
    max_target_bytes: int = Field(
        default_factory=lambda before: min(before["max_header_bytes"], 8192),
        ge=512,
        description="bytes of a request target",
    )
    header_timeout_s: float = Field(
        10, gt=0, le=3600, description="time for headers, and for a TLS handshake, seconds"
    )
    body_timeout_s: float = Field(
        30, gt=0, le=3600, description="time for a body, and to read an answer, seconds"
    )
    idle_timeout_s: float = Field(
        30, gt=0, le=3600, description="time until the next request of a connection, seconds"
    )
    max_body_memory: int = Field(
        134_217_728,
        ge=4_194_304,
        description="bytes of all request bodies in memory; one address may use half",
    )
    api_keys_file: KeyFile = Field(
        None, description="credential file: hashed API keys, and which agents each may report"
    )
    jwks: Annotated[Text, HIDDEN] = Field(
        None, description="key set of the token issuer: file or https URL"
    )
    jwt_issuer: Text = Field(None, description="issuer that a token must name (iss)")
    jwt_audience: Text = Field(None, description="audience that a token must name (aud)")
    jwt_algorithms: Words = Field(
        ("RS256", "ES256"), description="signature algorithms that are accepted"
    )
    hook_decisions: HookRules = Field(
        (),
        description="what a hook answers before a call, LEVEL/OPERATION=ask or =deny; none observe",
    )
    ssf_transmitters: File = Field(
        None, description="trusted transmitters of security events (SSF), TOML"
    )
    clock: Literal["wall", "event"] = Field(
        "wall", description="instant of trust: now, or that of the last event (for recordings)"
    )
    stale_after_s: int = Field(
        900,
        gt=0,
        description="lag, or age of a live source's last event, that makes answers stale, s",
    )
    max_future_s: int = Field(
        300,
        ge=0,
        description="how far event time may be ahead of arrival, seconds; at most a day counts",
    )
    batch_size: int = Field(
        DEFAULT_BATCH, ge=1, le=100_000, description="events committed together"
    )
    batch_ms: int = Field(
        1_000, ge=0, description="how long a batch from Kafka may take, ms; 0 for no bound"
    )
    kafka_client: Literal["kafka-python", "librdkafka"] = Field(
        "kafka-python", description="client of Kafka; librdkafka is faster"
    )
    cache_agents: int = Field(1536, ge=1, description="agents kept in memory, ready for use")
    packed_agents: int = Field(32_768, ge=0, description="further agents kept in memory, packed")
    assembly_memory: int = Field(
        MAX_BYTES, ge=1_048_576, description="bytes of all open sessions whose reports are joined"
    )
    kernel: Literal["auto", "native", "python"] = Field(
        "auto",
        description="what judges: the compiled kernel, Python, or auto (compiled where installed)",
    )
    recent_events: int = Field(
        RECENT_EVENTS, ge=0, le=100_000, description="latest events that GET /v1/events lists"
    )
    recent_events_s: int = Field(
        86_400, ge=1, le=2_592_000, description="how long the latest events are kept, seconds"
    )
    recent_content: bool = Field(
        False,
        description="whether the latest events keep arguments, purposes, origins' values and all "
        "attributes",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="lowest level that is logged"
    )
    parameters: File = Field(
        None, description="file of model parameters to use instead of the promoted ones"
    )
    detectors: Words = Field(
        (), description="registered detectors, which judge like the built-in ones"
    )
    offline_models: Folder = Field(None, description="folder of models fitted on history")
    model: Parameters = Field(default_factory=dict, description="parameters of the model")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # signature of the library
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # signature of the library
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # signature of the library
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put variables before the file's values, which are passed as arguments."""
        return (env_settings, init_settings)


class ImportSettings(Settings):
    """The settings of an import, which makes the inventory where it is not there yet."""

    inventory: OptionalPath = Field(None, description="registered agents, YAML")


def variable(name: str) -> str:
    """Give the environment variable of a setting."""
    return PREFIX + name.upper()


def is_hidden(name: str) -> bool:
    """Return whether a setting may hold a password or a key.

    >>> is_hidden("jwks"), is_hidden("listen")
    (True, False)
    """
    return HIDDEN in Settings.model_fields[name].metadata
