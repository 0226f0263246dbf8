"""Server certificate and client authorities: checked, loaded and reloaded."""

from __future__ import annotations

import contextlib
import logging
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from prometheus_client.core import GaugeMetricFamily, Metric

from models.errors import ConfigError
from models.event import rfc3339
from models.units import DAY_US, SECOND_US
from pipeline.files.regular_file import read_regular
from scoring_api.clock import wall_us

log = logging.getLogger(__name__)

CHECK_S: Final = 5.0
_SOON_US: Final = 14 * DAY_US
_SAY_AGAIN_S: Final = 3600.0
_LARGEST: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The TLS files, in PEM.

    Parameters
    ----------
    cert, key
        Server certificate with its chain, and its private key without a password.
    client_ca
        Authorities of accepted client certificates; None: no client certificates.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class _Loaded:
    context: ssl.SSLContext
    until_us: int
    authorities: bytes


def _read(path: Path, name: str) -> bytes:
    try:
        return read_regular(path, _LARGEST)
    except OSError as error:
        reason = (error.strerror or "").lower()
    except ValueError as error:
        reason = str(error)
    raise ConfigError(f"{name} cannot be read: {reason}")


def _parsed(raw: bytes, name: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(raw)
    except ValueError:
        raise ConfigError(f"{name} must hold certificates in PEM") from None


def _check_key(raw: bytes, certificate: x509.Certificate) -> None:
    try:
        key = load_pem_private_key(raw, password=None)
    except TypeError:
        raise ConfigError("HABITUS_TLS_KEY must have no password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError("HABITUS_TLS_KEY must hold a private key in PEM") from None
    if key.public_key() != certificate.public_key():
        raise ConfigError("HABITUS_TLS_KEY is not the key of the certificate in HABITUS_TLS_CERT")


def _us(at: datetime) -> int:
    return int(at.timestamp()) * SECOND_US


def load(files: TlsFiles, now_us: int) -> _Loaded:
    """Read and check all files; raise `ConfigError` with the setting and the fault."""
    raw = _read(files.cert, "HABITUS_TLS_CERT")
    own = _parsed(raw, "HABITUS_TLS_CERT")[0]
    _check_key(_read(files.key, "HABITUS_TLS_KEY"), own)
    until, since = _us(own.not_valid_after_utc), _us(own.not_valid_before_utc)
    if until <= now_us:
        raise ConfigError(
            f"HABITUS_TLS_CERT has expired at {rfc3339(until)}, expected a valid certificate"
        )
    if since > now_us:
        raise ConfigError(
            f"HABITUS_TLS_CERT is not valid before {rfc3339(since)}, expected a valid certificate"
        )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    authorities = b""
    try:
        context.load_cert_chain(files.cert, files.key)
        if files.client_ca is not None:
            authorities = _read(files.client_ca, "HABITUS_TLS_CLIENT_CA")
            _check_authorities(_parsed(authorities, "HABITUS_TLS_CLIENT_CA"), now_us)
            context.load_verify_locations(cadata=authorities.decode("ascii", "replace"))
            context.verify_mode = ssl.CERT_OPTIONAL
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
        raise ConfigError(f"HABITUS_TLS_CERT cannot be used: {str(reason).lower()}") from None
    return _Loaded(context, until, authorities)


def _check_authorities(found: list[x509.Certificate], now_us: int) -> None:
    if all(_us(one.not_valid_after_utc) <= now_us for one in found):
        raise ConfigError("HABITUS_TLS_CLIENT_CA must hold a certificate that has not expired")


class Certificates:
    """TLS contexts of new connections; reloads changed files.

    Parameters
    ----------
    files
        The files. At the start a fault raises `ConfigError`. Later the last valid files stay in
        use, and the fault is logged.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._stamp = self._file_stamp()
        self._loaded = load(files, wall_us())
        self._checked = self._said = float("-inf")

    @property
    def context(self) -> ssl.SSLContext:
        """TLS context of a new connection."""
        return self._loaded.context

    def follow(self, now: float) -> bool:
        """Reload changed files.

        Parameters
        ----------
        now
            Time of the event loop in seconds; the files are checked every `CHECK_S`.

        Returns
        -------
        bool
            True if the client authorities have changed.
        """
        if now - self._checked < CHECK_S:
            return False
        self._checked = now
        before = self._loaded.authorities
        stamp = self._file_stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._loaded = load(self._files, wall_us())
            except ConfigError as error:
                log.error("tls_files_unusable", extra={"fault": str(error)})
            else:
                log.info("tls_reloaded", extra={"expires": rfc3339(self._loaded.until_us)})
                self._said = float("-inf")
        self._log_expiry(now)
        return self._loaded.authorities != before

    def _log_expiry(self, now: float) -> None:
        left = self._loaded.until_us - wall_us()
        if left < _SOON_US and now - self._said >= _SAY_AGAIN_S:
            self._said = now
            reason = {"expires": rfc3339(self._loaded.until_us)}
            if left <= 0:
                log.error("tls_certificate_expired", extra=reason)
            else:
                log.warning("tls_certificate_expires_soon", extra=reason)

    def _file_stamp(self) -> tuple[object, ...]:
        return tuple(self._stamps())

    def _stamps(self) -> Iterator[object]:
        for path in (self._files.cert, self._files.key, self._files.client_ca):
            found = None
            if path is not None:
                with contextlib.suppress(OSError):
                    seen = path.stat()
                    found = seen.st_mtime_ns, seen.st_size, seen.st_ino
            yield found

    def collect(self) -> Iterator[Metric]:
        """Give the metrics."""
        yield GaugeMetricFamily(
            "habitus_api_certificate_expires_seconds",
            "End of the server certificate's validity, seconds since 1970.",
            value=self._loaded.until_us / SECOND_US,
        )
