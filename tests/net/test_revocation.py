# SPDX-License-Identifier: GPL-2.0-or-later
"""A change cuts the flows that it denies, keeps the others, and no packet of a cut one is an attempt."""
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import packet
import pytest
import traffic
from daemon import Daemon, wait_for
from lab import WAN_MAC, WORLD, WORLD_MAC, WORLD_V6, Host, Lab
from policies import GATEWAY, small

PORT = 9000
DCCP = 33


class TcpFlow:
    """A connection that stays open, with an echo on its other side."""

    def __init__(self, client: Host, server: Host, destination: str, port: int = PORT):
        self.listener = traffic.listen(server, destination, port)
        self.stream = traffic.connect(client, destination, port, wait=1)
        self.peer = self.listener.accept()[0]
        self.peer.settimeout(0.3)
        # Closing resets: no retransmission of a cut flow lingers into the next test.
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert self.lives()

    def lives(self) -> bool:
        """Whether bytes still go there and back."""
        try:
            self.stream.sendall(b"question")
            answer = self.peer.recv(64)
            self.peer.sendall(b"answer")
            return bool(answer) and bool(self.stream.recv(64))
        except OSError:
            return False

    def close(self) -> None:
        """Closes all three sockets."""
        for end in (self.peer, self.stream, self.listener):
            end.close()


class UdpFlow:
    """Datagrams between two ports, there and back."""

    def __init__(self, client: Host, server: Host, destination: str, port: int = PORT):
        self.listener = traffic.open_socket(server, destination, socket.SOCK_DGRAM)
        self.listener.bind((destination, port))
        self.listener.settimeout(0.3)
        self.sender = traffic.open_socket(client, destination, socket.SOCK_DGRAM)
        self.sender.connect((destination, port))
        self.sender.settimeout(0.3)
        # A flow counts as established from its second packet on.
        assert self.lives() and self.lives()

    def lives(self) -> bool:
        """Whether a datagram still goes there and back."""
        try:
            self.sender.send(b"question")
            self.listener.sendto(b"answer", self.listener.recvfrom(64)[1])
            return bool(self.sender.recv(64))
        except OSError:
            return False

    def close(self) -> None:
        """Closes both sockets."""
        self.listener.close()
        self.sender.close()


@contextmanager
def flow(kind: type, *arguments) -> Iterator[TcpFlow | UdpFlow]:
    """A flow that is closed in the end."""
    made = kind(*arguments)
    try:
        yield made
    finally:
        made.close()


def change(daemon: Daemon, text: str) -> dict:
    """Puts a configuration in force and gives the reply."""
    daemon.write(text)
    return daemon.json("reload")


def conntrack(lab: Lab, *words: str) -> list[str]:
    """Lines of the gateway's connection tracking that have all the words."""
    lines = lab.gateway.run("conntrack", "-L").stdout.splitlines()
    lines += lab.gateway.run("conntrack", "-L", "-f", "ipv6").stdout.splitlines()
    return [line for line in lines if all(word in line for word in words)]


def assert_nothing_blocked(daemon: Daemon) -> None:
    """Packets of cut flows are no attempts, neither counted nor listed."""
    assert daemon.reason_packets() == {}, daemon.blocked()
    assert daemon.blocked() == []


BOTH = '"http", "tcp/9000", "udp/9000"'


@pytest.mark.parametrize("kind", [TcpFlow, UdpFlow])
@pytest.mark.parametrize("destination", [WORLD, WORLD_V6])
def test_a_service_that_a_role_loses_cuts_its_flows(clean: Lab, daemon: Daemon, kind: type,
                                                    destination: str):
    daemon.start(small(BOTH))
    with flow(kind, clean["desk1"], clean.world, destination) as cut:
        assert cut.lives()
        reply = change(daemon, small('"http"'))
        assert (reply["flows_cut"], reply["flows_kept"]) == (1, 0)
        assert not cut.lives()
        assert conntrack(clean, "dport=9000", "ASSURED") == []
        role = daemon.status()["roles"][0]
        assert role["revoked"]["packets"] > 0
        assert_nothing_blocked(daemon)


def test_other_flows_of_the_same_host_are_kept(clean: Lab, daemon: Daemon):
    daemon.start(small('"http", "tcp/9000", "tcp/9001"'))
    with (flow(TcpFlow, clean["desk1"], clean.world, WORLD, 9000) as cut,
          flow(TcpFlow, clean["desk1"], clean.world, WORLD, 9001) as kept):
        reply = change(daemon, small('"http", "tcp/9001"'))
        assert (reply["flows_cut"], reply["flows_kept"]) == (1, 1)
        assert not cut.lives()
        assert kept.lives()
        assert daemon.count("desk")[0] == 2, "a flow judged again is not permitted once more"


def test_a_host_that_changes_its_role_loses_its_flows(clean: Lab, daemon: Daemon):
    roles = 'silent = { outbound = [ ]; };'
    daemon.start(small(BOTH, roles=roles))
    with flow(TcpFlow, clean["desk1"], clean.world, WORLD) as cut:
        text = small(BOTH, roles=roles).replace('role = "desk"', 'role = "silent"')
        assert change(daemon, text)["flows_cut"] == 1
        assert not cut.lives()
        assert_nothing_blocked(daemon)


def test_a_host_that_is_taken_out_loses_its_flows(clean: Lab, daemon: Daemon):
    other = ', { name = "desk2"; role = "desk"; address = "192.168.0.12"; }'
    daemon.start(small(BOTH, hosts=other))
    with flow(UdpFlow, clean["desk2"], clean.world, WORLD) as cut:
        assert change(daemon, small(BOTH))["flows_cut"] == 1
        assert not cut.lives()
        assert_nothing_blocked(daemon)


def test_a_destination_put_on_the_blocklist_loses_its_flows(clean: Lab, daemon: Daemon):
    daemon.start(small(BOTH))
    with (flow(TcpFlow, clean["desk1"], clean.world, WORLD) as cut,
          flow(TcpFlow, clean["desk1"], clean.world, "203.0.113.8") as kept):
        assert change(daemon, small(BOTH, rest=f'blocklist = [ "{WORLD}" ];'))["flows_cut"] == 1
        assert not cut.lives()
        assert kept.lives()
        assert_nothing_blocked(daemon)


def answer(cut: TcpFlow) -> bool:
    """Whether bytes of the server still reach the client."""
    try:
        cut.peer.sendall(b"answer")
        return bool(cut.stream.recv(64))
    except OSError:
        return False


@pytest.mark.parametrize("refuse", ["reject", "drop"])
def test_what_the_server_still_sends_does_not_bring_a_cut_flow_back(clean: Lab, daemon: Daemon,
                                                                    refuse: str):
    gateway = f'refuse = "{refuse}";'
    daemon.start(small(BOTH, gateway=gateway))
    with flow(TcpFlow, clean["desk1"], clean.world, WORLD) as cut:
        assert change(daemon, small('"http"', gateway=gateway))["flows_cut"] == 1
        cut.stream.settimeout(0.5)
        assert not answer(cut)
        assert not cut.lives()
        assert conntrack(clean, "sport=9000 dport", "[UNREPLIED]") == []
        assert_nothing_blocked(daemon)


INBOUND = GATEWAY + """
roles = { web = { inbound = [ %s ]; }; };
hosts = ( { name = "www1"; role = "web"; address = [ "192.0.2.80", "2001:db8::80" ]; } );
"""


def test_an_inbound_that_is_narrowed_cuts_flows_from_outside(clean: Lab, daemon: Daemon):
    daemon.start(INBOUND % '"http", "tcp/9000"')
    www = clean["www1"]
    with (flow(TcpFlow, clean.world, www, www.ipv4) as cut,
          flow(TcpFlow, clean.world, www, www.ipv4, 80) as kept):
        assert change(daemon, INBOUND % '"http"')["flows_cut"] == 1
        cut.peer.sendall(b"what the server still sends is no attempt")
        assert not cut.lives()
        assert kept.lives()
        assert_nothing_blocked(daemon)


SELF = small(BOTH, roles="router = { outbound = [ %s ]; };",
             hosts=', { name = "gateway"; role = "router"; self = true; }')


def test_flows_of_the_gateway_itself_are_cut_too(clean: Lab, daemon: Daemon):
    daemon.start(SELF % '"tcp/9000"')
    with flow(TcpFlow, clean["gateway"], clean.world, WORLD) as cut:
        assert change(daemon, SELF % '"dns"')["flows_cut"] == 1
        assert not cut.lives()
        assert_nothing_blocked(daemon)


def test_flows_in_audit_mode_are_not_cut(clean: Lab, daemon: Daemon):
    daemon.start(small(BOTH, gateway='mode = "audit";'))
    with flow(TcpFlow, clean["desk1"], clean.world, WORLD) as kept:
        assert change(daemon, small('"http"', gateway='mode = "audit";'))["flows_cut"] == 0
        assert kept.lives()
        assert_nothing_blocked(daemon)


def test_flows_older_than_the_daemon_are_judged(clean: Lab, daemon: Daemon):
    clean.gateway.nft("add table ip t; add chain ip t c { type filter hook forward priority 0; }; "
                      "add rule ip t c ct state new accept")  # so that conntrack is at work
    with (flow(TcpFlow, clean["desk1"], clean.world, WORLD) as cut,
          flow(TcpFlow, clean["desk1"], clean.world, WORLD, 80) as kept):
        daemon.start(small('"http"'))
        assert not cut.lives()
        assert kept.lives()
        assert_nothing_blocked(daemon)


def test_a_change_that_only_permits_more_is_made_at_once(clean: Lab, daemon: Daemon):
    daemon.start(small('"http", "tcp/9000"'))
    with flow(TcpFlow, clean["desk1"], clean.world, WORLD) as kept:
        reply = change(daemon, small('"http", "tcp/9000", "udp/9000"'))
        assert (reply["judging_milliseconds"], reply["flows_kept"]) == (0, 0)
        assert kept.lives()


def test_a_daemon_killed_between_the_phases_leaves_the_gateway_closed(clean: Lab, daemon: Daemon):
    daemon.start(small(BOTH))
    with flow(TcpFlow, clean["desk1"], clean.world, WORLD) as cut:
        # The state that a kill -9 after the first commit leaves: denied, and no fast path.
        daemon.kill()
        rules = clean.gateway.run("nft", "-a", "list", "chain", "inet", "egressd", "forward").stdout
        fast = next(line for line in rules.splitlines() if "established accept" in line)
        handle = fast.rsplit("handle ", 1)[1]
        clean.gateway.nft(f"""
          replace rule inet egressd forward handle {handle} ct state established ct direction reply accept
          delete element inet egressd outbound_desk {{ tcp . 9000 }}""")
        assert not cut.lives()
        assert traffic.tcp(clean["desk1"], clean.world, WORLD, 80) == traffic.PASSED
        daemon.start(small('"http"'))
        assert not cut.lives()
        assert conntrack(clean, "dport=9000", "ASSURED") == []
        assert "ct direction reply" not in daemon.table()


def by_mac(name: str, mac: str, role: str = "desk") -> str:
    """A host that is known by its MAC alone, to be added to others."""
    return f', {{ name = "{name}"; role = "{role}"; mac = [ "{mac}" ]; }}'


SILENT = "silent = { outbound = [ ]; };"
PHONE = by_mac("phone", "02:00:00:00:77:77")  # a machine that is not there


@pytest.mark.parametrize("kind", [TcpFlow, UdpFlow])
@pytest.mark.parametrize("destination", [WORLD, WORLD_V6])
def test_a_host_by_mac_that_moves_to_a_silent_role_loses_its_flow(clean: Lab, daemon: Daemon,
                                                                  kind: type, destination: str):
    mac = clean["desk2"].mac
    daemon.start(small(BOTH, roles=SILENT, hosts=by_mac("laptop", mac)))
    with flow(kind, clean["desk2"], clean.world, destination) as cut:
        reply = change(daemon, small(BOTH, roles=SILENT, hosts=by_mac("laptop", mac, "silent")))
        assert (reply["flows_cut"], reply["flows_kept"]) == (1, 0)
        assert not cut.lives()
        assert_nothing_blocked(daemon)


@pytest.mark.parametrize("destination", [WORLD, WORLD_V6])
def test_a_host_by_mac_keeps_its_flow_when_others_lose_theirs(clean: Lab, daemon: Daemon,
                                                              destination: str):
    laptop = by_mac("laptop", clean["desk2"].mac, "roaming")
    roles = f"roaming = {{ outbound = [ {BOTH} ]; }};"
    daemon.start(small(BOTH, roles=roles, hosts=laptop))
    with (flow(TcpFlow, clean["desk2"], clean.world, destination) as kept,
          flow(TcpFlow, clean["desk1"], clean.world, "203.0.113.8") as cut):
        reply = change(daemon, small('"http"', roles=roles, hosts=laptop))
        assert (reply["flows_cut"], reply["flows_kept"]) == (1, 1)
        assert kept.lives()
        assert not cut.lives()
        assert_nothing_blocked(daemon)


@contextmanager
def neighbour(lab: Lab, host: Host, state: str) -> Iterator[None]:
    """What the gateway's neighbour table has for a host of the lan, whatever the host says."""
    lab.gateway.ip(f"neighbour replace {host.ipv4} dev lan0 {state}")
    try:
        yield
    finally:
        lab.gateway.ip(f"neighbour delete {host.ipv4} dev lan0")


@pytest.mark.parametrize("state", ["lladdr 02:00:00:00:99:99 nud permanent", "nud noarp"])
def test_a_host_by_mac_is_judged_by_what_the_neighbour_table_has(clean: Lab, daemon: Daemon,
                                                                 state: str):
    laptop = by_mac("laptop", clean["desk2"].mac, "roaming")
    roles = f"roaming = {{ outbound = [ {BOTH} ]; }};"
    daemon.start(small(BOTH, roles=roles, hosts=laptop))
    with (flow(UdpFlow, clean["desk2"], clean.world, WORLD) as mine,
          neighbour(clean, clean["desk2"], state)):
        assert change(daemon, small('"http"', roles=roles, hosts=laptop))["flows_cut"] == 1
        # Its packets carry the right MAC, and so the kernel permits them anew.
        mine.sender.send(b"question")
        assert mine.listener.recv(64) == b"question"


def test_a_host_taken_out_loses_its_flow_though_another_is_known_by_mac(clean: Lab,
                                                                        daemon: Daemon):
    other = ', { name = "desk2"; role = "desk"; address = "192.168.0.12"; }'
    daemon.start(small(BOTH, hosts=other + PHONE))
    with (flow(UdpFlow, clean["desk2"], clean.world, WORLD) as cut,
          flow(UdpFlow, clean["desk1"], clean.world, "203.0.113.8") as kept):
        reply = change(daemon, small(BOTH, hosts=PHONE))
        assert (reply["flows_cut"], reply["flows_kept"]) == (1, 1)
        assert not cut.lives()
        assert kept.lives()


MANY = 21_000  # past these the kernel is asked for the flows of one address


@pytest.mark.parametrize("destination", [WORLD, WORLD_V6])
def test_among_many_flows_the_one_of_the_host_that_was_taken_out_is_cut(
        clean: Lab, daemon: Daemon, destination: str):
    other = ', { name = "desk2"; role = "desk"; address = [ "192.168.0.12", "2001:db8:1::12" ]; }'
    daemon.start(small('"udp/1024-65535"', hosts=other))
    busy = clean["desk1"]
    with packet.tap(busy.space) as wire:
        for number in range(MANY):
            ports = 2000 + number % 50_000, 9000 + number // 50_000
            wire.socket.send(packet.ethernet(busy.mac, busy.gateway_mac, packet.ip(
                busy.ipv4, WORLD, packet.UDP, packet.udp(busy.ipv4, WORLD, *ports, b""))))
    with flow(UdpFlow, clean["desk2"], clean.world, destination) as cut:
        reply = change(daemon, small('"udp/1024-65535"'))
        assert reply["flows_cut"] == 1 and reply["flows_kept"] >= MANY * 0.98
        assert not cut.lives()


def test_the_mac_of_another_machine_cuts_the_flow_of_the_impostor(clean: Lab, daemon: Daemon):
    daemon.start(small(BOTH))
    desk1 = clean["desk1"]
    with flow(TcpFlow, desk1, clean.world, WORLD) as cut:
        right = small(BOTH, host=f'mac = [ "{desk1.mac}" ];')
        assert change(daemon, right)["flows_cut"] == 0
        assert cut.lives()
        wrong = small(BOTH, host=f'mac = [ "{clean["desk2"].mac}" ];')
        assert change(daemon, wrong)["flows_cut"] == 1
        assert not cut.lives()
        assert_nothing_blocked(daemon)


def pass_dccp(lab: Lab, host: Host) -> bool:
    """Whether a DCCP request from the world to port 6 gets to a host."""
    mark = packet.token()
    request = struct.pack("!HHBBHBBHI", 5, 6, 5, 0, 0, 1, 0, 0, 1) + bytes(4) + mark
    frame = packet.ethernet(WORLD_MAC, WAN_MAC,
                            packet.ipv4(WORLD, host.ipv4, DCCP, request))
    with packet.tap(lab.world.space) as world, packet.tap(host.space) as seen:
        world.send(frame)
        return any(mark in each.payload for each in seen.receive(0.2))


def assert_done(daemon: Daemon) -> None:
    """The last change is finished: nothing is faulty, and the fast path is back."""
    assert daemon.status()["degraded"] == []
    assert "ct direction reply" not in daemon.table()


def test_a_dccp_packet_does_not_keep_a_change_from_finishing(clean: Lab, daemon: Daemon):
    daemon.start(small(BOTH))
    assert pass_dccp(clean, clean["desk1"])
    with flow(TcpFlow, clean["desk1"], clean.world, WORLD) as cut:
        reply = change(daemon, small('"http"'))
        assert (reply["flows_cut"], reply["flows_kept"]) == (1, 1)
        assert not cut.lives()
        assert_done(daemon)


def test_a_dccp_flow_is_cut_when_its_service_goes(clean: Lab, daemon: Daemon):
    daemon.start(INBOUND % '"http", "dccp/6"')
    assert pass_dccp(clean, clean["www1"])
    assert change(daemon, INBOUND % '"http"')["flows_cut"] == 1
    assert not pass_dccp(clean, clean["www1"])
    assert_done(daemon)


def test_nothing_forbidden_passes_after_the_commit(clean: Lab, daemon: Daemon):
    """Counted at the receiver: a flow that sends at full rate while it is cut."""
    daemon.start(small(BOTH))
    with flow(UdpFlow, clean["desk1"], clean.world, WORLD) as cut:
        cut.listener.settimeout(0)
        stop = threading.Event()

        def send() -> None:
            while not stop.is_set():
                try:
                    cut.sender.send(b"more")
                except OSError:
                    pass  # refused: that is the point

        sender = threading.Thread(target=send)
        sender.start()
        try:
            change(daemon, small('"http"'))
            drained = _drain(cut.listener)
            wait_for(lambda: daemon.status()["roles"][0]["revoked"]["packets"] > 1000, 3)
            assert drained > 0
            assert _drain(cut.listener) == 0
        finally:
            stop.set()
            sender.join()
        assert_nothing_blocked(daemon)


def _drain(listener: socket.socket) -> int:
    count = 0
    while True:
        try:
            listener.recv(64)
            count += 1
        except BlockingIOError:
            return count
