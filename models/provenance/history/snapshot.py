"""Note what a call's identifiers are judged by, for a second look at a young role's sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.codec.hashing import mix
from models.provenance.novelty import source_of
from models.provenance.request import COVER_DISCOUNT, asked_for, covered
from models.provenance.session import MAX_USES, Seen

if TYPE_CHECKING:
    from models.event import Origins
    from models.provenance.knowledge import ContentKnowledge
    from models.provenance.request import Request


def see(
    knowledge: ContentKnowledge, role: str, request: Request, name: str, origins: Origins
) -> tuple[Seen, ...]:
    """Give one for each use of a call, in their order."""
    of, tool, named = knowledge.hasher.of, knowledge.hasher.of(name), knowledge.named(name, request)
    seen: list[Seen] = []
    for key, found in origins.items():
        hashed_key = of(key)
        tool_key = mix(tool, hashed_key, 1)
        for raw, where in found:
            value = knowledge.reader.value(raw)
            if value is None or len(seen) >= MAX_USES:
                continue
            contexts = knowledge.place(role, tool_key, hashed_key, value.kind).contexts
            share, bare = 0.0, False
            if source_of(where) is not None and not asked_for(value, request):
                cover = covered(value, request)
                share, bare = (1 - COVER_DISCOUNT * cover) * value.specific, cover < 0.5
            seen.append(Seen(tool, named, contexts, share, bare))
    return tuple(seen)
