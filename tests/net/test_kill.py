# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon is killed, in the middle of a change or anywhere else: the gateway is never open.

EGRESSD_KILLS makes the run longer; EGRESSD_SEED repeats the moments.
"""
import contextlib
import os
import random
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from random import Random

import flood
import packet
import varlink
from daemon import Daemon
from lab import WAN_MAC, WORLD, WORLD_MAC, Host, Lab
from namespace import Namespace
from policies import small

SEED = int(os.environ.get("EGRESSD_SEED") or random.SystemRandom().randrange(1 << 32))
KILLS = int(os.environ.get("EGRESSD_KILLS", "12"))
KILLS_ANYWHERE = int(os.environ.get("EGRESSD_KILLS", "40"))
CUT_PORTS = range(9000, 9010)  # each with flood.SOURCE_PORTS flows that the change forbids
PAUSE = 0.001

BEFORE = small('"dns", "tcp/7777", "udp/9000-9009"', gateway='refuse = "drop";')
AFTER = small('"dns"', gateway='refuse = "drop";')

NETLINK_NETFILTER = 12
NFNLGRP_NFTABLES = 7
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1
SETTLE = 0.02  # seconds that a packet may still be on its way


@contextlib.contextmanager
def generations(place: Namespace) -> Iterator[Callable[[float], bool]]:
    """Gives a function that waits for the next commit in a namespace: whether there was one."""
    with place.inside():
        monitor = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    monitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    monitor.bind((0, 0))
    monitor.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTABLES)
    monitor.setblocking(False)

    def wait(timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while select.select([monitor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            data = monitor.recv(1 << 20)
            if int.from_bytes(data[4:6], "little") == 0x0A0F:  # NFT_MSG_NEWGEN
                return True
        return False

    with monitor:
        yield wait


def frames_of_flows(desk: Host) -> list[tuple[bytes, bytes]]:
    """A packet there and one back for each flow that the change forbids."""
    def frame(macs: tuple[str, str], ends: tuple[str, str], ports: tuple[int, int]) -> bytes:
        return packet.ethernet(*macs, packet.ip(*ends, packet.UDP,
                                                packet.udp(*ends, *ports, bytes(64))))

    return [(frame((desk.mac, desk.gateway_mac), (desk.ipv4, WORLD), (source, port)),
             frame((WORLD_MAC, WAN_MAC), (WORLD, desk.ipv4), (port, source)))
            for port in CUT_PORTS for source in range(20000, 20000 + flood.SOURCE_PORTS)]


def establish(lab: Lab, desk: Host, frames: list[tuple[bytes, bytes]]) -> None:
    """Makes these flows: conntrack sees both directions of each."""
    with packet.tap(desk.space) as there, packet.tap(lab.world.space) as back:
        for question, answer in frames:
            there.socket.send(question)
            back.socket.send(answer)


def established(lab: Lab) -> int:
    """How many of these flows conntrack has."""
    lines = lab.gateway.run("conntrack", "-L", "-p", "udp").stdout.splitlines()
    return sum(" dport=90" in line and "UNREPLIED" not in line for line in lines)


def policy_in_table(table: str) -> str:
    """Which change the table has: "before", "between" the phases, or "after"."""
    if "ct direction reply" in table:
        return "between"
    return "before" if "tcp . 7777" in table else "after"  # counters may be 7777, too


def kill_in_a_change(daemon: Daemon, wait: Callable[[float], bool], rng: Random,
                     longest: float) -> None:
    """Asks for a reload and kills the daemon at some moment of it."""
    def ask() -> None:
        with contextlib.suppress(OSError):
            daemon.call("Reload")

    asking = threading.Thread(target=ask)
    daemon.write(AFTER)
    asking.start()
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):  # commits that are let happen first
        wait(1)
    time.sleep(rng.random() * longest * rng.choice((0, 0, 1)))
    daemon.kill()
    asking.join()


def time_of_a_change(daemon: Daemon) -> float:
    """Seconds that the same takes when nobody kills it."""
    daemon.write(AFTER)
    start = time.monotonic()
    daemon.call("Reload")
    return time.monotonic() - start


def test_killed_at_any_moment_of_a_change_it_leaves_nothing_open_and_the_next_start_finishes(
        clean: Lab, daemon: Daemon):
    print(f"EGRESSD_SEED={SEED}")
    rng = Random(SEED)
    desk = clean["desk1"]
    permitted = flood.Stream(desk, WORLD, 53, PAUSE)
    forbidden = flood.Stream(desk, WORLD, 9, PAUSE)
    revoked = flood.Stream(desk, WORLD, CUT_PORTS[0], PAUSE)
    streams = [permitted, forbidden, revoked]
    found = {"before": 0, "between": 0, "after": 0}

    frames = frames_of_flows(desk)
    daemon.start(BEFORE)
    establish(clean, desk, frames)
    longest = time_of_a_change(daemon)
    with (flood.counting(clean, streams) as counts, generations(clean.gateway) as wait):
        with flood.flowing(streams) as sent:
            for turn in range(KILLS):
                where = f"EGRESSD_SEED={SEED}, kill {turn}"
                daemon.write(BEFORE)
                daemon.call("Reload")
                establish(clean, desk, frames)
                assert established(clean) >= len(CUT_PORTS) * flood.SOURCE_PORTS, where
                while wait(0):
                    pass
                kill_in_a_change(daemon, wait, rng, longest)
                moment = policy_in_table(daemon.table())
                found[moment] += 1
                time.sleep(SETTLE)
                arrived = counts()[revoked]
                if moment != "before":
                    time.sleep(SETTLE)
                    assert counts()[revoked] == arrived, f"{where}: {moment} the commit"
                daemon.start()
                if moment == "before":
                    time.sleep(SETTLE)
                    arrived = counts()[revoked]
                assert policy_in_table(daemon.table()) == "after", f"{where}, {moment}:\n{daemon.log()}"
                assert established(clean) == 0, where
                assert counts()[revoked] == arrived, where
                assert daemon.status()["degraded"] == [], where
        seen = counts()
    print(f"killed {found}, a change takes {longest * 1000:.0f} ms; sent {list(sent.values())}")
    assert found["between"] > 0
    assert seen[forbidden] == 0
    assert seen[permitted] == sent[permitted]


POLICIES = (small('"dns"', gateway='refuse = "drop";'),
            small('"dns", "tcp/7777"', gateway='refuse = "drop";'))


def during_a_start(daemon: Daemon, rng: Random) -> None:
    """Somewhere between exec and readiness, or a little later."""
    daemon.kill()
    daemon.start(ready=False)
    time.sleep(rng.random() * 0.25)


def during_reloads(daemon: Daemon, rng: Random) -> None:
    """In one of the reloads that follow one another, or while files are read."""
    def ask() -> None:
        with contextlib.suppress(OSError, varlink.Refused):
            while True:
                daemon.write(rng.choice(POLICIES))
                daemon.call("Reload")

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(rng.random() * 0.1)
    daemon.kill()
    asking.join()


def during_requests(daemon: Daemon, rng: Random) -> None:
    """While addresses are assigned, which is kept in the state directory."""
    def ask() -> None:
        with contextlib.suppress(OSError, varlink.Refused):
            while True:
                daemon.call("Assign", address=f"192.168.0.{rng.randint(20, 90)}", role="desk",
                            seconds=rng.randint(1, 60))

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(rng.random() * 0.1)
    daemon.kill()
    asking.join()


def during_queries(daemon: Daemon, rng: Random) -> None:
    """While it answers."""
    with daemon.connect() as connection:
        for _ in range(rng.randint(1, 20)):
            connection.send({"method": "io.egressd.GetStatus"})


def with_a_broken_file(daemon: Daemon, rng: Random) -> None:
    """The next start finds a file with mistakes."""
    daemon.write("roles = {")
    time.sleep(rng.random() * 0.05)


def when_the_copy_is_written(daemon: Daemon, rng: Random) -> None:
    """About a second after a change."""
    daemon.write(rng.choice(POLICIES))
    with contextlib.suppress(varlink.Refused):
        daemon.call("Reload")
    time.sleep(0.95 + rng.random() * 0.3)


MOMENTS = (during_a_start, during_reloads, during_requests, during_queries, with_a_broken_file,
           when_the_copy_is_written)


def counters(daemon: Daemon) -> tuple[int, int]:
    """Packets permitted to desks, and all that were blocked."""
    status = daemon.status()
    desk = next((role for role in status["roles"] if role["role"] == "desk"), None)
    return (desk["permitted"]["packets"] if desk else 0), status["blocked"]["packets"]


def test_killed_at_any_moment_nothing_forbidden_passes_nothing_permitted_is_lost_and_all_counts(
        clean: Lab, daemon: Daemon):
    print(f"EGRESSD_SEED={SEED}")
    rng = Random(SEED)
    permitted = flood.Stream(clean["desk1"], WORLD, 53, PAUSE)
    forbidden = flood.Stream(clean["desk1"], WORLD, 9, PAUSE)
    streams = [permitted, forbidden]
    kept = daemon.state / "last-good.conf"
    daemon.start(POLICIES[0])
    deadline = time.monotonic() + 5
    while not kept.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    last = (0, 0)
    with flood.counting(clean, streams) as counts:
        with flood.flowing(streams) as sent:
            for turn in range(KILLS_ANYWHERE):
                moment = rng.choice(MOMENTS)
                where = f"EGRESSD_SEED={SEED}, kill {turn}, {moment.__name__}"
                moment(daemon, rng)
                daemon.kill()
                daemon.start()
                status = daemon.status()
                assert status["state"] in ("enforcing", "degraded"), f"{where}: {status}"
                assert "while egressd was not running" not in daemon.log(), where
                now = counters(daemon)
                assert now[0] >= last[0] and now[1] >= last[1], f"{where}: {last}, then {now}"
                last = now
                if moment is with_a_broken_file:
                    assert status["policy"]["hosts"], f"{where}: {status['degraded']}"
                    daemon.write(rng.choice(POLICIES))
                    daemon.call("Reload")
        seen = counts()
    print(f"{KILLS_ANYWHERE} kills; sent {list(sent.values())}")
    assert seen[forbidden] == 0
    assert seen[permitted] == sent[permitted]
    assert counters(daemon)[1] >= sent[forbidden]
