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
    gates,
    health,
    hooks,
    pages,
    schema,
    suppressions,
    trust,
)

ROUTERS = (
    trust.router,
    agents.router,
    agent.router,
    anomalies.router,
    cases.router,
    decisions.router,
    suppressions.router,
    gates.router,
    audit.router,
    actions.router,
    hooks.router,
    schema.router,
    health.router,
)
PAGES = pages.router
