"""Checks of the API: its address, its limits and TLS files, and who may call it."""

from __future__ import annotations

import socket
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from pipeline.commands.doctor.check import Check
from pipeline.commands.doctor.credential_checks import fault_or_note
from pipeline.commands.running import has_credentials

if TYPE_CHECKING:
    from pipeline.settings import Settings

# By name: the pipeline does not import the API.
_SERVER_CHECK = "scoring_api.wiring:check_server"


def check_listen(settings: Settings) -> Check:
    """Check that the address is free."""
    host, _, port = settings.listen.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), int(port)), family=family).close()
    except OSError as error:
        found = f"{settings.listen}: {error.strerror}"
        return Check("listen", "optional", found, "fine if that is habitus serve")
    return Check("listen", "ok", f"{settings.listen} is free")


def check_server(settings: Settings) -> Check:
    """Check that the limits agree, and that the TLS files can be used."""
    resolve_name(_SERVER_CHECK)(settings)
    tls = "no TLS" if settings.tls_cert is None else "TLS files can be used"
    return Check("server", "ok", f"limits agree, {tls}")


def check_credentials(settings: Settings, at_us: int) -> Check:
    """Check credentials, which only this machine can do without."""
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
