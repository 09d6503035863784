# SPDX-License-Identifier: GPL-2.0-or-later
"""The incidents that egressd was thought of for, done again with real packets, and their verdicts.

Backdoor.Niovadoor (2002) tried one mail server every 30 seconds; CodeRed (2001) sent an IIS server
after random addresses, a hundred at a time; Blaster (2003) fetched itself by tftp, looked for others
on tcp/135 and talked to its victims on tcp/4444; and by hand, somebody fetched a rootkit onto a web
server. Only the time of the first is scaled: an attempt a second instead of two a minute.
"""
import errno
import random
import socket
import time
from collections.abc import Iterable
from typing import Any

import traffic
from daemon import Daemon, wait_for
from lab import WORLD, Host, Lab
from test_alarms import POLICY, QUICK, alarms

BATCH = 100  # connections that CodeRed has open at a time


def open_at_once(host: Host, destinations: Iterable[str], port: int) -> None:
    """Begins a connection to each, all before the first can have been answered."""
    sockets = []
    for destination in destinations:
        stream = traffic.open_socket(host, destination, socket.SOCK_STREAM)
        stream.setblocking(False)
        assert stream.connect_ex((destination, port)) in (errno.EINPROGRESS, errno.ECONNREFUSED)
        sockets.append(stream)
    time.sleep(traffic.WAIT)  # for their answers, which end them
    for stream in sockets:
        stream.close()


def send(host: Host, destination: str, port: int) -> None:
    """A datagram, whatever becomes of it."""
    with traffic.open_socket(host, destination, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(b"\0\1msblast.exe\0octet\0", (destination, port))


def tried(daemon: Daemon, alarm: dict[str, Any]) -> dict[tuple[str, int], int]:
    """What the host of an alarm tried, and how often."""
    services = daemon.call("GetAlarm", id=alarm["id"])["card"]["services"]
    return {(service["protocol"], service["port"]): service["attempts"] for service in services}


def test_niovadoor_is_named_after_its_4th_attempt(clean: Lab, daemon: Daemon):
    daemon.start(QUICK)
    begun = time.monotonic()
    for number in range(1, 5):
        time.sleep(max(0.0, begun + (number - 1) * 1.2 - time.monotonic()))
        assert alarms(daemon, wait=0) == []
        assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.RESET
        daemon.blocked(number)
    beacon, = alarms(daemon, "beacon")
    assert (beacon["host"], beacon["port"], beacon["attempts"]) == ("desk1", 25, 4)
    assert [alarm["kind"] for alarm in alarms(daemon)] == ["beacon"]


def test_code_red_breaks_the_tripwire_at_once_and_is_a_scan_soon_after(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    addresses = [f"203.0.113.{last}" for last in range(1, 255)]
    random.Random(1).shuffle(addresses)
    open_at_once(clean["www1"], addresses[:1], 80)
    first, = alarms(daemon)
    assert (first["kind"], first["severity"], first["host"]) == ("tripwire", "critical", "www1")
    assert (first["destination"], first["port"], first["attempts"]) == (addresses[0], 80, 1)
    open_at_once(clean["www1"], addresses[1:BATCH + 1], 80)
    scan, = alarms(daemon, "scan")
    assert (scan["severity"], scan["host"]) == ("critical", "www1")
    assert "looks for hosts: tcp/80" in scan["text"]
    tripwire, = alarms(daemon, "tripwire")
    assert wait_for(lambda: alarms(daemon, "tripwire")[0]["attempts"] == BATCH + 1), tripwire
    assert tripwire["id"] == first["id"]


def test_blaster_is_a_scan_that_shows_its_three_ports(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    desk, attacker = clean["desk1"], "203.0.113.250"
    send(desk, attacker, 69)
    neighbours = [f"203.0.113.{last}" for last in range(1, 61)]
    for begin in range(0, len(neighbours), 20):
        open_at_once(desk, neighbours[begin:begin + 20], 135)
        open_at_once(desk, neighbours[begin:begin + 1], 4444)
    assert wait_for(lambda: tried(daemon, alarms(daemon, "scan")[0]) == {
        ("tcp", 135): 60, ("tcp", 4444): 3, ("udp", 69): 1}), alarms(daemon, "scan")
    scan, = alarms(daemon)
    assert (scan["kind"], scan["severity"], scan["host"]) == ("scan", "critical", "desk1")
    assert "looks for hosts: tcp/135" in scan["text"]
    assert "(also tcp/4444, udp/69)" in scan["text"]


def test_a_rootkit_fetched_onto_a_web_server_breaks_the_tripwire(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    for port in (21, 22, 80):
        assert traffic.tcp(clean["www1"], clean.world, WORLD, port) == traffic.RESET
    daemon.blocked(3)
    alarm, = alarms(daemon)
    assert (alarm["kind"], alarm["severity"], alarm["host"]) == ("tripwire", "critical", "www1")
    assert (alarm["destination"], alarm["attempts"]) == (WORLD, 3)
    assert tried(daemon, alarm) == {("tcp", 21): 1, ("tcp", 22): 1, ("tcp", 80): 1}
