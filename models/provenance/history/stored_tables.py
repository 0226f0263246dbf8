"""The bytes of the provenance tables, as a whole copy or as changes.

Both have one layout: a copy contains all changes since the empty table. `models.codec.change_log`
chooses between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from models.provenance.history.request_clusters import YOUNG, Cluster
from models.provenance.novelty_prior import COLUMNS
from models.provenance.session import EarlySession, SessionVotes  # noqa: TC001 - decoded as these types

if TYPE_CHECKING:
    from models.provenance.history.bounded_table import Table
    from models.provenance.history.request_clusters import DocumentFrequencies, RoleTable
    from models.provenance.novelty_prior import NoveltyRates

_encode = msgspec.msgpack.Encoder().encode
Rows = list[tuple[int, int | None]]  # None: removed


class StoredCluster(Struct, array_like=True, frozen=True):
    """A cluster, or its changes; `bag` is None when it is already stored."""

    number: int
    bag: list[int] | None
    n: int
    familiar: int
    skipped: int
    used_us: int
    tables: tuple[Rows, Rows, Rows, Rows]


class StoredRole(Struct, array_like=True, frozen=True):
    """A role, or its changes."""

    generation: int
    next_id: int
    n: int
    gone: list[int]
    clusters: list[StoredCluster]
    tables: list[Rows]
    early_sessions: list[EarlySession]
    retained_votes: list[tuple[int, list[SessionVotes]]]


class StoredDocuments(Struct, array_like=True, frozen=True):
    """Number of clusters with each word, or with the changed words."""

    generation: int
    n: int
    frequencies: Rows


class StoredRates(Struct, array_like=True, frozen=True):
    """Nodes of the novelty rates by context; None for a removed one."""

    generation: int
    nodes: list[tuple[int, tuple[float, ...] | None]]


def write_role(role: RoleTable, generation: int, whole: bool) -> bytes:
    """Write a role, or its changes since the last write."""
    numbers = role.clusters if whole else role.touched
    clusters = [_stored(role.clusters[number], whole=whole) for number in sorted(numbers)]
    gone = [] if whole else sorted(role.gone)
    tables = [_rows(table, whole=whole) for table in role.tables]
    start = 0 if whole else len(role.early_sessions) - role.unstored
    early = role.early_sessions[start:]
    changed = sorted(role.retained_votes if whole else role.retained_votes.changed)
    retained = [(value, role.retained_votes.get(value, [])) for value in changed]
    return _encode([generation, role.next_id, role.n, gone, clusters, tables, early, retained])


def written_role(role: RoleTable) -> None:
    """Mark all data of a role as stored."""
    for number in role.touched:
        cluster = role.clusters[number]
        cluster.stored = True
        for table in cluster.tables:
            table.changed.clear()
    for table in role.tables:
        table.changed.clear()
    role.touched.clear()
    role.gone.clear()
    role.retained_votes.changed.clear()
    role.unstored = 0


def read_role(role: RoleTable, blob: bytes, generation: int) -> int:
    """Read the bytes of `write_role`; give their generation."""
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
        cluster.n, cluster.familiar, cluster.skipped = one.n, one.familiar, one.skipped
        cluster.used_us = one.used_us
        for table, rows in zip(cluster.tables, one.tables, strict=True):
            _take(table, rows)
    role.next_id, role.n = stored.next_id, stored.n
    if len(stored.tables) != len(role.tables):
        raise ValueError(f"{len(stored.tables)} tables of a role, expected {len(role.tables)}")
    for table, rows in zip(role.tables, stored.tables, strict=True):
        _take(table, rows)
    for value, retained_votes in stored.retained_votes:
        role.retained_votes.pop(value, None)
        if retained_votes:
            role.retained_votes[value] = retained_votes
    role.early_sessions += stored.early_sessions
    if role.n >= YOUNG:
        role.early_sessions.clear()
    return stored.generation


def write_documents(documents: DocumentFrequencies, generation: int, whole: bool) -> bytes:
    """Write the number of clusters with each word, or with the changed words."""
    return _encode([generation, documents.n, _rows(documents.frequencies, whole=whole)])


def read_documents(documents: DocumentFrequencies, blob: bytes, generation: int) -> int:
    """Read the bytes of `write_documents`; give their generation."""
    stored = _DOCUMENTS(blob)
    if not generation or stored.generation == generation:
        documents.n = stored.n
        _take(documents.frequencies, stored.frequencies)
    return stored.generation


def write_rates(rates: NoveltyRates, generation: int, whole: bool) -> bytes:
    """Write the nodes of the novelty rates, or the changed ones."""
    nodes = rates.nodes
    return _encode(
        [
            generation,
            [(node, nodes.get(node)) for node in sorted(nodes if whole else rates.changed)],
        ]
    )


def read_rates(rates: NoveltyRates, blob: bytes, generation: int) -> int:
    """Read the bytes of `write_rates`; give their generation."""
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
        cluster.number, bag, cluster.n, cluster.familiar, cluster.skipped, cluster.used_us, tables,
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
