# SPDX-License-Identifier: GPL-2.0-or-later
"""Commits to nf_tables that nft 1.0.6 cannot make: about tables, with any flags, over one socket."""
import socket
import struct

from namespace import Namespace

NETLINK_NETFILTER = 12
NFTABLES = 10  # subsystem
NFPROTO_INET = 1
BATCH_BEGIN, BATCH_END = 0x10, 0x11
NEWTABLE, DELTABLE = NFTABLES << 8, NFTABLES << 8 | 2
TABLE_NAME, TABLE_FLAGS = 1, 2  # NFTA_TABLE_*
DORMANT, OWNER, PERSIST = 1, 2, 4
REQUEST, ACK, CREATE = 1, 4, 0x400
ERROR = 2
CONNTRACK_NEW = 1 << 8
NESTED = 0x8000


def _message(kind: int, flags: int, family: int, resource: int, payload: bytes = b"") -> bytes:
    body = struct.pack("=BBH", family, 0, socket.htons(resource)) + payload
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags, 0, 0) + body


def _attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def about_table(kind: int, flags: int, name: str, table_flags: int | None = None) -> bytes:
    """A batch with one message about one table of the inet family."""
    payload = _attribute(TABLE_NAME, name.encode() + b"\0")
    if table_flags is not None:
        payload += _attribute(TABLE_FLAGS, struct.pack(">I", table_flags))
    return (_message(BATCH_BEGIN, 0, 0, NFTABLES) + _message(kind, flags, NFPROTO_INET, 0, payload)
            + _message(BATCH_END, 0, 0, NFTABLES))


def _nest(kind: int, *attributes: bytes) -> bytes:
    return _attribute(NESTED | kind, b"".join(attributes))


def _tuple(kind: int, source: bytes, destination: bytes) -> bytes:
    ports = struct.pack(">H", 7)
    return _nest(kind, _nest(1, _attribute(1, source), _attribute(2, destination)),
                 _nest(2, _attribute(1, b"\x11"), _attribute(2, ports), _attribute(3, ports)))


def fill_conntrack(place: Namespace, count: int) -> None:
    """Puts that many UDP flows into the table of connections, from 10.0.0.0 on."""
    destination = bytes((10, 255, 0, 1))
    marks = bytes((1, 2, 3, 4)), bytes((5, 6, 7, 8))
    text = _message(CONNTRACK_NEW, CREATE, socket.AF_INET, 0,
                    _tuple(1, marks[0], destination) + _tuple(2, destination, marks[1]) +
                    _attribute(7, struct.pack(">I", 600)))  # CTA_TIMEOUT
    first, rest = text.split(marks[0])
    middle, last = rest.split(marks[1])
    with open_wire(place) as wire:
        for begin in range(0, count, 1000):
            addresses = (struct.pack(">I", 0x0a000000 + i)
                         for i in range(begin, min(begin + 1000, count)))
            wire.send(b"".join(first + a + middle + a + last for a in addresses))


def open_wire(place: Namespace) -> socket.socket:
    """A socket by which tables of that place are changed, and may be owned."""
    with place.inside():
        wire = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    wire.bind((0, 0))
    return wire


def set_flags(wire: socket.socket, flags: int, name: str = "egressd") -> int:
    """Gives the table these flags, or makes it with them; 0 or a negative errno."""
    wire.send(about_table(NEWTABLE, CREATE | ACK, name, flags))
    answer = wire.recv(65536)
    assert struct.unpack_from("=H", answer, 4)[0] == ERROR
    return struct.unpack_from("=i", answer, 16)[0]
