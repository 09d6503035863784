# SPDX-License-Identifier: GPL-2.0-or-later
"""A role may name the alarms that put a host in quarantine: real packets do, forged ones do not."""
import itertools
import time

import packet
import pytest
import traffic
from daemon import Daemon, wait_for
from lab import WORLD, WORLD_V6, Host, Lab
from policies import GATEWAY

SLACK = 0.3  # seconds that an end may be late
_ports = itertools.count(20000)  # another one is another attempt


def policy(quarantine: str, more: str = "", mode: str = "enforce") -> str:
    """An office and a web server whose role says that; time is scaled."""
    return GATEWAY.replace("enforce", mode) + f"""
detection = {{ beacon = {{ span = "1s"; near = 25; }};
              scan = {{ hosts = 5; span = "10s"; ports = 5; ports_span = "10s"; }}; }};
roles = {{
  server = {{ tripwire = true; quarantine = {{ {quarantine} }}; {more} }};
  web  = {{ inherits = [ "server" ]; inbound = [ "http" ]; }};
  desk = {{ outbound = [ "http" ]; quarantine = {{ {quarantine} }}; {more} }};
}};
hosts = (
  {{ name = "office"; role = "desk"; address = [ "192.168.0.0/24", "2001:db8:1::/64" ]; }},
  {{ name = "www1"; role = "web"; address = [ "192.0.2.80", "2001:db8::80" ]; }}
);
"""


def scan(host: Host, source: str | None = None, ports: tuple = (135,)) -> None:
    """SYNs to seven hosts, from the host's own MAC whatever the source."""
    source = source or host.ipv4
    with packet.tap(host.space) as wire:
        for last in range(1, 8):
            for port in ports:
                destination = f"203.0.113.{last}"
                segment = packet.tcp(source, destination, next(_ports), port)
                wire.send(packet.ethernet(host.mac, host.gateway_mac,
                                          packet.ip(source, destination, packet.TCP, segment)))


def quarantined(daemon: Daemon) -> list[tuple[str, str, bool]]:
    """Who is in quarantine, why, and whether by himself."""
    return [(line["host"], line["why"].split(",")[0], line["automatic"])
            for line in daemon.call("ListQuarantined")["quarantined"]]


def assert_put_there(daemon: Daemon, *expected: tuple[str, str]) -> None:
    """These are in quarantine by themselves, and nobody else."""
    wanted = [(host, why, True) for host, why in expected]
    assert wait_for(lambda: quarantined(daemon) == wanted), (quarantined(daemon), daemon.log())


def http(lab: Lab, name: str) -> str:
    """What becomes of http from a host to the world."""
    return traffic.tcp(lab[name], lab.world, WORLD, 80)


def test_a_tripwire_puts_the_whole_machine_there_and_its_heirs_have_it_too(clean: Lab,
                                                                          daemon: Daemon):
    daemon.start(policy('on = [ "tripwire" ]; for = "2h";'))
    assert traffic.tcp(clean.world, clean["www1"], "192.0.2.80", 80) == traffic.PASSED
    traffic.tcp(clean["www1"], clean.world, WORLD, 21)
    assert_put_there(daemon, ("www1", "tripwire"))
    assert traffic.tcp(clean.world, clean["www1"], "192.0.2.80", 80) == traffic.SILENCE
    assert traffic.tcp(clean["www1"], clean.world, WORLD_V6, 21) == traffic.SILENCE
    assert "by egressd: tripwire, alarm 1" in daemon.table()
    kinds = {alarm["kind"] for alarm in daemon.call("ListAlarms")["alarms"]}
    assert kinds == {"tripwire", "quarantine"}
    line, = daemon.call("ListQuarantined")["quarantined"]
    assert line["until"] - line["since"] == 2 * 3600 * 10**6
    daemon.kill()
    daemon.start()
    assert_put_there(daemon, ("www1", "tripwire"))


def test_a_scan_puts_the_one_address_of_a_range_there(clean: Lab, daemon: Daemon):
    daemon.start(policy('on = [ "beacon", "scan" ];'))
    assert http(clean, "desk2") == traffic.PASSED
    scan(clean["desk2"])
    assert_put_there(daemon, (clean["desk2"].ipv4, "scan"))
    assert http(clean, "desk2") == traffic.SILENCE
    assert http(clean, "desk1") == traffic.PASSED


def test_a_beacon_puts_it_there(clean: Lab, daemon: Daemon):
    daemon.start(policy('on = "beacon";'))
    begun = time.monotonic()
    for i in range(4):
        time.sleep(max(0.0, begun + i * 1.1 - time.monotonic()))
        traffic.tcp(clean["desk1"], clean.world, WORLD, 25)
    assert_put_there(daemon, (clean["desk1"].ipv4, "beacon"))
    assert http(clean, "desk1") == traffic.SILENCE


def test_alarms_that_the_role_does_not_name_put_nobody_there(clean: Lab, daemon: Daemon):
    daemon.start(policy('on = [ "beacon" ];'))
    scan(clean["desk1"])
    traffic.tcp(clean["www1"], clean.world, WORLD, 21)
    assert wait_for(lambda: len(daemon.call("ListAlarms")["alarms"]) == 2)
    assert quarantined(daemon) == []


def test_an_address_that_answers_with_another_mac_is_not_put_there(clean: Lab, daemon: Daemon):
    daemon.start(policy('on = [ "scan" ];'))
    victim, forger = clean["desk1"], clean["desk3"]
    assert http(clean, "desk1") == traffic.PASSED
    scan(forger, source=victim.ipv4)
    assert wait_for(lambda: "so that it may be forged" in daemon.log()), daemon.log()
    assert f"came from MAC {forger.mac}" in daemon.log() and victim.mac in daemon.log()
    assert quarantined(daemon) == []
    assert http(clean, "desk1") == traffic.PASSED


def test_an_address_that_nobody_answers_for_is_not_put_there(clean: Lab, daemon: Daemon):
    daemon.start(policy('on = [ "scan" ];'))
    scan(clean["desk3"], source="192.168.0.111")
    assert wait_for(lambda: "nobody answers for that address" in daemon.log()), daemon.log()
    assert quarantined(daemon) == [] and daemon.status()["degraded"] == []


def test_spoofed_and_impostor_attempts_put_nobody_there(clean: Lab, daemon: Daemon):
    bound = policy('on = [ "scan", "portscan", "beacon", "tripwire" ];').replace(
        '"2001:db8::80" ]', '"2001:db8::80" ]; mac = "' + clean["www1"].mac + '"')
    daemon.start(bound)
    scan(clean["mail1"], source="192.0.2.80", ports=(21, 22, 23))
    scan(clean["mail1"], source=clean["desk1"].ipv4)
    gateway = "192.0.2.1"
    scan(clean["mail1"], source=gateway)
    assert wait_for(lambda: set(daemon.reason_packets()) >= {"impostor", "spoofed"})
    daemon.blocked(28)
    assert {alarm["kind"] for alarm in daemon.call("ListAlarms")["alarms"]} <= {
        "impostor", "unassigned", "scan"}
    assert quarantined(daemon) == []
    assert traffic.tcp(clean.world, clean["www1"], "192.0.2.80", 80) == traffic.PASSED


def test_no_more_than_so_many_of_a_role_are_put_there_and_that_is_said(clean: Lab,
                                                                     daemon: Daemon):
    daemon.start(policy('on = [ "scan" ]; most = 1;'))
    scan(clean["desk1"])
    assert_put_there(daemon, (clean["desk1"].ipv4, "scan"))
    scan(clean["desk2"])
    assert wait_for(lambda: daemon.status()["degraded"]), daemon.log()
    assert "192.168.0.12 (scan, alarm" in daemon.status()["degraded"][0]
    assert "1 of role desk are there already" in daemon.log()
    assert http(clean, "desk2") == traffic.PASSED
    assert daemon.ctl("quarantine", "192.168.0.12").returncode == 0, "a person has no limit"
    assert daemon.status()["degraded"] == []


def test_no_more_than_four_are_put_there_within_a_minute(clean: Lab, daemon: Daemon):
    daemon.start(policy('on = [ "scan" ];'))
    desk = clean["desk1"]
    more = [f"192.168.0.{last}" for last in range(101, 106)]
    for address in more:
        desk.space.ip(f"address add {address}/24 dev eth0")
        traffic.tcp(desk, clean.world, WORLD, 80, source=address)
        scan(desk, source=address)
    assert wait_for(lambda: "within a minute" in daemon.log()), daemon.log()
    assert len(quarantined(daemon)) == 4
    assert http(clean, "desk1") == traffic.PASSED
    for address in more:
        desk.space.ip(f"address del {address}/24 dev eth0")


def test_in_audit_mode_it_is_told_and_nobody_is_put_there(clean: Lab, daemon: Daemon):
    daemon.start(policy('on = [ "scan" ];', mode="audit"))
    scan(clean["desk1"])
    assert wait_for(lambda: "it would be, but its mode is audit" in daemon.log()), daemon.log()
    assert quarantined(daemon) == []


def test_who_is_released_is_not_put_there_again_by_the_same_alarm(clean: Lab, daemon: Daemon):
    daemon.start(policy('on = [ "scan" ];'))
    scan(clean["desk1"])
    assert_put_there(daemon, (clean["desk1"].ipv4, "scan"))
    assert daemon.ctl("release", clean["desk1"].ipv4).returncode == 0
    states = {alarm["kind"]: alarm["state"]
              for alarm in daemon.call("ListAlarms", all=True)["alarms"]}
    assert states == {"scan": "acknowledged", "quarantine": "cleared"}
    assert all(alarm[alarm["state"]]["user"] == "root"
               for alarm in daemon.call("ListAlarms", all=True)["alarms"])
    scan(clean["desk1"])
    daemon.blocked(14)
    time.sleep(SLACK)
    assert quarantined(daemon) == []


def test_who_goes_on_when_it_ended_is_put_there_again_unless_somebody_looks_after_it(
        clean: Lab, daemon: Daemon):
    daemon.start(policy('on = [ "scan" ]; for = "1s";'))
    scan(clean["desk1"])
    assert_put_there(daemon, (clean["desk1"].ipv4, "scan"))
    assert wait_for(lambda: quarantined(daemon) == [])
    scan(clean["desk1"])
    assert_put_there(daemon, (clean["desk1"].ipv4, "scan"))
    assert wait_for(lambda: quarantined(daemon) == [])
    alarm, = daemon.call("ListAlarms")["alarms"]
    daemon.call("AckAlarm", id=alarm["id"])
    scan(clean["desk1"])
    daemon.blocked(21)
    time.sleep(SLACK)
    assert quarantined(daemon) == []
