# SPDX-License-Identifier: GPL-2.0-or-later
"""The throttle: how many destinations that are new to it a host may contact in a span of time.

Where a number has to be exact the span is an hour, in which nothing of a bucket refills in the time
that a test takes.
"""
import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator

import packet
import pytest
import traffic
from daemon import Daemon, egressctl, wait_for
from lab import Host, Lab
from policies import GATEWAY, UNOWNED, small

N = 20
FAMILIES = pytest.mark.parametrize("family", [4, 6])


def throttle(destinations: int = N, per: str = "1h") -> str:
    """The key of a role."""
    return f'throttle = {{ destinations = {destinations}; per = "{per}"; }};'


def policy(limit: str = throttle(), gateway: str = GATEWAY, rest: str = "", office: str = "") -> str:
    """Desks with a throttle; desk1 and desk2 are hosts of their own."""
    return f"""{gateway}
roles = {{
  desk = {{ inbound = [ ]; outbound = [ "http", "ping", "dns" ]; {limit} }};
  web  = {{ inbound = [ "http" ]; outbound = [ ]; }};{rest}
}};
hosts = (
  {{ name = "desk1"; role = "desk"; address = [ "192.168.0.11", "2001:db8:1::11" ]; {office} }},
  {{ name = "desk2"; role = "desk"; address = [ "192.168.0.12", "2001:db8:1::12" ]; }},
  {{ name = "www1"; role = "web"; address = [ "192.0.2.80", "2001:db8::80" ]; }}
);
"""


def victim(number: int, family: int = 4) -> str:
    """An address of the world, all of which it answers for."""
    return f"203.0.113.{number}" if family == 4 else f"2001:db8:ffff:0:1::{number:x}"


@contextlib.contextmanager
def web_servers(lab: Lab, family: int = 4) -> Iterator[None]:
    """The whole world serves http."""
    with traffic.listen(lab.world, "0.0.0.0" if family == 4 else "::", 80) as listener:
        listener.listen(4096)  # nobody accepts
        yield


def contact(host: Host, numbers: range, family: int = 4) -> list[int]:
    """Opens a connection to each; those that could be."""
    reached = []
    for number in numbers:
        with contextlib.suppress(OSError):
            traffic.connect(host, victim(number, family), 80).close()
            reached.append(number)
    return reached


def throttled(daemon: Daemon) -> int:
    """Packets that the kernel has blocked for the reason."""
    return daemon.reason_packets().get("throttle", 0)


@FAMILIES
def test_a_worm_on_a_permitted_port_gets_no_further_than_its_throttle(clean: Lab, daemon: Daemon,
                                                                     family: int):
    daemon.start(policy())
    desk1, desk2 = clean["desk1"], clean["desk2"]
    with web_servers(clean, family):
        # Nimda: tcp/80, which the role permits, as fast as it goes.
        assert contact(desk1, range(1, 61), family) == list(range(1, N + 1))
        assert contact(desk1, range(1, N + 1), family) == list(range(1, N + 1)), "it knows these"
        assert contact(desk1, range(21, 61), family) == [], "what was blocked stayed unknown"
        assert contact(desk2, range(101, 111), family) == list(range(101, 111)), "unharmed"
    assert daemon.count("desk") == (2 * N + 10, 80)
    assert daemon.reason_packets() == {"throttle": 80}
    blocked = daemon.blocked(80)
    assert {line["reason"] for line in blocked} == {"throttle"}
    assert {line["destination"] for line in blocked} == {victim(n, family) for n in range(21, 61)}
    assert sum(line["attempts"] for line in blocked) == 80
    assert "throttle" in daemon.ctl("blocked").stdout


def test_a_throttled_host_is_one_critical_alarm_that_says_what_it_does(clean: Lab, daemon: Daemon):
    daemon.start(policy())
    with web_servers(clean):
        contact(clean["desk1"], range(1, 61))
    assert wait_for(lambda: [alarm["attempts"] for alarm in
                             daemon.call("ListAlarms")["alarms"]] == [40])
    alarm, = daemon.call("ListAlarms")["alarms"]
    assert (alarm["kind"], alarm["severity"], alarm["host"]) == ("throttle", "critical", "desk1")
    assert alarm["text"].startswith(
        "desk1 (192.168.0.11, desk) contacts new hosts faster than its role may (20 in 1 h), "
        f"tcp/80 at {victim(60)} among them. 40 attempts since")
    assert "1 open" in daemon.ctl("status").stdout
    card = daemon.ctl("alarms", "show", "1").stdout
    assert "ss -tnp 'dport = :80'" in card and "Distinct" not in card


def test_what_is_open_goes_on_and_new_destinations_pass_again_in_time(clean: Lab, daemon: Daemon):
    daemon.start(policy(throttle(5, "2s")))
    desk = clean["desk1"]
    with traffic.listen(clean.world, victim(99), 81) as listener, web_servers(clean):
        daemon.write(policy(throttle(5, "2s")).replace('"http", "ping"', '"http", "tcp/81", "ping"'))
        daemon.call("Reload")
        stream = traffic.connect(desk, victim(99), 81)
        with stream, listener.accept()[0] as peer:
            assert any(not contact(desk, range(number, number + 1)) for number in range(1, 90)), \
                "so many in far less than two seconds"
            stream.sendall(b"still open")
            peer.settimeout(traffic.LONG_WAIT)
            assert peer.recv(64) == b"still open"
        time.sleep(2.05)
        assert contact(desk, range(101, 106)) == [101, 102, 103, 104, 105]


@FAMILIES
def test_what_the_role_does_not_permit_is_blocked_as_such_and_costs_nothing(
        clean: Lab, daemon: Daemon, family: int):
    daemon.start(policy())
    desk = clean["desk1"]
    for number in range(1, 41):
        with pytest.raises(OSError):
            traffic.connect(desk, victim(number, family), 25)
    with web_servers(clean, family):
        assert len(contact(desk, range(101, 131), family)) == N
    assert daemon.reason_packets() == {"role": 40, "throttle": 10}


def test_a_destination_is_counted_before_its_own_role_is_asked(clean: Lab, daemon: Daemon):
    daemon.start(policy(throttle(1)).replace('"http", "ping"', '"http", "tcp/22", "ping"'))
    desk = clean["desk1"]
    for _ in range(2):
        assert traffic.tcp(desk, clean["www1"], "192.0.2.80", 22) == traffic.RESET
    assert daemon.reason_packets() == {"inbound": 2}
    assert contact(desk, range(1, 3)) == []
    assert daemon.reason_packets() == {"inbound": 2, "throttle": 2}


def syn(host: Host, number: int, source_port: int = 4000) -> bytes:
    """The first packet of a connection, made by hand so that it can be sent again."""
    data = packet.tcp(host.ipv4, victim(number), source_port, 80)
    return packet.ethernet(host.mac, host.gateway_mac,
                           packet.ip(host.ipv4, victim(number), packet.TCP, data))


def test_packets_sent_again_and_other_protocols_to_a_known_destination_cost_nothing(
        clean: Lab, daemon: Daemon):
    daemon.start(policy(gateway=GATEWAY.replace("reject", "drop")))
    desk = clean["desk1"]
    clean.world.space.nft("add table inet deaf; add chain inet deaf in "
                          "{ type filter hook input priority 0; tcp dport 80 drop; }")
    try:
        with packet.tap(desk.space) as wire:
            for _ in range(5):
                for number in range(1, 31):
                    wire.send(syn(desk, number))
        assert wait_for(lambda: throttled(daemon) == 50), daemon.reason_packets()
        assert daemon.count("desk") == (5 * N, 50)
        lines = daemon.blocked(10)
        assert sorted(line["destination"] for line in lines) == sorted(map(victim, range(21, 31)))
        assert {(line["attempts"], line["packets"]) for line in lines} == {(1, 5)}
        assert traffic.ping(desk, victim(N)) == traffic.PASSED
        assert traffic.udp(desk, clean.world, victim(1), 53) == traffic.PASSED
        assert traffic.ping(desk, victim(41)) == traffic.SILENCE
        assert throttled(daemon) == 51
    finally:
        clean.world.space.nft("delete table inet deaf")


def test_audit_counts_and_alarms_and_lets_pass(clean: Lab, daemon: Daemon):
    daemon.start(policy(office='mode = "audit";'))
    with web_servers(clean):
        assert len(contact(clean["desk1"], range(1, 41))) == 40
        assert len(contact(clean["desk2"], range(1, 41))) == N
    assert daemon.reason_packets() == {"throttle": 40}
    assert daemon.count("desk") == (2 * N, 40)
    assert wait_for(lambda: sorted(alarm["host"] for alarm in
                                   daemon.call("ListAlarms")["alarms"]) == ["desk1", "desk2"])


class Conversation:
    """An open connection on which somebody keeps talking, and what came of it."""

    def __init__(self, client: Host, listener: socket.socket, destination: str):
        self.stream = traffic.connect(client, destination, listener.getsockname()[1])
        self.peer = listener.accept()[0]
        self.peer.settimeout(traffic.LONG_WAIT)

    def say(self) -> bool:
        """True when what is said arrives and is answered."""
        try:
            self.stream.sendall(b"question")
            heard = self.peer.recv(64) == b"question"
            self.peer.sendall(b"answer")
            return heard and self.stream.recv(64) == b"answer"
        except OSError:
            return False

    def close(self) -> None:
        """Ends it."""
        self.stream.close()
        self.peer.close()


def test_flows_that_are_open_are_neither_throttled_nor_counted_when_they_are_judged_again(
        clean: Lab, daemon: Daemon):
    without = policy("")
    daemon.start(without)
    desk = clean["desk1"]
    with traffic.listen(clean.world, "0.0.0.0", 80) as listener:
        talks = [Conversation(desk, listener, victim(number)) for number in range(1, 41)]
        over, lost = threading.Event(), []

        def talk() -> None:
            while not over.is_set():
                lost.extend(talk for talk in talks if not talk.say())

        talker = threading.Thread(target=talk)
        talker.start()
        try:
            # The throttle comes: all flows are judged again, under traffic.
            daemon.write(policy())
            change = daemon.call("Reload")
            for limit in (throttle(N + 1), throttle(N), throttle()):
                daemon.write(policy(limit))
                daemon.call("Reload")
        finally:
            over.set()
            talker.join()
        assert (change["flows_cut"], lost) == (0, [])
        assert change["flows_kept"] >= 40
        assert throttled(daemon) == 0
        assert all(talk.say() for talk in talks)
        for talk in talks:
            talk.close()
        assert contact(desk, range(101, 141)) == list(range(101, 101 + N)), "none was spent"


def test_to_judge_a_flow_again_spends_nothing_however_long_its_destination_was_not_new(
        clean: Lab, daemon: Daemon):
    """The table alone, as it is while flows are judged again."""
    path = daemon.write(policy())
    text, count = re.subn(r"ct state established accept (?=comment)",
                          "ct state established ct direction reply accept ",
                          egressctl("table", str(path)).stdout)
    assert count == 1
    clean.gateway.nft(text)
    desk = clean["desk1"]
    with traffic.listen(clean.world, "0.0.0.0", 80) as listener:
        talks = [Conversation(desk, listener, victim(number)) for number in range(1, 6)]
        clean.gateway.nft("flush set inet egressd known_destination4")  # five minutes later
        for _ in range(3):
            assert all(talk.say() for talk in talks)
        assert contact(desk, range(101, 141)) == list(range(101, 101 + N - 5))
        assert all(talk.say() for talk in talks), "nor does an empty bucket end them"
        for talk in talks:
            talk.close()
    clean.gateway.nft("delete table inet egressd")


def test_a_reload_keeps_what_is_known_and_spent_unless_the_throttle_itself_changes(
        clean: Lab, daemon: Daemon):
    daemon.start(policy())
    desk = clean["desk1"]
    with web_servers(clean):
        contact(desk, range(1, 41))
        # Another service goes, so that flows are judged again.
        daemon.write(policy().replace(', "dns"', ""))
        assert daemon.call("Reload")["changed"]
        assert contact(desk, range(1, 41)) == list(range(1, N + 1))
        daemon.stop()
        daemon.start()
        assert contact(desk, range(1, 41)) == list(range(1, N + 1)), "nor does a restart forget"
        daemon.write(policy(throttle(5)))
        daemon.call("Reload")
        assert contact(desk, range(1, 41)) == list(range(1, N + 6)), "old ones known, five new"
        daemon.write(policy(""))
        daemon.call("Reload")
        assert contact(desk, range(1, 41)) == list(range(1, 41))
    assert "throttle" not in daemon.table().replace("blocked_throttle", "")


def test_what_is_permitted_for_a_while_is_throttled_as_all_that_a_role_may(clean: Lab,
                                                                           daemon: Daemon):
    daemon.start(policy(throttle(2)))
    assert daemon.ctl("permit", "desk1", "tcp/81", "--for", "1h", "--why", "test").returncode == 0
    outcomes = [traffic.tcp(clean["desk1"], clean.world, victim(number), 81) for number in (1, 2, 3)]
    assert outcomes == [traffic.PASSED, traffic.PASSED, traffic.RESET]
    assert throttled(daemon) == 1


def test_the_gateway_itself_is_held_to_the_throttle_of_its_role(clean: Lab, daemon: Daemon):
    daemon.start(small(roles=f'router = {{ outbound = [ "http" ]; {throttle(3)} }};',
                       hosts=', { name = "gateway"; role = "router"; self = true; }'))
    with web_servers(clean):
        assert contact(clean["gateway"], range(1, 9)) == [1, 2, 3]
    assert daemon.count("router") == (3, 5)


@FAMILIES
def test_where_there_is_no_room_it_fails_closed_or_only_forgets(clean: Lab, daemon: Daemon,
                                                                family: int):
    """The table alone, with next to no room in its sets."""
    path = daemon.write(policy())
    text = egressctl("table", str(path)).stdout
    desk1, desk2 = clean["desk1"], clean["desk2"]
    with web_servers(clean, family):
        # No room for destinations: what is within the limit passes, and is forgotten at once.
        clean.gateway.nft(re.sub(r"(set known_destination.*\n.*\n\t\tsize) \d+", r"\1 3", text))
        assert len(contact(desk1, range(1, 11), family)) == 10
        assert contact(desk2, range(1, 31), family) == list(range(1, N + 1)), "nobody else is hurt"
        assert len(contact(desk1, [10] * 30, family)) == N - 10, "each time it is new again"
        clean.gateway.nft("delete table inet egressd")
        # No room for one more source: its new destinations are blocked.
        clean.gateway.nft(re.sub(r"(set throttle_desk_.*\n.*\n\t\tsize) \d+", r"\1 1", text))
        assert contact(desk1, range(1, 31), family) == list(range(1, N + 1))
        assert contact(desk2, range(1, 31), family) == []
        assert contact(desk1, range(1, 31), family) == list(range(1, N + 1)), "it goes on"
    clean.gateway.nft("delete table inet egressd")


def test_its_sets_are_left_alone_by_repair_and_its_rules_are_not(clean: Lab, daemon: Daemon):
    daemon.start(policy(gateway=UNOWNED))
    with web_servers(clean):
        contact(clean["desk1"], range(1, 41))
        clean.gateway.nft("add element inet egressd known_destination4 { 192.168.0.11 . 203.0.113.40 }")
        clean.gateway.nft("flush chain inet egressd throttle_desk")
        assert wait_for(lambda: "update @throttle_desk_4 { ip saddr } goto remember_desk" in
                        daemon.table(), 10)
        assert contact(clean["desk1"], range(1, 41)) == [*range(1, N + 1), 40]


def test_explain_and_roles_tell_of_a_throttle(clean: Lab, daemon: Daemon):
    daemon.start(policy(throttle(100, "10s"), rest=' boss = { inherits = [ "desk" ]; };',
                        office='mode = "audit";'))
    for source, end in (("192.168.0.11", "counted as blocked ("),
                        ("192.168.0.12", "blocked until it is slower (")):
        done = daemon.ctl("explain", source, victim(1), "http")
        words = " ".join(done.stdout.split())
        assert done.returncode == 0 and "Verdict permitted" in words
        assert "role desk has a throttle: whoever contacts more than 100 new destinations in " \
            f"10s is {end}" in words
    ask = {"source": "192.168.0.12", "destination": victim(1), "service": "http"}
    told = daemon.call("Explain", **ask)
    assert (told["throttle"]["destinations"], told["known"]) == (100, False)
    assert told["text"].endswith(", and this one is new and counts now.")
    with web_servers(clean):
        assert contact(clean["desk2"], range(1, 2)) == [1]
    told = daemon.call("Explain", **ask)
    assert told["known"] and ", and this one is known and does not count now" in told["text"]
    assert daemon.call("Explain", **ask | {"destination": victim(2)})["known"] is False
    told = daemon.call("Explain", **ask | {"service": "smtp"})
    assert (told["throttle"], told["known"]) == (None, None)
    assert daemon.ctl("explain", "192.168.0.11", victim(1), "smtp").stdout.count("throttle") == 0
    assert daemon.ctl("roles").stdout.count("throttle  100 new destinations in 10s") == 2
    roles = {role["name"]: role["throttle"] for role in daemon.call("ListRoles")["roles"]}
    assert roles["web"] is None
    assert (roles["boss"]["destinations"], roles["boss"]["per"]) == (100, 10_000_000)
    assert roles["boss"] == roles["desk"]
