# SPDX-License-Identifier: GPL-2.0-or-later
"""Assignments: an address takes a role at once, without the file, and for as long as was said."""
import json
import subprocess
import time

import pytest
import traffic
import varlink
from daemon import Daemon, wait_for
from lab import WORLD, WORLD_V6, Lab
from policies import GATEWAY, UNOWNED
from test_control import NOBODY, call_as
from test_revocation import TcpFlow, UdpFlow, flow

POLICY = GATEWAY + """
roles = {
  desk  = { outbound = [ "http", "tcp/9000", "udp/9000" ]; };
  lab   = { outbound = [ "smtp" ]; };
  guest = { outbound = [ ]; };
};
hosts = (
  { name = "guests"; role = "guest"; address = [ "192.168.0.0/24", "2001:db8:1::/64" ]; },
  { name = "printer"; role = "guest"; address = "192.168.0.12"; }
);
"""
DESK1 = "192.168.0.11"
SLACK = 0.3  # seconds that an end may be late


def http(lab: Lab, destination: str = WORLD) -> str:
    """What becomes of http from desk1 to the world."""
    return traffic.tcp(lab["desk1"], lab.world, destination, 80)


def assignments(daemon: Daemon) -> list[str]:
    """The addresses that are assigned."""
    return [line["address"] for line in daemon.call("ListAssignments")["assignments"]]


def kept(daemon: Daemon) -> list[dict]:
    """The requests in the state directory."""
    return json.loads((daemon.state / "requests.json").read_text())["requests"]


@pytest.mark.parametrize("address, destination", [
    (DESK1, WORLD), ("2001:db8:1::11", WORLD_V6)])
def test_an_assignment_takes_effect_at_once(clean: Lab, daemon: Daemon, address: str,
                                            destination: str):
    daemon.start(POLICY)
    assert http(clean, destination) == traffic.RESET
    reply = daemon.call("Assign", address=address, role="desk")
    assert http(clean, destination) == traffic.PASSED
    assert (reply["assignment"]["address"], reply["assignment"]["until"]) == (address, None)
    assert reply["kept"] is True
    daemon.call("Unassign", address=address)
    assert http(clean, destination) == traffic.RESET
    assert assignments(daemon) == []


def test_an_address_that_nobody_has_can_be_assigned(clean: Lab, daemon: Daemon):
    daemon.start(POLICY.replace('"192.168.0.0/24"', '"192.168.0.0/28"'))
    stray = clean["stray"]
    assert traffic.tcp(stray, clean.world, WORLD, 25) == traffic.RESET
    assert [line["reason"] for line in daemon.blocked(1)] == ["unassigned"]
    daemon.call("Assign", address=stray.ipv4, role="lab")
    assert traffic.tcp(stray, clean.world, WORLD, 25) == traffic.PASSED
    assert traffic.tcp(stray, clean.world, WORLD, 80) == traffic.RESET
    blocked = daemon.blocked(2, host=stray.ipv4)
    assert [(line["host"], line["role"]) for line in blocked] == [(stray.ipv4, "lab")]


def test_the_reply_says_before_whom_it_goes_what_it_replaces_and_what_is_after_it(daemon: Daemon):
    daemon.start(POLICY)
    first = daemon.call("Assign", address=DESK1, role="desk", seconds=3600, why="a visitor")
    assert first["replaced"] is None
    assert first["notes"] == [
        f"it goes before host guests (role guest), to which {DESK1} belongs otherwise"]
    second = daemon.ctl("assign", DESK1, "lab").stdout
    assert "Was         role desk, until" in second
    assert "by root: a visitor" in " ".join(second.split()), "wherever the line breaks"
    assert daemon.call("Unassign", address=DESK1)["notes"] == [
        "it belongs to host guests again, with role guest"]
    daemon.call("Assign", address="192.168.7.7", role="desk")
    assert daemon.call("Unassign", address="192.168.7.7")["notes"] == [
        "it is no host now: what it initiates is unassigned"]


def test_who_is_never_judged_by_a_role_is_told_of_or_refused(daemon: Daemon):
    daemon.start(POLICY)
    assert daemon.call("Assign", address=WORLD, role="desk")["notes"] == [
        f"{WORLD} is behind wan0, which is no inside interface: what it initiates is not judged"]
    done = daemon.ctl("assign", "192.168.0.1", "desk")
    assert done.returncode == 1
    assert "192.168.0.1 is an address of the gateway itself" in done.stderr
    assert assignments(daemon) == [WORLD]


def test_what_the_file_names_is_refused_with_the_line_that_does(daemon: Daemon):
    daemon.start(POLICY)
    done = daemon.ctl("assign", "192.168.0.12", "desk")
    line = next(i for i, text in enumerate(POLICY.splitlines(), 1) if "192.168.0.12" in text)
    assert done.returncode == 1
    assert "printer" in done.stderr and f"{daemon.config}:{line}" in done.stderr
    assert assignments(daemon) == []


@pytest.mark.parametrize("address, role, error, word", [
    (DESK1, "dsek", "io.egressd.RequestRejected", "desk"),
    ("here", "desk", "org.varlink.service.InvalidParameter", "address"),
])
def test_a_mistake_is_told_and_changes_nothing(daemon: Daemon, address: str, role: str,
                                               error: str, word: str):
    daemon.start(POLICY)
    before = daemon.table()
    with pytest.raises(varlink.Refused) as refused:
        daemon.call("Assign", address=address, role=role)
    assert refused.value.name == error
    assert word in str(refused.value.parameters)
    assert daemon.table() == before


@pytest.mark.parametrize("parameters", [
    {"seconds": 0}, {"seconds": -1}, {"seconds": 2**62}, {"why": "x" * 161}, {"why": "a\nb"},
    {"why": ""}])
def test_what_no_request_can_be_is_refused(daemon: Daemon, parameters: dict):
    daemon.start(POLICY)
    with pytest.raises(varlink.Refused) as refused:
        daemon.call("Assign", address=DESK1, role="desk", **parameters)
    assert refused.value.name == "io.egressd.RequestRejected"
    assert refused.value.parameters["problems"][0]["file"] == "assign"


def test_a_second_assignment_takes_the_place_of_the_first(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Assign", address=DESK1, role="desk")
    daemon.call("Assign", address=DESK1, role="lab", seconds=3600, why="moved")
    assert http(clean) == traffic.RESET
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.PASSED
    assert [(line["role"], line["why"]) for line in
            daemon.call("ListAssignments")["assignments"]] == [("lab", "moved")]


def test_it_outlives_a_reload_and_a_crash(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Assign", address=DESK1, role="desk", seconds=3600, why="a while")
    before = daemon.call("ListAssignments")
    daemon.write(POLICY.replace('"smtp"', '"smtp", "dns"'))
    assert daemon.call("Reload")["over"] == []
    assert http(clean) == traffic.PASSED
    daemon.kill()
    assert http(clean) == traffic.PASSED
    daemon.start()
    assert http(clean) == traffic.PASSED
    assert daemon.call("ListAssignments") == before
    assert daemon.status()["assignments"] == 1


def test_the_kernel_ends_it_though_the_daemon_is_dead(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Assign", address=DESK1, role="desk", seconds=1)
    end = time.monotonic() + 1
    daemon.kill()
    assert http(clean) == traffic.PASSED
    time.sleep(max(0, end + SLACK - time.monotonic()))
    assert http(clean) == traffic.RESET
    daemon.start()
    assert assignments(daemon) == []
    assert "Ended: role desk for 192.168.0.11" in daemon.log()


def test_its_end_cuts_the_flows_that_it_permitted(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Assign", address=DESK1, role="desk", seconds=1)
    end = time.monotonic() + 1
    with (flow(TcpFlow, clean["desk1"], clean.world, WORLD) as tcp,
          flow(UdpFlow, clean["desk1"], clean.world, WORLD) as udp):
        time.sleep(max(0, end + SLACK - time.monotonic()))
        assert wait_for(lambda: "2 flows were cut" in daemon.log())
        assert not tcp.lives()
        assert not udp.lives()
        assert assignments(daemon) == [] and kept(daemon) == []
        assert daemon.reason_packets() == {}


def test_a_flow_whose_permission_ended_while_the_daemon_was_dead_is_cut_at_the_start(
        clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Assign", address=DESK1, role="desk", seconds=1)
    with flow(TcpFlow, clean["desk1"], clean.world, WORLD) as cut:
        daemon.kill()
        time.sleep(1 + SLACK)
        daemon.start()
        assert not cut.lives()


@pytest.mark.parametrize("kind", [TcpFlow, UdpFlow])
def test_unassign_cuts_flows(clean: Lab, daemon: Daemon, kind: type):
    daemon.start(POLICY)
    daemon.call("Assign", address=DESK1, role="desk")
    with flow(kind, clean["desk1"], clean.world, WORLD) as cut:
        assert daemon.call("Unassign", address=DESK1)["flows_cut"] == 1
        assert not cut.lives()
    with pytest.raises(varlink.Refused) as refused:
        daemon.call("Unassign", address=DESK1)
    assert refused.value.name == "io.egressd.NoSuchAssignment"


@pytest.mark.parametrize("kind", [TcpFlow, UdpFlow])
@pytest.mark.parametrize("destination", [WORLD, WORLD_V6])
def test_the_flow_of_a_host_known_by_mac_alone_is_cut_too(clean: Lab, daemon: Daemon, kind: type,
                                                          destination: str):
    stray = clean["stray"]
    daemon.start(GATEWAY + f"""
roles = {{ desk = {{ outbound = [ "tcp/9000", "udp/9000" ]; }}; guest = {{ outbound = [ ]; }}; }};
hosts = ( {{ name = "laptop"; role = "desk"; mac = "{stray.mac}"; }} );
""")
    six = ":" in destination
    with flow(kind, stray, clean.world, destination) as cut:
        daemon.call("Assign", address="2001:db8:1::77" if six else "192.168.0.77", role="guest")
        reply = daemon.call("Assign", address=stray.ipv6 if six else stray.ipv4, role="guest")
        assert reply["flows_cut"] == 1
        assert not cut.lives()


def test_what_passed_in_audit_is_cut_when_its_address_takes_a_role_that_enforces(
        clean: Lab, daemon: Daemon):
    stray = clean["stray"]
    daemon.start(GATEWAY.replace('"enforce"', '"audit"', 1) + """
roles = { guest = { outbound = [ ]; mode = "enforce"; }; };
hosts = ( { name = "other"; role = "guest"; address = "192.168.0.99"; } );
""")
    with flow(TcpFlow, stray, clean.world, WORLD) as cut:
        daemon.call("Assign", address="192.168.0.77", role="guest")
        assert daemon.call("Assign", address=stray.ipv4, role="guest")["flows_cut"] == 1
        assert not cut.lives()


def test_assigning_to_a_poorer_role_cuts_flows_too(clean: Lab, daemon: Daemon):
    daemon.start(POLICY.replace('name = "guests"; role = "guest"',
                                'name = "guests"; role = "desk"'))
    with flow(TcpFlow, clean["desk1"], clean.world, WORLD) as cut:
        assert daemon.call("Assign", address=DESK1, role="guest")["flows_cut"] == 1
        assert not cut.lives()


@pytest.mark.parametrize("text, word", [
    (POLICY.replace("  desk  =", "  bureau  ="), "desk"),
    (POLICY.replace('"192.168.0.12"', '[ "192.168.0.12", "192.168.0.11" ]'), "printer"),
])
def test_a_configuration_that_leaves_no_room_for_it_ends_it_and_says_why(
        clean: Lab, daemon: Daemon, text: str, word: str):
    daemon.start(POLICY)
    daemon.call("Assign", address=DESK1, role="desk", why="a test")
    with flow(TcpFlow, clean["desk1"], clean.world, WORLD) as cut:
        daemon.write(text)
        reply = daemon.call("Reload")
        assert not cut.lives()
    assert [word in problem["text"] for problem in reply["over"]] == [True]
    assert reply["over"][0]["text"] in daemon.log()
    assert DESK1 in reply["over"][0]["text"]
    assert assignments(daemon) == [] and kept(daemon) == []
    assert http(clean) == traffic.RESET
    daemon.write(POLICY)
    daemon.call("Reload")
    assert http(clean) == traffic.RESET, "what has ended does not come back"


def test_a_configuration_that_is_rejected_ends_nothing(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Assign", address=DESK1, role="desk")
    daemon.write("roles = 7")
    assert daemon.ctl("reload").returncode == 1
    assert http(clean) == traffic.PASSED
    assert assignments(daemon) == [DESK1]


def test_a_table_that_somebody_flushed_gets_it_back(clean: Lab, daemon: Daemon):
    daemon.start(POLICY.replace(GATEWAY, UNOWNED))
    daemon.call("Assign", address=DESK1, role="desk", seconds=3600)
    clean.gateway.nft("flush ruleset")
    assert wait_for(lambda: DESK1 in daemon.table())
    assert http(clean) == traffic.PASSED


@pytest.mark.parametrize("method, parameters", [
    ("Assign", {"address": DESK1, "role": "desk"}), ("Unassign", {"address": DESK1})])
def test_only_those_entitled_may_change_anything(clean: Lab, daemon: Daemon, method: str,
                                                 parameters: dict):
    daemon.start(POLICY)
    (daemon.folder / "io.egressd").chmod(0o666)
    assert call_as(NOBODY, daemon.socket, method) == "io.egressd.PermissionDenied"
    assert parameters and http(clean) == traffic.RESET


def test_who_and_why_are_shown_wherever_it_is(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    with daemon.connect(wait=5) as connection:
        connection.send({"method": "io.egressd.Monitor", "more": True})
        daemon.call("GetStatus")  # the stream is open once a later call is answered
        done = daemon.ctl("assign", DESK1, "desk", "--for", "2h", "--why", "new printer")
        assert (done.returncode, done.stderr) == (0, "")
        event = connection.receive()["parameters"]
    assert "192.168.0.11 has role desk now, until" in done.stdout
    assert (event["kind"], "new printer" in event["text"]) == ("assign", True)
    assert "by root (uid 0): new printer" in daemon.log()
    assert "by root: new printer" in daemon.table()
    listed = daemon.ctl("assignments").stdout
    for word in (DESK1, "desk", "1 h 59 min", "root", "new printer"):
        assert word in listed, listed
    text = daemon.json("explain", DESK1, WORLD, "http")
    assert text["assignment"]["why"] == "new printer" and text["role"] == "desk"
    assert "assigned to role desk until" in text["text"] and "new printer" in text["text"]
    assert "1 address; see egressctl assignments" in daemon.ctl("status").stdout
    assert "assigned by root" in str(daemon.call("ListHosts", role="desk")["hosts"])
    roles = {role["name"]: role["hosts"] for role in daemon.call("ListRoles")["roles"]}
    assert roles == {"desk": 1, "lab": 0, "guest": 2}


def test_a_state_directory_that_cannot_be_written_is_said_and_the_change_is_made(
        clean: Lab, daemon: Daemon):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", daemon.state], check=True)
    daemon.start(POLICY)
    done = daemon.ctl("assign", DESK1, "desk")
    assert done.returncode == 0
    assert "lost at a restart" in " ".join(done.stdout.split())
    assert http(clean) == traffic.PASSED
    assert "Read-only file system" in daemon.log()
    assert any("lost at a restart" in fault for fault in daemon.status()["degraded"])
    subprocess.run(["mount", "-o", "remount,rw", daemon.state], check=True)
    # It is tried again by itself, and by the next change.
    assert wait_for(lambda: daemon.status()["degraded"] == [], 10)
    assert assignments(daemon) == [DESK1]
    assert daemon.call("Unassign", address=DESK1)["kept"] is True
    daemon.stop()
    subprocess.run(["umount", daemon.state], check=True)


def test_a_state_directory_that_is_missing_is_said_and_the_change_is_made(clean: Lab,
                                                                          daemon: Daemon):
    daemon.state = daemon.folder / "missing" / "state"
    daemon.start(POLICY)
    assert daemon.call("Assign", address=DESK1, role="desk")["kept"] is False
    assert http(clean) == traffic.PASSED
    assert daemon.status()["state"] == "degraded"
    daemon.state.parent.mkdir()
    assert wait_for(lambda: daemon.status()["degraded"] == [], 15)
    assert assignments(daemon) == [DESK1]


@pytest.mark.parametrize("text", ["", "{", '{"version": 1, "next_id": 1, "requests": [{}]}'])
def test_a_torn_state_file_is_set_aside_and_said(daemon: Daemon, text: str):
    (daemon.state / "requests.json").write_text(text)
    daemon.start(POLICY)
    assert daemon.status()["state"] == "degraded"
    assert "was set aside as requests.json.broken-" in daemon.status()["degraded"][0]
    aside, = daemon.state.glob("requests.json.broken-*")
    assert aside.read_text() == text
    assert daemon.call("Assign", address=DESK1, role="desk")["kept"] is True


def test_a_gateway_without_a_policy_takes_no_requests_and_forgets_none(clean: Lab,
                                                                       daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Assign", address=DESK1, role="desk")
    daemon.stop()
    daemon.remove_table()
    (daemon.state / "last-good.conf").unlink()
    daemon.start("roles = 7")
    assert daemon.status()["state"] == "closed"
    with pytest.raises(varlink.Refused) as refused:
        daemon.call("Assign", address="192.168.0.13", role="desk")
    assert refused.value.name == "io.egressd.NoPolicy"
    assert assignments(daemon) == [DESK1]
    daemon.write(POLICY)
    daemon.call("Reload")
    assert http(clean) == traffic.PASSED


def test_what_ended_while_there_was_no_policy_is_not_in_force_when_there_is_one(clean: Lab,
                                                                                daemon: Daemon):
    daemon.start(POLICY)
    daemon.call("Assign", address=DESK1, role="desk", seconds=1)
    daemon.stop()
    daemon.remove_table()
    (daemon.state / "last-good.conf").unlink()
    daemon.start("roles = 7")
    time.sleep(1 + SLACK)
    daemon.write(POLICY)
    daemon.call("Reload")
    assert http(clean) == traffic.RESET
    assert assignments(daemon) == []
