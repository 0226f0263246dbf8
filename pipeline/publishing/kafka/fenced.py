"""A sink for a shard that moves between workers: a replaced worker is refused.

A worker that stalls while another takes over would publish old trust answers after new ones. So
each publication is a transaction whose id belongs to the shard, not to the worker. The next holder
of the id ends the transactions of the previous one, including pending ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.publishing.kafka.sink import KafkaSink

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.processing.stream_types import Message
    from pipeline.sources.kafka.address import Address
    from pipeline.sources.kafka.clients.producer import Producer


class FencedSink(KafkaSink):
    """Publish in transactions.

    Readers need ``isolation.level=read_committed`` to see committed messages only.

    Parameters
    ----------
    address, client
        As for `KafkaSink`.
    owner
        Transactional id, the same for every worker of this shard.
    still_ours
        Called after the id is registered; raises `Superseded` if another worker has the shard. This
        order ensures that a later worker registers the id after this one.
    """

    def __init__(
        self, address: Address, client: str, owner: str, still_ours: Callable[[], None]
    ) -> None:
        super().__init__(address, client, owner=owner)
        self._still_ours = still_ours

    def _made(self, producer: Producer) -> None:
        producer.take_over()
        self._still_ours()

    def _send(self, producer: Producer, messages: Sequence[Message]) -> None:
        producer.begin()
        super()._send(producer, messages)
        producer.commit()
