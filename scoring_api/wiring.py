"""Make the API from the settings; ``habitus serve`` starts it by name."""

from __future__ import annotations

from collections.abc import Collection
from pkgutil import resolve_name

from msgspec import json

from models.errors import ConfigError, MalformedEvent
from models.event import Event, microseconds
from pipeline.configuration.derived import trust_policy_of
from pipeline.configuration.hook_rules import ANY, rule_of
from pipeline.configuration.loading import load_settings
from pipeline.credentials.entries import read_credentials
from pipeline.enrichment import inventory
from pipeline.events.accepted_times import ahead_us_of, check_time
from pipeline.events.examined import Examined
from pipeline.settings import Settings
from pipeline.signals.transmitters import read_transmitters
from pipeline.store import open_store
from scoring_api.app import Application, create_app
from scoring_api.authentication.jwks import KeySource
from scoring_api.clock import wall_us
from scoring_api.config import ApiConfig
from scoring_api.service import Validate
from scoring_api.serving.certificates import TlsFiles, load
from scoring_api.serving.limits import Limits

# By name, so that importing the API does not import stream adapters.
_NATIVE = "pipeline.formats.native:Native"
_FORMAT = "pipeline.formats:format_named"
_OPERATIONS = "pipeline.actions.enrich:operations_of"
_HIDE = "pipeline.assembling.secrets.raw_text:hidden_bytes"


def create_app_from_settings() -> Application:
    """Make the application from the settings; raise `ConfigError` for faults in them."""
    settings = load_settings()
    config = config_of(settings)
    store = open_store(settings.store)
    return create_app(
        store,
        _validator(ahead_us_of(settings)),
        config,
        trust_policy_of(settings, store.configs.promoted()),
        inventory=inventory.load(settings.inventory),
        examine=examine,
        operations_of=operations_of,
        hide=resolve_name(_HIDE),
        warm=warm,
        transmitters=read_transmitters(settings.ssf_transmitters),
    )


def check(settings: Settings) -> None:
    """Raise `ConfigError` for settings that the API cannot use, before anything is opened."""
    check_server(settings)
    check_callers(settings)


def check_server(settings: Settings) -> None:
    """Raise `ConfigError` for limits that contradict each other, and TLS files of no use."""
    limits_of(settings).validate()
    tls = tls_of(settings)
    if tls is not None:
        load(tls, wall_us())


def check_callers(settings: Settings) -> None:
    """Raise `ConfigError` for credential stores that the API cannot use."""
    config = config_of(settings)
    config.validate()
    if config.api_keys_file is not None:
        read_credentials(config.api_keys_file)
    if config.jwks is not None:
        KeySource(config.jwks).examine()
    for transmitter in read_transmitters(settings.ssf_transmitters):
        KeySource(transmitter.jwks).examine()


def _validator(ahead_us: int) -> Validate:
    """Make the decoder of events, which refuses events that the worker would reject."""
    read: Validate = resolve_name(_NATIVE)().read

    def validate(value: bytes) -> tuple[Event, tuple[str, ...]]:
        event, unknown = read(value)
        check_time(microseconds(event.time), wall_us(), ahead_us)
        return event, unknown

    return validate


def config_of(settings: Settings) -> ApiConfig:
    """Give the API configuration of the settings."""
    return ApiConfig(
        listen=settings.listen,
        api_keys_file=settings.api_keys_file,
        jwks=settings.jwks,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        algorithms=settings.jwt_algorithms,
        clock=settings.clock,
        client_ca=settings.tls_client_ca,
        hook_rules=tuple(map(rule_of, settings.hook_decisions)),
        max_body_memory=settings.max_body_memory,
        recent_events_s=settings.recent_events_s,
    )


def limits_of(settings: Settings) -> Limits:
    """Give the limits of clients."""
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
    """Give the TLS files, or None; raise `ConfigError` if one is missing."""
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


def examine(fmt: str, value: bytes) -> Examined:
    """Read a payload of a format that exporters post; give what it holds."""
    found: Examined = resolve_name(_FORMAT)(fmt).examine(value)
    return found


def operations_of(fmt: str, value: bytes) -> Collection[str]:
    """Give what the call that a hook is about may do; ``*`` for a call that cannot be read."""
    try:
        parts = resolve_name(_FORMAT)(fmt).decode(value)
        event = next((dict(part.event) for part in parts if part.event.get("tool")), None)
    except MalformedEvent:
        event = None  # the worker rejects it, with its reason
    if event is None:
        return (ANY,)
    found: Collection[str] = resolve_name(_OPERATIONS)(event)
    return found


def warm() -> None:
    """Load readers and tables of hooks, which take most of a second."""
    for fmt, payload in _CALLS.items():
        operations_of(fmt, payload)


def _calls() -> dict[str, bytes]:
    """Make a call of each kind: of a shell that runs SQL, so that both parsers are loaded."""
    line = {"command": "psql -c 'select 1' && git status"}
    named = {"session_id": "warm", "tool_name": "Bash", "tool_use_id": "warm", "tool_input": line}
    return {
        "claude-code": json.encode(named | {"hook_event_name": "PreToolUse"}),
        "gemini-cli": json.encode(named | {"hook_event_name": "BeforeTool"}),
        "copilot-cli": json.encode({"sessionId": "warm", "toolName": "bash", "toolArgs": line}),
    }


_CALLS = _calls()
