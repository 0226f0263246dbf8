"""Several workers on one stream: each judges some partitions, into one PostgreSQL store.

Each partition is a *shard* with an own engine. The worker that is assigned the partition loads the
engine from the store, and drops it when the partition moves. Shards exchange what they learn as
contributions (`models.replication.exchange`) through the store.
"""

from __future__ import annotations
