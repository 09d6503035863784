# SPDX-License-Identifier: GPL-2.0-or-later
"""Real connections between machines of the laboratory, and what became of them."""
import errno
import os
import select
import socket
import struct

from lab import Host

# What a connection saw.
PASSED = "passed"          # the other side got it and its answer came back
RESET = "reset"            # a TCP reset
PROHIBITED = "prohibited"  # ICMP: administratively prohibited
SILENCE = "silence"        # nothing until the wait was over
DENIED = "denied"          # the sender's own kernel would not send it
CUT = "cut"                # connected, and then nothing came through any more
REFUSED = {RESET, PROHIBITED, SILENCE, DENIED}

IP_RECVERR, IPV6_RECVERR = 11, 25  # linux/in.h, linux/in6.h

LONG_WAIT = 1.0  # seconds, for what is sure to come
WAIT = 0.15  # seconds; a packet needs some 50 microseconds to any machine here

_ERRORS = {errno.ECONNREFUSED: RESET, errno.ECONNRESET: RESET, errno.EHOSTUNREACH: PROHIBITED,
           errno.EACCES: PROHIBITED, errno.ETIMEDOUT: SILENCE, errno.EPERM: DENIED}


def family_of(address: str) -> int:
    """AF_INET or AF_INET6."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def open_socket(host: Host, address: str, kind: int, protocol: int = 0) -> socket.socket:
    """A socket in a host's namespace for the family of the address."""
    with host.space.inside():
        return socket.socket(family_of(address), kind, protocol)


def _outcome(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return SILENCE
    if error.errno in _ERRORS:
        return _ERRORS[error.errno]
    raise error


def listen(server: Host, address: str, port: int) -> socket.socket:
    """A TCP socket of the server, listening; accept() waits for what is sure to come, no longer."""
    listener = open_socket(server, address, socket.SOCK_STREAM)
    listener.settimeout(LONG_WAIT)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(64)
    return listener


def connect(client: Host, destination: str, port: int, source: str | None = None,
            source_port: int = 0, wait: float = WAIT) -> socket.socket:
    """A TCP socket of the client, connected; OSError when it could not be."""
    stream = open_socket(client, destination, socket.SOCK_STREAM)
    try:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Closing resets: no connection lingers into the next test.
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.settimeout(wait)
        if source or source_port:
            stream.bind((source or "", source_port))
        stream.connect((destination, port))
        return stream
    except BaseException:
        stream.close()
        raise


def tcp(client: Host, server: Host, destination: str, port: int, **options) -> str:
    """Connects, and sends a few bytes there and back."""
    with listen(server, destination, port) as listener:
        try:
            stream = connect(client, destination, port, **options)
        except OSError as error:
            return _outcome(error)
        try:
            with stream, listener.accept()[0] as peer:
                peer.settimeout(LONG_WAIT)
                stream.sendall(b"question")
                assert peer.recv(64) == b"question"
                peer.sendall(b"answer")
                assert stream.recv(64) == b"answer"
        except (TimeoutError, ConnectionError):
            return CUT
    return PASSED


def udp(client: Host, server: Host, destination: str, port: int, source: str | None = None,
        wait: float = WAIT) -> str:
    """Sends a datagram and gets an answer."""
    with (open_socket(server, destination, socket.SOCK_DGRAM) as listener,
          open_socket(client, destination, socket.SOCK_DGRAM) as sender):
        listener.bind((destination, port))
        sender.settimeout(wait)
        if source:
            sender.bind((source, 0))
        sender.connect((destination, port))
        try:
            sender.send(b"question")
            ready, _, _ = select.select([listener, sender], [], [], wait)
            if listener in ready:
                listener.sendto(b"answer", listener.recvfrom(64)[1])
            assert sender.recv(64) == b"answer"
        except OSError as error:
            return _outcome(error)
    return PASSED


def ping(client: Host, destination: str, source: str | None = None, wait: float = WAIT) -> str:
    """An ICMP echo request, answered by the kernel of the other side."""
    version6 = ":" in destination
    protocol = socket.IPPROTO_ICMPV6 if version6 else socket.IPPROTO_ICMP
    with open_socket(client, destination, socket.SOCK_RAW, protocol) as sender:
        _report_errors(sender, version6)
        sender.settimeout(wait)
        if source:
            sender.bind((source, 0))
        sender.connect((destination, 0))
        token = os.urandom(8)
        try:
            sender.send(icmp(128 if version6 else 8, struct.pack("!HH", 7, 1) + token))
            while True:
                answer = sender.recv(256)
                kind = answer[0 if version6 else (answer[0] & 15) * 4]
                if kind == (129 if version6 else 0) and answer.endswith(token):
                    return PASSED
        except OSError as error:
            return _outcome(error)


def icmp(kind: int, body: bytes, code: int = 0) -> bytes:
    """An ICMP message with its checksum (the kernel replaces that of an ICMPv6 one)."""
    total = checksum(struct.pack("!BBH", kind, code, 0) + body)
    return struct.pack("!BBH", kind, code, total) + body


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _report_errors(sender: socket.socket, version6: bool) -> None:
    if version6:
        sender.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sender.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


def raw(client: Host, server: Host, destination: str, protocol: int, payload: bytes,
        source: str | None = None, wait: float = WAIT) -> str:
    """A packet of any protocol, seen by a raw socket on the other side (no answer)."""
    version6 = ":" in destination
    with (open_socket(server, destination, socket.SOCK_RAW, protocol) as listener,
          open_socket(client, destination, socket.SOCK_RAW, protocol) as sender):
        _report_errors(sender, version6)
        listener.bind((destination, 0))
        if source:
            sender.bind((source, 0))
        sender.connect((destination, 0))
        sender.send(payload)
        try:
            ready, _, _ = select.select([listener, sender], [], [], wait)
            if listener in ready:
                seen = listener.recv(2048)
                seen = seen if version6 else seen[(seen[0] & 15) * 4:]
                assert seen[4:] == payload[4:], "another packet than ours"
                return PASSED
            sender.settimeout(0.001)
            sender.recv(256)
            raise AssertionError("an answer that nobody sent")
        except OSError as error:
            return _outcome(error)
