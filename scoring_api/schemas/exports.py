"""Answers to exporters of frameworks and gateways, and to transmitters of security events."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Received(BaseModel):
    """The number of records of a payload that was stored, and how many of them are not used."""

    received: int
    rejected: int = 0
    detail: str = ""


class SetRefused(BaseModel):
    """Why a token was refused (RFC 8935, section 2.3). Do not send it again as it is."""

    err: Literal[
        "invalid_request",
        "invalid_key",
        "invalid_issuer",
        "invalid_audience",
        "authentication_failed",
        "access_denied",
    ]
    description: str
