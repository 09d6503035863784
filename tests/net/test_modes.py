# SPDX-License-Identifier: GPL-2.0-or-later
"""Enforce and audit, per gateway, role and host; reject and drop."""
import packet
import pytest
import traffic
from daemon import Daemon
from lab import WORLD, WORLD_V6, Lab
from policies import small

FAMILIES = pytest.mark.parametrize("family", [4, 6])
FAR = {4: WORLD, 6: WORLD_V6}
DESK2 = """,
  { name = "desk2"; role = "%s"; address = [ "192.168.0.12", "2001:db8:1::12" ]; %s }"""


def smtp(clean: Lab, name: str, family: int) -> str:
    """Tries what no role here permits."""
    return traffic.tcp(clean[name], clean.world, FAR[family], 25)


@FAMILIES
def test_audit_of_the_gateway_lets_everything_pass_and_counts_it(clean: Lab, daemon: Daemon,
                                                                 family: int):
    daemon.start(small(gateway='mode = "audit";'))
    assert smtp(clean, "desk1", family) == traffic.PASSED
    assert smtp(clean, "desk3", family) == traffic.PASSED
    told = {(line["source"], line["reason"], line["attempts"]) for line in daemon.blocked(2)}
    assert told == {(clean["desk1"].address(family), "role", 1),
                    (clean["desk3"].address(family), "unassigned", 1)}
    assert daemon.reason_packets() == {"role": 1, "unassigned": 1}
    status = daemon.status()
    assert (status["state"], status["mode"]) == ("audit", "audit")


@FAMILIES
def test_audit_of_a_role_lets_its_hosts_pass_and_no_other(clean: Lab, daemon: Daemon, family: int):
    daemon.start(small(roles='trial = { outbound = [ "http" ]; mode = "audit"; };',
                       hosts=DESK2 % ("trial", "")))
    assert smtp(clean, "desk1", family) == traffic.RESET
    assert smtp(clean, "desk2", family) == traffic.PASSED
    assert smtp(clean, "desk3", family) == traffic.RESET
    assert {(line["source"], line["role"] if line["reason"] == "role" else None)
            for line in daemon.blocked(3)} == {
        (clean["desk1"].address(family), "desk"), (clean["desk2"].address(family), "trial"),
        (clean["desk3"].address(family), None)}
    assert daemon.count("trial")[1] == 1


@FAMILIES
def test_audit_of_a_host_lets_that_host_pass_alone(clean: Lab, daemon: Daemon, family: int):
    daemon.start(small(hosts=DESK2 % ("desk", 'mode = "audit";')))
    assert smtp(clean, "desk1", family) == traffic.RESET
    assert smtp(clean, "desk2", family) == traffic.PASSED
    assert daemon.reason_packets() == {"role": 2}
    assert daemon.count("desk") == (0, 2)


@FAMILIES
def test_enforce_of_a_host_holds_in_a_gateway_in_audit(clean: Lab, daemon: Daemon, family: int):
    daemon.start(small(gateway='mode = "audit";', host='mode = "enforce";'))
    assert smtp(clean, "desk1", family) == traffic.RESET
    assert smtp(clean, "desk2", family) == traffic.PASSED


@FAMILIES
def test_what_audit_lets_pass_still_meets_the_inbound_of_its_destination(
        clean: Lab, daemon: Daemon, family: int):
    daemon.start(small(host='mode = "audit";', roles='shut = { inbound = [ "http" ]; };',
                       hosts=""",
      { name = "www1"; role = "shut"; address = [ "192.0.2.80", "2001:db8::80" ]; }"""))
    desk, www = clean["desk1"], clean["www1"]
    assert traffic.tcp(desk, www, www.address(family), 25) == traffic.RESET
    assert traffic.tcp(desk, clean.world, FAR[family], 25) == traffic.PASSED
    assert daemon.reason_packets() == {"role": 2, "inbound": 1}


@FAMILIES
def test_audit_lets_an_error_about_a_known_connection_pass_whoever_sends_it(
        clean: Lab, daemon: Daemon, family: int):
    daemon.start(small('"udp/80"', gateway='mode = "audit";').replace(
        '"udp/80" ];', '"udp/80" ]; inbound = [ ]; mode = "enforce";'))
    desk, world = clean["desk1"], clean.world
    source, destination, forger = desk.address(family), FAR[family], clean["www1"].address(family)
    sent = packet.ip(source, destination, packet.UDP,
                     packet.udp(source, destination, 5000, 80, packet.token()))
    kind, code, protocol = (3, 1, packet.ICMP) if family == 4 else (1, 0, packet.ICMPV6)
    error = packet.ip(forger, source, protocol,
                      packet.icmp(forger, source, kind, code, bytes(4) + sent))
    with packet.tap(desk.space) as wire, packet.tap(world.space) as far:
        wire.send(packet.ethernet(desk.mac, desk.gateway_mac, sent))
        assert any(seen.source == source for seen in far.receive(traffic.WAIT))
        far.send(packet.ethernet(world.mac, world.gateway_mac, error))
        assert any(seen.source == forger for seen in wire.receive(traffic.WAIT))
    assert daemon.reason_packets() == {"spoofed": 1}


@FAMILIES
def test_audit_lets_a_reply_pass_wherever_it_comes_in(clean: Lab, daemon: Daemon, family: int):
    daemon.start(small('"udp/80"', gateway='mode = "audit"; check_source = "packet";').replace(
        '"udp/80" ];', '"udp/80" ]; inbound = [ ]; mode = "enforce";'))
    desk, forger, www = clean["desk1"], clean["desk2"], clean["www1"]
    ends = desk.address(family), www.address(family)
    with (packet.tap(desk.space) as wire, packet.tap(forger.space) as near,
          packet.tap(www.space) as far):
        wire.send(packet.ethernet(desk.mac, desk.gateway_mac, packet.ip(
            *ends, packet.UDP, packet.udp(*ends, 5000, 80, b"question"))))
        assert any(seen.source == ends[0] for seen in far.receive(traffic.WAIT))
        near.send(packet.ethernet(forger.mac, forger.gateway_mac, packet.ip(
            *ends[::-1], packet.UDP, packet.udp(*ends[::-1], 80, 5000, b"answer"))))
        assert any(seen.payload.endswith(b"answer") for seen in wire.receive(traffic.WAIT))
    assert daemon.reason_packets() == {"spoofed": 1}
    assert sum(role["revoked"]["packets"] for role in daemon.status()["roles"]) == 0


@FAMILIES
def test_audit_of_the_destination_lets_inbound_pass_and_counts_it(clean: Lab, daemon: Daemon,
                                                                  family: int):
    daemon.start(small(roles='shut = { inbound = [ "http" ]; mode = "audit"; };', hosts=""",
      { name = "www1"; role = "shut"; address = [ "192.0.2.80", "2001:db8::80" ]; }"""))
    www = clean["www1"]
    assert traffic.tcp(clean.world, www, www.address(family), 22,
                       source=FAR[family]) == traffic.PASSED
    assert traffic.tcp(clean["desk1"], www, www.address(family), 22) == traffic.RESET
    assert daemon.reason_packets() == {"inbound": 1, "role": 1}


def answers(clean: Lab, family: int, make) -> list[packet.Seen]:
    """What comes back to a desk's wire for one packet towards the world."""
    desk, destination = clean["desk1"], FAR[family]
    source = desk.address(family)
    with packet.tap(desk.space) as wire:
        protocol, payload = make(source, destination)
        wire.send(packet.ethernet(desk.mac, desk.gateway_mac,
                                  packet.ip(source, destination, protocol, payload)))
        return [seen for seen in wire.receive(0.08) if seen.destination == source
                and not (seen.protocol == packet.ICMPV6 and seen.payload[0] > 130)]


def syn(source: str, destination: str) -> tuple[int, bytes]:
    """A TCP connection that is not permitted."""
    return packet.TCP, packet.tcp(source, destination, 5000, 25)


def datagram(source: str, destination: str) -> tuple[int, bytes]:
    """A UDP packet that is not permitted."""
    return packet.UDP, packet.udp(source, destination, 5000, 9, b"x" * 20)


@FAMILIES
def test_reject_answers_tcp_with_a_reset_and_the_rest_with_admin_prohibited(
        clean: Lab, daemon: Daemon, family: int):
    daemon.start(small(gateway='refuse = "reject";'))
    reset, = answers(clean, family, syn)
    assert (reset.source, reset.protocol, reset.ports) == (FAR[family], packet.TCP, (25, 5000))
    assert reset.flags & packet.RST
    error, = answers(clean, family, datagram)
    kind, protocol = ((3, 13), packet.ICMP) if family == 4 else ((1, 1), packet.ICMPV6)
    assert (error.protocol, tuple(error.payload[:2])) == (protocol, kind)


@FAMILIES
def test_drop_answers_nothing(clean: Lab, daemon: Daemon, family: int):
    daemon.start(small(gateway='refuse = "drop";'))
    assert answers(clean, family, syn) == []
    assert answers(clean, family, datagram) == []
    assert daemon.reason_packets() == {"role": 2}


@FAMILIES
def test_what_inbound_blocks_is_refused_in_the_same_way(clean: Lab, daemon: Daemon, family: int):
    daemon.start(small(roles='shut = { inbound = [ ]; };', hosts=""",
      { name = "www1"; role = "shut"; address = [ "192.0.2.80", "2001:db8::80" ]; }"""))
    www = clean["www1"]
    assert traffic.tcp(clean.world, www, www.address(family), 80,
                       source=FAR[family]) == traffic.RESET
    assert traffic.udp(clean.world, www, www.address(family), 80,
                       source=FAR[family]) == traffic.PROHIBITED
