# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames made by hand, put on a wire and taken off one: what no ordinary socket would send."""
import contextlib
import os
import select
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from namespace import Namespace
from traffic import checksum

TCP, UDP, ICMP, ICMPV6, GRE, SCTP = 6, 17, 1, 58, 47, 132
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
ETH_P_ALL = 3
PACKET_OUTGOING = 4


def mac_bytes(mac: str) -> bytes:
    """Six bytes of "52:54:00:12:34:56"."""
    return bytes.fromhex(mac.replace(":", ""))


def ethernet(source: str, destination: str, packet: bytes) -> bytes:
    """A frame around an IP packet of either version."""
    kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    return mac_bytes(destination) + mac_bytes(source) + struct.pack("!H", kind) + packet


def ipv4(source: str, destination: str, protocol: int, payload: bytes, ident: int = 0,
         offset: int = 0, more: bool = False, options: bytes = b"") -> bytes:
    """An IPv4 packet; offset, in bytes, and more make it a fragment."""
    words = 5 + len(options) // 4
    header = struct.pack("!BBHHHBBH", 0x40 | words, 0, words * 4 + len(payload), ident,
                         (0x2000 if more else 0) | offset // 8, 64, protocol, 0)
    header += ip_address(source).packed + ip_address(destination).packed + options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(source: str, destination: str, next_header: int, payload: bytes) -> bytes:
    """An IPv6 packet; extension headers are at the beginning of the payload."""
    return (struct.pack("!IHBB", 6 << 28, len(payload), next_header, 64) +
            ip_address(source).packed + ip_address(destination).packed + payload)


def ip(source: str, destination: str, protocol: int, payload: bytes) -> bytes:
    """A packet of the family of its addresses."""
    make = ipv6 if ":" in source else ipv4
    return make(source, destination, protocol, payload)


def options_header(next_header: int, payload: bytes, words: int = 0) -> bytes:
    """A hop-by-hop or destination options header, of 8 * (words + 1) bytes, before payload."""
    padding = 8 * words + 4
    return struct.pack("!BBBB", next_header, words, 1, padding) + bytes(padding) + payload


def routing_header(next_header: int, payload: bytes) -> bytes:
    """A routing header with no segment left (type 4, empty), before payload."""
    return struct.pack("!BBBBI", next_header, 0, 253, 0, 0) + payload


def fragment_header(next_header: int, payload: bytes, ident: int, offset: int = 0,
                    more: bool = False) -> bytes:
    """An IPv6 fragment header (offset in bytes) before payload."""
    return struct.pack("!BBHI", next_header, 0, offset | int(more), ident) + payload


def _pseudo(source: str, destination: str, protocol: int, length: int) -> bytes:
    addresses = ip_address(source).packed + ip_address(destination).packed
    if ":" in source:
        return addresses + struct.pack("!II", length, protocol)
    return addresses + struct.pack("!HH", protocol, length)


def tcp(source: str, destination: str, source_port: int, port: int, flags: int = SYN,
        sequence: int = 1000, acknowledged: int = 0, payload: bytes = b"") -> bytes:
    """A TCP segment."""
    data = struct.pack("!HHIIBBHHH", source_port, port, sequence, acknowledged, 5 << 4, flags,
                       65535, 0, 0) + payload
    total = checksum(_pseudo(source, destination, TCP, len(data)) + data)
    return data[:16] + struct.pack("!H", total) + data[18:]


def udp(source: str, destination: str, source_port: int, port: int, payload: bytes = b"") -> bytes:
    """A UDP datagram."""
    data = struct.pack("!HHHH", source_port, port, 8 + len(payload), 0) + payload
    total = checksum(_pseudo(source, destination, UDP, len(data)) + data) or 0xFFFF
    return data[:6] + struct.pack("!H", total) + data[8:]


def icmp(source: str, destination: str, kind: int, code: int = 0, body: bytes = bytes(4)) -> bytes:
    """An ICMP or ICMPv6 message, by the family of the addresses."""
    data = struct.pack("!BBH", kind, code, 0) + body
    pseudo = _pseudo(source, destination, ICMPV6, len(data)) if ":" in source else b""
    return data[:2] + struct.pack("!H", checksum(pseudo + data)) + body


def sctp_init(source_port: int, port: int) -> bytes:
    """An SCTP packet with an INIT chunk."""
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 0x1234, 65536, 1, 1, 1)
    packet = struct.pack("!HHII", source_port, port, 0, 0) + chunk
    return packet[:8] + struct.pack("<I", _crc32c(packet)) + packet[12:]


def _crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


@dataclass(frozen=True)
class Seen:
    """A packet on a wire, as far as it can be read."""
    source: str
    destination: str
    protocol: int
    payload: bytes  # from the transport header on; of a later fragment, from its data on
    offset: int     # of a fragment, in bytes

    @property
    def ports(self) -> tuple[int, int]:
        """Source and destination port."""
        return struct.unpack_from("!HH", self.payload)

    @property
    def flags(self) -> int:
        """The flags of a TCP segment."""
        return self.payload[13]


def parse(frame: bytes) -> Seen | None:
    """Reads a frame; None when it is no IP packet."""
    kind, = struct.unpack_from("!H", frame, 12)
    data = frame[14:]
    if kind == 0x0800 and len(data) >= 20:
        length, = struct.unpack_from("!H", data, 2)
        offset, = struct.unpack_from("!H", data, 6)
        return Seen(str(ip_address(data[12:16])), str(ip_address(data[16:20])), data[9],
                    data[(data[0] & 15) * 4:length], (offset & 0x1FFF) * 8)
    if kind == 0x86DD and len(data) >= 40:
        return _parse_ipv6(data)
    return None


def _parse_ipv6(data: bytes) -> Seen:
    length, protocol = struct.unpack_from("!HB", data, 4)
    payload, offset = data[40:40 + length], 0
    while protocol in (HOP_BY_HOP, ROUTING, DESTINATION, FRAGMENT) and len(payload) >= 8:
        following = payload[0]
        if protocol == FRAGMENT:
            offset = struct.unpack_from("!H", payload, 2)[0] & ~7
            payload, protocol = payload[8:], following
            if offset:
                break
            continue
        payload, protocol = payload[8 + 8 * payload[1]:], following
    return Seen(str(ip_address(data[8:24])), str(ip_address(data[24:40])), protocol, payload,
                offset)


class Tap:
    """Sends frames out of an interface, and sees those that come in on it."""

    def __init__(self, space: Namespace, interface: str):
        with space.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
            self.socket.bind((interface, ETH_P_ALL))

    def send(self, frame: bytes) -> None:
        """Puts a frame on the wire."""
        self.socket.send(frame)

    def receive(self, wait: float) -> Iterator[Seen]:
        """IP packets that came in, each waited for at most that many seconds."""
        deadline = time.monotonic() + wait
        while True:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self.socket], [], [], left)[0]:
                return
            frame, address = self.socket.recvfrom(65536)
            seen = parse(frame) if address[2] != PACKET_OUTGOING else None
            if seen:
                yield seen
                deadline = time.monotonic() + wait

    def drain(self) -> None:
        """Forgets what came in so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.recv(1, socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Takes the tap off the wire."""
        self.socket.close()


@contextlib.contextmanager
def tap(space: Namespace, interface: str = "eth0") -> Iterator[Tap]:
    """A tap for the length of a block."""
    opened = Tap(space, interface)
    try:
        yield opened
    finally:
        opened.close()


def token() -> bytes:
    """Some bytes that no other packet carries."""
    return os.urandom(8)
