# SPDX-License-Identifier: GPL-2.0-or-later
"""Random policies and random packets: the kernel does what the policy says, every time.

EGRESSD_SEED repeats a run; EGRESSD_POLICIES makes it longer.
"""
import os
import random
import select
import socket
import time
from collections.abc import Iterator
from ipaddress import ip_address
from random import Random
from typing import NamedTuple

import packet
import pytest
import random_policy
import varlink
from daemon import Daemon
from lab import ANSWER_ALL, QUIET_IPV6
from namespace import Namespace
from random_policy import NETWORKS, Policy, Probe

SEED = int(os.environ.get("EGRESSD_SEED") or random.SystemRandom().randrange(1 << 32))
POLICIES = int(os.environ.get("EGRESSD_POLICIES", "200"))
PROBES = 20  # a policy
SHARES = 8   # tests that the policies are divided among
WAIT = 2.0   # seconds for packets and events that are expected
GATEWAY_MAC = {interface: f"02:00:00:00:cc:{number:02x}"
               for number, interface in enumerate(NETWORKS)}


class Wires:
    """A gateway whose interfaces lead to bare wires: every frame out is seen, none is answered."""

    def __init__(self) -> None:
        self.gateway = Namespace("wires")
        self.gateway.sysctl(QUIET_IPV6 | ANSWER_ALL | {
            "ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1,
            "ipv6/conf/default/forwarding": 1, "ipv4/conf/all/rp_filter": 0,
            "ipv4/conf/default/rp_filter": 0, "ipv4/conf/all/send_redirects": 0,
            "ipv4/conf/default/send_redirects": 0})
        self.far = Namespace("far")
        self.far.sysctl({"ipv6/conf/all/disable_ipv6": 1, "ipv6/conf/default/disable_ipv6": 1})
        for interface, (ipv4, ipv6) in NETWORKS.items():
            # Without ARP no neighbour is ever asked for: any address can be sent to.
            self.gateway.ip(f"""
                link add {interface} type veth peer name {interface} netns far
                link set {interface} arp off address {GATEWAY_MAC[interface]}
                address add {ipv4.replace('.0/', '.1/')} dev {interface}
                address add {ipv6.replace('::/', '::1/')} dev {interface} nodad""")
            self.far.ip(f"link set {interface} up")
            self.gateway.ip(f"link set {interface} up")
        with self.far.inside():
            self.ears = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.ears.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self.mouths = {interface: packet.Tap(self.far, interface).socket for interface in NETWORKS}
        self._await()

    def _await(self) -> None:
        """Waits until a packet crosses from every wire to another."""
        names = list(NETWORKS)
        for source, destination in zip(names, names[1:] + names[:1]):
            for version in (0, 1):
                first, second = (str(ip_address(NETWORKS[name][version].split("/")[0]) + 77)
                                 for name in (source, destination))
                probe = Probe(source, first, second, "udp", 9, "02:00:00:00:dd:01", packet.token())
                deadline = time.monotonic() + 5
                while not self.send([probe], lambda seen: True, 0.05):
                    assert time.monotonic() < deadline, f"{first} does not reach {second}"

    def send(self, probes: list[Probe], complete, wait: float) -> set[bytes]:
        """Sends the packets; the tokens of those that came out, once `complete` says enough."""
        by_token = {probe.token: probe for probe in probes}
        for probe in probes:
            self.mouths[probe.interface].send(
                packet.ethernet(probe.mac, GATEWAY_MAC[probe.interface], probe.data))
        arrived: set[bytes] = set()
        deadline = time.monotonic() + wait
        while select.select([self.ears], [], [], max(0.0, 0 if complete(arrived) and arrived
                                                     else deadline - time.monotonic()))[0]:
            frame, address = self.ears.recvfrom(65536)
            seen = packet.parse(frame) if address[2] != packet.PACKET_OUTGOING else None
            probe = by_token.get(seen.payload[-8:]) if seen else None
            if probe and (seen.source, seen.destination) == (probe.source, probe.destination):
                arrived.add(probe.token)
        return arrived


@pytest.fixture(scope="module")
def wires() -> Wires:
    """One for all policies."""
    return Wires()


@pytest.fixture
def judge(wires: Wires, folder) -> Iterator[Daemon]:
    """A daemon on the bare wires."""
    daemon = Daemon(wires.gateway, folder)
    yield daemon
    daemon.finish()
    wires.gateway.nft("flush ruleset")


def probes_for(rng: Random, made: Policy) -> list[Probe]:
    """Packets of which none is another one's reply or repetition."""
    probes: dict[tuple, Probe] = {}
    for _ in range(PROBES):
        probe = random_policy.probe(rng, made)
        ends = frozenset((probe.source, probe.destination))
        # For these conntrack may know no ports (it lost DCCP's in Linux 6.16): then any packet
        # between two ends is of one connection, whatever its ports.
        port = None if probe.protocol in ("dccp", "udplite") else probe.port
        probes.setdefault((ends, probe.protocol, port), probe)
    return list(probes.values())


def expectations(connection: varlink.Connection, probes: list[Probe]) -> dict[bytes, dict]:
    """What judge() says about each packet."""
    return {probe.token: connection.call(
        "Explain", source=probe.source, destination=probe.destination, service=probe.service,
        interface=probe.interface, mac=probe.mac) for probe in probes}


# What the window concerns: of what comes from inside, what the source's role does not permit.
WINDOW = {name: ("role", "unassigned", "blocklist") if name in random_policy.INSIDE
          else (None, "inbound") for name in NETWORKS}
STRANGER = "02:00:00:00:ff:ff"  # nothing shows a destination's MAC: it is as if nobody's


def swapped(connection: varlink.Connection, probes: list[Probe],
            said: dict[bytes, dict]) -> set[bytes]:
    """Those that the open pickup window concerns: permitted with their ends swapped."""
    found = set()
    for probe in probes:
        if (probe.protocol not in ("tcp", "udp") or (probe.protocol == "tcp" and not probe.continues)
                or said[probe.token]["reason"] not in WINDOW[probe.interface]):
            continue
        answer = connection.call(
            "Explain", source=probe.destination, destination=probe.source,
            service=f"{probe.protocol}/{probe.source_port}", mac=STRANGER,
            interface=random_policy.interface_of(ip_address(probe.destination)))
        if answer["verdict"] == "permitted":
            found.add(probe.token)
    return found


def picked_up(connection: varlink.Connection) -> set[tuple]:
    """Server, its port, client, its port."""
    return {(ip_address(line["server"]), line["server_port"], ip_address(line["client"]),
             line["client_port"]) for line in connection.call("ListPickedUp")["connections"]}


def expect_pickup(probes: list[Probe], said: dict[bytes, dict], turned: set[bytes]) -> set[tuple]:
    """Changes what is expected of packets in the open window; what is to be picked up."""
    wanted = set()
    for probe in probes:
        if probe.token not in turned:
            continue
        answer = said[probe.token]
        if probe.protocol == "tcp":
            said[probe.token] = {"verdict": "permitted", "mode": "enforce"}
            wanted.add((ip_address(probe.source), probe.source_port,
                        ip_address(probe.destination), probe.port))
        elif answer["verdict"] == "blocked" and answer["mode"] == "enforce":
            # Dropped without a word, unless audit has let it pass to where inbound blocks it.
            said[probe.token] = answer | {"quiet": True}
    return wanted


def passes(said: dict) -> bool:
    """What becomes of the packet: blocked in audit passes."""
    return said["verdict"] == "permitted" or said["mode"] == "audit"


def key(source: str, destination: str, protocol: str, port: int | None) -> tuple:
    """What a packet and a line of ListBlocked have in common."""
    return ip_address(source), ip_address(destination), protocol, port


def told(connection: varlink.Connection, since: int, probes: list[Probe],
         said: dict[bytes, dict]) -> dict[tuple, dict[str, dict]]:
    """ListBlocked by packet and reason, once all that is expected is in it."""
    wanted = {key(probe.source, probe.destination, probe.protocol, probe.port)
              for probe in probes if said[probe.token]["verdict"] == "blocked"
              and not said[probe.token].get("quiet")}
    deadline = time.monotonic() + WAIT
    while True:
        lines: dict[tuple, dict[str, dict]] = {}
        for line in connection.call("ListBlocked", since=since)["blocked"]:
            lines.setdefault(key(line["source"], line["destination"], line["protocol"],
                                 line.get("port")), {})[line["reason"]] = line
        if wanted <= set(lines) or time.monotonic() > deadline:
            return lines
        time.sleep(0.005)


def differences(probes: list[Probe], said: dict[bytes, dict], arrived: set[bytes],
                lines: dict[tuple, dict[str, dict]]) -> list[str]:
    """Where the kernel and judge() do not agree."""
    found = []
    for probe in probes:
        answer = said[probe.token]
        seen = lines.get(key(probe.source, probe.destination, probe.protocol, probe.port), {})
        kernel = (f"{'passed' if probe.token in arrived else 'stopped'}, "
                  f"reasons {[(line['reason'], line.get('role')) for line in seen.values()]}")
        agree = passes(answer) == (probe.token in arrived)
        if answer["verdict"] == "permitted":
            agree = agree and not seen
        else:
            line = seen.get(answer["reason"])
            if not (answer.get("quiet") and not seen):
                agree = agree and line is not None
                agree = agree and (line or {}).get("role") == answer["role"]
        if not agree:
            found.append(f"{probe}\n    kernel: {kernel}\n    judge(): {answer}")
    return found


def ask(connection: varlink.Connection, made: Policy) -> None:
    """Requests of run time; those for addresses that the configuration names are refused."""
    for method, arguments in made.requests:
        try:
            connection.call(method, **{name: value for name, value in arguments.items()
                                       if value is not None})
        except varlink.Refused as refused:
            assert "RequestRejected" in str(refused), (method, arguments)


def withdraw(connection: varlink.Connection, rng: Random) -> None:
    """Most of them; the others meet the next configuration."""
    for assignment in connection.call("ListAssignments")["assignments"]:
        if rng.random() < 0.8:
            connection.call("Unassign", address=assignment["address"])
    for permit in connection.call("ListPermits")["permits"]:
        if rng.random() < 0.8:
            connection.call("Revoke", id=permit["id"])
    for quarantine in connection.call("ListQuarantined")["quarantined"]:
        if rng.random() < 0.8:
            connection.call("Release", host=quarantine["host"])


class Outcome(NamedTuple):
    """How many packets of a policy passed, and how many connections were picked up."""
    passed: int
    turned: int


def try_policy(wires: Wires, daemon: Daemon, connection: varlink.Connection,
               number: int) -> Outcome:
    """One policy and its packets."""
    rng = Random(f"{SEED}:{number}")
    made = random_policy.policy(rng)
    daemon.write(made.text)
    try:
        connection.call("Reload")
    except varlink.Refused as refused:
        pytest.fail(f"EGRESSD_SEED={SEED}, policy {number} is not taken: {refused}\n{made.text}")
    ask(connection, made)
    window = rng.random() < 0.5
    if window:
        connection.call("Pickup", seconds=3600)
    wires.gateway.run("conntrack", "-F")
    probes = probes_for(rng, made)
    said = expectations(connection, probes)
    known = picked_up(connection)
    turned = expect_pickup(probes, said, swapped(connection, probes, said)) if window else set()
    wanted = {probe.token for probe in probes if passes(said[probe.token])}
    since = time.time_ns() // 1000
    arrived = wires.send(probes, lambda seen: wanted <= seen, WAIT if wanted else 0.02)
    found = differences(probes, said, arrived, told(connection, since, probes, said))
    if picked_up(connection) - known != turned - known:
        found.append(f"picked up: {picked_up(connection) - known}, not {turned - known}")
    if found:
        asked = [*connection.call("ListAssignments")["assignments"],
                 *connection.call("ListPermits")["permits"],
                 *connection.call("ListQuarantined")["quarantined"]]
        pytest.fail(f"EGRESSD_SEED={SEED}, policy {number}:\n{made.text}\n"
                    + "".join(f"{request}\n" for request in asked) + "\n".join(found),
                    pytrace=False)
    withdraw(connection, rng)
    if window:
        connection.call("ClosePickup")
    return Outcome(len(arrived), len(turned))


@pytest.mark.parametrize("share", range(SHARES))
def test_the_kernels_verdict_is_the_one_of_judge(wires: Wires, judge: Daemon, share: int):
    print(f"EGRESSD_SEED={SEED}")
    judge.start(random_policy.policy(Random(f"{SEED}:start")).text)
    with judge.connect() as connection:
        outcomes = [try_policy(wires, judge, connection, number)
                    for number in range(share, POLICIES, SHARES)]
    assert any(one.passed for one in outcomes), "nothing ever passed: the test proves nothing"
    assert any(one.turned for one in outcomes), "nothing was picked up: the test proves nothing"
