"""Write docs/settings.md from `pipeline.settings` (``make schema``)."""

from __future__ import annotations

import re
from inspect import getdoc
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args, get_origin

from models.config import ModelConfig
from pipeline.configuration.setting_types import MODEL_PARAMETERS
from pipeline.formats import FORMATS
from pipeline.publishing import SINKS
from pipeline.settings import Settings, variable
from pipeline.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic.fields import FieldInfo

PATH = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
# Headings of the page, each with its settings.
SECTIONS: dict[str, tuple[str, ...]] = {
    "Events in": (
        "source", "format", "http_feed", "rejected", "kafka_client", "max_future_s", "batch_size",
        "batch_ms",
    ),
    "State and results": (
        "store", "sink", "cache_agents", "packed_agents", "assembly_memory", "recent_events",
        "recent_events_s", "recent_content",
    ),
    "What is known of agents and addresses": (
        "inventory", "intel", "corporate_networks", "degraded",
    ),
    "Judging": (
        "alerts_per_day", "kernel", "parameters", "model", "detectors", "offline_models", "clock",
        "stale_after_s",
    ),
    "The API": (
        "listen", "tls_cert", "tls_key", "tls_client_ca", "trusted_proxies", "max_connections",
        "max_connections_per_address", "max_header_bytes", "max_target_bytes", "max_body_memory",
        "header_timeout_s", "body_timeout_s", "idle_timeout_s",
    ),
    "Callers of the API": (
        "hook_decisions", "api_keys_file", "jwks", "jwt_issuer", "jwt_audience", "jwt_algorithms",
        "ssf_transmitters",
    ),
    "Logs": ("log_level",),
}  # fmt: skip
# Form of a value, and what to know before setting it.
DETAILS = {
    "http_feed": (
        "With `live`, HTTP counts as a live source after its first event. Where `habitus serve` "
        "judges and no other live source is configured, it counts from the start."
    ),
    "rejected": (
        "`store` writes `STORE.rejected.jsonl` beside a SQLite store, and nothing for PostgreSQL. "
        "The file is readable by its owner only, and keeps the newest 16 to 32 MiB. `file:FOLDER` "
        "writes one file for each store or partition. Credentials in a record are replaced by "
        "marks of their kinds. A sink also gets them as the topic "
        "`agent.actions.rejected`. `none` keeps no file."
    ),
    "hook_decisions": (
        "LEVEL is a level of trust, `unknown`, `step_up` (a level whose obligations ask for a "
        "person) or `*`; OPERATION is an operation or `*`. `deny` counts more than `ask`. Without "
        "rules, only calls of quarantined agents are denied "
        "([decisions](coding-agents.md#decisions))."
    ),
    "kafka_client": "`librdkafka` needs the extra `librdkafka`. Workers of one group may differ.",
    "recent_events": (
        "0 keeps none. A kept event takes about 1 KB and 50 µs; a batch keeps its latest ones only."
    ),
    "recent_content": "Arguments may hold anything that an agent was given, also secrets.",
    "batch_ms": "Slower batches get smaller.",
    "store": (
        "`sqlite:PATH`, or `postgresql://USER@HOST:PORT/DATABASE` with the extra `postgresql`. "
        "Connections over a network are encrypted unless `sslmode` says otherwise."
    ),
    "cache_agents": "Each takes some 20 KiB, in each partition of each worker.",
    "packed_agents": (
        "Each takes some 2 KiB, in each partition of each worker. All other agents are read from "
        "the store when they act."
    ),
    "assembly_memory": (
        "The content of the session that was quiet for longest is left out first, and counted: "
        "[room](integrations.md#room). Assemblers outside a worker use the default."
    ),
    "inventory": (
        "See [inventory.md](inventory.md). An agent outside it raises `identity.shadow`. "
        "Another role, owner or team, or a tool or scope that it does not allow, raises "
        "`identity.mismatch`. A changed file counts without a restart."
    ),
    "intel": "`habitus intel fetch` fills it. An address in a list gets its class, such as `vpn`.",
    "corporate_networks": "An address inside them counts as `corporate`.",
    "degraded": "RFC 3339 times, comma separated.",
    "alerts_per_day": "A case is one false alert, however many events it has.",
    "kernel": (
        "A compiled kernel of another version than Habitus stops every command with one line, "
        "exit 2."
    ),
    "model": "One variable a parameter, such as `HABITUS_MODEL__HALF_LIFE_DAYS`; see below.",
    "parameters": "See [tuning.md](tuning.md#a-tuned-configuration).",
    "offline_models": "See [tuning.md](tuning.md#models-fitted-on-history).",
    "detectors": "`module:Class`, comma separated: [tuning.md](tuning.md).",
    "clock": "With `event`, event times may be up to a day ahead of arrival.",
    "tls_cert": "See [serving.md](serving.md#tls). A changed file counts without a restart.",
    "tls_key": "The key has no password.",
    "tls_client_ca": "See [serving.md](serving.md#client-certificates).",
    "trusted_proxies": "See [serving.md](serving.md#behind-a-proxy).",
    "max_connections": "See [serving.md](serving.md#limits) for this and the next limits.",
    "max_connections_per_address": (
        "It must be below `HABITUS_MAX_CONNECTIONS`. By default it is a quarter of that, at most "
        "256."
    ),
    "max_target_bytes": (
        "It must be at most `HABITUS_MAX_HEADER_BYTES`. By default it is that, at most 8192."
    ),
    "jwks": "With it, bearer tokens (JWT) are accepted: [access.md](access.md#which-agents).",
    "ssf_transmitters": "`habitus ssf create` writes its tables: [SSF](integrations/ssf.md).",
    "api_keys_file": "`habitus keys add` makes it: [access.md](access.md).",
}


def _source() -> str:
    kinds = " ".join(kind.meaning for kind in SOURCES.values())
    return (
        f"`habitus run` needs one. {kinds} `feed=live` or `feed=batch` says whether events should "
        "keep coming; a topic and a followed file are live by default. Habitus never reads its "
        "own results."
    )


def _format() -> str:
    return ", ".join(f"`{name}`" for name in FORMATS) + (
        ". `POST /v1/actions` takes `native` events, and each other route of `habitus serve` the "
        "format of its own, whatever is set here."
    )


def _sink() -> str:
    return " ".join(kind.meaning for kind in SINKS.values())


# The same, of what is registered.
REGISTERED: dict[str, Callable[[], str]] = {"source": _source, "format": _format, "sink": _sink}
_HEAD = """# Settings

`make schema` writes this page from `pipeline/settings.py`. Set a setting in the environment
(`HABITUS_STORE`) or in `habitus.toml` (`store`); the environment has priority.
`HABITUS_CONFIG` names another file. `habitus config` shows all settings in effect, and
`habitus doctor` checks them. Lists are comma separated in the environment.
"""
_PARAMETERS = """## Parameters of the model

Defaults suit most fleets. [tuning.md](tuning.md) describes how to try a change, and how to
promote it.

| parameter | meaning | default |
|---|---|---|
"""


def page() -> str:
    """Give the whole page."""
    parts = [_HEAD]
    for heading, names in SECTIONS.items():
        rows = (_row(name, Settings.model_fields[name]) for name in names)
        parts.append(
            f"## {heading}\n\n| setting | meaning | values | default |\n|---|---|---|---|\n"
        )
        parts[-1] += "".join(rows)
    return "\n".join([*parts, _PARAMETERS + "".join(_parameters())])


def _row(name: str, field: FieldInfo) -> str:
    text = f"{field.description}"
    detail = REGISTERED[name]() if name in REGISTERED else DETAILS.get(name, "")
    meaning = f"{text[:1].upper()}{text[1:]}. {detail}".strip()
    label = f"{variable(name)}__…" if name == "model" else variable(name)
    return f"| `{label}` | {meaning} | {_values(field)} | {_default(field)} |\n"


def _values(field: FieldInfo) -> str:
    """Give the words that a setting may have, or its bounds.

    >>> _values(Settings.model_fields["batch_size"])
    '1 to 100,000'
    """
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(field.annotation))
    bounds: dict[str, float] = {}
    for one in field.metadata:
        bounds |= {sign: getattr(one, sign) for sign in ("ge", "gt", "le") if hasattr(one, sign)}
    low = f"{bounds['ge']:,}" if "ge" in bounds else f"above {bounds['gt']:,}" if bounds else ""
    if "le" in bounds:
        return f"{low} to {bounds['le']:,}"
    return f"at least {low}" if "ge" in bounds else low


def _default(field: FieldInfo) -> str:
    fixed = {name: one.default for name, one in Settings.model_fields.items()}
    value = field.get_default(call_default_factory=True, validated_data=fixed)
    if isinstance(value, tuple):
        value = ",".join(value)
    return "none" if value in (None, "", {}) else f"`{value}`"


def _parameters() -> Iterator[str]:
    defaults, meanings = ModelConfig(), _meanings()
    for name in MODEL_PARAMETERS:
        value = getattr(defaults, name)
        yield f"| `{variable(f'model__{name}')}` | {meanings[name]} | `{value}` |\n"


def _meanings() -> dict[str, str]:
    """Read what each parameter means from the docstring of `ModelConfig`."""
    _, _, attributes = f"{getdoc(ModelConfig)}".partition("Attributes\n----------\n")
    parts = re.findall(r"^(\w+)\n((?:    .*\n)+)", attributes, re.MULTILINE)
    return {name: " ".join(text.split()).replace("``", "`") for name, text in parts}


if __name__ == "__main__":
    PATH.write_text(page())
