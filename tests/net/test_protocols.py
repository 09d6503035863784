# SPDX-License-Identifier: GPL-2.0-or-later
"""What a service can be: ICMP types, protocols without ports, ranges; and whose address it is."""
import struct

import packet
import pytest
import traffic
from daemon import Daemon
from lab import WORLD, WORLD_V6, Host, Lab
from policies import small

FAMILIES = pytest.mark.parametrize("family", [4, 6])
FAR = {4: WORLD, 6: WORLD_V6}
GRE_PACKET = b"\0\0\x08\0" + bytes(20)


def icmp_type(client: Host, server: Host, destination: str, kind: int) -> str:
    """Sends an ICMP message that nothing but a raw socket waits for."""
    protocol = packet.ICMPV6 if ":" in destination else packet.ICMP
    return traffic.raw(client, server, destination, protocol,
                       traffic.icmp(kind, struct.pack("!HH", 9, 9) + bytes(12)))


def test_icmp_types_are_judged_one_by_one(clean: Lab, daemon: Daemon):
    daemon.start(small('"icmp/echo-request", "icmpv6/128", "icmp/17"'))
    desk = clean["desk1"]
    assert traffic.ping(desk, WORLD) == traffic.PASSED
    assert traffic.ping(desk, WORLD_V6) == traffic.PASSED
    assert icmp_type(desk, clean.world, WORLD, 17) == traffic.PASSED
    assert icmp_type(desk, clean.world, WORLD, 13) == traffic.PROHIBITED
    assert icmp_type(desk, clean.world, WORLD_V6, 139) == traffic.PROHIBITED
    told = [(line["protocol"], line["port"], line["reason"]) for line in daemon.blocked(2)]
    assert sorted(told) == [("icmp", 13, "role"), ("icmpv6", 139, "role")]


def test_ping_is_both_families_and_icmp_is_one(clean: Lab, daemon: Daemon):
    daemon.start(small('"icmp/echo-request"'))
    assert traffic.ping(clean["desk1"], WORLD) == traffic.PASSED
    assert traffic.ping(clean["desk1"], WORLD_V6) == traffic.PROHIBITED
    daemon.write(small('"ping"'))
    daemon.call("Reload")
    assert traffic.ping(clean["desk1"], WORLD) == traffic.PASSED
    assert traffic.ping(clean["desk1"], WORLD_V6) == traffic.PASSED


@FAMILIES
def test_a_protocol_without_ports_passes_where_it_is_permitted(clean: Lab, daemon: Daemon,
                                                               family: int):
    daemon.start(small(roles=f"""
      tunnel = {{ outbound = ( {{ service = [ "gre" ]; to = [ "{FAR[family]}" ]; }} ); }};""")
                 .replace('role = "desk"', 'role = "tunnel"'))
    desk = clean["desk1"]
    elsewhere = FAR[family][:-1] + "8"
    assert traffic.raw(desk, clean.world, FAR[family], packet.GRE, GRE_PACKET) == traffic.PASSED
    assert traffic.raw(desk, clean.world, elsewhere, packet.GRE, GRE_PACKET) == traffic.PROHIBITED
    assert traffic.raw(desk, clean.world, FAR[family], 50, bytes(32)) == traffic.PROHIBITED
    told = {(line["protocol"], line["destination"], line.get("port")) for line in daemon.blocked(2)}
    assert told == {("gre", elsewhere, None), ("esp", FAR[family], None)}


@FAMILIES
def test_a_port_range_begins_and_ends_where_it_says(clean: Lab, daemon: Daemon, family: int):
    daemon.start(small('"tcp/1024-1030", "udp/2000-65535"'))
    desk = clean["desk1"]
    seen = {port: traffic.tcp(desk, clean.world, FAR[family], port)
            for port in (1023, 1024, 1027, 1030, 1031)}
    assert seen == {1023: traffic.RESET, 1024: traffic.PASSED, 1027: traffic.PASSED,
                    1030: traffic.PASSED, 1031: traffic.RESET}
    assert traffic.udp(desk, clean.world, FAR[family], 1024) == traffic.PROHIBITED
    assert traffic.udp(desk, clean.world, FAR[family], 2000) == traffic.PASSED
    assert traffic.udp(desk, clean.world, FAR[family], 65535) == traffic.PASSED
    assert traffic.tcp(desk, clean.world, FAR[family], 2000) == traffic.RESET


@FAMILIES
def test_sctp_ports_are_judged(clean: Lab, daemon: Daemon, family: int):
    daemon.start(small('"sctp/36412"'))
    desk = clean["desk1"]
    for port, wanted in ((36412, traffic.PASSED), (36413, traffic.PROHIBITED)):
        assert traffic.raw(desk, clean.world, FAR[family], packet.SCTP,
                           packet.sctp_init(7000, port)) == wanted
    line, = daemon.blocked(1)
    assert (line["protocol"], line["port"]) == ("sctp", 36413)


def test_an_sctp_association_passes_where_it_is_permitted(clean: Lab, daemon: Daemon):
    try:
        with traffic.open_socket(clean.world, WORLD, 1, 132):
            pass
    except OSError as error:
        pytest.skip(f"the kernel has no SCTP sockets: {error}")
    daemon.start(small('"sctp/36412"'))
    with (traffic.open_socket(clean.world, WORLD, 1, 132) as listener,
          traffic.open_socket(clean["desk1"], WORLD, 1, 132) as stream):
        listener.bind((WORLD, 36412))
        listener.listen()
        stream.connect((WORLD, 36412))


NESTED = small(roles="""
  wide = { outbound = [ "tcp/1001" ]; }; narrow = { outbound = [ "tcp/1002" ]; };
  single = { outbound = [ "tcp/1003" ]; };""", hosts=""",
  { name = "all"; role = "wide"; address = [ "192.168.0.0/24", "2001:db8:1::/64" ]; },
  { name = "some"; role = "narrow";
    address = [ "192.168.0.12-192.168.0.14", "2001:db8:1::10/124" ]; },
  { name = "one"; role = "single"; address = [ "192.168.0.13", "2001:db8:1::13" ]; }""")


@FAMILIES
@pytest.mark.parametrize("name, port", [("stray", 1001), ("desk2", 1002), ("desk3", 1003),
                                        ("desk1", 80)])
def test_the_most_specific_host_wins(clean: Lab, daemon: Daemon, family: int, name: str, port: int):
    daemon.start(NESTED)
    seen = {tried: traffic.tcp(clean[name], clean.world, FAR[family], tried)
            for tried in (80, 1001, 1002, 1003)}
    assert seen == {tried: traffic.PASSED if tried == port else traffic.RESET for tried in seen}


@FAMILIES
@pytest.mark.parametrize("target", ['"mail"', '"host:mail1"', '"role:mail"', '"listed"',
                                    '"192.0.2.24-192.0.2.31", "2001:db8::20/123"'])
def test_a_permission_reaches_exactly_the_destinations_that_it_names(
        clean: Lab, daemon: Daemon, family: int, target: str):
    daemon.write("# mail servers\n192.0.2.25  # the one\n\n2001:db8::25\n", "lists/mail.txt")
    daemon.start(f"""
gateway = {{ inside = [ "lan0", "dmz0" ]; }};
networks = {{ mail = [ "192.0.2.25", "2001:db8::25" ]; listed = {{ file = "lists/mail.txt"; }}; }};
roles = {{ desk = {{ outbound = (
             {{ service = [ "smtp", "tcp/587-588" ]; to = [ {target} ]; }} ); }};
           mail = {{ outbound = [ ]; }}; }};
hosts = ( {{ name = "desk1"; role = "desk"; address = [ "192.168.0.11", "2001:db8:1::11" ]; }},
          {{ name = "mail1"; role = "mail"; address = [ "192.0.2.25", "2001:db8::25" ]; }} );
""")
    desk, mail, www = clean["desk1"], clean["mail1"], clean["www1"]
    for port in (25, 588):
        assert traffic.tcp(desk, mail, mail.address(family), port) == traffic.PASSED
        assert traffic.tcp(desk, www, www.address(family), port) == traffic.RESET
    assert traffic.tcp(desk, mail, mail.address(family), 589) == traffic.RESET
