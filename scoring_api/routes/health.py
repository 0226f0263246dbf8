"""Health checks and metrics, for operators."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from models.event import rfc3339
from models.units import SECOND_US
from pipeline.plain_http import is_loopback
from scoring_api.authentication.principal import unusable
from scoring_api.clock import wall_us
from scoring_api.schemas.health import Health
from scoring_api.service import Shared, open_problems, problems

router = APIRouter(tags=["operations"])


@router.get(
    "/livez",
    summary="Life sign",
    response_model=Health,
    response_model_exclude_unset=True,
    responses=open_problems(),
)
async def get_livez() -> dict[str, Any]:
    """Confirm that the process is alive."""
    return {"status": "ok"}


@router.get("/readyz", summary="Readiness", response_model=Health, responses=open_problems(503))
async def get_readyz(service: Shared) -> dict[str, Any]:
    """Report readiness: 503 until all trust states are in memory.

    It is also 503 while no credential can be checked, as all callers are refused then.

    With a late pipeline the API stays ready, and its answers have state `stale`. The same holds
    while a live source is silent: its last event is older than HABITUS_STALE_AFTER_S.
    """
    cache, now = service.cache, wall_us()
    cache.require_ready()
    if service.auth.fault is not None:
        raise unusable(service.auth.fault)
    lag = cache.lag_us(now)
    watermark = cache.status.watermark_us
    return {
        "status": "ok",
        "pipeline": cache.status.state,
        "stale": cache.stale,
        "lag_s": None if lag is None else round(lag / SECOND_US, 3),
        "as_of": None if watermark is None else rfc3339(watermark),
        "sources": cache.sources(now),
    }


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=PlainTextResponse,
    responses=problems(503),
)
async def get_metrics(request: Request, service: Shared) -> Response:
    """Give metrics in the Prometheus text format, to loopback or with the scope `anomaly:read`."""
    client = request.client
    if client is None or not is_loopback(client.host):
        await service.auth.authorise(request.scope, "anomaly:read")
    return Response(service.metrics.page(), media_type="text/plain; version=0.0.4")
