"""Several workers on one stream: each judges some of its partitions, into one PostgreSQL store.

A partition is a *shard*: an engine of its own, loaded from the store by whoever is assigned the
partition, and dropped again when it goes to another worker. What a shard learns about others than
its own agents reaches them as contributions (`models.replication.exchange`), through the store.
"""

from __future__ import annotations
