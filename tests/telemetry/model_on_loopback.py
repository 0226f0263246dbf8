"""A model on loopback that speaks OpenAI's chat completions: one scripted call after the other."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = (("read_invoice", {"number": "INV-7"}), ("pay", {"account": "AC-9930417"}))


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        done = sum(one["role"] == "tool" for one in body["messages"])
        answer = json.dumps(_completion(body["model"], done)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def _completion(model: str, done: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "Done."}
    if done < len(CALLS):
        message = {"role": "assistant", "content": None, "tool_calls": [call(done)]}
    reason = "tool_calls" if done < len(CALLS) else "stop"
    return {
        "id": f"chatcmpl-{done}",
        "object": "chat.completion",
        "created": 1_800_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
    }


def call(number: int) -> dict[str, Any]:
    """Give a call of the script, as the model asks for it."""
    tool, arguments = CALLS[number]
    function = {"name": tool, "arguments": json.dumps(arguments)}
    return {"id": f"call_00000000000{number}", "type": "function", "function": function}


@contextmanager
def model() -> Iterator[str]:
    """Serve the model; give its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
