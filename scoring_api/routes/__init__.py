"""The routes, one file per audience; `ROUTERS` lists them."""

from __future__ import annotations

from scoring_api.routes import (
    actions,
    agent,
    agents,
    anomalies,
    audit,
    cases,
    decisions,
    events,
    gates,
    health,
    pages,
    schema,
    suppressions,
    trust,
)
from scoring_api.routes.people import identities
from scoring_api.routes.receivers import exports, hooks, otlp, signals

ROUTERS = (
    trust.router,
    agents.router,
    agent.router,
    anomalies.router,
    events.router,
    cases.router,
    decisions.router,
    suppressions.router,
    gates.router,
    identities.router,
    audit.router,
    actions.router,
    hooks.router,
    otlp.router,
    exports.router,
    signals.router,
    schema.router,
    health.router,
)
PAGES = pages.router
