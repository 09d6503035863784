# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections that are older than the gateway's table of connections: their servers send first."""
import contextlib
import pathlib
import re
import select
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

import packet
import pytest
import traffic
from daemon import Daemon, wait_for
from faults import Faults, Netlink
from lab import Host, Lab
from listing import normal
from policies import GATEWAY

POLICY = GATEWAY + """
roles = { desk = { outbound = [ "http", "dns" ]; inbound = [ ]; };
          web  = { outbound = [ ]; inbound = [ "http" ]; };
          open = { outbound = [ ]; }; };
hosts = (
  { name = "desk1"; role = "desk"; address = [ "192.168.0.11", "2001:db8:1::11" ]; },
  { name = "desk2"; role = "desk"; address = [ "192.168.0.12", "2001:db8:1::12" ];
    mac = [ "02:00:00:00:10:12" ]; },
  { name = "www1"; role = "web"; address = [ "192.0.2.80", "2001:db8::80" ]; },
  { name = "admin"; role = "open"; address = [ "192.0.2.65", "2001:db8::65" ]; }
);
"""
UNOWNED = POLICY.replace('refuse = "reject";', 'refuse = "reject"; own_table = false;')
NO_WEB = POLICY.replace('"http", "dns"', '"dns"').replace('inbound = [ "http" ]', "inbound = [ ]")
WAYS = (("desk1", "world"), ("world", "www1"), ("desk1", "www1"), ("world", "admin"))
PATIENCE = 3.0  # seconds: a server sends what was dropped again after 200 ms and more


@dataclass
class Session:
    """An open connection, and both its ends."""
    client: socket.socket
    server: socket.socket

    def says(self, sender: socket.socket, receiver: socket.socket,
             patience: float = PATIENCE) -> bool:
        """Sends a line; whether it arrives, if need be by being sent again."""
        line = packet.token()
        receiver.settimeout(patience)
        try:
            sender.sendall(line)
            return receiver.recv(64) == line
        except OSError:
            return False

    def server_says(self) -> bool:
        """The server sends first."""
        return self.says(self.server, self.client)

    def server_is_unheard(self) -> bool:
        """The server sends, once and at least once more, in vain."""
        return not self.says(self.server, self.client, 0.7)

    def client_says(self) -> bool:
        """The client sends first."""
        return self.says(self.client, self.server)


@contextlib.contextmanager
def session(lab: Lab, client: str, server: str, version: int = 4, port: int = 80,
            source_port: int = 0) -> Iterator[Session]:
    """A connection between two machines of the laboratory."""
    address = lab[server].address(version)
    with (traffic.listen(lab[server], address, port) as listener,
          traffic.connect(lab[client], address, port, lab[client].address(version),
                          source_port) as stream,
          listener.accept()[0] as peer):
        # Closing resets this end, too: nothing is sent again into the next test.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        yield Session(stream, peer)


def first_start(daemon: Daemon, config: str = POLICY) -> Daemon:
    """A start in a boot that has had no policy in force."""
    (daemon.state / "boot-id").unlink()
    return daemon.start(config)


def forget(lab: Lab) -> None:
    """Empties the gateway's table of connections, as a fail-over finds it."""
    lab.gateway.run("conntrack", "-F")


def listed(daemon: Daemon) -> list[tuple]:
    """Client, server and its port of what is picked up."""
    return [(line["client"], line["server"], line["server_port"])
            for line in daemon.call("ListPickedUp")["connections"]]


@pytest.mark.parametrize("version", (4, 6))
@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_a_permitted_connection_whose_server_sends_first_continues_after_the_first_start(
        clean: Lab, daemon: Daemon, way: tuple[str, str], version: int):
    with session(clean, *way, version) as older:
        first_start(daemon)
        assert older.server_says() and older.client_says() and older.server_says()
        assert daemon.blocked() == []


@pytest.mark.parametrize("version", (4, 6))
@pytest.mark.parametrize("place", ('"role:desk"', '"192.168.0.11", "2001:db8:1::11"'),
                         ids=("role", "address"))
def test_it_continues_where_the_inbound_names_its_clients(clean: Lab, daemon: Daemon, place: str,
                                                          version: int):
    inbound = f'inbound = ( {{ service = [ "http" ]; from = [ {place} ]; }} )'
    with session(clean, "desk1", "www1", version) as older:
        first_start(daemon, POLICY.replace('inbound = [ "http" ]', inbound))
        assert older.server_says() and older.client_says() and older.server_says()
        assert daemon.blocked() == []


@pytest.mark.parametrize("version", (4, 6))
@pytest.mark.parametrize("way", WAYS[:3], ids="-".join)
def test_it_continues_after_a_fail_over_that_opens_the_window(
        clean: Lab, daemon: Daemon, way: tuple[str, str], version: int):
    daemon.start(POLICY)
    with session(clean, *way, version) as older:
        assert daemon.ctl("pickup", "--for", "1min", "--why", "fail-over").returncode == 0
        forget(clean)
        assert older.server_says() and older.client_says()
        client, server = clean[way[0]].address(version), clean[way[1]].address(version)
        assert listed(daemon) == [(client, server, 80)]
        assert daemon.status()["picked_up"] == 1


def test_a_full_list_lets_no_more_in_and_status_says_so(clean: Lab, daemon: Daemon):
    first_start(daemon, UNOWNED)
    flows = [f"203.0.113.{i >> 8} . tcp . 80 . 192.0.2.{i & 255} . 9" for i in range(65536)]
    clean.gateway.nft(f"add element inet egressd picked_up4 {{ {', '.join(flows)} }}")
    with session(clean, "desk1", "world") as older:
        forget(clean)
        assert older.server_is_unheard() and older.client_says()
    notice = "65536 picked up IPv4 connections are all that egressd remembers"
    assert [text for text in daemon.status()["notices"] if text.startswith(notice)]


def test_without_the_window_it_is_blocked(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    with session(clean, "desk1", "world") as older:
        forget(clean)
        assert older.server_is_unheard()
    assert [line["reason"] for line in daemon.blocked(1)] == ["inbound"]


def test_what_the_policy_does_not_permit_is_not_picked_up(clean: Lab, daemon: Daemon):
    with session(clean, "desk1", "world", port=25) as older:
        first_start(daemon)
        assert older.server_is_unheard()
        assert listed(daemon) == []
        assert [line["reason"] for line in daemon.blocked(1)] == ["inbound"]


def test_what_a_host_behind_no_inside_interface_may_not_be_reached_by_is_not_picked_up(
        clean: Lab, daemon: Daemon):
    """Its inbound is judged wherever it is."""
    config = POLICY.replace("hosts = (", 'hosts = ( { name = "far"; role = "web"; address = '
                            f'[ "{clean.world.ipv4}", "{clean.world.ipv6}" ]; }},').replace(
        '"http", "dns"', '"http", "dns", "tcp/8080"')
    with session(clean, "desk1", "world") as good, session(clean, "desk1", "world", 4, 8080) as bad:
        first_start(daemon, config)
        assert good.server_says() and bad.server_is_unheard()
        assert listed(daemon) == [(clean["desk1"].ipv4, clean.world.ipv4, 80)]


def test_what_was_picked_up_is_known_after_the_window(clean: Lab, daemon: Daemon):
    with session(clean, "desk1", "world") as older, session(clean, "desk1", "www1") as other:
        first_start(daemon)
        assert older.server_says() and other.server_says()
        assert daemon.ctl("pickup", "close").returncode == 0
        assert older.server_says() and older.client_says()
        forget(clean)
        assert older.server_says() and other.server_says()
        assert len(listed(daemon)) == 2


@pytest.mark.parametrize("version", (4, 6))
def test_a_change_that_forbids_it_cuts_it_like_any_other(clean: Lab, daemon: Daemon, version: int):
    with session(clean, "desk1", "world", version) as older:
        first_start(daemon)
        assert older.server_says() and older.client_says()
        kept = daemon.write(POLICY + "networks = { };") and daemon.call("Reload")
        assert (kept["flows_cut"], older.server_says()) == (0, True)
        daemon.write(NO_WEB)
        assert daemon.call("Reload")["flows_cut"] == 1
        assert older.server_is_unheard()
    assert listed(daemon) == []


def test_it_is_cut_even_if_anybody_may_reach_the_client(clean: Lab, daemon: Daemon):
    free = POLICY.replace('outbound = [ "http", "dns" ]; inbound = [ ]', 'outbound = [ "http" ]')
    with session(clean, "desk1", "world") as older:
        first_start(daemon, free)
        assert older.server_says() and older.client_says() and len(listed(daemon)) == 1
        daemon.write(free.replace('outbound = [ "http" ]', "outbound = [ ]"))
        assert daemon.call("Reload")["flows_cut"] == 1
        assert older.server_is_unheard()


def test_a_connection_whose_client_sends_first_is_the_clients_own(clean: Lab, daemon: Daemon):
    """Even where anybody may reach the client, who may then be taken for a server."""
    free = POLICY.replace('outbound = [ "http", "dns" ]; inbound = [ ]', 'outbound = [ "http" ]')
    with session(clean, "desk1", "world") as older:
        first_start(daemon, free)
        assert older.client_says() and older.server_says() and listed(daemon) == []
        daemon.write(free.replace('outbound = [ "http" ]', "outbound = [ ]"))
        assert daemon.call("Reload")["flows_cut"] == 1
        assert older.server_is_unheard()


def test_a_restart_keeps_what_was_picked_up_and_the_window(clean: Lab, daemon: Daemon):
    with session(clean, "desk1", "world") as older, session(clean, "world", "www1") as later:
        first_start(daemon)
        assert older.server_says()
        daemon.kill()
        daemon.start()
        assert older.server_says() and later.server_says()
        assert daemon.call("ListPickedUp")["window"]["user"] == "egressd"
        assert len(listed(daemon)) == 2


def test_the_kernel_closes_the_window_of_a_daemon_that_died(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    with session(clean, "desk1", "world") as older:
        daemon.call("Pickup", seconds=1)
        daemon.kill()
        time.sleep(1.2)
        forget(clean)
        assert older.server_is_unheard()
    daemon.start()
    assert daemon.call("ListPickedUp")["window"] is None


def forgotten_in(lab: Lab, client: socket.socket, span: str) -> None:
    """Changes when the only connection that was picked up is forgotten."""
    key = f"203.0.113.7 . tcp . 80 . 192.168.0.11 . {client.getsockname()[1]}"
    lab.gateway.nft(f"delete element inet egressd picked_up4 {{ {key} }}\n"
                    f"add element inet egressd picked_up4 {{ {key} timeout {span} }}")


def test_a_connection_that_nothing_uses_is_forgotten(clean: Lab, daemon: Daemon):
    with session(clean, "desk1", "world") as older:
        first_start(daemon, UNOWNED)
        assert older.server_says()
        daemon.call("ClosePickup")
        forgotten_in(clean, older.client, "1s")
        assert wait_for(lambda: listed(daemon) == [])
        forget(clean)
        assert older.server_is_unheard()


def test_a_connection_that_is_open_is_remembered_for_longer(clean: Lab, daemon: Daemon):
    with session(clean, "desk1", "world") as older:
        first_start(daemon, UNOWNED)
        assert older.server_says() and older.client_says()
        forgotten_in(clean, older.client, "1h")
        daemon.stop()
        daemon.start()
        days = 24 * 3600 * 1_000_000
        assert wait_for(lambda: daemon.call("ListPickedUp")["connections"][0]["until"]
                        > time.time_ns() // 1000 + 4 * days)


def test_a_first_start_opens_the_window_though_the_table_cannot_be_read_at_once(
        clean: Lab, daemon: Daemon):
    """As when others change their rules while the machine boots."""
    daemon.start(POLICY)
    daemon.call("Assign", address=clean["stray"].ipv4, role="desk")  # so that there is a list
    daemon.stop()
    daemon.remove_table()
    faults = Faults("netlink", daemon.folder)
    daemon.environment |= faults.environment
    faults.arm(at=1, last=2, kind=Netlink.ENOBUFS)
    assert len(first_start(daemon).call("ListPickedUp")["window"]) > 0
    assert faults.disarm()[1] == 2


def test_a_second_start_in_the_same_boot_opens_no_window(clean: Lab, daemon: Daemon):
    first_start(daemon)
    assert daemon.call("ClosePickup")["window"]["user"] == "egressd"
    daemon.stop()
    daemon.remove_table()
    daemon.start()
    assert daemon.call("ListPickedUp")["window"] is None


def test_a_start_with_a_table_of_an_earlier_run_opens_no_window(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.stop()
    (daemon.state / "boot-id").write_text("0" * 32 + "\n")
    daemon.start()
    assert daemon.call("ListPickedUp")["window"] is None


def test_no_window_is_opened_where_the_configuration_switches_it_off(clean: Lab, daemon: Daemon):
    first_start(daemon, POLICY.replace("refuse", 'pickup = "0s"; refuse'))
    assert daemon.call("ListPickedUp")["window"] is None
    assert "picked_up" not in daemon.table()


def test_a_repair_opens_no_window(clean: Lab, daemon: Daemon):
    daemon.start(UNOWNED)
    with session(clean, "desk1", "world") as older:
        clean.gateway.nft("delete table inet egressd")
        assert wait_for(daemon.table)
        forget(clean)
        assert older.server_is_unheard()


@pytest.mark.parametrize("way", WAYS[:3], ids="-".join)
def test_a_repair_in_the_open_window_cuts_nothing_that_was_picked_up(
        clean: Lab, daemon: Daemon, way: tuple[str, str]):
    """The sets of the new table are empty: another program flushed all rules after the start."""
    first_start(daemon, UNOWNED)
    with session(clean, *way) as older:
        forget(clean)
        assert older.server_says() and older.client_says() and len(listed(daemon)) == 1
        clean.gateway.nft("delete table inet egressd")
        assert wait_for(daemon.table)
        assert older.server_says() and older.client_says()
        assert wait_for(lambda: listed(daemon)) == [
            (clean[way[0]].ipv4, clean[way[1]].ipv4, 80)]


def renewal(daemon: Daemon) -> float:
    """Seconds until the daemon's next timer of the boot clock is due."""
    for entry in pathlib.Path(f"/proc/{daemon.process.pid}/fdinfo").iterdir():
        found = re.search(rf"^clockid: {time.CLOCK_BOOTTIME}\n.*^it_value: \((\d+), (\d+)\)",
                          entry.read_text(encoding="ascii"), re.MULTILINE | re.DOTALL)
        if found:
            return int(found[1]) + int(found[2]) / 1e9
    return 0.0


def test_a_change_does_not_put_off_the_renewal_of_what_was_picked_up(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Pickup", seconds=60)
    daemon.call("ClosePickup")
    assert wait_for(lambda: renewal(daemon) > 60)  # the loop has set the timer
    first = renewal(daemon) + time.clock_gettime(time.CLOCK_BOOTTIME)
    time.sleep(0.2)  # far more than the accuracy of the timer
    daemon.call("Assign", address=clean["stray"].ipv4, role="desk")
    daemon.call("Unassign", address=clean["stray"].ipv4)
    daemon.status()
    again = renewal(daemon) + time.clock_gettime(time.CLOCK_BOOTTIME)
    assert again < first + 0.1


def test_a_connection_that_conntrack_turned_round_before_the_start_continues(
        clean: Lab, daemon: Daemon):
    clean.gateway.nft("table inet nat { chain post { type filter hook postrouting priority 0; "
                      "ct state new accept; }; }")
    with session(clean, "desk1", "world") as older, session(clean, "desk1", "world", 4, 25) as bad:
        forget(clean)
        assert older.server_says() and bad.server_says()
        first_start(daemon)
        assert older.server_says() and older.client_says()
        assert listed(daemon) == [(clean["desk1"].ipv4, clean.world.ipv4, 80)]
        assert bad.server_is_unheard()


def test_a_masqueraded_connection_continues_when_its_client_sends_next(clean: Lab, daemon: Daemon):
    clean.gateway.nft('table ip nat { chain post { type nat hook postrouting priority 100; '
                      'oifname "wan0" masquerade; }; }')
    with session(clean, "desk1", "world") as older:
        forget(clean)
        first_start(daemon)
        assert older.client_says() and older.server_says()


def test_a_host_with_a_mac_continues_when_it_sends_next(clean: Lab, daemon: Daemon):
    """Nothing shows the MAC of a destination; but no reset ends the connection meanwhile."""
    config = POLICY.replace("02:00:00:00:10:12", clean["desk2"].mac)
    with session(clean, "desk2", "world") as older:
        first_start(daemon, config)
        older.server.sendall(b"early")
        assert daemon.blocked(1)[0]["reason"] == "inbound"
        older.client.sendall(b"late")
        older.client.settimeout(PATIENCE)
        assert older.client.recv(64) == b"early"
    assert listed(daemon) == []


def test_a_quarantined_client_is_not_picked_up(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    with session(clean, "desk1", "world") as older:
        daemon.call("Pickup", seconds=60)
        daemon.call("Quarantine", host="desk1")
        forget(clean)
        assert older.server_is_unheard()
    assert listed(daemon) == []


def test_the_end_of_a_permit_cuts_what_was_picked_up_by_it(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    permit = daemon.call("Permit", host="desk1", service="smtp", seconds=600, why="mail")["permit"]
    with session(clean, "desk1", "world", port=25) as older:
        daemon.call("Pickup", seconds=60)
        forget(clean)
        assert older.server_says() and older.client_says()
        assert daemon.call("Revoke", id=permit["id"])["flows_cut"] == 1
        assert older.server_is_unheard()


def test_an_address_with_a_role_by_assignment_is_picked_up_by_that_role(
        clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Assign", address=clean["stray"].ipv4, role="desk")
    with session(clean, "stray", "world") as older:
        daemon.call("Pickup", seconds=60)
        forget(clean)
        assert older.server_says() and older.client_says()
        assert len(listed(daemon)) == 1
        assert daemon.call("Unassign", address=clean["stray"].ipv4)["flows_cut"] == 1
        assert older.server_is_unheard()


def test_explain_judges_what_is_picked_up_as_its_clients(clean: Lab, daemon: Daemon):
    with session(clean, "desk1", "world", source_port=40123) as older:
        first_start(daemon)
        asked = {"source": clean.world.ipv4, "destination": clean["desk1"].ipv4,
                 "service": "tcp/40123"}
        before = daemon.call("Explain", **asked)
        assert (before["verdict"], before["picked_up"]) == ("blocked", False)
        assert "pickup window is open until" in before["text"]
        assert older.server_says()
        said = daemon.call("Explain", **asked)
        assert (said["verdict"], said["host"], said["picked_up"]) == ("permitted", "desk1", True)
        assert "desk1" in said["text"] and "tcp/80" in said["text"]


def segment(source: Host, destination: Host, ports: tuple[int, int], flags: int) -> bytes:
    """A frame from one machine to its gateway."""
    body = packet.tcp(source.ipv4, destination.ipv4, *ports, flags=flags)
    return packet.ethernet(source.mac, source.gateway_mac,
                           packet.ipv4(source.ipv4, destination.ipv4, packet.TCP, body))


@pytest.mark.parametrize("flags", (packet.SYN, packet.SYN | packet.ACK, packet.FIN | packet.ACK,
                                   packet.RST | packet.ACK, 0, packet.FIN, packet.PSH))
def test_a_segment_with_other_flags_is_not_picked_up(clean: Lab, daemon: Daemon, flags: int):
    first_start(daemon)
    world, desk = clean.world, clean["desk1"]
    with packet.tap(world.space) as wire, packet.tap(desk.space) as ears:
        wire.send(segment(world, desk, (80, 40000), flags))
        seen = [one for one in ears.receive(0.2) if one.protocol == packet.TCP]
    assert (seen, listed(daemon)) == ([], [])


def test_a_datagram_whose_reverse_is_permitted_is_dropped_and_no_attempt(
        clean: Lab, daemon: Daemon):
    first_start(daemon)
    with (traffic.open_socket(clean.world, "203.0.113.7", socket.SOCK_DGRAM) as server,
          traffic.open_socket(clean["desk1"], "203.0.113.7", socket.SOCK_DGRAM) as client):
        server.bind(("203.0.113.7", 53))
        server.connect((clean["desk1"].ipv4, 40053))
        client.bind((clean["desk1"].ipv4, 40053))
        client.connect(("203.0.113.7", 53))
        server.send(b"answer")
        assert select.select([server, client], [], [], 0.2)[0] == []
        client.send(b"question")
        assert server.recv(64) == b"question"
    assert (daemon.blocked(), listed(daemon)) == ([], [])


def test_a_datagram_that_is_permitted_as_it_is_passes(clean: Lab, daemon: Daemon):
    config = POLICY.replace('outbound = [ ]; inbound = [ "http" ]',
                            'outbound = [ "dns" ]; inbound = [ "dns" ]')
    first_start(daemon, config)
    with (traffic.open_socket(clean.world, "203.0.113.7", socket.SOCK_DGRAM) as other,
          traffic.open_socket(clean["www1"], "203.0.113.7", socket.SOCK_DGRAM) as server):
        other.bind(("203.0.113.7", 53))
        other.settimeout(traffic.LONG_WAIT)
        server.bind((clean["www1"].ipv4, 53))
        server.sendto(b"question", ("203.0.113.7", 53))
        assert other.recv(64) == b"question"


def test_a_forged_sender_is_not_picked_up(clean: Lab, daemon: Daemon):
    first_start(daemon)
    www, desk = clean["www1"], clean["desk1"]
    body = packet.tcp(clean.world.ipv4, desk.ipv4, 80, 40000, flags=packet.ACK)
    with packet.tap(www.space) as wire, packet.tap(desk.space) as ears:
        wire.send(packet.ethernet(www.mac, www.gateway_mac, packet.ipv4(
            clean.world.ipv4, desk.ipv4, packet.TCP, body)))
        assert [one for one in ears.receive(0.2) if one.protocol == packet.TCP] == []
    assert daemon.reason_packets() == {"spoofed": 1}


def test_a_full_set_drops_what_would_be_picked_up(clean: Lab, daemon: Daemon):
    first_start(daemon, UNOWNED)
    with session(clean, "world", "www1") as older:
        forget(clean)
        fill = ", ".join(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255} . 6 . 80 . 10.9.9.9 . 1"
                         for n in range(65536))
        clean.gateway.nft(f"add element inet egressd picked_up4 {{ {fill} }}")
        assert older.server_is_unheard()
        assert daemon.blocked() == []
        assert older.client_says()
        assert len(older.client.recv(64)) == len(packet.token())  # what was dropped, sent again


def test_the_table_shows_the_window_and_loads_again(clean: Lab, daemon: Daemon):
    first_start(daemon)
    text = daemon.table()
    assert "first start since the machine booted" in text
    assert "chain pick_up {" in text and "unknown" not in text and "@th" not in text
    daemon.stop()
    daemon.remove_table()
    clean.gateway.nft(text)


def test_the_rules_go_when_nothing_is_picked_up(clean: Lab, daemon: Daemon):
    daemon.start(UNOWNED)
    before = normal(daemon.table())
    with session(clean, "desk1", "world") as older:
        daemon.call("Pickup", seconds=60)
        forget(clean)
        assert older.server_says()
        daemon.call("ClosePickup")
        assert "chain pick_up" in daemon.table()
        daemon.stop()
        forgotten_in(clean, older.client, "1s")
    time.sleep(1.1)
    daemon.start()
    assert wait_for(lambda: normal(daemon.table()) == before)
    assert daemon.status()["alarms"] == 0


def test_the_tool_opens_lists_and_closes(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    assert "window is closed" in daemon.ctl("pickup").stdout
    refused = daemon.ctl("pickup", "--for", "2h")
    assert refused.returncode == 1 and "1 hour at most" in refused.stderr + refused.stdout
    assert daemon.ctl("pickup", "--for", "2min").returncode == 0
    assert "open for" in daemon.ctl("pickup").stdout
    assert "egressctl pickup" in daemon.ctl("status").stdout
    assert daemon.ctl("pickup", "close").returncode == 0
    again = daemon.ctl("pickup", "close")
    assert again.returncode == 1 and "no pickup window is open" in again.stderr
    assert daemon.ctl("pickup", "open").returncode == 2


def test_the_longest_way_through_the_table_fits_beside_the_window(clean: Lab, daemon: Daemon):
    """The kernel allows 16 chains in a row."""
    first_start(daemon, POLICY.replace("desk = {", 'desk = { throttle = { destinations = 9; }; '
                                       'quarantine = { on = [ "scan" ]; };').replace(
        '"2001:db8:1::12" ]', '"2001:db8:1:9::/64" ]').replace(
        "hosts = (", 'detection = { trw = { enabled = true; }; };\nblocklist = [ "203.0.113.9" ];\n'
        'hosts = ( { name = "gateway"; role = "open"; self = true; },'))
    for host in ("desk2", "desk1", "192.168.0.200", "gateway"):
        daemon.call("Permit", host=host, service="smtp", to="role:web", seconds=60, why="why")
    daemon.call("Assign", address="192.168.0.201", role="desk")
    daemon.call("Quarantine", host="192.168.0.201")
    daemon.call("Pickup", seconds=60)
    assert daemon.status()["state"] == "enforcing"


@pytest.mark.parametrize("version", (4, 6))
def test_a_server_that_is_known_by_its_mac_alone_may_be_reached_by_anybody(
        clean: Lab, daemon: Daemon, version: int):
    """As when a connection to it begins: its role judges only what it sends."""
    config = POLICY.replace("hosts = (", f'hosts = ( {{ name = "stray"; role = "desk"; '
                            f'mac = [ "{clean["stray"].mac}" ]; }},')
    with session(clean, "world", "stray", version, 8080) as older:
        first_start(daemon, config)
        assert older.server_says() and older.client_says()
        assert listed(daemon) == [
            (clean.world.address(version), clean["stray"].address(version), 8080)]
