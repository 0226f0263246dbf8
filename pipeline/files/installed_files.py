"""The files of an installation, which no command may overwrite with results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.publishing.rejected_file import own_files
from pipeline.settings import DEFAULT_FILE, FILE_VARIABLE
from pipeline.store import is_postgresql, store_path
from pipeline.store.database import MEMORY

if TYPE_CHECKING:
    from pipeline.settings import Settings

_OF_A_STORE = ("", "-wal", "-shm", "-journal")


def store_file(url: str) -> str | None:
    """Give the file of a store; None if it has none.

    >>> store_file("sqlite:habitus.db"), store_file("postgresql://db/habitus")
    ('habitus.db', None)
    """
    path = MEMORY if is_postgresql(url) else store_path(url)
    return None if path == MEMORY else path


def installed_files(settings: Settings) -> dict[Path, str]:
    """Give the files of an installation, existing or not, with a description of each.

    >>> from pipeline.settings import Settings
    >>> installed_files(Settings())[Path("habitus.db-wal")]
    'the store'
    """
    found: dict[Path, str] = dict.fromkeys(own_files(settings), "written by habitus run")
    file = store_file(settings.store)
    if file is not None:
        found |= {Path(file + end): "the store" for end in _OF_A_STORE}
    key_set = settings.jwks if settings.jwks and "://" not in settings.jwks else None
    named = {
        "the configuration file": Path(os.environ.get(FILE_VARIABLE) or DEFAULT_FILE),
        "the credential file": settings.api_keys_file,
        "the key set": None if key_set is None else Path(key_set),
        "the file of transmitters": settings.ssf_transmitters,
        "the certificate": settings.tls_cert,
        "the private key": settings.tls_key,
        "the authorities of client certificates": settings.tls_client_ca,
    }
    return found | {path: what for what, path in named.items() if path is not None}
