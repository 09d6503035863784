# SPDX-License-Identifier: GPL-2.0-or-later
"""The classic table, by real connections: who may initiate what, and who is told of otherwise."""
from dataclasses import dataclass

import pytest
import traffic
from daemon import Daemon
from lab import Host, Lab
from policies import CLASSIC


@dataclass(frozen=True)
class Service:
    """A service as a connection uses it."""
    name: str
    protocol: str
    port: int


SERVICES = (
    Service("smtp", "tcp", 25), Service("auth", "tcp", 113), Service("dns", "udp", 53),
    Service("dns", "tcp", 53), Service("http", "tcp", 80), Service("https", "tcp", 443),
    Service("ssh", "tcp", 22), Service("syslog", "udp", 514), Service("ntp", "udp", 123),
    Service("ftp", "tcp", 21), Service("pop3", "tcp", 110), Service("ping", "icmp", 0),
    Service("telnet", "tcp", 23), Service("tftp", "udp", 69),
)

# What the table permits: to anywhere in the world, and from anywhere in it.
OUTBOUND = {
    "www1": set(), "mail1": {"smtp", "auth", "dns"}, "dns1": {"dns"}, "admin": {"ssh"},
    "desk1": {"http", "https", "ftp", "pop3", "dns", "ping"}, "stray": set(),
}
INBOUND = {
    "www1": {"http", "https"}, "mail1": {"smtp", "auth"}, "dns1": {"dns"}, "admin": set(),
    "desk1": set(),
}
ROLES = {"www1": "web", "mail1": "mail", "dns1": "dns", "admin": "admin", "desk1": "desk",
         "loghost": "log", "stray": None}
WORLD = {4: "203.0.113.7", 6: "2001:db8:ffff:0:1::7"}
TIMEHOST = {4: "203.0.113.123", 6: "2001:db8:ffff:0:1::123"}
ADMIN_OUTSIDE = {4: "203.0.113.99", 6: "2001:db8:ffff:0:1::99"}

FAMILIES = pytest.mark.parametrize("family", [4, 6])


def attempt(client: Host, server: Host, destination: str, service: Service,
            source: str | None = None) -> str:
    """Tries the service once."""
    if service.protocol == "tcp":
        return traffic.tcp(client, server, destination, service.port, source=source)
    if service.protocol == "udp":
        return traffic.udp(client, server, destination, service.port, source=source)
    return traffic.ping(client, destination, source=source)


def refusal(service: Service) -> str:
    """What a blocked connection sees under refuse = reject."""
    return traffic.RESET if service.protocol == "tcp" else traffic.PROHIBITED


def protocol_of(service: Service, family: int) -> str:
    """The protocol's name in a report."""
    return "icmpv6" if service.protocol == "icmp" and family == 6 else service.protocol


def told(line: dict) -> tuple:
    """What a line of ListBlocked says of an attempt; ICMP types are left to another test."""
    port = None if line["protocol"].startswith("icmp") else line.get("port")
    return (line["source"], line["destination"], line["protocol"], port, line["reason"],
            line.get("role"), line["attempts"])


def expected(source: str, destination: str, service: Service, family: int, reason: str,
             role: str | None) -> tuple:
    """The line that one blocked attempt makes."""
    return (source, destination, protocol_of(service, family), service.port or None, reason, role,
            1)


@FAMILIES
@pytest.mark.parametrize("name", OUTBOUND)
def test_a_host_initiates_what_its_role_permits_and_all_else_is_told(
        clean: Lab, daemon: Daemon, name: str, family: int):
    daemon.start(CLASSIC)
    host, destination = clean[name], WORLD[family]
    source = host.address(family)
    wanted, lines = {}, []
    seen = {service: attempt(host, clean.world, destination, service) for service in SERVICES}
    for service in SERVICES:
        permitted = service.name in OUTBOUND[name]
        wanted[service] = traffic.PASSED if permitted else refusal(service)
        if not permitted:
            reason = "unassigned" if name == "stray" else "role"
            lines.append(expected(source, destination, service, family, reason, ROLES[name]))
    assert seen == wanted
    assert sorted(map(told, daemon.json("blocked")["blocked"] if not lines
                      else daemon.blocked(len(lines)))) == sorted(lines)
    assert sorted(map(told, daemon.json("blocked")["blocked"])) == sorted(lines)


@FAMILIES
@pytest.mark.parametrize("name", INBOUND)
def test_a_host_is_reached_on_what_its_role_offers_and_all_else_is_told(
        clean: Lab, daemon: Daemon, name: str, family: int):
    daemon.start(CLASSIC)
    host, source = clean[name], WORLD[family]
    destination = host.address(family)
    seen = {service: attempt(clean.world, host, destination, service, source)
            for service in SERVICES}
    wanted = {service: traffic.PASSED if service.name in INBOUND[name] else refusal(service)
              for service in SERVICES}
    lines = [expected(source, destination, service, family, "inbound", ROLES[name])
             for service in SERVICES if service.name not in INBOUND[name]]
    assert seen == wanted
    assert sorted(map(told, daemon.blocked(len(lines)))) == sorted(lines)


@FAMILIES
def test_servers_reach_the_one_syslog_and_the_one_time_server(clean: Lab, daemon: Daemon,
                                                              family: int):
    daemon.start(CLASSIC)
    syslog, ntp = Service("syslog", "udp", 514), Service("ntp", "udp", 123)
    loghost, dns = clean["loghost"], clean["dns1"]
    for name in ("www1", "mail1", "dns1"):
        host = clean[name]
        assert attempt(host, clean.world, TIMEHOST[family], ntp) == traffic.PASSED
        assert attempt(host, clean.world, WORLD[family], ntp) == traffic.PROHIBITED
        assert attempt(host, clean.world, TIMEHOST[family], syslog) == traffic.PROHIBITED
    desk = clean["desk1"]
    assert attempt(desk, loghost, loghost.address(family), syslog) == traffic.PROHIBITED
    assert attempt(desk, dns, dns.address(family), Service("dns", "udp", 53)) == traffic.PASSED


@FAMILIES
def test_ssh_reaches_a_server_from_the_admin_hosts_alone(clean: Lab, daemon: Daemon, family: int):
    daemon.start(CLASSIC)
    ssh = Service("ssh", "tcp", 22)
    www = clean["www1"]
    assert attempt(clean.world, www, www.address(family), ssh,
                   ADMIN_OUTSIDE[family]) == traffic.PASSED
    assert attempt(clean.world, www, www.address(family), ssh, WORLD[family]) == traffic.RESET
    desk = clean["desk1"]
    assert attempt(desk, www, www.address(family), ssh) == traffic.RESET
    admin = clean["admin"]
    assert attempt(admin, clean["desk2"], clean["desk2"].address(family), ssh) == traffic.RESET
    assert [told(line) for line in daemon.blocked(3)].count(
        expected(admin.address(family), clean["desk2"].address(family), ssh, family, "inbound",
                 "desk")) == 1


@FAMILIES
def test_between_two_inside_hosts_both_roles_must_permit(clean: Lab, daemon: Daemon, family: int):
    daemon.start(CLASSIC)
    desk, www, mail = clean["desk1"], clean["www1"], clean["mail1"]
    http, smtp = Service("http", "tcp", 80), Service("smtp", "tcp", 25)
    assert attempt(desk, www, www.address(family), http) == traffic.PASSED
    assert attempt(desk, mail, mail.address(family), http) == traffic.RESET
    assert attempt(desk, mail, mail.address(family), smtp) == traffic.RESET
    assert attempt(mail, desk, desk.address(family), smtp) == traffic.RESET
    lines = [
        expected(desk.address(family), mail.address(family), http, family, "inbound", "mail"),
        expected(desk.address(family), mail.address(family), smtp, family, "role", "desk"),
        expected(mail.address(family), desk.address(family), smtp, family, "inbound", "desk"),
    ]
    assert sorted(map(told, daemon.blocked(3))) == sorted(lines)


@FAMILIES
def test_every_attempt_is_counted_once_however_often_it_is_made(clean: Lab, daemon: Daemon,
                                                                family: int):
    daemon.start(CLASSIC)
    desk, smtp = clean["desk1"], Service("smtp", "tcp", 25)
    for _ in range(25):
        assert attempt(desk, clean.world, WORLD[family], smtp) == traffic.RESET
    lines = daemon.blocked(25)
    assert len(lines) == 1
    assert (lines[0]["attempts"], lines[0]["packets"]) == (25, 25)
    assert (lines[0]["host"], lines[0]["service"]) == ("office", "smtp")
    assert 0 < lines[0]["first"] < lines[0]["last"]
    assert daemon.count("desk") == (0, 25)
    assert daemon.reason_packets() == {"role": 25}
    source = daemon.status()["sources"][0]
    assert (source["source"], source["host"], source["role"], source["packets"]) == (
        desk.address(family), "office", "desk", 25)


@FAMILIES
def test_the_retransmissions_of_one_syn_are_one_attempt(clean: Lab, daemon: Daemon, family: int):
    daemon.start(CLASSIC.replace('"reject"', '"drop"'))
    desk = clean["desk1"]
    assert traffic.tcp(desk, clean.world, WORLD[family], 25, wait=1.3) == traffic.SILENCE
    lines = daemon.blocked(1)
    assert [(line["attempts"], line["packets"]) for line in lines] == [(1, 2)]


def test_permitted_connections_are_counted_for_their_role(clean: Lab, daemon: Daemon):
    daemon.start(CLASSIC)
    for _ in range(7):
        assert attempt(clean["desk1"], clean.world, WORLD[4], SERVICES[4]) == traffic.PASSED
    assert daemon.count("desk") == (7, 0)
    assert daemon.blocked() == []
