"""The two content kernels, given the same work."""

from __future__ import annotations

import os

import pytest

from models.kernel import native_kernel
from models.provenance.backend import provenance_detector

native = native_kernel("native" if os.environ.get("CI") == "true" else "auto")
needs_native = pytest.mark.skipif(native is None, reason="habitus-native is not installed")

SECRET = b"0123456789abcdef"
MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
TAINTED = (
    "bits", "key", "kind", "source", "value_bits", "flow_bits", "value_level", "flow_level",
    "rewritten", "recurrences", "cross_task_bits",
)  # fmt: skip


def seen(content):
    """Give whatever the engine reads of a content."""
    tainted = content.tainted
    parts = tainted and tuple(getattr(tainted, name) for name in TAINTED)
    return content.score, content.intent, content.off_task_bits, content.familiarity, parts


class Both:
    """The two kernels, given the same work and compared after each step of it."""

    def __init__(self) -> None:
        self.kernels = [provenance_detector(SECRET, module) for module in (None, native)]
        self.shared: dict[str, bytes] = {}
        self.sessions = 0

    def same(self, results):
        one, other = results
        assert other == one
        return one

    def open(self, purpose, role="clerk", at_us=0, learning=True):
        self.sessions += 1
        given = (
            "billing-7",
            "unknown",
            role,
            purpose,
            at_us,
            at_us,
            self.sessions,
            learning,
            False,
        )
        sessions = [kernel.open(*given) for kernel in self.kernels]
        self.same([session.familiarity for session in sessions])
        return sessions

    def score(self, sessions, tool, origins):
        pairs = zip(self.kernels, sessions, strict=True)
        judged = [kernel.score(session, tool, origins) for kernel, session in pairs]
        for kernel, session, content in zip(self.kernels, sessions, judged, strict=True):
            kernel.record_call(session, content)
        self.bytes_of(sessions)
        return self.same([seen(content) for content in judged])

    def bytes_of(self, sessions):
        pairs = zip(self.kernels, sessions, strict=True)
        return self.same([kernel.dump_session(session) for kernel, session in pairs])

    def close(self, sessions, p=None):
        for session in sessions:
            session.p = p
        pairs = zip(self.kernels, sessions, strict=True)
        return self.same([kernel.close(session) for kernel, session in pairs])

    def dump(self):
        changed = self.same([kernel.dump() for kernel in self.kernels])
        self.shared.update(changed)
        return changed

    def reload(self):
        """Go on from the stored bytes, each kernel from those of the other."""
        self.dump()
        self.kernels = [provenance_detector(SECRET, module) for module in (None, native)]
        for kernel in self.kernels:
            kernel.load(self.shared)

    def whole(self):
        return self.same([kernel.dump(whole=True) for kernel in self.kernels])
