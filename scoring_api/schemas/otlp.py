"""Answers to OTLP exporters."""

from __future__ import annotations

from pydantic import BaseModel


class PartialSuccess(BaseModel):
    """What of a payload was rejected; numbers are texts, as in all JSON of OTLP."""

    rejectedSpans: str | None = None  # noqa: N815 - named by OTLP
    rejectedLogRecords: str | None = None  # noqa: N815
    errorMessage: str = ""  # noqa: N815


class OtlpAnswer(BaseModel):
    """An empty object where all was accepted."""

    partialSuccess: PartialSuccess | None = None  # noqa: N815


class OtlpStatus(BaseModel):
    """Why a payload was refused, as exporters read it: a ``google.rpc.Status``."""

    code: int
    message: str
