"""Connect an agent of this machine: a small change of its settings, which can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.connecting.claude_code import ClaudeCode
from pipeline.connecting.codex import Codex
from pipeline.connecting.gemini import Gemini
from pipeline.connecting.instructions import OpenaiAgents, Otel
from pipeline.connecting.litellm import LiteLlm
from pipeline.connecting.mcp import Mcp

if TYPE_CHECKING:
    from pipeline.connecting.connector import Connector

CONNECTORS: dict[str, Connector] = {
    one.name: one
    for one in (ClaudeCode(), Codex(), Gemini(), LiteLlm(), OpenaiAgents(), Otel(), Mcp())
}
"""What `habitus connect` knows, by name."""
