"""A sink for what several workers take over from each other: whoever was overtaken is refused.

A worker that slept while another took over would publish old answers after new ones. So each
publication is a transaction under an id that belongs to the shard and not to the worker: the next
holder of the id ends those of the one before, also what was under way.
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

    Readers see what was committed only if they ask for it (``isolation.level=read_committed``).

    Parameters
    ----------
    address, client
        As of `KafkaSink`.
    owner
        Id of the transactions: the same for everyone who ever has this shard.
    still_ours
        Called once the id is taken; raises `Superseded` where the shard went to another worker.
        Only then is it certain that a later holder takes the id after us.
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
