"""All settings with default, bounds and description; variables override the file."""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from models.config import ModelConfig
from models.errors import ConfigError
from models.event import Instant, microseconds
from models.trust.policy import TrustPolicy
from pipeline.configuration.config_file import fault_of, read_config
from pipeline.files.toml_file import read_toml
from pipeline.processing.stream_types import DEFAULT_BATCH
from pipeline.store import check_url, shown_url
from pipeline.text.quoted import LONGEST_PATH, masked, quoted

PREFIX = "HABITUS_"
FILE_VARIABLE = "HABITUS_CONFIG"
DEFAULT_FILE = "habitus.toml"

# Prefixes of variables for the tests; not settings.
_OF_TESTS = ("HABITUS_TEST_", "HABITUS_NIGHTLY")
_OWN = "alerts_per_day"
_NO_NUMBERS = ("degraded",)
MODEL_PARAMETERS = {
    name: kind
    for name, kind in ModelConfig.__annotations__.items()
    if name not in (_OWN, *_NO_NUMBERS)
}

# Marks a setting that may hold a password or a key: messages never contain its value.
_HIDDEN = "may hold a password or a key"


def _split(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def _none(value: Any) -> Any:
    return None if value == "" else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
File = Annotated[Path | None, BeforeValidator(_none)]
Text = Annotated[str | None, BeforeValidator(_none)]
Url = Annotated[str, _HIDDEN]


# An API key, set by mistake instead of the file name.
_KEY = re.compile(r"(hbt|habitus)_[\w-]+")


class Settings(BaseSettings):
    """The settings of an operator; made by `load_settings`.

    Examples
    --------
    >>> settings = Settings(alerts_per_day=2.5)
    >>> settings.alerts_per_day, settings.store, model_config_of(settings).alerts_per_day
    (2.5, 'sqlite:habitus.db', 2.5)
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
    store: Url = Field("sqlite:habitus.db", description="where state is kept")
    sink: Url = Field("none", description="where results go")
    rejected: str = Field(
        "store", description="where rejected records are kept, with reason, position and time"
    )
    alerts_per_day: float = Field(
        5.0, gt=0, description="expected false alerts a day, for the whole fleet"
    )
    intel: File = Field(None, description="folder of IP lists")
    corporate_networks: Words = Field((), description="addresses and prefixes of your own egress")
    degraded: Words = Field(
        (), description="times of degraded telemetry, START/END: events are judged, and not learned"
    )
    inventory: File = Field(None, description="registered agents, CSV or YAML")
    listen: str = Field("127.0.0.1:8765", description="HOST:PORT of the API")
    tls_cert: File = Field(None, description="server certificate with its chain, PEM")
    tls_key: File = Field(None, description="private key of the server, PEM")
    tls_client_ca: File = Field(None, description="authorities of client certificates, PEM")
    trusted_proxies: Words = Field(
        (), description="addresses and prefixes of proxies whose X-Forwarded-For is believed"
    )
    max_connections: int = Field(1024, ge=2, le=1_000_000, description="connections to the API")
    max_connections_per_address: int = Field(
        256, ge=1, description="connections from one address; behind a proxy, concurrent requests"
    )
    max_header_bytes: int = Field(
        16_384, ge=1024, le=1_048_576, description="bytes of request line and headers"
    )
    max_target_bytes: int = Field(8192, ge=512, description="bytes of a request target")
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
    api_keys_file: Annotated[File, _HIDDEN] = Field(
        None, description="credential file: hashed API keys, and which agents each may report"
    )
    jwks: Annotated[Text, _HIDDEN] = Field(
        None, description="key set of the token issuer: file or https URL"
    )
    jwt_issuer: Text = Field(None, description="issuer that a token must name (iss)")
    jwt_audience: Text = Field(None, description="audience that a token must name (aud)")
    jwt_algorithms: Words = Field(
        ("RS256", "ES256"), description="signature algorithms that are accepted"
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
    kernel: Literal["auto", "native", "python"] = Field(
        "auto",
        description="what judges: the compiled kernel, Python, or auto (compiled where installed)",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="lowest level that is logged"
    )
    parameters: File = Field(
        None, description="file of model parameters to use instead of the promoted ones"
    )
    detectors: Words = Field((), description="detectors that give a second opinion")
    offline_models: File = Field(None, description="folder of models fitted on history")
    model: dict[str, float] = Field(default_factory=dict, description="parameters of the model")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # signature of the library
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # signature of the library
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # signature of the library
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put variables before the file's values, which `load_settings` passes as arguments."""
        return (env_settings, init_settings)

    @field_validator("store")
    @classmethod
    def _store(cls, value: str) -> str:
        try:
            check_url(value)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("rejected")
    @classmethod
    def _rejected(cls, value: str) -> str:
        if value not in ("store", "none") and not re.fullmatch(r"file:.+", value):
            raise ValueError(f"must be store, none or file:FOLDER, got {quoted(value)}")
        return value

    @field_validator("listen")
    @classmethod
    def _listen(cls, value: str) -> str:
        if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:/\s\[\]]+):\d{1,5}", value):
            raise ValueError(f"must be HOST:PORT, an IPv6 host in brackets, got {quoted(value)}")
        if int(value.rpartition(":")[2]) > 65_535:
            raise ValueError(f"must have a port of at most 65535, got {quoted(value)}")
        return value

    @field_validator("corporate_networks", "trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place, network in enumerate(value, 1):
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValueError(
                    f"entry {place} must be an address or a prefix, got {quoted(network)}"
                ) from None
        return value

    @field_validator("degraded")
    @classmethod
    def _degraded(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place, span in enumerate(value, 1):
            try:
                start, end = _span(span)
            except (ValueError, msgspec.ValidationError):
                start = end = 0
            if start >= end:
                raise ValueError(
                    f"entry {place} must be START/END, two RFC 3339 times with an offset, the end "
                    f"after the start, got {quoted(span)}"
                ) from None
        return value

    @field_validator(
        *("intel", "inventory", "parameters", "offline_models"),
        *("tls_cert", "tls_key", "tls_client_ca"),
    )
    @classmethod
    def _there(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        kind = "folder" if info.field_name in ("intel", "offline_models") else "file"
        if value is not None and not (value.is_dir() if kind == "folder" else value.is_file()):
            raise ValueError(
                f"must be a {kind} that is there, got {quoted(str(value), LONGEST_PATH)}"
            )
        return value

    @field_validator("api_keys_file")
    @classmethod
    def _no_key(cls, value: Path | None) -> Path | None:
        # A missing file is accepted: habitus keys add creates it, and habitus serve checks it.
        if value is not None and _KEY.fullmatch(str(value)) and not value.is_file():
            raise ValueError("must be the path of a file of hashed keys, not a key")
        return value

    @field_validator("model")
    @classmethod
    def _model(cls, value: dict[str, float]) -> dict[str, float]:
        if _OWN in value:
            raise ValueError(f"{_OWN} is a setting of its own")
        faults = [
            fault_of(name, given) if name in MODEL_PARAMETERS else _unknown(name, MODEL_PARAMETERS)
            for name, given in value.items()
        ]
        if any(faults):
            raise ValueError("; ".join(filter(None, faults)))
        try:
            msgspec.convert(value, ModelConfig, strict=False).validate()
        except (msgspec.ValidationError, ConfigError) as error:
            raise ValueError(str(error)) from None
        return value


def load_settings(file: Path | None = None) -> Settings:
    """Read the settings, and report all faults at once.

    Parameters
    ----------
    file
        Configuration file; by default that of ``HABITUS_CONFIG``, else ``habitus.toml`` if it
        exists.

    Raises
    ------
    ConfigError
        The settings have faults; one sentence each, with the value. Values of URLs and secrets are
        never included.
    """
    values, faults = _from_file(file)
    faults += _unknown_variables()
    try:
        settings = Settings(**values)
    except ValidationError as error:
        faults += [_sentence(fault) for fault in error.errors(include_url=False)]
    except SettingsError:  # only `model` is parsed as JSON
        faults.append(_no_parameters())
    if faults:
        raise ConfigError("; ".join(faults))
    return settings


def model_config_of(settings: Settings, promoted: ModelConfig | None = None) -> ModelConfig:
    """Give the model parameters: a base, overridden by the settings.

    Parameters
    ----------
    promoted
        Configuration promoted in the store. The base is the file of ``parameters``, else this, else
        the defaults.

    Examples
    --------
    >>> config = model_config_of(Settings(model={"gate": 0.01}), ModelConfig(alerts_per_day=2))
    >>> config.gate, config.alerts_per_day
    (0.01, 2.0)
    """
    base = promoted or ModelConfig()
    if settings.parameters is not None:
        base, _ = read_config(settings.parameters)
    values = {**msgspec.structs.asdict(base), **settings.model}
    if _OWN in settings.model_fields_set:
        values[_OWN] = settings.alerts_per_day
    if settings.degraded:
        values["degraded"] = tuple(map(_span, settings.degraded))
    return msgspec.convert(values, ModelConfig, strict=False).validate()


def _span(text: str) -> tuple[int, int]:
    """Give start and end of an interval, in microseconds."""
    start, end = (microseconds(msgspec.convert(part, Instant)) for part in text.split("/"))
    return start, end


def trust_policy_of(settings: Settings, promoted: ModelConfig | None = None) -> TrustPolicy:
    """Give the trust policy, with the version of the model configuration."""
    version = model_config_of(settings, promoted).version
    return TrustPolicy(version=version, stale_after_s=settings.stale_after_s)


def shown(settings: Settings) -> dict[str, Any]:
    """Give all settings as plain values, passwords masked.

    >>> shown(Settings(sink="kafka://me:secret@broker.example.com:9092"))["sink"]
    'kafka://***@broker.example.com:9092'
    """
    plain = settings.model_dump(mode="json")
    plain["store"] = shown_url(plain["store"])
    return {name: _shown(name, value) for name, value in plain.items()}


def variable(name: str) -> str:
    """Give the environment variable of a setting."""
    return PREFIX + name.upper()


def _is_hidden(name: str) -> bool:
    return _HIDDEN in Settings.model_fields[name].metadata


def _shown(name: str, value: Any) -> Any:
    holds_url = isinstance(value, str) and (_is_hidden(name) or "://" in value)
    return masked(value) if holds_url else value


def _from_file(file: Path | None) -> tuple[dict[str, Any], list[str]]:
    named = file or (Path(os.environ[FILE_VARIABLE]) if os.environ.get(FILE_VARIABLE) else None)
    path = named or Path(DEFAULT_FILE)
    try:
        values = read_toml(path)
    except FileNotFoundError:
        return {}, [f"there is no configuration file at {str(path)!r}"] if named else []
    except OSError as error:
        return {}, [f"cannot read {str(path)!r}: {error.strerror}"]
    except ValueError as error:
        return {}, [f"cannot read {str(path)!r}: {error}"]
    known = Settings.model_fields
    faults = [f"{path}: {_unknown(name, known)}" for name in values if name not in known]
    return {name: value for name, value in values.items() if name in known}, faults


def _unknown_variables() -> list[str]:
    known = {variable(name) for name in Settings.model_fields} | {FILE_VARIABLE}
    return [
        _unknown(name, known)
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX)
        and not name.upper().startswith((*_OF_TESTS, f"{PREFIX}MODEL__"))
        and name.upper() not in known
    ]


def _unknown(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"unknown setting {name}" + (f", did you mean {near[0]}?" if near else "")


def _no_parameters() -> str:
    name = variable("model")
    given = next((value for key, value in os.environ.items() if key.upper() == name), "")
    return f"{name}: must be parameters as JSON, or one in {name}__… each, got {quoted(given)}"


def _sentence(fault: ErrorDetails) -> str:
    place = [str(part) for part in fault["loc"][:2]]
    said = fault["msg"].removeprefix("Value error, ")
    # Our own messages (value_error) already contain the value if it may be shown.
    own = fault["type"] == "value_error"
    got = "" if own or _is_hidden(place[0]) else f", got {quoted(fault['input'])}"
    return f"{variable('__'.join(place))}: {said[:1].lower()}{said[1:]}{got}"
