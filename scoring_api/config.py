"""Configuration of the API as plain values, filled from `pipeline.settings`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from models.errors import ConfigError
from pipeline.configuration.hook_rules import HookRule
from pipeline.plain_http import is_loopback
from scoring_api.clock import ClockKind

# Symmetric algorithms are excluded: anyone who can read a public key set could sign an HS256 token.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}
    | {"EdDSA", "Ed25519"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """Configuration of `create_app`.

    Parameters
    ----------
    listen
        ``HOST:PORT``, with an IPv6 host in brackets.
    api_keys_file
        JSON or TOML file of hashed keys, see `pipeline.credentials.entries`.
    jwks
        File path or https URL of the key set that signs bearer tokens.
    issuer, audience
        Must be equal to ``iss`` and contained in ``aud``; required with `jwks`.
    algorithms
        Pinned signature algorithms, asymmetric ones only.
    clock
        ``wall`` on live data, ``event`` over recordings.
    poll_s
        Seconds between two polls of the store; more while polls take long.
    refresh_s
        Seconds after which a requested encoded answer is renewed.
    prepare_s
        Seconds at the start for answers that were not requested yet.
    silent_every_s
        Seconds between two searches for silent agents.
    hook_rules
        What hooks answer before a call; none observe.
    client_ca
        Authorities of client certificates; the entries of `api_keys_file` decide which are
        admitted.
    max_body
        Bytes of a request body.
    max_body_memory
        Bytes of all request bodies in memory; one address gets at most half.
    max_batch
        Events in one ``POST /v1/actions`` and agents in one ``POST /v1/trust/query``.
    max_event
        Bytes of one event.
    recent_events_s
        Seconds for which the latest events are listed.

    Examples
    --------
    >>> ApiConfig(listen="[::1]:9000").address
    ('::1', 9000)
    >>> ApiConfig().has_credentials
    False
    """

    listen: str = "127.0.0.1:8765"
    api_keys_file: Path | None = None
    jwks: str | None = None
    issuer: str | None = None
    audience: str | None = None
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    clock: ClockKind = "wall"
    poll_s: float = 0.01
    refresh_s: float = 10.0
    prepare_s: float = 2.0
    silent_every_s: float = 60.0
    hook_rules: tuple[HookRule, ...] = ()
    client_ca: Path | None = None
    max_body: int = 2 * 1024 * 1024
    max_hook: int = 16 * 1024 * 1024
    max_body_memory: int = 128 * 1024 * 1024
    max_batch: int = 1000
    max_event: int = 1024 * 1024
    recent_events_s: int = 86_400

    @property
    def has_credentials(self) -> bool:
        """Whether a credential store is configured."""
        stores = (self.api_keys_file, self.jwks, self.client_ca)
        return any(store is not None for store in stores)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`; raises `ConfigError` if it is invalid."""
        try:
            parts = urlsplit(f"//{self.listen}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or port is None:
            raise ConfigError(f"listen must be HOST:PORT, got {self.listen!r}")
        return host, port

    def validate(self) -> None:
        """Check the configuration before the start; raise one `ConfigError` with all faults."""
        faults = list(self._faults())
        if faults:
            raise ConfigError("; ".join(faults))
        check_bind(self.address[0], self)

    def _faults(self) -> list[str]:
        faults = []
        if self.jwks is not None:
            faults += [
                f"{name} must be set when jwks is"
                for name in ("issuer", "audience")
                if not getattr(self, name)
            ]
            if not self.algorithms:
                faults.append("algorithms must name at least one")
            faults += [
                f"unknown algorithm {name!r}, expected some of: {', '.join(sorted(ALGORITHMS))}"
                for name in self.algorithms
                if name not in ALGORITHMS
            ]
        for name in ("poll_s", "refresh_s", "silent_every_s"):
            if getattr(self, name) <= 0:
                faults.append(f"{name} must be above 0, got {getattr(self, name)}")
        return faults


def check_bind(host: str, config: ApiConfig) -> None:
    """Refuse to serve beyond loopback if callers cannot be authenticated.

    >>> check_bind("127.0.0.1", ApiConfig())
    >>> check_bind("0.0.0.0", ApiConfig())
    Traceback (most recent call last):
        ...
    models.errors.ConfigError: no credential store is configured, so the API may listen on \
loopback only, got host '0.0.0.0'; set an API key file or a key set (JWKS)
    """
    if not config.has_credentials and not is_loopback(host):
        raise ConfigError(
            "no credential store is configured, so the API may listen on loopback only, "
            f"got host {host!r}; set an API key file or a key set (JWKS)"
        )
