"""The bytes of the tables of sessions, as a whole copy or as changes.

Both have one layout: a copy holds all changes since nothing. `models.codec.change_log` decides
which of them is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from models.provenance.history.request_clusters import YOUNG, Cluster
from models.provenance.novelty_prior import COLUMNS
from models.provenance.session import Ballot, First  # noqa: TC001 - decoded as these types

if TYPE_CHECKING:
    from models.provenance.history.request_clusters import Documents, RoleTable, Table
    from models.provenance.novelty_prior import Rates

_encode = msgspec.msgpack.Encoder().encode
Rows = list[tuple[int, int | None]]  # None: forgotten


class StoredCluster(Struct, array_like=True, frozen=True):
    """A cluster, or what changed in it; `bag` is None when it is stored already."""

    number: int
    bag: list[int] | None
    n: int
    full: int
    skipped: int
    used_us: int
    tables: tuple[Rows, Rows, Rows, Rows]


class StoredRole(Struct, array_like=True, frozen=True):
    """A role, or what changed in it."""

    generation: int
    next_id: int
    n: int
    gone: list[int]
    clusters: list[StoredCluster]
    tables: list[Rows]
    first: list[First]
    ballots: list[tuple[int, list[Ballot]]]


class StoredDocuments(Struct, array_like=True, frozen=True):
    """How many clusters hold a word, or for which words that changed."""

    generation: int
    n: int
    holding: Rows


class StoredRates(Struct, array_like=True, frozen=True):
    """Nodes of rates by context, None when forgotten."""

    generation: int
    nodes: list[tuple[int, tuple[float, ...] | None]]


def write_role(role: RoleTable, generation: int, whole: bool) -> bytes:
    """Write a role, or what changed in it since the last time."""
    numbers = role.clusters if whole else role.touched
    clusters = [_stored(role.clusters[number], whole=whole) for number in sorted(numbers)]
    gone = [] if whole else sorted(role.gone)
    tables = [_rows(table, whole=whole) for table in role.tables]
    first = role.first if whole else role.first[len(role.first) - role.unsaid :]
    changed = sorted(role.ballots if whole else role.ballots.changed)
    ballots = [(value, role.ballots.get(value, [])) for value in changed]
    return _encode([generation, role.next_id, role.n, gone, clusters, tables, first, ballots])


def written_role(role: RoleTable) -> None:
    """Note that everything is stored."""
    for number in role.touched:
        cluster = role.clusters[number]
        cluster.stored = True
        for table in cluster.tables:
            table.changed.clear()
    for table in role.tables:
        table.changed.clear()
    role.touched.clear()
    role.gone.clear()
    role.ballots.changed.clear()
    role.unsaid = 0


def read_role(role: RoleTable, blob: bytes, generation: int) -> int:
    """Take in what `write_role` wrote; give its generation."""
    stored = _ROLE(blob)
    if generation and stored.generation != generation:
        return stored.generation
    for number in stored.gone:
        role.clusters.pop(number, None)
    for one in stored.clusters:
        cluster = role.clusters.get(one.number)
        if cluster is None:
            cluster = role.clusters[one.number] = Cluster(one.number, one.bag or [], one.used_us)
            cluster.stored = True
        cluster.n, cluster.full, cluster.skipped = one.n, one.full, one.skipped
        cluster.used_us = one.used_us
        for table, rows in zip(cluster.tables, one.tables, strict=True):
            _take(table, rows)
    role.next_id, role.n = stored.next_id, stored.n
    if len(stored.tables) != len(role.tables):
        raise ValueError(f"{len(stored.tables)} tables of a role, expected {len(role.tables)}")
    for table, rows in zip(role.tables, stored.tables, strict=True):
        _take(table, rows)
    for value, ballots in stored.ballots:
        role.ballots.pop(value, None)
        if ballots:
            role.ballots[value] = ballots
    role.first += stored.first
    if role.n >= YOUNG:
        role.first.clear()
    return stored.generation


def write_documents(documents: Documents, generation: int, whole: bool) -> bytes:
    """Write how many clusters hold a word, or for which words that changed."""
    return _encode([generation, documents.n, _rows(documents.holding, whole=whole)])


def read_documents(documents: Documents, blob: bytes, generation: int) -> int:
    """Take in what `write_documents` wrote; give its generation."""
    stored = _DOCUMENTS(blob)
    if not generation or stored.generation == generation:
        documents.n = stored.n
        _take(documents.holding, stored.holding)
    return stored.generation


def write_rates(rates: Rates, generation: int, whole: bool) -> bytes:
    """Write the nodes of rates, or those that changed."""
    nodes = rates.nodes
    return _encode(
        [
            generation,
            [(node, nodes.get(node)) for node in sorted(nodes if whole else rates.changed)],
        ]
    )


def read_rates(rates: Rates, blob: bytes, generation: int) -> int:
    """Take in what `write_rates` wrote; give its generation."""
    stored = _RATES(blob)
    if generation and stored.generation != generation:
        return stored.generation
    for node, row in stored.nodes:
        if row is None:
            rates.nodes.pop(node, None)
        else:
            rates.nodes[node] = _columns(list(row))
    return stored.generation


def _columns(row: list[float]) -> list[float]:
    if len(row) != COLUMNS:
        raise ValueError(f"{len(row)} columns of a node, expected {COLUMNS}")
    return row


def _stored(cluster: Cluster, *, whole: bool) -> list[object]:
    bag = cluster.bag if whole or not cluster.stored else None
    tables = [_rows(table, whole=whole) for table in cluster.tables]
    return [
        cluster.number, bag, cluster.n, cluster.full, cluster.skipped, cluster.used_us, tables,
    ]  # fmt: skip


def _rows(table: Table, *, whole: bool) -> Rows:
    if whole:
        return sorted(table.items())
    return [(key, table.get(key)) for key in sorted(table.changed)]


def _take(table: Table, rows: Rows) -> None:
    for key, value in rows:
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value


_ROLE = msgspec.msgpack.Decoder(StoredRole).decode
_DOCUMENTS = msgspec.msgpack.Decoder(StoredDocuments).decode
_RATES = msgspec.msgpack.Decoder(StoredRates).decode
