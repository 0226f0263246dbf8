"""A span processor: spans of GenAI, OpenInference and OpenLLMetry become events.

It needs the package ``opentelemetry-sdk``, which the instrumentation of an agent installs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import SpanProcessor

from pipeline.recorder.sending.items import Spanned
from pipeline.recorder.sessions import beside

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from pipeline.recorder.recording import Recording


class RecorderSpanProcessor(SpanProcessor):
    """Hands finished spans to a recorder; what a session of it says counts for them too.

    The agent of a call is the nearest agent above it, else ``service.name``. A trace is complete
    when its first span has ended.

    Parameters
    ----------
    recorder
        A `Recorder` or an `AsyncRecorder`. It stays open at the end of the provider.
    """

    def __init__(self, recorder: Recording) -> None:
        self._recorder = recorder

    def on_end(self, span: ReadableSpan) -> None:
        """Take a finished span; never waits and never raises."""
        try:
            if span.context is not None and span.context.trace_flags.sampled:
                event, request = beside(self._recorder)
                self._recorder.offer(Spanned(span, event, request))
        except Exception as error:  # noqa: BLE001  # a fault of recording is none of the agent
            self._recorder.failed(error)

    def shutdown(self) -> None:
        """Deliver what waits."""
        self.force_flush()

    def force_flush(self, timeout_millis: int = 5_000) -> bool:
        """Deliver what waits; return whether nothing does any more."""
        return self._recorder.worker.flush(timeout_millis / 1000)
