# SPDX-License-Identifier: GPL-2.0-or-later
"""Every packet is accounted for, however often the policy changes meanwhile.

EGRESSD_RELOADS makes the run longer or shorter.
"""
import os
from collections.abc import Iterator
from typing import Any

import flood
import pytest
from daemon import Daemon
from lab import WORLD, WORLD_V6, Lab

RELOADS = int(os.environ.get("EGRESSD_RELOADS", "500"))
PAUSE = 0.0005  # seconds between packets of the streams that do not go at full rate
LEAST = 1  # packets of a stream for each reload, or it proves little


def policy(desk: str = '"dns"', server: str = '"dns"', desk2: str = "desk", more_roles: str = "",
           many: int = 4, blocked: int = 1, far: int = 2, inbound: str = "") -> str:
    """desk1 and www1 may ask for names and may not use port 9, whatever else is in it."""
    hosts = ", ".join(f'"10.{number >> 8}.{number & 255}.1"' for number in range(many))
    blocklist = ", ".join(f'"198.51.{number}.128"' for number in range(blocked))
    ranges = ", ".join(f'"198.18.{number}.0/25"' for number in range(far))
    return f"""
gateway = {{ inside = [ "lan0", "dmz0" ]; refuse = "drop"; }};
networks = {{ bad = [ {blocklist} ]; far = [ {ranges} ]; }};
blocklist = [ "bad" ];
roles = {{
  desk = {{ outbound = [ {desk} ]; {inbound} }};
  server = {{ outbound = ( {server}, {{ service = [ "https" ]; to = [ "far" ]; }} ); }};
  {more_roles}
}};
hosts = (
  {{ name = "desk1"; role = "desk"; address = [ "192.168.0.11", "2001:db8:1::11" ]; }},
  {{ name = "desk2"; role = "{desk2}"; address = [ "192.168.0.12", "2001:db8:1::12" ]; }},
  {{ name = "www1"; role = "server"; address = [ "192.0.2.0/24", "2001:db8::/64" ]; }},
  {{ name = "many"; role = "server"; address = [ {hosts} ]; }}
);
"""


# Between any two that follow each other something else changes: the role of another host, services,
# roles, hosts, a blocklist and networks that grow and shrink again.
VARIANTS = [
    policy(),
    policy(desk2="server"),
    policy('"dns", "http", "tcp/8000-8100"'),
    policy(many=50, far=80),
    policy('"smtp", "dns"', '"dns", "gre"', inbound='inbound = [ "ssh" ];', blocked=120),
    policy(desk2="third", more_roles='third = { outbound = [ "gre", "icmp/8" ]; };', many=20),
    policy(server='"ntp", "dns", "udp/53-60"', blocked=40, far=1),
]


def counters(status: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Every counter in a status, under its name; those of a role go with it."""
    for reason in status["reasons"]:
        yield ("reason", reason["reason"]), reason["packets"]
    for role in status["roles"]:
        for kind in ("permitted", "blocked", "revoked"):
            yield ("role", role["role"], kind), role[kind]["packets"]
    for source in status["sources"]:
        yield ("source", source["source"]), source["packets"]
    yield ("blocked",), status["blocked"]["packets"]


# Roles that are not in all variants begin anew each time.
LASTING = ("desk", "server")


def assert_none_went_back(before: dict[tuple, int], status: dict[str, Any], turn: int) -> None:
    """Compares with what was read before, and notes what is read now."""
    now = dict(counters(status))
    for name, value in before.items():
        if name[0] == "role" and name[1] not in LASTING:
            continue
        assert now.get(name, 0) >= value, f"{name} was {value} before reload {turn}: {now}"
    before.clear()
    before.update(now)


def reload_and_watch(daemon: Daemon, number: int) -> None:
    """Reloads one variant after the other; no counter may ever be less than it was."""
    seen: dict[tuple, int] = {}
    digest = ""
    with daemon.connect() as connection:
        for turn in range(number):
            daemon.write(VARIANTS[(turn + 1) % len(VARIANTS)])
            connection.call("Reload")
            status = connection.call("GetStatus")
            assert status["policy"]["digest"] != digest
            assert status["degraded"] == []
            digest = status["policy"]["digest"]
            assert_none_went_back(seen, status, turn)


def test_counters_are_exact_over_five_hundred_reloads_under_traffic(clean: Lab, daemon: Daemon):
    permitted = [flood.Stream(clean["desk1"], WORLD, 53),
                 flood.Stream(clean["www1"], WORLD_V6, 53, PAUSE)]
    forbidden = [flood.Stream(clean["desk1"], WORLD, 9),
                 flood.Stream(clean["www1"], WORLD_V6, 9, PAUSE)]
    streams = permitted + forbidden
    daemon.start(VARIANTS[0])
    # Ahead of the senders, or it would get so little of the machine that reloads take minutes.
    os.setpriority(os.PRIO_PROCESS, daemon.process.pid, -15)
    with flood.counting(clean, streams) as counts:
        with flood.flowing(streams) as sent:
            reload_and_watch(daemon, RELOADS)
        seen = counts()
    print({stream.name: number for stream, number in sent.items()})
    assert all(number > LEAST * RELOADS for number in sent.values())
    assert {stream.name: seen[stream] for stream in permitted} == {
        stream.name: sent[stream] for stream in permitted}
    assert {stream.name: seen[stream] for stream in forbidden} == {
        stream.name: 0 for stream in forbidden}
    blocked = sum(sent[stream] for stream in forbidden)
    status = daemon.status()
    assert daemon.reason_packets() == {"role": blocked}
    assert status["blocked"]["packets"] == blocked
    assert {line["source"]: line["packets"] for line in status["sources"]} == {
        stream.host.address(6 if ":" in stream.destination else 4): sent[stream]
        for stream in forbidden}
    assert {line["role"]: line["blocked"]["packets"] for line in status["roles"]
            if line["blocked"]["packets"]} == {"desk": sent[forbidden[0]],
                                               "server": sent[forbidden[1]]}


def test_a_growing_number_of_hosts_costs_nobody_a_packet(clean: Lab, daemon: Daemon):
    permitted = flood.Stream(clean["desk1"], WORLD, 53)
    forbidden = flood.Stream(clean["desk1"], WORLD, 9)
    daemon.start(policy())
    with flood.counting(clean, [permitted, forbidden]) as counts:
        with flood.flowing([permitted, forbidden]) as sent:
            os.setpriority(os.PRIO_PROCESS, daemon.process.pid, -15)
            for many in (130, 300, 700, 1500, 3000):
                daemon.write(policy(many=many))
                daemon.call("Reload")
        seen = counts()
    assert (seen[permitted], seen[forbidden]) == (sent[permitted], 0)
    assert daemon.reason_packets() == {"role": sent[forbidden]}


def moving(role: str) -> str:
    """Nothing may reach WORLD but names, whatever its role; desk1 may try port 9 anywhere.

    The role `other` is there only while WORLD has it.
    """
    other = 'other = { inbound = [ "dns" ]; };' if role == "other" else ""
    return f"""
gateway = {{ inside = [ "lan0", "dmz0" ]; refuse = "drop"; }};
roles = {{
  desk = {{ outbound = [ "dns", "udp/9" ]; }};
  shut = {{ inbound = [ "dns" ]; }};
  {other}
}};
hosts = (
  {{ name = "desks"; role = "desk"; address = [ "192.168.0.11", "192.168.0.12" ]; }},
  {{ name = "always"; role = "shut"; address = [ "10.0.0.1" ]; }},
  {{ name = "far"; role = "{role}"; address = [ "{WORLD}" ]; }}
);
"""


def test_a_host_that_moves_to_a_role_made_by_the_same_change_lets_nothing_pass(
        clean: Lab, daemon: Daemon):
    permitted = flood.Stream(clean["desk1"], WORLD, 53)
    forbidden = flood.Stream(clean["desk2"], WORLD, 9)
    daemon.start(moving("shut"))
    with flood.counting(clean, [permitted, forbidden]) as counts:
        with flood.flowing([permitted, forbidden]) as sent:
            os.setpriority(os.PRIO_PROCESS, daemon.process.pid, -15)
            for turn in range(RELOADS // 5):
                daemon.write(moving(("other", "shut")[turn % 2]))
                daemon.call("Reload")
        seen = counts()
    assert (seen[permitted], seen[forbidden]) == (sent[permitted], 0)
