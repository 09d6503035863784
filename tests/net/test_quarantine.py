# SPDX-License-Identifier: GPL-2.0-or-later
"""Quarantine: of what a host or address sends nothing goes anywhere, at once and for so long."""
import json
import socket
import time

import packet
import pytest
import traffic
import varlink
from daemon import Daemon, wait_for
from lab import DMZ, LAN, WORLD, WORLD_V6, Host, Lab
from policies import GATEWAY
from test_control import NOBODY, call_as
from test_revocation import TcpFlow, UdpFlow, flow

POLICY = GATEWAY + """
roles = {
  desk = { outbound = [ "http", "tcp/9000-9001", "udp/9000-9001" ]; inbound = [ "ssh" ]; };
  web  = { outbound = [ ]; };
};
hosts = (
  { name = "office"; role = "desk"; address = [ "192.168.0.0/24", "2001:db8:1::/64" ]; },
  { name = "desk2"; role = "desk"; address = [ "192.168.0.12", "2001:db8:1::12" ]; },
  { name = "www1"; role = "web"; address = [ "192.0.2.80", "2001:db8::80" ]; }
);
"""
DESK1, DESK1_V6 = "192.168.0.11", "2001:db8:1::11"
SLACK = 0.3  # seconds that an end may be late


def http(lab: Lab, host: str = "desk1", destination: str = WORLD) -> str:
    """What becomes of http from a host to the world."""
    return traffic.tcp(lab[host], lab.world, destination, 80)


def names(daemon: Daemon) -> list[str]:
    """Who is in quarantine, as it was asked for."""
    return [line["host"] for line in daemon.call("ListQuarantined")["quarantined"]]


@pytest.mark.parametrize("address, destination", [(DESK1, WORLD), (DESK1_V6, WORLD_V6)])
def test_an_address_is_stopped_at_once_and_its_neighbours_are_not(clean: Lab, daemon: Daemon,
                                                                  address: str, destination: str):
    daemon.start(POLICY)
    assert http(clean, destination=destination) == traffic.PASSED
    reply = daemon.call("Quarantine", host=address, seconds=3600, why="a worm")
    assert http(clean, destination=destination) == traffic.SILENCE
    assert http(clean, "desk2", destination) == traffic.PASSED
    assert (reply["quarantine"]["of"], reply["quarantine"]["addresses"]) == ("office", 1)
    assert daemon.reason_packets().keys() == {"quarantine"}
    line = daemon.blocked(1, source=address)[0]
    assert (line["reason"], line["host"], line["role"]) == ("quarantine", "office", "desk")
    daemon.call("Release", host=address)
    assert http(clean, destination=destination) == traffic.PASSED
    assert names(daemon) == [] and "hook prerouting priority raw" not in daemon.table()


def test_a_host_is_stopped_with_all_that_belongs_to_it_and_nothing_else(clean: Lab,
                                                                        daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Assign", address="192.168.0.13", role="desk")
    done = daemon.ctl("quarantine", "office", "--why", "all of it")
    assert ("office (all its addresses) is in quarantine now, until egressctl release office."
            in done.stdout)
    for destination in (WORLD, WORLD_V6):
        assert http(clean, "desk1", destination) == traffic.SILENCE
        assert http(clean, "desk2", destination) == traffic.PASSED
    assert http(clean, "desk3") == traffic.PASSED, "an assigned address is a host of its own"
    assert http(clean, "desk3", WORLD_V6) == traffic.SILENCE
    daemon.call("Unassign", address="192.168.0.13")
    assert http(clean, "desk3") == traffic.SILENCE
    assert daemon.ctl("release", "office").returncode == 0
    assert http(clean, "desk3") == traffic.PASSED


def test_what_it_takes_the_place_of_and_what_stays_after_it_is_told(daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Quarantine", host="office", seconds=3600, why="rootkit")
    again = daemon.call("Quarantine", host="office")
    assert (again["replaced"]["why"], again["quarantine"]["why"]) == ("rootkit", None)
    assert again["replaced"]["until"] and again["quarantine"]["until"] is None
    assert daemon.call("Quarantine", host=DESK1)["replaced"] is None
    told = daemon.ctl("release", DESK1).stdout
    assert f"The quarantine of {DESK1} is over." in told
    told = " ".join(told.split())
    assert f"{DESK1} stays in quarantine, as an address of host office, until" in told
    daemon.call("Quarantine", host=DESK1)
    remaining = daemon.call("Release", host="office")["remaining"]
    assert [line["host"] for line in remaining] == [DESK1]
    assert daemon.call("Release", host=DESK1)["remaining"] == []
    assert 'unknown host "ofice"; did you mean "office"?' in daemon.ctl("release", "ofice").stderr
    assert "office is not in quarantine" in daemon.ctl("release", "office").stderr


@pytest.mark.parametrize("family", [4, 6])
def test_nothing_of_it_reaches_the_gateway_either(clean: Lab, daemon: Daemon, family: int):
    daemon.start(POLICY)
    gateway = clean["gateway"]
    address = f"{LAN.ipv4}.1" if family == 4 else f"{LAN.ipv6}1"
    assert traffic.tcp(clean["desk1"], gateway, address, 22) == traffic.PASSED
    assert traffic.ping(clean["desk1"], address) == traffic.PASSED
    daemon.call("Quarantine", host=clean["desk1"].address(family))
    assert traffic.tcp(clean["desk1"], gateway, address, 22) == traffic.SILENCE
    assert traffic.ping(clean["desk1"], address) == traffic.SILENCE
    assert traffic.ping(clean["desk2"], address) == traffic.PASSED
    told = daemon.call("Explain", source=clean["desk1"].address(family), destination=address,
                       service="ssh")
    assert told["reason"] == "quarantine"


@pytest.mark.parametrize("kind, destination", [(TcpFlow, WORLD_V6), (UdpFlow, WORLD)])
def test_its_flows_are_cut_and_those_of_others_are_not(clean: Lab, daemon: Daemon, kind: type,
                                                       destination: str):
    daemon.start(POLICY)
    with (flow(kind, clean["desk1"], clean.world, destination) as cut,
          flow(kind, clean["desk2"], clean.world, destination, 9001) as kept):
        reply = daemon.call("Quarantine", host=DESK1_V6 if ":" in destination else DESK1)
        assert reply["flows_cut"] == 1
        assert not cut.lives()
        assert kept.lives()


def test_flows_that_others_opened_to_it_are_cut_as_well(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    with flow(TcpFlow, clean.world, clean["www1"], "192.0.2.80") as cut:
        assert daemon.call("Quarantine", host="www1")["flows_cut"] == 1
        assert not cut.lives()
    assert traffic.tcp(clean.world, clean["www1"], "192.0.2.80", 80) == traffic.SILENCE
    daemon.call("Release", host="www1")
    assert traffic.tcp(clean.world, clean["www1"], "192.0.2.80", 80) == traffic.PASSED


def test_flows_with_the_gateway_are_cut_whoever_opened_them(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    gateway = clean["gateway"]
    with (flow(TcpFlow, clean["desk1"], gateway, f"{LAN.ipv4}.1") as to_it,
          flow(TcpFlow, gateway, clean["desk1"], DESK1) as from_it):
        assert daemon.call("Quarantine", host=DESK1)["flows_cut"] == 2
        assert not to_it.lives() and not from_it.lives()


def test_the_second_takes_elements_alone_and_the_last_takes_the_chains_away(clean: Lab,
                                                                            daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Quarantine", host=DESK1)
    changes = daemon.status()["change"]["rules_added"]
    assert changes > 0
    with flow(UdpFlow, clean["desk2"], clean.world, WORLD) as cut:
        assert daemon.call("Quarantine", host="192.168.0.12")["flows_cut"] == 1
        assert not cut.lives()
    change = daemon.status()["change"]
    assert (change["rules_added"], change["elements_added"]) == (0, 1)
    daemon.call("Quarantine", host=DESK1, seconds=7200, why="longer than that")
    assert names(daemon) == ["192.168.0.12", DESK1]
    assert "timeout 2h" in daemon.table() and "by root: longer than that" in daemon.table()
    assert http(clean) == traffic.SILENCE
    daemon.call("Release", host=DESK1)
    assert daemon.status()["change"]["rules_deleted"] == 0
    assert (http(clean), http(clean, "desk2")) == (traffic.PASSED, traffic.SILENCE)
    daemon.call("Release", host="192.168.0.12")
    assert daemon.status()["change"]["rules_deleted"] > 0
    assert http(clean, "desk2") == traffic.PASSED
    assert daemon.reason_packets()["quarantine"] > 0, "what was counted stays"


def test_a_range_beside_another_of_the_role_takes_elements_alone(clean: Lab, daemon: Daemon):
    daemon.start(POLICY.replace('"192.168.0.12", "2001:db8:1::12"', '"192.168.0.12/31"'))
    daemon.call("Quarantine", host="office", seconds=3600)
    daemon.call("Quarantine", host="desk2", seconds=7200)
    change = daemon.status()["change"]
    assert (change["rules_added"], change["elements_added"]) == (0, 1)
    assert {http(clean, name) for name in ("desk1", "desk2", "desk3")} == {traffic.SILENCE}
    daemon.call("Release", host="office")
    assert daemon.status()["change"]["rules_deleted"] == 0
    assert [http(clean, name) for name in ("desk1", "desk2", "desk3")] == [
        traffic.PASSED, traffic.SILENCE, traffic.SILENCE]


def test_it_outlives_a_reload_a_crash_and_a_flush(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Quarantine", host=DESK1, seconds=3600, why="a worm")
    daemon.call("Quarantine", host="desk2")
    before = daemon.call("ListQuarantined")
    daemon.write(POLICY.replace('"ssh"', '"ssh", "http"'))
    assert daemon.call("Reload")["over"] == []
    assert {http(clean), http(clean, "desk2")} == {traffic.SILENCE}
    daemon.kill()
    assert {http(clean), http(clean, "desk2")} == {traffic.SILENCE}
    daemon.start()
    assert {http(clean), http(clean, "desk2")} == {traffic.SILENCE}
    assert daemon.call("ListQuarantined") == before
    clean.gateway.nft("flush ruleset")
    assert wait_for(lambda: "priority raw" in daemon.table())
    assert {http(clean), http(clean, "desk2")} == {traffic.SILENCE}
    status = daemon.status()
    assert (status["quarantined_hosts"], status["quarantined_addresses"]) == (1, 1)


def test_the_kernel_ends_it_though_the_daemon_is_dead(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Quarantine", host="192.168.0.12", seconds=1)
    daemon.call("Quarantine", host="office", seconds=1)
    end = time.monotonic() + 1
    daemon.kill()
    assert http(clean) == traffic.SILENCE
    time.sleep(max(0, end + SLACK - time.monotonic()))
    assert {http(clean), http(clean, "desk2")} == {traffic.PASSED}
    daemon.start()
    assert names(daemon) == []
    assert "Ended: quarantine of office" in daemon.log()


def test_a_configuration_without_the_host_ends_its_quarantine_but_not_that_of_an_address(
        clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Quarantine", host="desk2")
    daemon.call("Quarantine", host=DESK1)
    daemon.write(POLICY.replace("desk2", "desk_2").replace("office", "bureau"))
    over = daemon.call("Reload")["over"]
    assert ["desk2" in problem["text"] for problem in over] == [True]
    assert names(daemon) == [DESK1]
    assert (http(clean), http(clean, "desk2")) == (traffic.SILENCE, traffic.PASSED)


def test_an_address_that_nobody_has_counts_without_a_role(clean: Lab, daemon: Daemon):
    daemon.start(POLICY.replace('"192.168.0.0/24"', '"192.168.0.0/28"'))
    stray = clean["stray"]
    reply = daemon.call("Quarantine", host=stray.ipv4)
    assert (reply["quarantine"]["of"], reply["quarantine"]["role"]) == (None, None)
    assert traffic.tcp(stray, clean.world, WORLD, 80) == traffic.SILENCE
    line = daemon.blocked(1, source=stray.ipv4)[0]
    assert (line["reason"], line["host"], line["role"]) == ("quarantine", None, None)


def test_a_host_with_only_a_mac_is_stopped_whatever_address_it_takes(clean: Lab, daemon: Daemon):
    stray = clean["stray"]
    daemon.start(GATEWAY + f"""
roles = {{ desk = {{ outbound = [ "http", "tcp/9000" ]; }}; }};
hosts = ( {{ name = "laptop"; role = "desk"; mac = "{stray.mac}"; }},
          {{ name = "desk1"; role = "desk"; address = "{DESK1}"; }} );
""")
    with flow(TcpFlow, stray, clean.world, WORLD) as cut:
        reply = daemon.call("Quarantine", host="laptop")
        assert (reply["flows_cut"], reply["quarantine"]["addresses"]) == (1, 0)
        assert not cut.lives()
    assert traffic.tcp(stray, clean.world, WORLD, 80) == traffic.SILENCE
    stray.space.ip(f"address add {LAN.ipv4}.201/24 dev eth0")
    assert traffic.tcp(stray, clean.world, WORLD, 80,
                       source=f"{LAN.ipv4}.201") == traffic.SILENCE
    stray.space.ip(f"address del {LAN.ipv4}.201/24 dev eth0")
    assert http(clean) == traffic.PASSED


@pytest.mark.parametrize("host, word", [
    (f"{LAN.ipv4}.1", "gateway itself"), (f"{DMZ.ipv6}1", "gateway itself"),
    ("127.0.0.1", "gateway itself"), ("gw", "never put in quarantine"),
    (WORLD, "behind wan0"), ("ofice", '\\"office\\"'), ("0.0.0.0", "address of no host")])
def test_what_cannot_be_in_quarantine_is_refused_and_changes_nothing(daemon: Daemon, host: str,
                                                                     word: str):
    daemon.start(POLICY.replace("\n);", ',\n  { name = "gw"; role = "web"; self = true; }\n);'))
    before = daemon.table()
    with pytest.raises(varlink.Refused) as refused:
        daemon.call("Quarantine", host=host)
    assert refused.value.name == "io.egressd.RequestRejected"
    assert word in json.dumps(refused.value.parameters), refused.value.parameters
    assert daemon.table() == before and names(daemon) == []


def test_release_says_by_which_name_it_is_in_quarantine(daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Quarantine", host="office")
    done = daemon.ctl("release", DESK1)
    assert done.returncode == 1 and "as an address of host office" in done.stderr
    assert "is not in quarantine" in daemon.ctl("release", "www1").stderr


def test_what_a_person_asked_for_holds_in_audit_too(clean: Lab, daemon: Daemon):
    daemon.start(POLICY.replace('"enforce"', '"audit"', 1))
    daemon.call("Quarantine", host=DESK1)
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.SILENCE
    assert traffic.tcp(clean["desk2"], clean.world, WORLD, 25) == traffic.PASSED


def _dhcp(host: Host, destination: str, port: int) -> packet.Seen:
    payload = packet.udp(host.ipv4, destination, 68, port, b"lease")
    return packet.ethernet(host.mac, "ff:ff:ff:ff:ff:ff" if destination.endswith("255")
                           else host.gateway_mac, packet.ip(host.ipv4, destination, packet.UDP,
                                                            payload))


def test_it_may_keep_its_address_but_that_is_no_way_out(clean: Lab, daemon: Daemon):
    daemon.start(POLICY.replace('"http", ', '"http", "udp/67", '))
    daemon.call("Quarantine", host=DESK1)
    desk, gateway = clean["desk1"], clean["gateway"]
    with (traffic.open_socket(gateway, DESK1, socket.SOCK_DGRAM) as server,
          packet.tap(desk.space) as wire, packet.tap(clean.world.space) as world):
        server.settimeout(traffic.LONG_WAIT)
        server.bind(("0.0.0.0", 67))
        for destination in (f"{LAN.ipv4}.1", "255.255.255.255"):
            wire.send(_dhcp(desk, destination, 67))
            assert server.recv(64) == b"lease", destination
        world.drain()
        wire.send(_dhcp(desk, WORLD, 67))
        wire.send(_dhcp(desk, f"{LAN.ipv4}.1", 68))
        assert not any(seen.source == DESK1 for seen in world.receive(traffic.WAIT))
        server.settimeout(traffic.WAIT)
        with pytest.raises(TimeoutError):
            server.recv(64)


def test_who_and_why_are_shown_wherever_it_is(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    with daemon.connect(wait=5) as connection:
        connection.send({"method": "io.egressd.Monitor", "more": True})
        daemon.call("GetStatus")  # the stream is open once a later call is answered
        done = daemon.ctl("quarantine", "www1", "--for", "2h", "--why", "rootkit")
        assert (done.returncode, done.stderr) == (0, "")
        event = connection.receive()["parameters"]
        assert (event["kind"], "rootkit" in event["text"]) == ("quarantine", True)
    assert "www1 (2 addresses) is in quarantine now, until" in done.stdout
    assert "quarantine of www1, until" in daemon.log()
    assert "by root (uid 0): rootkit" in daemon.log()
    assert "by root: rootkit" in daemon.table()
    listed = daemon.ctl("quarantined").stdout
    for word in ("www1", "all of it", "web", "1 h 59 min", "root", "rootkit"):
        assert word in listed, listed
    told = daemon.call("Explain", source="192.0.2.80", destination=WORLD, service="http")
    assert (told["reason"], told["mode"], told["quarantine"]["why"]) == (
        "quarantine", "enforce", "rootkit")
    assert "may not initiate" in told["text"] and "by root: rootkit" in told["text"]
    told = daemon.call("Explain", source=DESK1, destination="192.0.2.80", service="http")
    assert told["verdict"] == "permitted" and "its answers are dropped" in told["text"]
    assert "1 whole host, 0 single addresses" in daemon.ctl("status").stdout


def alarms(daemon: Daemon) -> list[tuple[str, str, int]]:
    """Host or source, state and attempts of all alarms about quarantines."""
    return [(alarm["host"] or alarm["source"], alarm["state"], alarm["attempts"])
            for alarm in daemon.call("ListAlarms", all=True)["alarms"]
            if alarm["kind"] == "quarantine"]


@pytest.mark.parametrize("host, named", [("www1", "www1"), ("192.0.2.80", "www1")])
def test_its_alarm_counts_what_it_tries_and_is_over_with_it(clean: Lab, daemon: Daemon, host: str,
                                                            named: str):
    daemon.start(POLICY)
    daemon.call("Quarantine", host=host, seconds=3600, why="a worm")
    assert alarms(daemon) == [(named, "open", 0)]
    traffic.tcp(clean["www1"], clean.world, WORLD, 80)
    traffic.tcp(clean["www1"], clean.world, WORLD, 25)
    assert wait_for(lambda: alarms(daemon) == [(named, "open", 2)]), alarms(daemon)
    text = daemon.call("ListAlarms")["alarms"][0]["text"]
    assert "is in quarantine: until" in text and "by root: a worm. 2 attempts since" in text
    alarm, = daemon.call("ListAlarms")["alarms"]  # nothing else can be told of it
    shown = " ".join(daemon.ctl("alarms", "show", str(alarm["id"])).stdout.split())
    assert "quarantine" in shown and "by root: a worm" in shown and "tcp/25" in shown
    daemon.kill()
    daemon.start()
    assert [alarm[:2] for alarm in alarms(daemon)] == [(named, "open")]
    daemon.call("Release", host=host)
    assert [alarm[:2] for alarm in alarms(daemon)] == [(named, "cleared")]


def test_the_alarm_of_a_range_counts_what_any_of_it_tries_and_ends_with_the_chains(
        clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Quarantine", host="office", seconds=1)
    traffic.tcp(clean["desk1"], clean.world, WORLD, 80)
    traffic.tcp(clean["desk3"], clean.world, WORLD, 80)
    assert wait_for(lambda: alarms(daemon) == [("office", "open", 2)]), alarms(daemon)
    assert wait_for(lambda: alarms(daemon) == [("office", "cleared", 2)]), alarms(daemon)
    assert "Ended: quarantine of office" in daemon.log()
    assert "priority raw" not in daemon.table()
    assert http(clean) == traffic.PASSED


@pytest.mark.parametrize("method", ["Quarantine", "Release"])
def test_only_those_entitled_may_change_anything(daemon: Daemon, method: str):
    daemon.start(POLICY)
    (daemon.folder / "io.egressd").chmod(0o666)
    assert call_as(NOBODY, daemon.socket, method) == "io.egressd.PermissionDenied"
