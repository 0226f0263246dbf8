"""All families, declared as data; `docs/detectors.md` is written from these rows."""

from __future__ import annotations

from typing import Any

from models.features.counters import COUNTERS
from models.features.family import Family

CARRIED, SPREAD, CONTENT, SLOW, CASCADE = "carried", "spread", "content", "slow", "cascade"


def _security_event(name: str, effect: str) -> dict[str, Any]:
    return {"kind": "security_event", "attributes": {"security_event": name, "effect": effect}}


_ALL: tuple[Family, ...] = (
    # ------------------------------------------------------------------ novelty
    Family(
        "act", "work", "tool.new", "A tool or an order of tools that is new",
        "Tools that neither agent nor role nor fleet has used, and tools in a new order.",
        "Misuse of familiar tools in a familiar order.",
        "`tool`; `session` for the order.",
        {"tool": "vault.export"},
    ),
    Family(
        "data", "work", "resource.new", "A resource, a class of data or a destination that is new",
        "First access to a domain, a sensitivity, a type, a resource or a destination.",
        "Theft of data that the agent reads every day.",
        "`resource` or `network.destination`.",
        {"resource": {"id": "hr/1", "type": "record", "domain": "hr"}},
    ),
    Family(
        "place", "work", "resource.new", "A folder, host or schema that is new",
        "Work outside the folders, hosts and schemas of the agent.",
        "Files in a folder that it uses every day.",
        "`resource.id`, `arguments` or `argument_origins`.",
        {"resource": {"id": "hr/payroll/2026/1", "type": "record", "domain": "crm"}},
    ),
    Family(
        "program", "work", "code.exec", "A program that is new in a command line",
        "Programs and subcommands that neither the agent nor its peers have run.",
        "Harm done by a program of every day, and programs inside scripts.",
        "`arguments` with `command`, `cmd` or `script`.",
        {"arguments": {"command": "nc -l 4444"}},
    ),
    Family(
        "argument", "work", "resource.new", "A new value, origin or flow in an argument",
        "Arguments with values, hosts or origins that are new at this tool and key.",
        "An agent that takes new values at this key all day.",
        "`argument_origins` or `arguments`.",
        {"argument_origins": {"to": [["eve@evil.example", ["nowhere"]]]}},
    ),
    Family(
        CARRIED, "work", "resource.new", "A value out of a result that nobody asked for",
        "A value new to the role that came out of a result of a tool and is used as an argument.",
        "Instructions in a result that change no value.",
        "`argument_origins`.",
        {"argument_origins": {"to": [["eve@evil.example", ["result:web.fetch"]]]}},
    ),
    Family(
        CONTENT, "work", "goal.drift", "Arguments and tools that the request does not call for",
        "Values that no request named, at tools that requests like this one do not use.",
        "Sessions without a stated purpose and without origins.",
        "`purpose` and `argument_origins`.",
    ),
    Family(
        SPREAD, "work", "cascade", "A new value that several roles begin to use within a day",
        "A destination, tool or resource that nobody used a day ago and several roles use now.",
        "Values that only one role uses.",
        "Events of several roles.",
    ),
    Family(
        "definition", "definition", "tool.definition_changed", "A tool whose definition changed",
        "A known tool that comes with another definition than before.",
        "Tools whose definition is not reported.",
        "`attributes.tool_digest`.",
        {"attributes": {"tool_digest": "other"}}, shared=True,
    ),
    Family(
        "net", "net", "net.new_origin", "A country or network operator that is new",
        "Work from a country or a network operator that the agent never came from.",
        "Work from a known network with a stolen credential.",
        "`network.source_ip`, or `network.asn` and `network.country`.",
        {"origin": ["direct", 9, "BR"]}, shared=True,
    ),
    Family(
        "egress", "net", "net.anonymiser", "A kind of network exit that is new",
        "The first use of a VPN, a proxy, Tor or a hosting provider.",
        "Exits that are on no list.",
        "`network.source_ip` and lists of addresses, or `network.egress`.",
        {"origin": ["tor", 1, "PT"]}, shared=True, naming=True,
    ),
    Family(
        "who", "who", "delegation.anomaly", "A person, delegating agent or mode that is new",
        "Work for an unknown person, through an unknown agent, or without anybody.",
        "A known person whose account was taken over.",
        "`human`, `delegation` or `mode`.",
        {"human": {"id": "eve"}, "delegation": ["broker-9"]},
    ),
    Family(
        "credential", "credential", "scope.escalation",
        "A scope, purpose or lifetime of a credential that is new",
        "Credentials with more rights, another purpose or another lifetime than before.",
        "Misuse within the scopes of every day.",
        "`credential.scopes`, `credential.purpose` or its times.",
        {"credential": {"id": "c", "scopes": ["crm.read", "admin"]}},
    ),
    Family(
        "hour", "hour", "time.unusual", "A time of day that is new",
        "Two hours of workdays or weekends in which the agent never acted.",
        "Agents that act around the clock. It raises no case by itself: it adds to other stories.",
        "`time`.", alone=False,
    ),
    # ------------------------------------------------------------------ amounts of a session
    Family(
        "breadth", "amount", "rate.burst", "Many calls or many new things in one session",
        "Sessions with far more calls, resources or new values than the largest of past days.",
        "Harm in few calls.",
        "`session` helps; without one, calls within the idle time are one session.",
        times=80,
    ),
    Family(
        "width", "amount", "discovery.sweep", "Many different domains, folders or tools",
        "Sessions that reach into many domains, folders, schemas or tools.",
        "Searches within one domain.",
        "`resource` or `argument_origins`.",
    ),
    Family(
        "size", "amount", "volume.exfil", "Many bytes or records in one session",
        "Sessions that send, receive or read far more than the largest of past days.",
        "Small amounts over many days: `slow` is for these.",
        "`volume`.",
        {"volume": {"bytes_out": 500_000_000}},
    ),
    Family(
        "refused", "refused", "auth.failure_burst", "Denied calls",
        "Calls that were denied, far above past days.",
        "Single refusals.",
        "`outcome`.",
        {"outcome": "denied"}, times=20,
    ),
    Family(
        "failed", "refused", "error.burst", "Failed calls",
        "Calls that ended in an error, far above past days.",
        "Single errors, and tools that report errors as results.",
        "`outcome`.",
        {"outcome": "error"}, times=40,
    ),
    Family(
        "force", "amount", "destructive.burst", "Many deletions, changes or executions",
        "Deletions, changes and executions far above past days.",
        "One grave deletion.",
        "`operation`, or names of tools that say it.",
        {"operation": "delete"}, times=40,
    ),
    Family(
        "loop", "amount", "cost.spike", "The same call again and again",
        "One call with the same arguments, repeated far more often than on past days.",
        "Loops with other arguments each time.",
        "`arguments`.",
        {"arguments": {"query": "the same"}}, times=80,
    ),
    Family(
        "cost", "amount", "cost.spike", "Much cost in one session",
        "Tokens, prices and durations far above past days.",
        "Costs that are not reported.",
        "`attributes.tokens`, `attributes.cost` or `duration_ms`.",
        {"attributes": {"tokens": 9_000_000}, "duration_ms": 900_000.0}, times=5,
    ),
    Family(
        "secret", "secret", "secret.access", "Many calls on secrets in one session",
        "Calls that name secrets, vaults, passwords, tokens or keys, far above past days.",
        "Secrets under other names.",
        "`tool`, `resource` or `argument_origins`.",
        {"tool": "vault.read_secret"}, times=12,
    ),
    Family(
        "sweep", "amount", "discovery.sweep", "Many listing calls in one session",
        "Calls of tools that list, search or describe, far above past days.",
        "Tools whose names do not say what they do.",
        "`tool`.",
        {"tool": "iam.list_users"}, times=40,
    ),
    Family(
        "approval", "approval", "approval.pattern", "Approvals too fast to be read",
        "Many approvals that took a person a few seconds.",
        "Slow approvals of a careless person.",
        "`attributes.approval_seconds`.",
        {"attributes": {"approval_seconds": 0.4}}, times=6,
    ),
    Family(
        "settings", "settings", "config.change", "Changes of agents' settings",
        "Writes to settings or configurations of agents, such as those of its own hooks.",
        "Settings under names that do not say so.",
        "`operation` and `resource.id`.",
        {"operation": "write", "resource": {"id": "agent-0/config"}}, times=3,
    ),
    Family(
        "memory", "amount", "memory.write", "Changes of a memory",
        "Writes to memories far above past days.",
        "A single poisoned entry of ordinary size.",
        "`operation` and `resource.id`.",
        {"operation": "write", "resource": {"id": "memory/notes"}}, times=9,
    ),
    Family(
        "beacon", "work", "volume.exfil", "A destination that one agent alone uses day after day",
        "A destination that no other agent uses, over several days.",
        "Destinations that others use as well; a fleet of one agent.",
        "`network.destination` or `argument_origins`.",
    ),
    Family(
        "gap", "gap", "telemetry.gap", "An agent that does not report what it does",
        "Work through an agent that has not reported for far longer than expected.",
        "Agents that fall silent and delegate nothing.",
        "`delegation`.",
    ),
    Family(
        SLOW, "amount", "behavior.drift", "What leaves has been growing for days",
        "Calls of one agent that send a little more than expected, day after day.",
        "Growth below a quarter doubling, and agents with few calls a day.",
        "`volume.bytes_out`.",
    ),
    Family(
        CASCADE, "cascade", "cascade", "Several agents with rare sessions under one trace",
        "Agents that are linked by a trace and all do something rare within an hour.",
        "Agents without a common trace.",
        "`trace_id`.",
    ),
    # ------------------------------------------------------------------ rules
    Family(
        "unregistered", "unregistered", "identity.shadow", "An agent outside the inventory",
        "Agents that nobody registered.",
        "Registered agents that are misused.",
        "An inventory.",
        certain=True,
    ),
    Family(
        "mismatch", "identity", "identity.mismatch",
        "A role, owner, team, tool or scope that is not the agent's",
        "Events that claim another role, owner or team than the inventory has, or use a tool or "
        "scope outside those that it allows.",
        "Claims that nobody declared otherwise, and misuse of allowed tools.",
        "`agent.role`, `agent.owner`, `tool`, `credential.scopes`, an inventory.",
        certain=True,
    ),
    Family(
        "expired", "credential", "cred.lifetime", "A credential after its end",
        "Calls with a credential that has expired.",
        "Credentials whose end is not reported.",
        "`credential.expires_at`.",
        certain=True,
    ),
    Family(
        "two_locations", "net", "cred.reuse", "One credential at two locations within half an hour",
        "One credential from a network or country new to the agent, shortly after another one.",
        "Use from the same network, and use hours apart.",
        "`credential.id` and `network`.",
        shared=True, naming=True,
    ),
    Family(
        "version", "version", "config.change", "A version that no deployment announced",
        "Agents that run as a version which no deployment event named.",
        "Changes that leave the version as it is.",
        "`agent.version` and events of kind `deployment`.",
        shared=True,
    ),
    Family(
        "mode_shift", "who", "mode.shift", "A mode that the agent never acted in before",
        "A delegated agent that acts by itself, or the other way round, after days in one mode.",
        "Agents that act in both modes every day.",
        "`mode`.",
    ),
    Family(
        "unverified_peer", "peer", "peer.unverified", "An agent as peer that is not verified",
        "Work with an agent whose card or signature could not be verified.",
        "Peers whose verification is not reported.",
        "`attributes.peer_verified`.",
        {"attributes": {"peer_verified": False}},
    ),
    Family(
        "leak", "leak", "secret.leak", "A credential that was read and then sent",
        "A key, token or password out of a result of a tool that leaves with a later call.",
        "Credentials without a known form, and those that a program sends by itself.",
        "`attributes.leaked_secret`, from sources with results.",
        {"attributes": {"leaked_secret": "api_key out of files.read to paste.example.com"}},
        certain=True,
    ),
    Family(
        "hooks", "settings", "config.change", "A change of the hooks that report on agents",
        "Calls that write or delete settings of hooks and telemetry, or files of Habitus.",
        "Scripts that open such a file by themselves.",
        "`attributes.changed_hooks`, from sources with arguments.",
        {"attributes": {"changed_hooks": "~/.claude/settings.json"}}, certain=True,
    ),
    Family(
        "unreported", "gap", "telemetry.gap", "A call that telemetry has and no hook reported",
        "Calls of a hooked agent that a log record, a span or a transcript reports alone.",
        "Agents without hooks, and those that report nothing at all.",
        "`attributes.unreported_tool`: hooks beside telemetry.",
        {"attributes": {"unreported_tool": "Bash"}}, certain=True,
    ),
    Family(
        "revoked", "revoked", "identity.revoked", "Rights that an identity provider took away",
        "Sessions, credentials and accounts that a transmitter of security events revokes.",
        "Revocations that no transmitter reports.",
        "Security events (SSF).",
        _security_event("session-revoked", "revoked"), certain=True,
    ),
    Family(
        "identity_change", "identity", "identity.changed",
        "A change of the identity that an identity provider reports",
        "Credentials, claims, assurance, devices and risk that a transmitter says have changed.",
        "Changes that no transmitter reports.",
        "Security events (SSF).",
        _security_event("credential-change", "changed"),
    ),
    Family(
        "conflict", "telemetry", "telemetry.conflict", "An event id with other content",
        "A second event under a known id that says something else.",
        "Events that never arrive.",
        "`id`.",
        certain=True,
    ),
)  # fmt: skip

FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}

SEVERAL = frozenset(
    family for family in FAMILIES if sum(counter.family == family for counter in COUNTERS) > 1
)
"""Families of several counters: their rarest counter is calibrated once more."""
