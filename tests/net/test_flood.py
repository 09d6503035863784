# SPDX-License-Identifier: GPL-2.0-or-later
"""A flood of blocked packets: nothing leaks, nobody is harmed, and all is counted.

EGRESSD_FLOOD says how many packets it is to be; each source sends 20 of them.
"""
import contextlib
import itertools
import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import packet
from daemon import BUILD, Daemon, wait_for
from lab import WORLD, Host, Lab

PACKETS = int(os.environ.get("EGRESSD_FLOOD", "1000000"))
SOURCES = max(1, PACKETS // 20)
OVERRUN = 600_000  # more than there is room for
GENERATOR = BUILD / "tests" / "bench" / "generator"
FORBIDDEN = 9
DESTINATION = "203.0.113.77"
SETTLED = 60.0  # seconds for the daemon to read what is waiting, under sanitizers

POLICY = """
gateway = {{ inside = [ "lan0", "dmz0" ]; refuse = "drop"; {more} }};
roles = {{ desk = {{ outbound = [ "dns" ]; }}; }};
hosts = (
  {{ name = "flood"; role = "desk"; address = [ "192.168.0.11" ]; }},
  {{ name = "quiet"; role = "desk"; address = [ "192.168.0.12" ]; }}
);
"""


def _pour(host: Host, sources: int, count: int) -> None:
    wire = packet.Tap(host.space, "eth0").socket
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    for number in range(count):
        source = f"192.168.0.{100 + number % sources}" if sources > 1 else host.address(4)
        wire.send(packet.ethernet(host.mac, host.gateway_mac, packet.ip(
            source, DESTINATION, packet.UDP,
            packet.udp(source, DESTINATION, 1024 + number // sources, FORBIDDEN, b""))))
    os._exit(0)


@contextlib.contextmanager
def pouring(host: Host, sources: int, count: int) -> Iterator[None]:
    """That many packets of as many flows leave the host during the block, all by its end."""
    pourer = multiprocessing.get_context("fork").Process(
        target=_pour, args=(host, sources, count), daemon=True)
    pourer.start()
    try:
        yield
    finally:
        pourer.join(60)
        assert pourer.exitcode == 0


@contextlib.contextmanager
def flooding(lab: Lab, count: int) -> Iterator[subprocess.Popen]:
    """The same from many sources, as fast as the gateway can take them in."""
    lab.gateway.ip("route replace 10.0.0.0/8 dev lan0")
    generator = lab.gateway.start(
        str(GENERATOR), "--device", "lan0", "--source", "10.0.0.1", "--hosts", str(SOURCES),
        "--destination", DESTINATION, "--port", str(FORBIDDEN), "--count", str(count),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield generator
        output, _ = generator.communicate(timeout=120)
        assert generator.returncode == 0, output
        assert json.loads(output)["packets"] == count
    finally:
        generator.kill()
        generator.wait()
        lab.gateway.ip("route delete 10.0.0.0/8 dev lan0")


def events_when_settled(daemon: Daemon, count: int) -> dict:
    """The status's events, once nothing is on its way."""
    def settled() -> dict | None:
        status = daemon.status()
        events = status["events"]
        assert sum(events[name] for name in ("earlier", "unheard", "received", "lost",
                                                "waiting")) == (
            status["blocked"]["packets"])
        return events if (status["blocked"]["packets"] == count and
                          events["waiting"] == 0) else None

    events = wait_for(settled, SETTLED, 0.05)
    assert events, daemon.status()
    return events


def assert_ledger_adds_up(daemon: Daemon, received: int) -> None:
    """The entries and what made room are all that was received."""
    answer = daemon.call("ListBlocked")
    assert sum(line["packets"] for line in answer["blocked"]) + (
        answer["others"]["packets"]) == received


def test_a_flood_from_many_sources_leaks_nothing_and_is_counted_to_the_packet(
        clean: Lab, daemon: Daemon):
    daemon.start(POLICY.format(more=""))
    quiet, answers = clean["desk2"], 0
    with clean.world.space.inside():
        name_server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    name_server.bind((WORLD, 53))
    name_server.settimeout(5)
    with quiet.space.inside():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect((WORLD, 53))
    with flooding(clean, PACKETS) as generator:
        for turn in itertools.count():
            client.send(f"{turn}".encode())
            assert name_server.recv(64) == f"{turn}".encode()  # permitted, and passes all along
            status = daemon.json("status")
            assert status["state"] == "enforcing" and status["degraded"] == []
            answers += 1
            if generator.poll() is not None:
                break
    assert answers > 1
    events = events_when_settled(daemon, PACKETS)
    assert events["unheard"] == 0
    assert_ledger_adds_up(daemon, events["received"])
    client.close()
    name_server.close()


def test_a_flood_by_one_host_leaves_the_entries_of_another_alone(clean: Lab, daemon: Daemon):
    daemon.start(POLICY.format(more="ledger = { entries = 64; attempts = 64; };"))
    with clean["desk2"].space.inside():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.sendto(b"", (DESTINATION, 7))
    client.close()
    daemon.blocked(1)
    with pouring(clean["desk1"], 1, 5000):
        pass
    events = events_when_settled(daemon, 5001)
    answer = daemon.call("ListBlocked")
    assert "quiet" in {line["host"] for line in answer["blocked"]}
    assert_ledger_adds_up(daemon, events["received"])


def test_entries_that_made_room_are_counted_below_the_list(clean: Lab, daemon: Daemon):
    daemon.start(POLICY.format(more="ledger = { entries = 64; attempts = 64; };"))
    with pouring(clean["desk1"], 100, 1000):
        pass
    events_when_settled(daemon, 1000)
    answer = daemon.call("ListBlocked")
    others = answer["others"]
    assert len(answer["blocked"]) == 64 and others["entries"] > 0
    text = daemon.ctl("blocked").stdout
    assert re.search(rf"^and {others['attempts']:,} attempts? of {others['entries']:,} more "
                     r"entr(y|ies) that made room$", text, re.M), text

    # Less room: what does not fit any more is summed up; more room: what is there stays.
    daemon.write(POLICY.format(more="ledger = { entries = 100; };"))
    daemon.call("Reload")
    assert len(daemon.call("ListBlocked")["blocked"]) == 64
    assert daemon.call("ListBlocked")["others"] == others


def test_the_end_of_a_flood_that_overran_the_daemon_is_counted_as_lost(
        clean: Lab, daemon: Daemon):
    daemon.start(POLICY.format(more=""))
    daemon.signal(signal.SIGSTOP)
    try:
        with flooding(clean, OVERRUN):
            pass
    finally:
        daemon.signal(signal.SIGCONT)
    events = events_when_settled(daemon, OVERRUN)
    assert events["overruns"] > 0 and events["lost"] > 0
    assert events["received"] + events["lost"] == OVERRUN
    assert_ledger_adds_up(daemon, events["received"])
    assert events["bad"] == 0
    status = daemon.ctl("status").stdout
    assert f"no room for them {events['overruns']} time" in status, status
    detection = daemon.status()["detection"]
    assert detection["attempts"] == sum(detection[what] for what in ("looked", "kept", "skipped"))
    assert detection["attempts"] == sum(line["attempts"] for line in daemon.blocked()) + \
        daemon.call("ListBlocked")["others"]["attempts"]


def test_what_was_blocked_without_a_daemon_is_told_apart_after_a_restart(
        clean: Lab, daemon: Daemon):
    daemon.start(POLICY.format(more=""))
    with pouring(clean["desk1"], 10, 100):
        pass
    events_when_settled(daemon, 100)
    daemon.stop()
    with pouring(clean["desk1"], 10, 1000):
        pass
    # It starts in the middle of another one.
    with pouring(clean["desk1"], 10, 20_000):
        starter = threading.Thread(target=daemon.start)
        starter.start()
        starter.join()
    time.sleep(0.1)
    events = events_when_settled(daemon, 21_100)
    assert events["lost"] == 0 and 1100 <= events["earlier"] <= 21_100
    assert events["unheard"] == 0, "it has listened since its start"
    assert " blocked before this daemon's start" in daemon.ctl("status").stdout
    with pouring(clean["desk1"], 10, 50):
        pass
    after = events_when_settled(daemon, 21_150)
    assert after["received"] == events["received"] + 50
    assert (after["earlier"], after["unheard"]) == (events["earlier"], 0)
