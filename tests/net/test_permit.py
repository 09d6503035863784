# SPDX-License-Identifier: GPL-2.0-or-later
"""Permits: a host may initiate something more for a while, and no longer."""
import time

import pytest
import traffic
import varlink
from daemon import Daemon, egressctl, wait_for
from lab import WORLD, WORLD_V6, Lab
from policies import GATEWAY
from test_assign import SLACK, kept
from test_control import NOBODY, call_as
from test_revocation import TcpFlow, UdpFlow, flow

OTHER = "203.0.113.8"
POLICY = GATEWAY + """
networks = { mirror = [ "203.0.113.0/29", "2001:db8:ffff:0:1::7" ]; bad = [ "203.0.113.66" ]; };
blocklist = [ "bad" ];
services = { dump = [ "tcp/9000", "udp/9000" ]; };
roles = {
  desk = { outbound = [ "dns" ]; };
  web  = { outbound = [ ]; inbound = [ "http" ]; };
};
hosts = (
  { name = "desk1"; role = "desk"; address = [ "192.168.0.11", "2001:db8:1::11" ]; },
  { name = "www1"; role = "web"; address = [ "192.0.2.80", "2001:db8::80" ]; }
);
"""


def permit(daemon: Daemon, host: str, service: str, to: str | None = None, seconds: int = 3600,
           why: str = "a test") -> dict:
    """Permits it and gives the reply."""
    return daemon.call("Permit", host=host, service=service, to=to, seconds=seconds, why=why)


def http(lab: Lab, host: str = "desk1", destination: str = WORLD) -> str:
    """What becomes of http from a host to the world."""
    return traffic.tcp(lab[host], lab.world, destination, 80)


def permits(daemon: Daemon) -> list[int]:
    """The numbers of the permits in force."""
    return [line["id"] for line in daemon.call("ListPermits")["permits"]]


def test_a_permit_by_name_is_for_all_addresses_of_the_host(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    assert http(clean) == traffic.RESET
    reply = permit(daemon, "desk1", "http")
    assert http(clean) == http(clean, destination=WORLD_V6) == traffic.PASSED
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.RESET
    assert http(clean, "www1") == traffic.RESET
    assert (reply["kept"], permits(daemon)) == (True, [reply["permit"]["id"]])


def test_a_permit_by_address_is_for_that_address(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    permit(daemon, "192.168.0.11", "http")
    assert http(clean) == traffic.PASSED
    assert http(clean, destination=WORLD_V6) == traffic.RESET


def test_a_permit_for_an_address_of_nobody_comes_before_unassigned(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    assert http(clean, "stray") == traffic.RESET
    permit(daemon, clean["stray"].ipv4, "http")
    assert http(clean, "stray") == traffic.PASSED
    assert traffic.tcp(clean["stray"], clean.world, WORLD, 25) == traffic.RESET
    assert daemon.reason_packets() == {"unassigned": 2}


def test_a_permit_for_an_assigned_address_goes_with_the_address(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    stray = clean["stray"]
    permit(daemon, stray.ipv4, "http")
    daemon.call("Assign", address=stray.ipv4, role="desk")
    assert http(clean, "stray") == traffic.PASSED
    daemon.call("Unassign", address=stray.ipv4)
    assert http(clean, "stray") == traffic.PASSED


@pytest.mark.parametrize("to, far, near", [
    ("203.0.113.0/29", WORLD, OTHER), ("mirror", WORLD, OTHER), ("203.0.113.7", WORLD, OTHER),
])
def test_a_destination_limits_it(clean: Lab, daemon: Daemon, to: str, far: str, near: str):
    daemon.start(POLICY)
    permit(daemon, "desk1", "http", to)
    assert http(clean, destination=far) == traffic.PASSED
    assert http(clean, destination=near) == traffic.RESET


def test_a_host_as_destination_is_still_judged_by_its_inbound(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    desk, www = clean["desk1"], clean["www1"]
    permit(daemon, "desk1", "http", "host:www1")
    permit(daemon, "desk1", "ssh", "role:web")
    assert traffic.tcp(desk, www, www.ipv4, 80) == traffic.PASSED
    assert traffic.tcp(desk, www, www.ipv4, 22) == traffic.RESET
    assert daemon.reason_packets() == {"inbound": 1}
    assert http(clean) == traffic.RESET


def test_what_keeps_a_permit_from_having_an_effect_is_told(daemon: Daemon):
    daemon.start(POLICY)

    def notes(host: str, service: str, to: str | None = None) -> list[str]:
        return permit(daemon, host, service, to)["notes"]

    def line(word: str) -> str:
        number = next(i for i, text in enumerate(POLICY.splitlines(), 1) if word in text)
        return f"({daemon.config}:{number})"

    refused = f"still blocked to 192.0.2.80: role web may not be reached on ssh {line('web  =')}"
    listed = f"still blocked to 203.0.113.66: it is on the blocklist {line('blocklist')}"
    outside = f"{WORLD} is behind wan0, which is no inside interface: what it initiates is not judged"
    assert notes("desk1", "http") == notes("desk1", "http", "mirror") == []
    assert notes("desk1", "http", "host:www1") == []
    assert notes("desk1", "ssh", "role:web") == notes("desk1", "ssh", "192.0.2.80") == [refused]
    assert notes("desk1", "ssh", "bad") == [listed]
    assert notes(WORLD, "http") == [outside]
    daemon.call("Quarantine", host="www1")
    held = ", until egressctl release www1"
    assert notes("www1", "http") == [
        f"www1 is in quarantine: nothing that it sends goes anywhere{held}"]
    assert notes("desk1", "http", "role:web") == [
        f"192.0.2.80 is in quarantine: its answers are dropped{held}"]


def test_the_blocklist_wins(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    permit(daemon, "desk1", "http")
    permit(daemon, clean["stray"].ipv4, "http", "203.0.113.66")
    assert http(clean, destination="203.0.113.66") == traffic.RESET
    assert http(clean, "stray", "203.0.113.66") == traffic.RESET
    assert daemon.reason_packets()["blocklist"] == 1


@pytest.mark.parametrize("kind", [TcpFlow, UdpFlow])
def test_to_revoke_it_cuts_its_flows_and_no_others(clean: Lab, daemon: Daemon, kind: type):
    daemon.start(POLICY)
    one = permit(daemon, "desk1", "dump", WORLD)["permit"]["id"]
    permit(daemon, "desk1", "dump", OTHER)
    with (flow(kind, clean["desk1"], clean.world, WORLD) as cut,
          flow(kind, clean["desk1"], clean.world, OTHER) as left):
        assert daemon.call("Revoke", id=one)["flows_cut"] == 1
        assert not cut.lives()
        assert left.lives()
    with pytest.raises(varlink.Refused) as refused:
        daemon.call("Revoke", id=one)
    assert refused.value.name == "io.egressd.NoSuchPermit"


def test_the_kernel_ends_it_though_the_daemon_is_dead(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    permit(daemon, "desk1", "http", seconds=1)
    permit(daemon, "www1", "tcp/70-90", seconds=1)
    end = time.monotonic() + 1
    daemon.kill()
    assert http(clean) == http(clean, "www1") == traffic.PASSED
    time.sleep(max(0, end + SLACK - time.monotonic()))
    assert http(clean) == http(clean, "www1") == traffic.RESET


def test_its_end_cuts_the_flows_that_it_permitted(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    permit(daemon, "desk1", "dump", seconds=1)
    end = time.monotonic() + 1
    with (flow(TcpFlow, clean["desk1"], clean.world, WORLD) as tcp,
          flow(UdpFlow, clean["desk1"], clean.world, WORLD) as udp):
        time.sleep(max(0, end + SLACK - time.monotonic()))
        assert wait_for(lambda: "2 flows were cut" in daemon.log())
        assert not tcp.lives()
        assert not udp.lives()
    assert permits(daemon) == [] and kept(daemon) == []
    assert "permit_" not in daemon.table()


def test_it_outlives_a_reload_and_a_crash_and_its_number_is_never_used_again(clean: Lab,
                                                                             daemon: Daemon):
    daemon.start(POLICY)
    first = permit(daemon, "desk1", "http")["permit"]["id"]
    daemon.write(POLICY.replace('"dns"', '"dns", "ntp"'))
    daemon.call("Reload")
    assert http(clean) == traffic.PASSED
    daemon.kill()
    daemon.start()
    assert http(clean) == traffic.PASSED
    daemon.call("Revoke", id=first)
    daemon.kill()
    daemon.start()
    assert http(clean) == traffic.RESET
    assert permit(daemon, "desk1", "http")["permit"]["id"] > first


def test_a_configuration_without_its_host_ends_it_and_says_why(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    permit(daemon, "desk1", "dump", why="backup")
    with flow(TcpFlow, clean["desk1"], clean.world, WORLD) as cut:
        daemon.write(POLICY.replace("dump =", "pump ="))
        reply = daemon.call("Reload")
        assert not cut.lives()
    assert ["dump" in problem["text"] for problem in reply["over"]] == [True]
    assert permits(daemon) == []


@pytest.mark.parametrize("words, said", [
    (["desk2", "http"], "desk1"), (["desk1", "htpp"], "http"),
    (["desk1", "http", "to", "miror"], "mirror"), (["10.0.0.300", "http"], "10.0.0.300"),
])
def test_a_mistake_is_told_and_changes_nothing(daemon: Daemon, words: list[str], said: str):
    daemon.start(POLICY)
    done = daemon.ctl("permit", *words, "--for", "1h", "--why", "a test")
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr, done.stderr
    assert permits(daemon) == []


@pytest.mark.parametrize("options, missing", [
    ([], "--for, how long it lasts, and --why"), (["--for", "1h"], "--why"),
    (["--why", "x"], "--for"), (["--for", "1", "--why", "x"], "no duration"),
    (["--for", "0s", "--why", "x"], "no duration"),
])
def test_a_permit_without_an_end_or_a_reason_is_wrong_usage(options: list[str], missing: str):
    done = egressctl("permit", "desk1", "http", *options)
    assert done.returncode == 2
    assert missing in done.stderr


@pytest.mark.parametrize("method", ["Permit", "Revoke"])
def test_only_those_entitled_may_change_anything(daemon: Daemon, method: str):
    daemon.start(POLICY)
    (daemon.folder / "io.egressd").chmod(0o666)
    assert call_as(NOBODY, daemon.socket, method) == "io.egressd.PermissionDenied"


def test_who_and_why_are_shown_wherever_it_is(daemon: Daemon):
    daemon.start(POLICY)
    done = daemon.ctl("permit", "desk1", "http", "to", "mirror", "--for", "2h30m", "--why",
                      "new kernel")
    assert (done.returncode, done.stderr) == (0, "")
    assert "desk1 may initiate http to mirror now, until" in done.stdout
    assert "egressctl revoke 1 ends it" in done.stdout
    assert "by root (uid 0): new kernel" in daemon.log()
    assert "by root: new kernel" in daemon.table()
    listed = daemon.ctl("permits").stdout
    for word in ("desk1", "http", "mirror", "2 h 29 min", "root", "new kernel"):
        assert word in listed, listed
    answer = daemon.json("explain", "192.168.0.11", WORLD, "http")
    assert (answer["verdict"], answer["permit"]["id"], answer["line"]) == ("permitted", 1, None)
    assert "permit 1, until" in answer["text"] and "new kernel" in answer["text"]
    assert "1 for a while; see egressctl permits" in daemon.ctl("status").stdout
    assert daemon.ctl("revoke", "1").returncode == 0
    assert "by root (uid 0)" in daemon.log().splitlines()[-1]
    again = daemon.ctl("revoke", "1")
    assert again.returncode == 1 and "there is no permit 1" in again.stderr


def test_a_permit_that_was_asked_for_in_audit_mode_changes_the_verdict(clean: Lab,
                                                                       daemon: Daemon):
    daemon.start(POLICY.replace('mode = "enforce"', 'mode = "audit"'))
    assert http(clean) == traffic.PASSED
    assert daemon.reason_packets() == {"role": 1}
    permit(daemon, "desk1", "http")
    assert http(clean) == traffic.PASSED
    assert daemon.reason_packets() == {"role": 1}


def test_ends_in_the_midst_of_reloads_leave_nothing_behind(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    end = time.monotonic() + 2 + SLACK
    for number in range(12):
        permit(daemon, "desk1", f"tcp/{1000 + number}", seconds=1 + number % 2)
        daemon.call("Assign", address=f"192.168.0.{100 + number}", role="desk",
                    seconds=1 + number % 2)
    rounds = 0
    while time.monotonic() < end or permits(daemon):
        daemon.write(POLICY.replace('"dns"', '"dns", "ntp"') if rounds % 2 else POLICY)
        assert daemon.call("Reload")["over"] == []
        rounds += 1
        assert time.monotonic() < end + 20, permits(daemon)
    assert daemon.status()["degraded"] == [] and kept(daemon) == []
    assert "permit_" not in daemon.table() and "192.168.0.100" not in daemon.table()
    assert http(clean) == traffic.RESET
