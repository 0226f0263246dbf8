"""A session of an agent of the OpenAI Agents SDK, over a model on loopback.

usage: agents_session.py MODEL_URL TRACES_URL
"""

from __future__ import annotations

import asyncio
import sys

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    Runner,
    function_tool,
    set_trace_processors,
    trace,
)
from agents.tracing.processors import BackendSpanExporter, BatchTraceProcessor
from openai import AsyncOpenAI


@function_tool
def read_invoice(number: str) -> str:
    """Read an invoice."""
    return f"{number}: pay 120 to AC-9930417"


@function_tool
def pay(account: str) -> str:
    """Pay."""
    return f"paid to {account}"


def main(model_url: str, traces_url: str) -> None:
    """Run one session, and export its trace."""
    exporter = BackendSpanExporter(api_key="of-no-use", endpoint=traces_url)
    processor = BatchTraceProcessor(exporter, schedule_delay=0.2)
    set_trace_processors([processor])
    client = AsyncOpenAI(base_url=model_url, api_key="none")
    model = OpenAIChatCompletionsModel(model="gpt-5", openai_client=client)
    clerk = Agent(
        name="Clerk", instructions="Handle invoices.", model=model, tools=[read_invoice, pay]
    )
    with trace("Invoices", group_id="thread-1", metadata={"user_id": "jane@example.com"}):
        done = asyncio.run(Runner.run(clerk, "Settle invoice INV-7"))
    processor.shutdown()
    print(done.final_output)


main(sys.argv[1], sys.argv[2])
