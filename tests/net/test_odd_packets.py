# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing forbidden passes by being odd; what is permitted passes though it is."""
import packet
import pytest
import traffic
from daemon import Daemon
from lab import WAN_MAC, WORLD, WORLD_MAC, WORLD_V6, Lab
from packet import ACK, FIN, PSH, RST, SYN, TCP, UDP, URG
from policies import small

FAMILIES = pytest.mark.parametrize("family", [4, 6])
FAR = {4: WORLD, 6: WORLD_V6}
PERMITTED, FORBIDDEN = 80, 25
POLICY = small('"tcp/80", "udp/80"').replace('"udp/80" ];', '"udp/80" ]; inbound = [ ];')
NOTRACK = """table inet foreign { chain raw {
    type filter hook prerouting priority raw; policy accept;
    notrack
}
}"""


def pass_through(clean: Lab, packets: list[bytes], wait: float = 0.08) -> list[packet.Seen]:
    """Sends packets from a desk; those that reach the world."""
    desk = clean["desk1"]
    with packet.tap(desk.space) as wire, packet.tap(clean.world.space) as far:
        for data in packets:
            wire.send(packet.ethernet(desk.mac, desk.gateway_mac, data))
        return [seen for seen in far.receive(wait)
                if seen.source == desk.address(6 if ":" in seen.source else 4)
                and seen.destination in FAR.values()]


def ends(clean: Lab, family: int) -> tuple[str, str]:
    """Source and destination of these tests."""
    return clean["desk1"].address(family), FAR[family]


def fragments(source: str, destination: str, protocol: int, payload: bytes, size: int,
              ident: int = 77) -> list[bytes]:
    """A packet cut into fragments of that many bytes (a multiple of 8)."""
    cuts = range(0, len(payload), size)
    return [_fragment(source, destination, protocol, payload[at:at + size], ident, at,
                      at + size < len(payload)) for at in cuts]


def _fragment(source: str, destination: str, protocol: int, part: bytes, ident: int, offset: int,
              more: bool) -> bytes:
    if ":" in source:
        return packet.ipv6(source, destination, packet.FRAGMENT,
                           packet.fragment_header(protocol, part, ident, offset, more))
    return packet.ipv4(source, destination, protocol, part, ident, offset, more)


@FAMILIES
@pytest.mark.parametrize("size", [8, 16, 512])
def test_fragments_pass_where_the_whole_packet_is_permitted(clean: Lab, daemon: Daemon, family: int,
                                                            size: int):
    daemon.start(POLICY)
    source, destination = ends(clean, family)
    for ident, port in enumerate((PERMITTED, FORBIDDEN), 100):
        whole = packet.udp(source, destination, 4000, port, bytes(range(256)) * 4)
        seen = pass_through(clean, fragments(source, destination, UDP, whole, size, ident))
        if port == PERMITTED:
            assert sum(len(part.payload) for part in seen) == len(whole)
        else:
            assert seen == []
    assert [(line["protocol"], line["port"], line["reason"]) for line in daemon.blocked(1)] == [
        ("udp", FORBIDDEN, "role")]


@FAMILIES
def test_a_tcp_header_cut_in_two_hides_nothing(clean: Lab, daemon: Daemon, family: int):
    daemon.start(POLICY)
    source, destination = ends(clean, family)
    for ident, port in enumerate((PERMITTED, FORBIDDEN), 200):
        whole = packet.tcp(source, destination, 4000, port)
        seen = pass_through(clean, fragments(source, destination, TCP, whole, 8, ident))
        assert bool(seen) == (port == PERMITTED)


@FAMILIES
def test_an_overlapping_fragment_does_not_change_the_port_unseen(clean: Lab, daemon: Daemon,
                                                                 family: int):
    daemon.start(POLICY)
    source, destination = ends(clean, family)
    good = packet.udp(source, destination, 4000, PERMITTED, bytes(32))
    bad = packet.udp(source, destination, 4000, FORBIDDEN, bytes(32))
    for ident, (first, second) in enumerate(((good, bad), (bad, good)), 300):
        seen = pass_through(clean, [
            _fragment(source, destination, UDP, first[:24], ident, 0, True),
            _fragment(source, destination, UDP, second[:16], ident, 0, True),
            _fragment(source, destination, UDP, first[16:], ident, 16, False),
        ])
        assert not [part for part in seen if part.offset == 0 and part.ports[1] == FORBIDDEN]


@FAMILIES
@pytest.mark.parametrize("offset", [8, 1024])
def test_a_later_fragment_alone_does_not_pass(clean: Lab, daemon: Daemon, family: int, offset: int):
    daemon.start(POLICY)
    source, destination = ends(clean, family)
    assert pass_through(clean, [_fragment(source, destination, UDP, bytes(64), 400, offset,
                                          more) for more in (False, True)]) == []


@FAMILIES
@pytest.mark.parametrize("size", [8, 512])
def test_untracked_fragments_do_not_pass_where_the_packet_is_forbidden(
        clean: Lab, daemon: Daemon, family: int, size: int):
    daemon.start(POLICY)
    clean.gateway.nft(NOTRACK.replace("priority raw", "priority -450"))
    source, destination = ends(clean, family)
    whole = packet.udp(source, destination, 4000, FORBIDDEN, bytes(1024))
    parts = fragments(source, destination, UDP, whole, size, 500)
    assert pass_through(clean, parts) == []
    assert pass_through(clean, parts[1:]) == []


EXTENSIONS = {
    "hop-by-hop": lambda protocol, data: (packet.HOP_BY_HOP, packet.options_header(protocol, data)),
    "destination options": lambda protocol, data: (
        packet.DESTINATION, packet.options_header(protocol, data, 3)),
    "routing": lambda protocol, data: (packet.ROUTING, packet.routing_header(protocol, data)),
    "atomic fragment": lambda protocol, data: (
        packet.FRAGMENT, packet.fragment_header(protocol, data, 600)),
    "all of them": lambda protocol, data: (
        packet.HOP_BY_HOP, packet.options_header(
            packet.DESTINATION, packet.options_header(
                packet.ROUTING, packet.routing_header(
                    packet.FRAGMENT, packet.fragment_header(
                        packet.DESTINATION, packet.options_header(protocol, data), 601))))),
}


@pytest.mark.parametrize("name", EXTENSIONS)
def test_ipv6_extension_headers_hide_nothing(clean: Lab, daemon: Daemon, name: str):
    daemon.start(POLICY)
    source, destination = ends(clean, 6)
    for port in (PERMITTED, FORBIDDEN):
        for protocol, make in ((TCP, packet.tcp), (UDP, packet.udp)):
            following, data = EXTENSIONS[name](protocol, make(source, destination, 4001, port))
            seen = pass_through(clean, [packet.ipv6(source, destination, following, data)])
            assert [part.ports[1] for part in seen] == [port] * (port == PERMITTED)
    told = sorted((line["protocol"], line.get("port")) for line in daemon.blocked(2))
    assert told == [("tcp", FORBIDDEN), ("udp", FORBIDDEN)]


def test_ipv4_options_hide_nothing(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    source, destination = ends(clean, 4)
    for port in (PERMITTED, FORBIDDEN):
        data = packet.ipv4(source, destination, TCP, packet.tcp(source, destination, 4002, port),
                           options=b"\x01" * 39 + b"\0")
        assert bool(pass_through(clean, [data])) == (port == PERMITTED)
    line, = daemon.blocked(1)
    assert (line["protocol"], line["port"]) == ("tcp", FORBIDDEN)


@FAMILIES
@pytest.mark.parametrize("protocol", [0xFD, 0xFF, 59, 4, 41, 33, 136])
def test_a_protocol_that_no_role_names_does_not_pass(clean: Lab, daemon: Daemon, family: int,
                                                     protocol: int):
    daemon.start(POLICY)
    source, destination = ends(clean, family)
    inner = packet.tcp(source, destination, 4003, PERMITTED) + bytes(40)
    assert pass_through(clean, [packet.ip(source, destination, protocol, inner)]) == []


@FAMILIES
@pytest.mark.parametrize("length", [0, 1, 3, 7])
@pytest.mark.parametrize("protocol", [TCP, UDP])
def test_a_packet_too_short_for_its_ports_does_not_pass(clean: Lab, daemon: Daemon, family: int,
                                                        protocol: int, length: int):
    daemon.start(POLICY.replace('"tcp/80", "udp/80"', '"tcp/80", "udp/80", "http"'))
    source, destination = ends(clean, family)
    data = packet.udp(source, destination, 4004, FORBIDDEN)[:length]
    assert pass_through(clean, [packet.ip(source, destination, protocol, data)]) == []


FLAGS = {"null": 0, "fin": FIN, "ack": ACK, "fin+ack": FIN | ACK, "rst": RST, "push": PSH | ACK,
         "xmas": FIN | PSH | URG, "syn+fin": SYN | FIN, "syn+ack": SYN | ACK, "syn+rst": SYN | RST}


@FAMILIES
@pytest.mark.parametrize("name", FLAGS)
def test_a_segment_without_a_connection_does_not_pass_to_a_forbidden_port(
        clean: Lab, daemon: Daemon, family: int, name: str):
    daemon.start(POLICY)
    source, destination = ends(clean, family)
    data = packet.ip(source, destination, TCP, packet.tcp(
        source, destination, 4005, FORBIDDEN, FLAGS[name], acknowledged=99))
    assert pass_through(clean, [data] * 3) == []
    assert daemon.reason_packets() == {"role": 3}


@FAMILIES
@pytest.mark.parametrize("name", FLAGS)
def test_a_segment_from_outside_without_a_connection_does_not_reach_a_closed_host(
        clean: Lab, daemon: Daemon, family: int, name: str):
    daemon.start(POLICY)
    desk, source = clean["desk1"], FAR[family]
    destination = desk.address(family)
    data = packet.ip(source, destination, TCP, packet.tcp(
        source, destination, PERMITTED, 4006, FLAGS[name], acknowledged=99))
    with packet.tap(clean.world.space) as wire, packet.tap(desk.space) as inside:
        for _ in range(3):
            wire.send(packet.ethernet(WORLD_MAC, WAN_MAC, data))
        assert [seen for seen in inside.receive(0.08) if seen.source == source] == []
    assert daemon.reason_packets() == {"inbound": 3}


@FAMILIES
def test_a_segment_far_outside_the_window_does_not_open_another_port(clean: Lab, daemon: Daemon,
                                                                     family: int):
    daemon.start(POLICY)
    source, destination = ends(clean, family)
    with traffic.listen(clean.world, destination, PERMITTED):
        with traffic.connect(clean["desk1"], destination, PERMITTED) as stream:
            port = stream.getsockname()[1]
            odd = [packet.ip(source, destination, TCP, packet.tcp(
                source, destination, port, FORBIDDEN, flags, sequence=3_000_000_000,
                acknowledged=3_000_000_000)) for flags in (ACK, FIN | ACK, RST, SYN)]
            assert pass_through(clean, odd) == []


@FAMILIES
def test_untracked_packets_are_judged_one_by_one(clean: Lab, daemon: Daemon, family: int):
    daemon.start(POLICY)
    clean.gateway.nft(NOTRACK)
    source, destination = ends(clean, family)
    for protocol, make in ((TCP, packet.tcp), (UDP, packet.udp)):
        for port in (PERMITTED, FORBIDDEN):
            data = packet.ip(source, destination, protocol, make(source, destination, 4007, port))
            assert len(pass_through(clean, [data] * 3)) == (3 if port == PERMITTED else 0)
    # The world's answers are untracked too, and so the desk's inbound blocks them.
    assert daemon.reason_packets() == {"role": 6, "inbound": 6}


@FAMILIES
def test_untracked_packets_from_outside_meet_the_destinations_inbound(clean: Lab, daemon: Daemon,
                                                                      family: int):
    daemon.start(POLICY)
    clean.gateway.nft(NOTRACK)
    desk, source = clean["desk1"], FAR[family]
    destination = desk.address(family)
    data = packet.ip(source, destination, UDP, packet.udp(source, destination, PERMITTED, 4008))
    with packet.tap(clean.world.space) as wire, packet.tap(desk.space) as inside:
        wire.send(packet.ethernet(WORLD_MAC, WAN_MAC, data))
        assert [seen for seen in inside.receive(0.08) if seen.source == source] == []


@FAMILIES
def test_a_forged_icmp_error_about_no_connection_does_not_pass(clean: Lab, daemon: Daemon,
                                                              family: int):
    daemon.start(POLICY)
    source, destination = ends(clean, family)
    quoted = packet.ip(destination, source, UDP, packet.udp(destination, source, 53, 4009))
    kind, protocol = (3, packet.ICMP) if family == 4 else (1, packet.ICMPV6)
    data = packet.ip(source, destination, protocol,
                     packet.icmp(source, destination, kind, 3, bytes(4) + quoted))
    assert pass_through(clean, [data]) == []
