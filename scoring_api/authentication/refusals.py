"""Refused credentials: counted, logged within a budget, and rate-limited by address.

A caller with a valid credential is never affected, even if its address sends invalid ones.
"""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from scoring_api.authentication.principal import Principal, Refused
from scoring_api.problems import ProblemError
from scoring_api.requests.clients import source_of
from scoring_api.status.metrics import Metrics

K = TypeVar("K")
V = TypeVar("V")

log = logging.getLogger(__name__)

# Burst of failed authentications allowed per address, and its refill per second.
BURST = 20
PER_S = 0.5
# Number of cached addresses and credentials, about 8 MB; the least recently used is evicted.
MAX_SOURCES = 10_000
# Burst of log lines, their refill per second, and seconds between two lines of one address or one
# credential.
LINES = 30
LINES_PER_S = 0.5
LINE_EACH_S = 10.0
_LONGEST = 128
# These reasons concern a credential that is or was valid. They have a separate log budget, so that
# a flood of guesses cannot hide them.
_RECOGNISED = frozenset(
    {"expired_key", "revoked_key", "insufficient_scope", "not_permitted", "token_issuer"}
    | {"token_audience", "token_claims", "token_expired", "token_revoked"}
    | {"expired_certificate", "revoked_certificate"}
)
_UNRECOGNISED = frozenset(
    {"missing", "malformed", "unknown_key", "token_algorithm", "token_key", "token_signature"}
    | {"unknown_certificate", "certificate_name"}
)


class Bucket:
    """A token bucket.

    Examples
    --------
    >>> bucket = Bucket(maximum=2, per_s=0.5, now=0)
    >>> [bucket.take(now) for now in (0, 0, 0, 2, 2)]
    [True, True, False, True, False]
    >>> bucket.wait_s()
    2
    """

    __slots__ = ("_at", "_held", "_most", "_per_s")

    def __init__(self, maximum: float, per_s: float, now: float) -> None:
        self._most = maximum
        self._per_s = per_s
        self._held = float(maximum)
        self._at = now

    def take(self, now: float) -> bool:
        """Take a token; return False if there is none."""
        self._held = min(self._most, self._held + max(0.0, now - self._at) * self._per_s)
        self._at = now
        if self._held < 1:
            return False
        self._held -= 1
        return True

    def wait_s(self) -> int:
        """Give the whole seconds until the next token, at least 1."""
        return max(1, math.ceil((1 - self._held) / self._per_s))


class Refusals:
    """Notes refused credentials.

    Parameters
    ----------
    metrics
        Counts them by reason.
    clock
        Monotonic time in seconds.
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = monotonic) -> None:
        self._metrics = metrics
        for reason in _RECOGNISED | _UNRECOGNISED:
            metrics.refused.labels(reason)  # so that the first refusal counts as an increase
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._lines_at: OrderedDict[tuple[str, ...], float] = OrderedDict()
        # One bucket each for recognised and unrecognised credentials.
        self._lines = {each: Bucket(LINES, LINES_PER_S, clock()) for each in (True, False)}
        self._left_out = {True: 0, False: 0}

    def failed(self, client: str, refused: Refused, scope: str) -> ProblemError:
        """Note a failed authentication; return the answer: the refusal itself, or 429."""
        known = {"needs": scope, **refused.known}
        self._note("authentication_failed", client, refused.reason, known)
        now, source = self._clock(), source_of(client)
        bucket = _of(self._buckets, source, Bucket(BURST, PER_S, now))
        if bucket.take(now):
            return refused
        return ProblemError(
            429,
            "too many failed authentications from this address; a valid credential is still "
            "accepted",
            {"Retry-After": str(bucket.wait_s())},
        )

    def forbidden(self, client: str, principal: Principal, scope: str) -> None:
        """Note that an authenticated caller lacks a scope."""
        known = {"needs": scope, "subject": principal.subject}
        self._note("scope_refused", client, "insufficient_scope", known)

    def not_permitted(self, client: str, principal: Principal, events: int) -> None:
        """Note that a caller reported agents that it may not report."""
        known = {"subject": principal.subject, "events": str(events)}
        self._note("report_refused", client, "not_permitted", known)

    def _note(self, what: str, client: str, reason: str, known: dict[str, str]) -> None:
        self._metrics.refused.labels(reason).inc()
        now, recognised = self._clock(), reason in _RECOGNISED
        # One line per address for guesses, and one per credential and reason.
        names = [known.get(name, "") for name in ("key_id", "subject", "token_sub")]
        line = (source_of(client), reason, *names) if recognised else (source_of(client),)
        too_soon = now < _of(self._lines_at, line, -math.inf) + LINE_EACH_S
        if too_soon or not self._lines[recognised].take(now):
            self._left_out[recognised] += 1
            return
        self._lines_at[line] = now
        fields = {"client": client, "reason": reason, **known}
        if self._left_out[recognised]:
            fields["not_logged"] = str(self._left_out[recognised])
            self._left_out[recognised] = 0
        log.warning(what, extra={name: _shown(value) for name, value in fields.items()})


def _of(held: OrderedDict[K, V], name: K, new: V) -> V:
    """Give the entry of a name, or `new`; evict the least recently used entry."""
    found = held.setdefault(name, new)
    held.move_to_end(name)
    if len(held) > MAX_SOURCES:
        held.popitem(last=False)
    return found


def _shown(value: str) -> str:
    """Make a caller's text safe for the log: short and without control characters."""
    return "".join(c if c.isprintable() else "\ufffd" for c in value[:_LONGEST])
