"""The counters of a session, declared as data: how many, how much, how many different.

A new counter is one row. Both kernels execute the rows.
"""

from __future__ import annotations

from msgspec import Struct

from models.codec.stable_id import stable_id
from models.features.conditions import Condition, Test

_CHANGES = ("write", "send", "pay", "delete", "admin", "execute")
_DESTROYS = (
    "delete", "remove", "drop", "destroy", "purge", "terminate", "void", "revoke", "wipe", "cancel",
)  # fmt: skip
_SECRETS = (
    "secret", "vault", "credential", "passw", "token", "apikey", "api_key", "api-key", "api key",
    "privatekey", "private_key", "private-key", "private key",
)  # fmt: skip
_LISTS = ("list", "describe", "enumerat", "scan", "search", "find", "discover")
_CHANGING = (Test("operation", equal=_CHANGES),)


class Counter(Struct, frozen=True):
    """One counter of a session.

    Attributes
    ----------
    family
        Family that its rarity belongs to.
    words
        What it counts, in the plural.
    anomaly
        Anomaly type that it reports.
    number
        Field whose number is added; without one, an event counts as one.
    when
        Condition on the event.
    distinct
        Field whose different values are counted instead.
    new
        Novelty feature whose new values are counted instead.
    origin
        Origin that such a value must have; empty for any.
    once
        Whether an event counts for one new value at most.
    peak
        Whether the session's amount is the largest of its events instead of their sum.
    about
        Field that names the thing; empty for none.
    lasting
        Whether it counts over more than the session.
    """

    name: str
    family: str
    words: str
    anomaly: str
    number: str = ""
    when: Condition = ()
    distinct: str = ""
    new: str = ""
    origin: str = ""
    once: bool = False
    peak: bool = False
    about: str = ""
    lasting: bool = False

    @property
    def id(self) -> int:
        """Number under which its amounts are stored."""
        return stable_id(self.name)


COUNTERS: tuple[Counter, ...] = (
    Counter("calls", "breadth", "calls", "rate.burst"),
    Counter("resources", "breadth", "different resources", "discovery.sweep", distinct="resource"),
    Counter("new_resources", "breadth", "resources new to the agent", "discovery.sweep",
            new="resource"),
    Counter("new_steps", "breadth", "new orders of tools", "tool.sequence", new="step", once=True),
    Counter("new_results", "breadth", "new values out of results", "goal.drift", new="value",
            origin="result"),
    Counter("domains", "width", "domains of data", "discovery.sweep", distinct="domain"),
    Counter("containers", "width", "folders, hosts and schemas", "discovery.sweep",
            distinct="container.container"),
    Counter("tools", "width", "different tools", "tool.sequence", distinct="tool"),
    Counter("sensitive", "width", "calls on sensitive data", "resource.new",
            when=((Test("sensitivity", equal=("confidential", "restricted")),),)),
    Counter("bytes_out", "size", "data sent", "volume.exfil", number="bytes_out"),
    Counter("bytes_in", "size", "data received", "volume.exfil", number="bytes_in"),
    Counter("records", "size", "records", "volume.exfil", number="records"),
    Counter("denied", "refused", "denied calls", "auth.failure_burst",
            when=((Test("outcome", equal=("denied",)),),)),
    Counter("errors", "failed", "failed calls", "error.burst",
            when=((Test("outcome", equal=("error",)),),)),
    Counter("deleted", "force", "deletions", "destructive.burst",
            when=((Test("operation", equal=("delete",)), Test("tool", words=_DESTROYS)),)),
    Counter("changes", "force", "changing calls", "destructive.burst", when=(_CHANGING,)),
    Counter("repeats", "loop", "repetitions of one call", "cost.spike", number="repeats",
            peak=True, about="tool"),
    Counter("tokens", "cost", "tokens", "cost.spike", number="tokens"),
    Counter("price", "cost", "units of cost", "cost.spike", number="price"),
    Counter("duration", "cost", "time in calls", "cost.spike", number="duration"),
    Counter("secrets", "secret", "calls on secrets", "secret.access",
            when=((Test("tool", words=_SECRETS), Test("resource", words=_SECRETS),
                   Test("resource_type", words=_SECRETS),
                   Test("argument.value", words=_SECRETS)),)),
    Counter("lists", "sweep", "listing calls", "discovery.sweep",
            when=((Test("tool", words=_LISTS),),)),
    Counter("hasty", "approval", "approvals in less than ten seconds (in less than two: as eight)",
            "approval.pattern", number="haste"),
    Counter("settings", "settings", "changes of agents' settings", "config.change",
            when=(_CHANGING,
                  (Test("target", parts=(("agent", "agents"), ("settings", "config"))),
                   Test("resource_type", equal=("agent_settings",))))),
    Counter("remembered", "memory", "changes of a memory", "memory.write",
            when=(_CHANGING, (Test("target", parts=(("memory", "memories"),)),))),
    Counter("sole_days", "beacon", "days with a destination that no other agent uses",
            "volume.exfil", number="sole_days", peak=True, about="sole_host", lasting=True),
    Counter("silence", "gap", "silence of the delegating agent", "telemetry.gap",
            number="silence", peak=True, about="silent", lasting=True),
)  # fmt: skip

BY_NAME = {counter.name: counter for counter in COUNTERS}
