# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of SIP that conntrack follows (RFC 3261, RFC 4566): a phone registers, and is called."""
import contextlib
import socket
from collections.abc import Iterator

from lab import Host
from traffic import LONG_WAIT, open_socket

PORT, MEDIA = 5060, 4000


def message(first: str, method: str, *, phone: str, proxy: str, body: str = "",
            contact: str | None = None) -> bytes:
    """A request or its answer."""
    lines = [first, f"Via: SIP/2.0/UDP {proxy}:{PORT};branch=z9hG4bK1",
             f"From: <sip:caller@{proxy}>;tag=1", f"To: <sip:phone@{phone}>;tag=2",
             f"Call-ID: {method}-1@{proxy}", f"CSeq: 1 {method}", "Expires: 3600"]
    if contact:
        lines.append(f"Contact: <sip:phone@{contact}:{PORT}>;expires=3600")
    if body:
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def _bound(host: Host, address: str, port: int) -> socket.socket:
    made = open_socket(host, address, socket.SOCK_DGRAM)
    made.settimeout(LONG_WAIT)
    made.bind((address, port))
    return made


@contextlib.contextmanager
def call(phone: Host, proxy: Host, far: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The media sockets of a phone and of its caller, who calls from a port of his own."""
    near = phone.ipv4
    with (_bound(phone, near, PORT) as ringing, _bound(proxy, far, PORT) as registrar,
          _bound(proxy, far, PORT + 10) as calling, _bound(phone, near, MEDIA) as speaking,
          _bound(proxy, far, MEDIA) as hearing):
        names = {"phone": near, "proxy": far}
        ringing.sendto(message(f"REGISTER sip:{far} SIP/2.0", "REGISTER", contact=near, **names),
                       (far, PORT))
        registrar.recv(2000)
        registrar.sendto(message("SIP/2.0 200 OK", "REGISTER", contact=near, **names),
                         (near, PORT))
        ringing.recv(2000)
        body = "\r\n".join(["v=0", f"o=- 1 1 IN IP4 {far}", "s=-", f"c=IN IP4 {far}", "t=0 0",
                            f"m=audio {MEDIA} RTP/AVP 0", ""])
        calling.sendto(message(f"INVITE sip:phone@{near}:{PORT} SIP/2.0", "INVITE", body=body,
                               **names), (near, PORT))
        ringing.recv(2000)
        yield speaking, hearing


def speak(speaking: socket.socket, hearing: socket.socket, far: str) -> bool:
    """True when what is said is heard, and answered."""
    try:
        speaking.sendto(b"hello", (far, MEDIA))
        _, caller = hearing.recvfrom(100)
        hearing.sendto(b"who is there?", caller)
        return speaking.recv(100) == b"who is there?"
    except OSError:
        return False
