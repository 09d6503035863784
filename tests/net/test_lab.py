# SPDX-License-Identifier: GPL-2.0-or-later
"""The laboratory itself: without a daemon everything passes, and a table of nft stops it."""
import os
import time

import flood
import ftp
import packet
import pytest
import traffic
from lab import LAN, WORLD, WORLD_V6, Lab

WORLDS = pytest.mark.parametrize("world", [WORLD, WORLD_V6])


@WORLDS
def test_everything_passes_through_a_gateway_without_a_table(clean: Lab, world: str):
    desk, www, server = clean["desk1"], clean["www1"], clean["world"]
    family = 6 if ":" in world else 4
    assert traffic.tcp(desk, server, world, 80) == traffic.PASSED
    assert traffic.udp(desk, server, world, 53) == traffic.PASSED
    assert traffic.ping(desk, world) == traffic.PASSED
    assert traffic.raw(desk, server, world, packet.GRE, b"\0\0\x08\0 payload") == traffic.PASSED
    assert traffic.tcp(desk, www, www.address(family), 80) == traffic.PASSED
    assert traffic.tcp(server, www, www.address(family), 80, source=world) == traffic.PASSED


@WORLDS
@pytest.mark.parametrize("verdict, seen_by_tcp, seen_by_others", [
    ("reject with tcp reset", {traffic.RESET}, traffic.SILENCE),
    # An ICMP error that arrives while connect() still holds the socket is not told to it.
    ("reject with icmpx admin-prohibited", {traffic.PROHIBITED, traffic.SILENCE},
     traffic.PROHIBITED),
    ("drop", {traffic.SILENCE}, traffic.SILENCE),
])
def test_a_refusal_is_seen_for_what_it_is(clean: Lab, world: str, verdict: str,
                                          seen_by_tcp: set[str], seen_by_others: str):
    match = "meta l4proto tcp" if "reset" in verdict else ""
    clean.gateway.nft(f"""table inet t {{ chain c {{
        type filter hook forward priority 0; policy drop;
        {match} {verdict}
    }}
    }}""")
    desk, server = clean["desk1"], clean["world"]
    assert traffic.tcp(desk, server, world, 80) in seen_by_tcp
    assert traffic.udp(desk, server, world, 53) == seen_by_others
    assert traffic.ping(desk, world) == seen_by_others
    assert traffic.raw(desk, server, world, packet.GRE, b"\0\0\x08\0 payload") == seen_by_others


def test_a_frame_made_by_hand_arrives(clean: Lab):
    desk, mark = clean["desk1"], packet.token()
    with packet.tap(desk.space) as wire, packet.tap(clean.world.space) as far:
        data = packet.udp(desk.ipv4, WORLD, 4000, 53, mark)
        wire.send(packet.ethernet(desk.mac, LAN.mac, packet.ip(desk.ipv4, WORLD, packet.UDP, data)))
        assert any(seen.payload.endswith(mark) for seen in far.receive(0.3))


def test_the_machines_own_network_is_out_of_reach():
    assert os.getpid() == 1
    with open("/proc/net/dev", encoding="ascii") as devices:
        assert [line.split(":")[0].strip() for line in devices.readlines()[2:]] == ["lo"]


@WORLDS
@pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])
def test_a_file_comes_by_ftp(clean: Lab, world: str, passive: bool):
    with ftp.serving(clean.world, world):
        assert ftp.fetch(clean["desk1"], world, passive) == ftp.CONTENT


def test_a_flood_through_a_gateway_without_a_table_loses_nothing(clean: Lab):
    stream = flood.Stream(clean["desk1"], WORLD, 53)
    with flood.counting(clean, [stream]) as counts:
        with flood.flowing([stream]) as sent:
            time.sleep(1)
        assert sent[stream] > 5000
        assert counts() == {stream: sent[stream]}
