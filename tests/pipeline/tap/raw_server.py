"""A server that keeps what it reads, byte for byte: ``raw_server.py FILE [MODE [VALUE]]``.

Modes: ``mirror`` writes everything back, ``answer`` answers each request, ``die CODE`` answers one
line and ends, ``kill NUMBER`` ends by a signal, ``write BYTES`` writes and ends, ``wait`` waits.
"""

import json
import os
import signal
import sys
import time

# A process that was started in the background of a script ignores it.
signal.signal(signal.SIGINT, signal.SIG_DFL)


def lines():
    buffer = b""
    while data := os.read(0, 1 << 16):
        seen.write(data)
        seen.flush()
        buffer += data
        *whole, buffer = buffer.split(b"\n")
        yield from whole


def answer(line):
    try:
        found = json.loads(line)
    except ValueError:
        return
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, dict) and "id" in one and "method" in one:
            result = {"content": [{"type": "text", "text": "done"}], "isError": False}
            if one["method"] == "initialize":
                result = {"serverInfo": {"name": "raw", "version": "1"}}
            reply = {"jsonrpc": "2.0", "id": one["id"], "result": result}
            os.write(1, json.dumps(reply).encode() + b"\n")


mode, value = (*sys.argv[2:], "mirror", "")[:2]
seen = open(sys.argv[1], "wb")  # noqa: PTH123, SIM115  # open until the end
os.write(2, b"the server is up\n")
if mode == "mirror":
    while data := os.read(0, 1 << 16):
        seen.write(data)
        seen.flush()
        while data:
            data = data[os.write(1, data) :]
elif mode == "answer":
    for line in lines():
        answer(line)
elif mode == "die":
    for line in lines():
        answer(line)
        os._exit(int(value))
elif mode == "kill":
    os.kill(os.getpid(), int(value))
elif mode == "write":
    os.write(1, value.encode())
elif mode == "environment":
    os.write(1, json.dumps(dict(os.environ)).encode() + b"\n")
elif mode == "flood":
    try:
        while True:
            os.write(1, b'{"jsonrpc":"2.0","method":"notifications/tick"}\n')
            time.sleep(0.01)
    except BrokenPipeError:
        seen.write(b"the client is gone")
        seen.close()
        os._exit(3)
else:
    os.write(1, b"{}\n")
    time.sleep(60)
