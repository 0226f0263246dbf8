"""Assemble the application: the order of its layers, and its background tasks.

loopback rules and trust look-ups (FastTrust)  ->  limits and headers (Guard)  ->  FastAPI
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from functools import partial
from time import perf_counter

from fastapi import FastAPI

from models.errors import MalformedEvent
from models.trust.opinion import TrustPolicy
from models.trust.response import DEFAULT_OBLIGATIONS, Obligation
from pipeline.configuration.hook_rules import ANY
from pipeline.enrichment.inventory import Inventory
from pipeline.events.examined import Examined
from pipeline.signals.transmitters import Transmitter
from scoring_api import problems
from scoring_api.authentication.authenticator import Authenticator
from scoring_api.clock import wall_us
from scoring_api.config import ApiConfig
from scoring_api.description import described, operation_id
from scoring_api.problems import App, Message, Receive, Scope, Send
from scoring_api.report_queue import ReportQueue
from scoring_api.requests.bodies import Bodies
from scoring_api.requests.guard import Guard
from scoring_api.requests.otlp_answers import OtlpErrors
from scoring_api.routes import PAGES, ROUTERS
from scoring_api.service import Examine, Hide, OperationsOf, Service, Validate
from scoring_api.signals.polling import Poller
from scoring_api.signals.receiver import Receiver
from scoring_api.status.coverage import Coverages
from scoring_api.status.metrics import Metrics
from scoring_api.status.silent_agents import Silences
from scoring_api.trust_cache.cache import TrustCache
from scoring_api.trust_cache.fast_path import FastTrust
from scoring_api.trust_cache.store_reading import Reading
from scoring_api.trust_cache.store_thread import Settle

DESCRIPTION = (
    "Behavioural baselines and trust scores for AI agents. Errors are problem details (RFC 9457). "
    "Unknown, learning, stale and unavailable are different answers; on the last two, deny "
    "irreversible operations."
)


class Measured:
    """Count requests and their time by route, around the routes."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count it."""
        started, status = perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            status = scope.get("state", {}).get(problems.ENDED, status)
            self._metrics.requests.of(route).saw(status, perf_counter() - started)


class Application:
    """The ASGI application; `api` is the part that OpenAPI describes."""

    def __init__(self, api: FastAPI, service: Service) -> None:
        self.api = api
        self.service = service
        guarded = Guard(
            Measured(api, service.metrics),
            local_only=service.auth.open,
            max_body=service.config.max_body,
            max_hook=service.config.max_hook,
            bodies=Bodies(service.config.max_body_memory),
        )
        self._fast = FastTrust(OtlpErrors(guarded), service.cache, service.auth, service.metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the start and end of the process."""
        if scope["type"] == "http":
            await self._fast(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self.api(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})


async def _warm(api: FastAPI, service: Service) -> None:
    """Load what the first request needs: a hook waits two seconds for its answer, and no more."""

    def load() -> None:
        service.warm()
        service.cache.entry("", (None, None), wall_us())

    async def receive() -> Message:
        return {"type": "http.request"}

    async def ignore(_: Message) -> None:
        """Drop the answer."""

    await asyncio.to_thread(load)
    # FastAPI makes its routes with the first request. This one has no route, so it does nothing.
    await api(
        {
            "type": "http", "method": "GET", "path": "/-", "raw_path": b"/-", "query_string": b"",
            "headers": [], "http_version": "1.1", "scheme": "http", "root_path": "",
        },
        receive, ignore,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def _running(api: FastAPI) -> AsyncIterator[None]:
    service: Service = api.state.service
    await _warm(api, service)
    work = (
        service.cache.follow(),
        service.cache.renewal.run(),
        service.silences.run(),
        service.coverages.run(),
        service.auth.follow(),
        *(one.keys.follow() for one in service.signals.verifiers),
        *(
            Poller(service.signals, one).run()
            for one in service.signals.verifiers
            if one.transmitter.delivery == "poll"
        ),
    )
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await service.reports.close()
        service.cache.close()


def _no_reader(fmt: str, _: bytes) -> Examined:
    raise MalformedEvent("bad_value", f"no reader of {fmt} is configured")


def _anything(_fmt: str, _value: bytes) -> Collection[str]:
    return (ANY,)


def _nothing() -> None:
    """Load nothing."""


def create_app(
    reading: Reading,
    validate: Validate,
    config: ApiConfig | None = None,
    policy: TrustPolicy | None = None,
    obligations: Mapping[str, Obligation] = DEFAULT_OBLIGATIONS,
    *,
    settle: Settle | None = None,
    inventory: Inventory | None = None,
    examine: Examine = _no_reader,
    operations_of: OperationsOf = _anything,
    hide: Hide = bytes,
    warm: Callable[[], None] = _nothing,
    transmitters: Sequence[Transmitter] = (),
) -> Application:
    """Make the application over a store.

    Parameters
    ----------
    reading
        The store; one thread calls it, see `Reading` in `scoring_api.trust_cache.store_reading`.
    validate
        Decodes bytes to a native event and the names of its unknown members; raises
        `models.errors.MalformedEvent` for invalid bytes.
    config, policy, obligations
        The defaults fit one machine without a credential store.
    settle
        Applied to each trust state that is read; None: `Inventory.settled` of the inventory.
    inventory
        The registered agents; None for no inventory.
    examine
        Reads payloads of other formats before they are stored; by default all are refused.
    operations_of
        Reads the operations of a call out of a hook; by default it may do anything.
    hide
        Hides the credentials of an event; by default it is stored as it came.
    warm
        Loads what the first request needs; called in a thread before the first one is taken.
    transmitters
        Whose security event tokens are accepted.

    Raises
    ------
    ConfigError
        The configuration is unsafe, such as a public address without credentials.
    """
    config = config or ApiConfig()
    policy = policy or TrustPolicy()
    config.validate()
    policy.validate()
    metrics = Metrics()
    if inventory is None:
        inventory = Inventory({}, loaded=False)
    settle = settle or inventory.settled
    cache = TrustCache(reading, config, policy, obligations, metrics, settle)
    silences = Silences(reading, cache, config, metrics)

    async def report(fmt: str, name: str, claims: bytes) -> None:
        await cache.read(lambda: reading.report(fmt, name, [claims]))

    service = Service(
        config=config,
        reading=reading,
        cache=cache,
        silences=silences,
        coverages=Coverages(inventory, cache, silences, config, metrics),
        auth=Authenticator(config, metrics),
        metrics=metrics,
        validate=validate,
        examine=examine,
        operations_of=operations_of,
        hide=hide,
        warm=warm,
        reports=ReportQueue(cache, reading),
        signals=Receiver(transmitters, report, metrics),
    )
    api = FastAPI(
        title="Habitus scoring API",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        lifespan=_running,
    )
    api.state.service = service
    problems.install(api)
    api.openapi = partial(described, api)  # type: ignore[method-assign]  # as documented
    for router in (*ROUTERS, PAGES):
        api.include_router(router)
    return Application(api, service)
