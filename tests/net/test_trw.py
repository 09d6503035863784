# SPDX-License-Identifier: GPL-2.0-or-later
"""The random walk of first contacts (TRW): who fails as scanners do, where what succeeds is known.

A first contact fails when it is blocked, and succeeds when it is permitted: here, udp/53.
"""
import contextlib
import errno
import signal

import packet
import pytest
import traffic
from daemon import Daemon, wait_for
from lab import Host, Lab
from policies import GATEWAY, UNOWNED
from test_bad_times import bind_group, packet_log

GROUP = 101  # gateway.contact_group when nothing else is said
FAMILIES = pytest.mark.parametrize("family", [4, 6])
ON = "detection = { trw = { enabled = true; }; };"


def policy(detection: str = ON, role: str = "", gateway: str = GATEWAY, hosts: str = "") -> str:
    """Desks that may ping and ask name servers; desk1 and desk2 are hosts of their own."""
    return f"""{gateway}{detection}
roles = {{ desk = {{ inbound = [ ]; outbound = [ "ping", "dns" ]; {role} }};
          web  = {{ inbound = [ "ssh" ]; outbound = [ ]; }}; }};
hosts = (
  {{ name = "desk1"; role = "desk"; address = [ "192.168.0.11", "2001:db8:1::11" ]; }},
  {{ name = "desk2"; role = "desk"; address = [ "192.168.0.12", "2001:db8:1::12" ]; }},
  {{ name = "www1"; role = "web"; address = [ "192.0.2.80", "2001:db8::80" ]; }}{hosts}
);
"""


def somebody(number: int, family: int = 4) -> str:
    """An address of the world."""
    return f"203.0.113.{number}" if family == 4 else f"2001:db8:ffff:0:1::{number:x}"


def fail(host: Host, *numbers: int, family: int = 4) -> None:
    """Tries what is blocked, at each."""
    for number in numbers:
        with contextlib.suppress(OSError):
            traffic.connect(host, somebody(number, family), 25).close()


def succeed(lab: Lab, host: str, *numbers: int, family: int = 4) -> None:
    """Asks each for a name."""
    for number in numbers:
        assert traffic.udp(lab[host], lab.world, somebody(number, family), 53) == traffic.PASSED


def told(daemon: Daemon, attempts: int) -> list[dict]:
    """The alarms, once that many attempts were seen."""
    assert wait_for(lambda: daemon.status()["detection"]["attempts"] >= attempts)
    return daemon.call("ListAlarms")["alarms"]


@FAMILIES
def test_four_failed_first_contacts_in_a_row_are_an_alarm(clean: Lab, daemon: Daemon, family: int):
    daemon.start(policy())
    fail(clean["desk1"], 1, 2, 3, 3, 2, family=family)
    assert told(daemon, 5) == [], "again the same is no first contact"
    fail(clean["desk2"], 4, family=family)
    assert told(daemon, 6) == [], "each host by itself"
    fail(clean["desk1"], 4, family=family)
    alarm, = told(daemon, 7)
    assert (alarm["kind"], alarm["severity"], alarm["host"]) == ("trw", "warning", "desk1")
    assert alarm["text"].startswith(
        f"desk1 ({clean['desk1'].address(family)}, desk) makes first contacts that fail as those "
        f"of a scanner do: 4 failed and 0 succeeded until it was noticed; the last attempt was "
        f"tcp/25 to {somebody(4, family)}.")
    card = daemon.call("GetAlarm", id=alarm["id"])["card"]
    assert (card["distinct"], card["succeeded"]) == (4, 0)
    shown = daemon.ctl("alarms", "show", str(alarm["id"])).stdout
    assert "4 first ones failed and 0 succeeded" in shown and "Distinct" not in shown
    assert daemon.status()["notices"] == []


@FAMILIES
def test_who_contacts_as_many_as_it_may_is_no_scanner(clean: Lab, daemon: Daemon, family: int):
    daemon.start(policy())
    desk = clean["desk1"]
    for number in range(1, 20):
        succeed(clean, "desk1", 100 + number, 100 + number, family=family)
        fail(desk, number, family=family)
    assert told(daemon, 19) == []
    contacts = daemon.status()["contacts"]
    assert contacts == {"known": True, "heard": 19, "lost": 0, "gaps": 0, "no_room": 0}
    assert "19 permitted first ones told, none lost" in daemon.ctl("status").stdout
    # Four more that fail than that succeed, counted in the order in which they were made.
    fail(desk, 31, 32, family=family)
    succeed(clean, "desk1", 131, family=family)
    fail(desk, 33, 34, 35, family=family)
    alarm, = told(daemon, 24)
    assert "24 failed and 20 succeeded" in alarm["text"]


def test_a_destination_that_blocks_it_is_a_failed_contact_and_no_success(clean: Lab,
                                                                        daemon: Daemon):
    daemon.start(policy())
    for last in (80, 81, 82, 83):  # www1 is pinged: its role permits ssh alone
        traffic.ping(clean["desk1"], f"192.0.2.{last}", wait=0.02)
    assert told(daemon, 1) == []
    assert daemon.status()["contacts"]["heard"] == 3
    fail(clean["desk1"], 1, 2, 3)
    assert told(daemon, 4) == []


def test_what_audit_lets_pass_is_a_failed_contact_all_the_same(clean: Lab, daemon: Daemon):
    daemon.start(policy().replace('outbound = [ ]; }; };', 'outbound = [ ]; mode = "audit"; }; };'))
    assert traffic.ping(clean["desk1"], "192.0.2.80") == traffic.PASSED
    fail(clean["desk1"], 1, 2)
    assert told(daemon, 3) == []
    fail(clean["desk1"], 3)
    alarm, = told(daemon, 4)
    assert "4 failed and 0 succeeded" in alarm["text"]
    assert daemon.status()["contacts"]["heard"] == 1


@pytest.mark.parametrize("browses", [True, False])
def test_a_browser_that_tries_quic_first_has_not_failed(clean: Lab, daemon: Daemon, browses: bool):
    daemon.start(policy().replace('"ping", ', '"ping", "https", ' if browses else '"ping", '))
    for number in range(1, 7):
        assert traffic.udp(clean["desk1"], clean.world, somebody(number), 443) != traffic.PASSED
    assert [alarm["kind"] for alarm in told(daemon, 6)] == ([] if browses else ["trw"])


def test_the_gateway_itself_is_not_judged(clean: Lab, daemon: Daemon):
    daemon.start(policy(hosts=', { name = "gw"; role = "desk"; self = true; }'))
    fail(clean["gateway"], *range(1, 8))
    assert told(daemon, 7) == []


def test_it_is_off_unless_asked_for_and_then_costs_nothing(clean: Lab, daemon: Daemon):
    daemon.start(policy("", gateway=UNOWNED))
    fail(clean["desk1"], *range(1, 8))
    succeed(clean, "desk1", 100)
    assert told(daemon, 7) == []
    assert daemon.status()["contacts"] is None
    assert "contact" not in daemon.table()
    with packet_log(clean.gateway) as other:
        assert bind_group(other, GROUP) == 0, "nobody listens"

    daemon.write(policy(gateway=UNOWNED))
    daemon.call("Reload")
    assert "chain contact_desk" in daemon.table() and "set contacted6" in daemon.table()
    with packet_log(clean.gateway) as other:
        assert bind_group(other, GROUP) in (errno.EPERM, errno.EBUSY)
    succeed(clean, "desk1", 100)
    assert wait_for(lambda: daemon.status()["contacts"]["heard"] == 1)

    daemon.write(policy(role="detection = { trw = { enabled = false; }; };", gateway=UNOWNED))
    daemon.call("Reload")
    assert "contact_desk" not in daemon.table() and "contact_web" in daemon.table()
    assert {role["name"]: role["trw"]
            for role in daemon.call("ListRoles")["roles"]} == {"desk": False, "web": True}
    assert daemon.ctl("roles").stdout.count(", trw") == 1
    daemon.write(policy("", gateway=UNOWNED))
    daemon.call("Reload")
    assert "contact" not in daemon.table()
    assert daemon.call("ListAlarms")["alarms"] == [], "nobody else was at the table"
    with packet_log(clean.gateway) as other:
        assert bind_group(other, GROUP) == 0


def test_while_another_program_reads_the_contacts_nobody_is_judged(clean: Lab, daemon: Daemon):
    with packet_log(clean.gateway) as other:
        assert bind_group(other, GROUP) == 0
        daemon.start(policy())
        status = daemon.status()
        assert status["state"] == "degraded"
        assert any(f"NFLOG group {GROUP} is read by another program" in text and
                   "gateway.contact_group" in text for text in status["degraded"])
        succeed(clean, "desk1", 100)
        fail(clean["desk1"], *range(1, 8))
        assert told(daemon, 7) == []
        assert not daemon.status()["contacts"]["known"]
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 10)
    fail(clean["desk1"], 1, 2, 3, 11, 12, 13)
    assert told(daemon, 13) == [], "what it tried before is no first contact, nor did it count"
    fail(clean["desk1"], 14)
    assert len(told(daemon, 14)) == 1


def test_when_contacts_were_lost_nobody_is_judged_by_what_is_missing(clean: Lab, daemon: Daemon):
    daemon.start(policy())
    desk1, desk2 = clean["desk1"], clean["desk2"]
    fail(desk1, 1, 2, 3)
    assert told(daemon, 3) == []
    frames = [packet.ethernet(desk2.mac, desk2.gateway_mac,
                              packet.ip(desk2.ipv6, f"2001:db8:ffff:0:1::{n:x}", packet.UDP,
                                        packet.udp(desk2.ipv6, f"2001:db8:ffff:0:1::{n:x}",
                                                   5353, 53)))
              for n in range(0x1000, 0x1000 + 24000)]
    daemon.signal(signal.SIGSTOP)
    with packet.tap(desk2.space) as wire:
        for frame in frames:
            wire.send(frame)
    succeed(clean, "desk1", *range(101, 111))  # which nobody hears
    fail(desk1, 4, 5, 6, 7)
    daemon.signal(signal.SIGCONT)
    found = told(daemon, 7)
    status = daemon.status()
    assert found == [], (found, status["contacts"])
    assert status["contacts"]["gaps"] == 1 and status["state"] == "enforcing"
    assert wait_for(lambda: daemon.status()["contacts"]["known"])
    # All is told anew, so that a gap of before is seen for what it is.
    succeed(clean, "desk1", 101)
    assert wait_for(lambda: daemon.status()["contacts"]["lost"])
    contacts = daemon.status()["contacts"]
    assert contacts["known"] and contacts["gaps"] == 1
    fail(desk1, 11, 12, 13, 14, 15)
    assert len(told(daemon, 12)) == 1
    assert "permitted contacts may have been missed" in daemon.log()


def test_when_somebody_changed_the_table_contacts_may_be_missing(clean: Lab, daemon: Daemon):
    daemon.start(policy(gateway=UNOWNED))
    fail(clean["desk1"], 1, 2, 3)
    assert told(daemon, 3) == []
    clean.gateway.nft("flush chain inet egressd contact_desk")
    assert wait_for(lambda: daemon.status()["contacts"]["gaps"] == 1)
    assert wait_for(lambda: daemon.status()["contacts"]["known"])
    fail(clean["desk1"], 4, 5, 6)
    assert [alarm["kind"] for alarm in told(daemon, 6)] == ["tamper"], "all begin anew"
    fail(clean["desk1"], 7)
    assert len(told(daemon, 7)) == 2


def test_a_restart_begins_anew_with_all_that_is_contacted_from_then_on(clean: Lab, daemon: Daemon):
    daemon.start(policy())
    succeed(clean, "desk1", 101)
    daemon.stop()
    daemon.start()
    succeed(clean, "desk1", 101)  # the kernel knows the pair from before
    assert wait_for(lambda: daemon.status()["contacts"]["heard"] == 1)
    assert daemon.status()["contacts"]["known"]
