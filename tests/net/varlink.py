# SPDX-License-Identifier: GPL-2.0-or-later
"""The control socket, spoken to by hand: JSON objects, each ended by a NUL byte."""
import json
import socket
from collections.abc import Iterator
from typing import Any


class Refused(Exception):
    """An error reply."""

    def __init__(self, name: str, parameters: dict[str, Any]):
        super().__init__(f"{name} {parameters}")
        self.name = name
        self.parameters = parameters


class Connection:
    """One connection to the daemon."""

    def __init__(self, path: str, wait: float = 20):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(wait)
        self.socket.connect(path)
        self.rest = b""

    def send(self, message: Any) -> None:
        """Sends one message."""
        self.socket.sendall(json.dumps(message).encode() + b"\0")

    def receive(self) -> dict[str, Any]:
        """Waits for one reply; ConnectionError when the daemon has closed."""
        while b"\0" not in self.rest:
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionError("closed by the daemon")
            self.rest += data
        frame, self.rest = self.rest.split(b"\0", 1)
        return json.loads(frame)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Calls a method; io.egressd is meant where no interface is named."""
        self.send({"method": _full(method), "parameters": parameters})
        return _parameters(self.receive())

    def stream(self, method: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Calls a method that goes on answering."""
        self.send({"method": _full(method), "parameters": parameters, "more": True})
        while True:
            reply = self.receive()
            yield _parameters(reply)
            if not reply.get("continues"):
                return

    def close(self) -> None:
        """Hangs up."""
        self.socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _full(method: str) -> str:
    return method if "." in method else f"io.egressd.{method}"


def _parameters(reply: dict[str, Any]) -> dict[str, Any]:
    if "error" in reply:
        raise Refused(reply["error"], reply.get("parameters", {}))
    return reply.get("parameters", {})
