# SPDX-License-Identifier: GPL-2.0-or-later
"""A small FTP server (RFC 959, RFC 2428) for tests: one user, one file, both kinds of transfer."""
import contextlib
import ftplib
import re
import socket
import threading
from collections.abc import Iterator

from lab import Host
from traffic import connect, listen, open_socket

CONTENT = b"the file that was asked for\n" * 100
WAIT = 2.0


class _Session:
    """One control connection; commands are methods named after them."""

    def __init__(self, host: Host, control: socket.socket, address: str):
        self.host, self.control, self.address = host, control, address
        self.passive: socket.socket | None = None
        self.active: tuple[str, int] | None = None

    def answer(self, line: str) -> None:
        """Sends one reply."""
        self.control.sendall(line.encode() + b"\r\n")

    def run(self) -> None:
        """Serves until the client leaves."""
        self.answer("220 ready")
        with self.control.makefile("r", encoding="ascii", newline="\r\n") as lines:
            for line in lines:
                word, _, argument = line.strip().partition(" ")
                if word == "QUIT":
                    return
                handler = getattr(self, "do_" + word.lower(), None)
                if handler:
                    handler(argument)
                else:
                    self.answer("200 as you like")

    def do_user(self, _: str) -> None:
        """Any user is welcome."""
        self.answer("230 welcome")

    def _listen(self) -> int:
        self.passive = listen(self.host, self.address, 0)
        self.passive.settimeout(WAIT)
        return self.passive.getsockname()[1]

    def do_pasv(self, _: str) -> None:
        """Passive transfer over IPv4."""
        port = self._listen()
        numbers = ",".join([*self.address.split("."), str(port >> 8), str(port & 255)])
        self.answer(f"227 Entering Passive Mode ({numbers})")

    def do_epsv(self, _: str) -> None:
        """Passive transfer over either family."""
        self.answer(f"229 Entering Extended Passive Mode (|||{self._listen()}|)")

    def do_port(self, argument: str) -> None:
        """Active transfer over IPv4."""
        numbers = [int(number) for number in re.findall(r"\d+", argument)]
        self.active = (".".join(map(str, numbers[:4])), numbers[4] * 256 + numbers[5])
        self.answer("200 will connect")

    def do_eprt(self, argument: str) -> None:
        """Active transfer over either family."""
        _, _, address, port, _ = argument.split("|")
        self.active = (address, int(port))
        self.answer("200 will connect")

    def do_retr(self, _: str) -> None:
        """Sends the file."""
        self.answer("150 here it comes")
        try:
            with self._data() as data:
                data.sendall(CONTENT)
                data.shutdown(socket.SHUT_WR)
                data.settimeout(WAIT)
                data.recv(1)  # until the client has it all: closing resets
        except OSError:
            self.answer("425 no data connection")
        else:
            self.answer("226 done")

    def _data(self) -> socket.socket:
        if self.passive:
            with self.passive:
                return self.passive.accept()[0]
        assert self.active
        return connect(self.host, *self.active, source=self.address, source_port=20, wait=WAIT)


def _serve(host: Host, listener: socket.socket, address: str) -> None:
    with contextlib.suppress(OSError):
        while True:
            control, _ = listener.accept()
            with control:
                _Session(host, control, address).run()


@contextlib.contextmanager
def serving(host: Host, address: str, port: int = 21) -> Iterator[None]:
    """An FTP server on a host for the length of a block."""
    listener = listen(host, address, port)
    listener.settimeout(None)
    thread = threading.Thread(target=_serve, args=(host, listener, address), daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(WAIT * 2)


def client_control(host: Host, address: str, port: int) -> socket.socket:
    """The client's control connection."""
    stream = open_socket(host, address, socket.SOCK_STREAM)
    stream.settimeout(WAIT)
    stream.connect((address, port))
    return stream


def fetch(client: Host, far: str, passive: bool, port: int = 21) -> bytes:
    """Fetches the file as an ordinary FTP client does."""
    received: list[bytes] = []
    # The client's sockets are all made by this thread, while it is in the client's namespace.
    with client.space.inside(), ftplib.FTP(timeout=WAIT) as session:
        session.connect(far, port)
        session.login()
        session.set_pasv(passive)
        session.retrbinary("RETR file", received.append)
    return b"".join(received)
