"""Take snapshots of a call's uses, from which history cleaning scores them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.codec.hashing import mix
from models.provenance.novelty import source_of
from models.provenance.request import COVERAGE_DISCOUNT, is_requested, request_coverage
from models.provenance.session import MAX_USES, UseSnapshot

if TYPE_CHECKING:
    from models.event import Origins
    from models.provenance.knowledge import ProvenanceKnowledge
    from models.provenance.request import Request


def snapshot_uses(
    knowledge: ProvenanceKnowledge, role: str, request: Request, name: str, origins: Origins
) -> tuple[UseSnapshot, ...]:
    """Give one snapshot for each use of a call, in their order."""
    of, tool = knowledge.hasher.of, knowledge.hasher.of(name)
    name_floor = knowledge.name_floor(name, request)
    snapshots: list[UseSnapshot] = []
    for key, found in origins.items():
        hashed_key = of(key)
        tool_key = mix(tool, hashed_key, 1)
        for raw, where in found:
            value = knowledge.parser.value(raw)
            if value is None or len(snapshots) >= MAX_USES:
                continue
            contexts = knowledge.context(role, tool_key, hashed_key, value.kind).contexts
            discount, uncovered = 0.0, False
            if source_of(where) is not None and not is_requested(value, request):
                cover = request_coverage(value, request)
                discount, uncovered = (
                    (1 - COVERAGE_DISCOUNT * cover) * value.specificity,
                    cover < 0.5,
                )
            snapshots.append(UseSnapshot(tool, name_floor, contexts, discount, uncovered))
    return tuple(snapshots)
