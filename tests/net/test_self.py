# SPDX-License-Identifier: GPL-2.0-or-later
"""The gateway's own connections, judged in the output hook."""
import pytest
import traffic
from daemon import Daemon
from lab import WORLD, WORLD_V6, Lab
from policies import small

FAMILIES = pytest.mark.parametrize("family", [4, 6])
FAR = {4: WORLD, 6: WORLD_V6}

ROUTER = small('"http"', roles='router = { outbound = [ "dns", "ping" ]; };',
               hosts=', { name = "gateway"; role = "router"; self = true; }')


@FAMILIES
def test_the_gateway_initiates_what_its_role_permits_and_no_more(clean: Lab, daemon: Daemon,
                                                                 family: int):
    daemon.start(ROUTER)
    gateway, world = clean["gateway"], clean.world
    assert traffic.udp(gateway, world, FAR[family], 53) == traffic.PASSED
    assert traffic.tcp(gateway, world, FAR[family], 53) == traffic.PASSED
    assert traffic.ping(gateway, FAR[family]) == traffic.PASSED
    assert traffic.tcp(gateway, world, FAR[family], 80) in traffic.REFUSED
    assert traffic.udp(gateway, world, FAR[family], 123) in traffic.REFUSED
    told = {(line["source"], line["host"], line["role"], line["port"], line["reason"])
            for line in daemon.blocked(2)}
    own = gateway.address(family)
    assert told == {(own, "gateway", "router", 80, "role"), (own, "gateway", "router", 123, "role")}
    permitted, blocked = daemon.count("router")
    assert permitted == 3
    assert blocked >= 2


@FAMILIES
def test_the_gateway_still_answers_those_that_connect_to_it(clean: Lab, daemon: Daemon,
                                                            family: int):
    daemon.start(ROUTER)
    gateway = clean["gateway"]
    own = gateway.address(family)
    assert traffic.tcp(clean.world, gateway, own, 22) == traffic.PASSED
    assert traffic.udp(clean.world, gateway, own, 53) == traffic.PASSED
    assert traffic.ping(clean.world, own) == traffic.PASSED
    assert daemon.blocked() == []


@FAMILIES
def test_the_gateway_talks_to_itself(clean: Lab, daemon: Daemon, family: int):
    daemon.start(ROUTER)
    gateway = clean["gateway"]
    assert traffic.tcp(gateway, gateway, "127.0.0.1" if family == 4 else "::1",
                       8080) == traffic.PASSED


@FAMILIES
def test_without_a_host_that_is_self_the_gateway_is_not_judged(clean: Lab, daemon: Daemon,
                                                               family: int):
    daemon.start(small('"http"'))
    assert traffic.tcp(clean["gateway"], clean.world, FAR[family], 25) == traffic.PASSED
    assert daemon.blocked() == []


@FAMILIES
def test_the_gateway_refuses_its_hosts_even_when_it_may_initiate_nothing(
        clean: Lab, daemon: Daemon, family: int):
    daemon.start(small('"http"', roles="router = { outbound = [ ]; };",
                       hosts=', { name = "gateway"; role = "router"; self = true; }'))
    desk = clean["desk1"]
    for space in (clean.gateway, desk.space):
        space.run("ip", "neigh", "flush", "all", check=False)
    assert traffic.tcp(desk, clean.world, FAR[family], 80) == traffic.PASSED
    assert traffic.tcp(desk, clean.world, FAR[family], 25) == traffic.RESET
    assert traffic.udp(desk, clean.world, FAR[family], 53) == traffic.PROHIBITED
    assert {line["role"] for line in daemon.blocked(2)} == {"desk"}


def test_a_gateway_in_audit_passes_and_is_counted(clean: Lab, daemon: Daemon):
    daemon.start(ROUTER.replace("self = true;", 'self = true; mode = "audit";'))
    assert traffic.tcp(clean["gateway"], clean.world, WORLD, 80) == traffic.PASSED
    assert [line["role"] for line in daemon.blocked(1)] == ["router"]
