"""A server of the official SDK: ``stdio``, or ``http PORT [json] [stateless]``."""

import os
import sys

import anyio
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("shop", version="3.1")


@server.tool()
def echo(text: str) -> str:
    return text


@server.tool()
def fail() -> str:
    raise ValueError("the shelf is empty")


@server.tool()
def large(size: int) -> str:
    return "ab" * (size // 2)


@server.tool()
def die(code: int) -> str:
    print("the server gives up", file=sys.stderr, flush=True)
    os._exit(code)


@server.tool()
async def slow(context: Context) -> str:
    for step in range(3):
        await context.report_progress(step, 3)
        await anyio.sleep(0.05)
    return "done"


@server.tool()
async def sleep(seconds: float) -> str:
    await anyio.sleep(seconds)
    return "awake"


@server.resource("shop://opening-hours")
def hours() -> str:
    return "nine to five, key SESAME-77"


@server.prompt()
def greet(name: str) -> str:
    return f"Greet {name}"


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        print("the server is up", file=sys.stderr, flush=True)
        server.run("stdio")
    else:
        server.run(
            "streamable-http",
            port=int(sys.argv[2]),
            json_response="json" in sys.argv,
            stateless_http="stateless" in sys.argv,
        )
