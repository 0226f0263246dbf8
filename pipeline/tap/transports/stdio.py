"""MCP over stdio: the server as a child process, its three streams passed on as they are."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from models.errors import HabitusError
from pipeline.tap.recording.framing import Lines
from pipeline.tap.recording.record import DOWN, UP
from pipeline.tap.recording.recorder import Recorder, Stream
from pipeline.tap.variables import API_TOKEN, ENFORCE_TOKEN
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from pipeline.tap.decisions.gate import Gate

_CHUNK = 1 << 16
_QUIET_S = 1.0
_STDIN, _STDOUT = 0, 1
_BY_SIGNAL = 128


def run_stdio(command: Sequence[str], recorder: Recorder | None, gate: Gate | None) -> int:
    """Run a server between this process's stdin and stdout; give its exit code.

    Parameters
    ----------
    command
        The server and its arguments. Its standard error is that of this process.
    recorder
        Records what passes.
    gate
        Asked before a request passes.

    Raises
    ------
    HabitusError
        The server cannot be started.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _SECRETS}
    try:
        server = subprocess.Popen(  # noqa: S603  # the command that the operator gives
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=environment
        )
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise HabitusError(f"cannot start {quoted(command[0])}: {reason}") from None
    with _signals_passed_on(server):
        return _Connection(server, recorder, gate).run()


# The server is not to read what the tap signs in with.
_SECRETS = frozenset({API_TOKEN, ENFORCE_TOKEN})


class _Connection:
    def __init__(
        self, server: subprocess.Popen[bytes], recorder: Recorder | None, gate: Gate | None
    ) -> None:
        assert server.stdin is not None  # noqa: S101  # for the type checker
        assert server.stdout is not None  # noqa: S101  # as above
        session = "" if recorder is None else recorder.transcript.new_session()
        self._server, self._gate = server, gate
        self._to_server, self._from_server = server.stdin.fileno(), server.stdout.fileno()
        self._up, self._down = Stream(recorder, UP, session), Stream(recorder, DOWN, session)
        self._client = _Client()
        self._ended = threading.Event()

    def run(self) -> int:
        """Pass both directions until the server ends."""
        up = self._pass_up if self._gate is None else self._ask_up
        threading.Thread(target=up, name="client-to-server", daemon=True).start()
        down = threading.Thread(target=self._pass_down, name="server-to-client", daemon=True)
        down.start()
        code = self._server.wait()
        self._ended.set()
        down.join()
        return code if code >= 0 else _BY_SIGNAL - code

    def _pass_up(self) -> None:
        for data in _chunks(_STDIN):
            self._up.saw(data)  # first, so that no answer is recorded before its request
            if not self._sent(data):
                return
        self._up.saw(b"")
        self._close_server_input()

    def _ask_up(self) -> None:
        """Pass whole lines, each after its decision; the order stays."""
        split, cut = Lines(), 0
        for data in _chunks(_STDIN):
            for line in split.feed(data):
                if split.too_long > cut:
                    cut = split.too_long
                    self._client.answer(_TOO_LONG)
                elif not self._decided(line + b"\n"):
                    return
        rest = split.rest()
        if not rest or self._decided(rest):
            self._close_server_input()

    def _decided(self, line: bytes) -> bool:
        assert self._gate is not None  # noqa: S101  # for the type checker
        self._up.saw(line)
        refusal = self._gate.refusal_of(line)
        if refusal is None:
            return self._sent(line)
        if refusal.answer:
            self._down.answered(refusal.answer, refusal.decision)
            self._client.answer(refusal.answer + b"\n")
        return True

    def _sent(self, data: bytes) -> bool:
        """Pass bytes to the server; where it reads no more, the client learns so."""
        try:
            _write_all(self._to_server, data)
        except OSError:
            self._close_server_input()
            _replace_by_nothing(_STDIN, os.O_RDONLY)
            return False
        return True

    def _close_server_input(self) -> None:
        with contextlib.suppress(OSError):
            if self._server.stdin is not None:
                self._server.stdin.close()

    def _pass_down(self) -> None:
        for data in self._server_chunks():
            self._down.saw(data)
            try:
                self._client.pass_on(data)
            except OSError:  # the client reads no more, and the server learns so
                if self._server.stdout is not None:
                    self._server.stdout.close()
                break
        self._down.saw(b"")
        _replace_by_nothing(_STDOUT, os.O_WRONLY)

    def _server_chunks(self) -> Iterator[bytes]:
        """Give what the server writes; a process that outlives it may hold the pipe open."""
        poll = select.poll()
        poll.register(self._from_server, select.POLLIN)
        while True:
            if not poll.poll(_QUIET_S * 1000):
                if self._ended.is_set():
                    return
                continue
            data = os.read(self._from_server, _CHUNK)
            if not data:
                return
            yield data


class _Client:
    """Stdout: what the server writes, with answers of the tap between its messages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._whole = True
        self._waiting = b""

    def pass_on(self, data: bytes) -> None:
        """Write bytes of the server."""
        with self._lock:
            if self._waiting and (end := data.rfind(b"\n") + 1):
                data = data[:end] + self._waiting + data[end:]
                self._waiting = b""
            self._whole = data.endswith(b"\n")
            _write_all(_STDOUT, data)

    def answer(self, line: bytes) -> None:
        """Write a line of the tap, once no message of the server is half written."""
        with self._lock, contextlib.suppress(OSError):
            if self._whole:
                _write_all(_STDOUT, line)
            else:
                self._waiting += line


_TOO_LONG = (
    b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the message is too long"}}\n'
)


def _chunks(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(descriptor, _CHUNK)
        except OSError:
            return
        if not data:
            return
        yield data


def _write_all(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written : written + (1 << 20)])


def _replace_by_nothing(descriptor: int, mode: int) -> None:
    """Close a standard stream, so that the process at its other end notices."""
    with contextlib.suppress(OSError):
        nothing = os.open(os.devnull, mode)
        os.dup2(nothing, descriptor)
        os.close(nothing)


@contextlib.contextmanager
def _signals_passed_on(server: subprocess.Popen[bytes]) -> Iterator[None]:
    def pass_on(number: int, _: FrameType | None) -> None:
        if number != signal.SIGINT or not _in_foreground():
            server.send_signal(number)

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_foreground() -> bool:
    """Tell whether a terminal sends the signals of its keys to the server by itself."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
