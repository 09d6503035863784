# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of IRC that conntrack follows: one user offers another a file (DCC SEND)."""
import ipaddress
import socket

import traffic
from lab import Host

CONTENT = b"the file that was offered\n"


def offer(port: int, address: str) -> bytes:
    """The line by which a user offers a file that a connection to that port fetches."""
    number = int(ipaddress.IPv4Address(address))
    return f"PRIVMSG bob :\x01DCC SEND file {number} {port} {len(CONTENT)}\x01\r\n".encode()


def fetch_offered(user: Host, server: Host, far: str, address: str, port: int = 6667) -> bytes:
    """The user offers a file through the server, and the server's side fetches it.

    OSError when the data connection does not pass.
    """
    with (traffic.listen(server, far, port) as listener,
          traffic.connect(user, far, port) as client, listener.accept()[0] as session,
          traffic.listen(user, address, 0) as data):
        session.settimeout(traffic.LONG_WAIT)
        session.sendall(b":irc NOTICE * :welcome\r\n")  # the helper follows what was answered
        client.recv(100)
        client.sendall(offer(data.getsockname()[1], address))
        assert b"DCC SEND" in session.recv(200)
        with (traffic.connect(server, address, data.getsockname()[1], source=far) as fetching,
              data.accept()[0] as giving):
            giving.sendall(CONTENT)
            giving.shutdown(socket.SHUT_WR)
            fetching.settimeout(traffic.LONG_WAIT)
            return fetching.recv(100)
