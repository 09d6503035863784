# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a connection is blocked: each reason, and their order."""
import packet
import pytest
import traffic
from daemon import Daemon
from lab import DMZ, LAN, WAN_MAC, WORLD, WORLD_MAC, WORLD_V6, Lab
from policies import small

FAMILIES = pytest.mark.parametrize("family", [4, 6])
FAR = {4: WORLD, 6: WORLD_V6}
BAD = {4: "203.0.113.66", 6: "2001:db8:ffff:0:1::66"}

MACS = small(host='mac = [ "02:00:00:01:10:11" ];', hosts=""",
  { name = "desk2"; role = "desk"; address = [ "192.168.0.12", "2001:db8:1::12" ];
    mac = [ "52:54:00:00:00:01" ]; },
  { name = "roamer"; role = "desk"; mac = [ "02:00:00:01:10:00" ]; }
""", rest='blocklist = [ "203.0.113.64/30", "2001:db8:ffff:0:1::64-2001:db8:ffff:0:1::67" ];')


def reasons(daemon: Daemon, attempts: int) -> list[tuple]:
    """Source, reason and role of what was blocked."""
    return [(line["source"], line["reason"], line.get("role")) for line in daemon.blocked(attempts)]


def syn(source: str, destination: str, port: int = 80) -> bytes:
    """The first packet of a TCP connection."""
    return packet.ip(source, destination, packet.TCP, packet.tcp(source, destination, 4321, port))


@FAMILIES
def test_the_right_address_with_another_mac_is_an_impostor(clean: Lab, daemon: Daemon, family: int):
    daemon.start(MACS)
    honest, impostor = clean["desk1"], clean["desk2"]
    assert traffic.tcp(honest, clean.world, FAR[family], 80) == traffic.PASSED
    assert traffic.tcp(impostor, clean.world, FAR[family], 80) == traffic.RESET
    assert reasons(daemon, 1) == [(impostor.address(family), "impostor", "desk")]


@FAMILIES
def test_a_host_known_by_its_mac_alone_may_have_any_address(clean: Lab, daemon: Daemon,
                                                            family: int):
    daemon.start(MACS)
    assert traffic.tcp(clean["stray"], clean.world, FAR[family], 80) == traffic.PASSED
    assert traffic.tcp(clean["stray"], clean.world, FAR[family], 25) == traffic.RESET
    line, = daemon.blocked(1)
    assert (line["reason"], line["role"]) == ("role", "desk")


@FAMILIES
def test_an_address_of_nobody_is_unassigned(clean: Lab, daemon: Daemon, family: int):
    daemon.start(MACS)
    stranger = clean["desk3"]
    assert traffic.tcp(stranger, clean.world, FAR[family], 80) == traffic.RESET
    assert reasons(daemon, 1) == [(stranger.address(family), "unassigned", None)]


@FAMILIES
def test_a_destination_on_the_blocklist_is_blocked_though_the_role_permits_it(
        clean: Lab, daemon: Daemon, family: int):
    daemon.start(MACS)
    desk = clean["desk1"]
    assert traffic.tcp(desk, clean.world, BAD[family], 80) == traffic.RESET
    assert reasons(daemon, 1) == [(desk.address(family), "blocklist", "desk")]


def send(clean: Lab, name: str, source: str, destination: str) -> list[packet.Seen]:
    """Puts a SYN with a foreign source on a host's wire; what of it reaches the world."""
    host = clean[name]
    with packet.tap(host.space) as wire, packet.tap(clean.world.space) as far:
        wire.send(packet.ethernet(host.mac, host.gateway_mac, syn(source, destination)))
        return [seen for seen in far.receive(0.1) if seen.source == source]


@pytest.mark.parametrize("source", [
    "203.0.113.200", "198.18.0.1", "192.0.2.80", "2001:db8:ffff:0:1::200", "2001:db8::80",
])
def test_a_source_that_is_not_reached_where_it_came_from_is_spoofed(clean: Lab, daemon: Daemon,
                                                                   source: str):
    daemon.start(MACS)
    assert send(clean, "desk1", source, FAR[6 if ":" in source else 4]) == []
    assert reasons(daemon, 1) == [(source, "spoofed", None)]


@pytest.mark.parametrize("source, destination", [
    ("192.168.0.12", "192.0.2.80"), ("192.0.2.25", "192.0.2.80"),
    ("2001:db8:1::12", "2001:db8::80"), ("2001:db8::25", "2001:db8::80"),
])
def test_an_inside_source_from_outside_is_spoofed(clean: Lab, daemon: Daemon, source: str,
                                                  destination: str):
    daemon.start(MACS)
    www = clean["www1"]
    with packet.tap(clean.world.space) as wire, packet.tap(www.space) as inside:
        wire.send(packet.ethernet(WORLD_MAC, WAN_MAC, syn(source, destination)))
        assert [seen for seen in inside.receive(0.1) if seen.source == source] == []
    assert reasons(daemon, 1) == [(source, "spoofed", None)]


@FAMILIES
def test_nobody_sends_along_the_connection_of_another_segments_host(clean: Lab, daemon: Daemon,
                                                                    family: int):
    """An accomplice asks the name server; the desk, which may initiate nothing, answers for it."""
    daemon.start(MACS.replace("gateway = {", 'gateway = { check_source = "packet";', 1))
    desk, server, far = clean["desk1"], clean["dns1"], FAR[family]
    asked = server.address(family)
    question = packet.ip(far, asked, packet.UDP, packet.udp(far, asked, 7777, 53, b"question"))
    answer = packet.ip(asked, far, packet.UDP, packet.udp(asked, far, 53, 7777, b"answer"))
    with (packet.tap(clean.world.space) as outside, packet.tap(server.space) as inside,
          packet.tap(desk.space) as wire):
        outside.send(packet.ethernet(WORLD_MAC, WAN_MAC, question))
        assert [seen for seen in inside.receive(0.2) if seen.source == far]
        wire.send(packet.ethernet(desk.mac, desk.gateway_mac, answer))
        assert [seen for seen in outside.receive(0.1) if seen.payload.endswith(b"answer")] == []
        # The connection itself is alive: the server's own answer passes.
        inside.send(packet.ethernet(server.mac, server.gateway_mac, answer))
        assert [seen for seen in outside.receive(0.2) if seen.payload.endswith(b"answer")]
    assert reasons(daemon, 1) == [(asked, "spoofed", None)]


@FAMILIES
def test_from_outside_a_host_without_inbound_is_not_judged(clean: Lab, daemon: Daemon, family: int):
    daemon.start(MACS)
    desk, www = clean["desk1"], clean["www1"]
    for host in (desk, www):
        assert traffic.tcp(clean.world, host, host.address(family), 2222,
                           source=FAR[family]) == traffic.PASSED
    assert daemon.blocked() == []


ORDER = small(host='mac = [ "52:54:00:00:00:01" ];', hosts=""",
  { name = "desk2"; role = "desk"; address = [ "192.168.0.12", "2001:db8:1::12" ]; },
  { name = "www1"; role = "closed"; address = [ "192.0.2.80", "2001:db8::80" ]; }
""", roles="closed = { inbound = [ ]; };",
    rest="""
blocklist = [ "203.0.113.66", "2001:db8:ffff:0:1::66", "192.0.2.0/24", "2001:db8::/64" ];""")


@FAMILIES
@pytest.mark.parametrize("name, source, target, reason", [
    ("desk1", "other segment", "bad", "spoofed"),
    ("desk3", "own", "bad", "unassigned"),
    ("desk1", "own", "bad", "impostor"),
    ("desk2", "own", "bad", "blocklist"),
    ("desk2", "own", "closed", "blocklist"),
])
def test_the_first_reason_that_applies_is_the_one_told(clean: Lab, daemon: Daemon, family: int,
                                                       name: str, source: str, target: str,
                                                       reason: str):
    daemon.start(ORDER)
    host = clean[name]
    address = host.address(family) if source == "own" else clean["mail1"].address(family)
    destination = BAD[family] if target == "bad" else clean["www1"].address(family)
    with packet.tap(host.space) as wire:
        wire.send(packet.ethernet(host.mac, host.gateway_mac, syn(address, destination, 25)))
        assert [line["reason"] for line in daemon.blocked(1)] == [reason]
    assert daemon.reason_packets() == {reason: 1}


@FAMILIES
def test_role_comes_before_inbound(clean: Lab, daemon: Daemon, family: int):
    daemon.start(ORDER.replace('"192.0.2.0/24", "2001:db8::/64"', '"203.0.113.65"'))
    desk, www = clean["desk2"], clean["www1"]
    assert traffic.tcp(desk, www, www.address(family), 25) == traffic.RESET
    assert traffic.tcp(desk, www, www.address(family), 80) == traffic.RESET
    assert sorted(reasons(daemon, 2)) == [(desk.address(family), "inbound", "closed"),
                                          (desk.address(family), "role", "desk")]


def test_replies_and_icmp_errors_pass_that_belong_to_a_permitted_connection(clean: Lab,
                                                                           daemon: Daemon):
    daemon.start(small('"udp/53", "http"', hosts=""",
      { name = "desk2"; role = "desk"; address = [ "192.168.0.12", "2001:db8:1::12" ]; }"""))
    desk = clean["desk1"]
    with packet.tap(desk.space) as wire:
        for destination in (WORLD, WORLD_V6):
            source = desk.address(family=6 if ":" in destination else 4)
            wire.drain()
            wire.send(packet.ethernet(desk.mac, LAN.mac, packet.ip(
                source, destination, packet.UDP, packet.udp(source, destination, 5353, 53))))
            kind, protocol = (1, packet.ICMPV6) if ":" in destination else (3, packet.ICMP)
            errors = [seen for seen in wire.receive(0.1) if seen.protocol == protocol
                      and seen.payload[0] == kind]
            assert len(errors) == 1, "the world's port unreachable did not come back"
    assert daemon.blocked() == []


def test_neighbour_discovery_is_never_the_victim(clean: Lab, daemon: Daemon):
    daemon.start(small('"http"'))
    for machine in (clean.gateway, clean["desk1"].space, clean["www1"].space):
        machine.run("ip", "-6", "neigh", "flush", "all", check=False)
    assert traffic.tcp(clean["desk1"], clean["www1"], clean["www1"].ipv6, 80) == traffic.PASSED
    assert DMZ.ipv6 in clean.gateway.run("ip", "-6", "neigh", "show", "dev", "dmz0").stdout
