# SPDX-License-Identifier: GPL-2.0-or-later
"""The service on a gateway that has booted."""
import json
import re
import signal
import socket
from collections.abc import Iterator

import pytest
from continuity import assert_replaced_without_a_gap, new_daemon
from machine import WORLD, Machine, wait_for
from office import FORBIDDEN, PERMITTED, Counters, config, flood

DROP_IN = "etc/systemd/system/egressd.service.d/test.conf"
FILE = "etc/egressd/egressd.conf"


@pytest.fixture
def gateway(booted: Machine) -> Iterator[Machine]:
    """The gateway, with the policy that all tests begin from, and without traces of the last."""
    yield booted
    (booted.root / DROP_IN).unlink(missing_ok=True)
    booted.write(FILE, config())
    booted.systemctl("daemon-reload")
    booted.systemctl("restart", "egressd.socket", "egressd.service")


def change_unit(machine: Machine, text: str) -> None:
    """Adds to the service's unit, as an administrator would, and restarts it."""
    machine.write(DROP_IN, f"[Service]\n{text}\n")
    machine.systemctl("daemon-reload")
    machine.systemctl("restart", "egressd")


def unit_lines(machine: Machine, unit: str) -> dict[str, list[str]]:
    """The directives of the section [Service] as they are installed."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in (machine.root / "usr/lib/systemd/system" / unit).read_text().splitlines():
        if line.startswith("["):
            section = line
        elif "=" in line and not line.startswith("#") and section == "[Service]":
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


# Directives whose value systemctl shows in other words, and what it shows.
SHOWN = {
    "ExecStart": ("ExecStart", "/usr/sbin/egressd"),
    "ExecReload": ("ExecReload", "/usr/bin/egressctl"),
    "RestartSec": ("RestartUSec", "1s"), "TimeoutStartSec": ("TimeoutStartUSec", "2min"),
    "WatchdogSec": ("WatchdogUSec", "1min"), "TimeoutAbortSec": ("TimeoutAbortUSec", "10s"),
    "AmbientCapabilities": ("AmbientCapabilities", "cap_net_admin"),
    "CapabilityBoundingSet": ("CapabilityBoundingSet", "cap_net_admin"),
    "IPAddressDeny": ("IPAddressDeny", "::/0"),
    "SystemCallErrorNumber": ("SystemCallErrorNumber", "1"),
    "RestrictNamespaces": ("RestrictNamespaces", ""),
    "RestrictAddressFamilies": ("RestrictAddressFamilies", "AF_NETLINK AF_UNIX"),
    "SystemCallFilter": ("SystemCallFilter", "recvmsg"),
}


@pytest.mark.parametrize("unit", ["egressd.service", "egressd-boot.service"])
def test_every_directive_of_the_unit_is_active(gateway: Machine, unit: str):
    """As systemd shows it; what it does to the process is tested below."""
    said = gateway.systemctl("show", unit).stdout
    shown = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    for name, values in unit_lines(gateway, unit).items():
        there, value = SHOWN.get(name, (name, values[-1]))
        assert there in shown, f"{name} is unknown to systemd"
        if name == "ExecStart":
            value = values[-1].split()[0]
        assert value in shown[there].split(" ") or value in shown[there], (name, shown[there])
    complaints = gateway.run("systemd-analyze", "verify", f"/usr/lib/systemd/system/{unit}",
                             check=False)
    assert (complaints.returncode, complaints.stderr) == (0, "")


def test_the_process_has_one_capability_and_no_way_to_more(gateway: Machine):
    pid = gateway.pid()
    status = dict(line.split(":\t", 1) for line in
                  gateway.run("cat", f"/proc/{pid}/status").stdout.splitlines())
    net_admin = f"{1 << 12:016x}"
    assert {name: status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == (
        dict.fromkeys(("CapEff", "CapPrm", "CapBnd", "CapAmb"), net_admin))
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    user = gateway.run("id", "--user", "egressd").stdout.strip()
    assert set(status["Uid"].split()) == {user} != {"0"}
    group = gateway.run("id", "--group", "egressd").stdout.strip()
    assert status["Groups"].split() in ([], [group])


def sees_no_way_to_leave_anything(gateway: Machine, pid: int, writable: tuple[str, ...]) -> None:
    """A process can write to these folders alone, and execute nothing there."""
    inside = ["nsenter", "--mount", "--root", f"--target={pid}"]
    for folder in ("/", "/etc", "/usr/sbin", "/usr/lib", "/run"):
        done = gateway.run(*inside, "touch", f"{folder}/written", check=False)
        assert "Read-only file system" in done.stderr, (folder, done.stderr)
    for folder in writable:
        gateway.run(*inside, "cp", "/bin/true", f"{folder}/dropped")
        done = gateway.run(*inside, f"{folder}/dropped", check=False)
        assert done.returncode == 126 and "Permission denied" in done.stderr, folder
        gateway.run(*inside, "rm", f"{folder}/dropped")


def test_the_process_can_write_to_its_state_alone_and_execute_nothing_there(gateway: Machine):
    sees_no_way_to_leave_anything(gateway, gateway.pid(),
                                  ("/var/lib/egressd", "/tmp", "/var/tmp", "/dev/shm"))
    done = gateway.run("nsenter", "--mount", "--root", f"--target={gateway.pid()}", "touch",
                       "/var/log/written", check=False)
    assert "Read-only file system" in done.stderr


@pytest.mark.parametrize("unit", ["egressd.service", "egressd-boot.service"])
def test_systemd_rates_the_exposure_at_one_and_a_half_or_less(gateway: Machine, unit: str):
    rated = gateway.run("systemd-analyze", "security", "--threshold=15", "--no-pager", unit,
                        check=False)
    assert rated.returncode == 0, rated.stdout
    assert float(re.search(r"exposure level for .*: ([\d.]+)", rated.stdout).group(1)) <= 1.5


def test_a_reload_takes_a_good_configuration_and_says_so(gateway: Machine):
    arrived, old = Counters(gateway.wires), gateway.pid()
    with flood(gateway.wires):
        assert wait_for(lambda: arrived[PERMITTED] > 10) and arrived[FORBIDDEN] == 0
        gateway.write(FILE, config(f'"dns", "udp/{FORBIDDEN}"'))
        assert gateway.systemctl("reload", "egressd", check=False).returncode == 0
        assert wait_for(lambda: arrived[FORBIDDEN] > 10)
    assert gateway.pid() == old and gateway.show("ActiveState") == "active"


def test_a_reload_with_a_mistake_fails_and_the_policy_before_stays(gateway: Machine):
    arrived, old = Counters(gateway.wires), gateway.pid()
    gateway.write(FILE, config('"dnss"'))
    done = gateway.systemctl("reload", "egressd", check=False)
    assert done.returncode != 0 and "failed" in done.stderr
    assert 'dnss' in gateway.journal() and ":3:" in gateway.journal()
    assert (gateway.pid(), gateway.show("ActiveState")) == (old, "active")
    assert gateway.status()["state"] == "degraded"
    with flood(gateway.wires):
        assert wait_for(lambda: arrived[PERMITTED] > 100)
    assert arrived[FORBIDDEN] == 0


def test_a_daemon_that_hangs_is_replaced_and_packets_do_not_notice(gateway: Machine):
    change_unit(gateway, "WatchdogSec=1s\nTimeoutAbortSec=1s\nRestartSec=100ms")
    assert_replaced_without_a_gap(gateway, lambda: gateway.signal(signal.SIGSTOP), "1")
    assert "Watchdog timeout" in gateway.journal()


def test_a_daemon_that_is_killed_is_replaced_and_packets_do_not_notice(gateway: Machine):
    assert_replaced_without_a_gap(gateway, lambda: gateway.signal(signal.SIGKILL), "1")


def test_a_restart_is_noticed_by_no_packet(gateway: Machine):
    assert_replaced_without_a_gap(gateway, lambda: gateway.systemctl("restart", "egressd"), "0")


def test_what_is_blocked_while_no_daemon_runs_is_listed_by_the_next(gateway: Machine):
    """The socket of the packet log goes from one daemon to the next."""
    change_unit(gateway, "RestartSec=500ms")
    before = gateway.status()
    old = gateway.pid()
    gateway.signal(signal.SIGKILL)
    assert wait_for(lambda: gateway.show("SubState") == "auto-restart")
    with gateway.wires.desk.inside():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for port in range(40000, 40100):
        sender.sendto(b"x", (WORLD, port))
    sender.close()
    assert gateway.pid() == 0
    assert wait_for(lambda: new_daemon(gateway, old))

    def settled() -> dict | None:
        status = gateway.status()
        return status if status["events"]["waiting"] == 0 else None

    status = wait_for(settled)
    blocked = status["blocked"]["packets"]
    assert blocked == before["blocked"]["packets"] + 100
    assert status["events"] == {"received": 100, "lost": 0, "waiting": 0, "overruns": 0,
                                "bad": 0, "unheard": 0, "earlier": blocked - 100}
    listed = json.loads(gateway.run("egressctl", "--json", "blocked").stdout)["blocked"]
    assert {line["port"] for line in listed} >= set(range(40000, 40100))


def test_nobody_changes_the_table_while_no_daemon_runs(gateway: Machine):
    """systemd holds the socket that owns it."""
    change_unit(gateway, "RestartSec=500ms")
    old = gateway.pid()
    before = gateway.run("nft", "list", "table", "inet", "egressd").stdout
    if "flags owner" not in before:
        pytest.skip("this kernel has no tables that outlive their owner (Linux 6.9)")
    gateway.signal(signal.SIGKILL)
    assert wait_for(lambda: gateway.show("SubState") == "auto-restart")
    for change in ("add table inet egressd { flags dormant; }", "delete table inet egressd",
                   "flush chain inet egressd forward"):
        done = gateway.run("nft", change, check=False)
        assert "Operation not permitted" in done.stderr, (change, done.stderr)
    assert gateway.run("nft", "flush ruleset", check=False).returncode == 0
    assert gateway.pid() == 0
    assert "chain forward" in gateway.run("nft", "list", "table", "inet", "egressd").stdout
    assert wait_for(lambda: new_daemon(gateway, old))
    assert gateway.status()["degraded"] == []


def test_another_group_of_the_packet_log_is_kept_in_place_of_the_one_before(gateway: Machine):
    gateway.write(FILE, config(gateway="nflog_group = 7;"))
    gateway.systemctl("reload", "egressd")
    stored = gateway.show("NFileDescriptorStore")
    old = gateway.pid()
    gateway.signal(signal.SIGKILL)
    assert wait_for(lambda: new_daemon(gateway, old))
    assert gateway.show("NFileDescriptorStore") == stored
    assert gateway.status()["degraded"] == []
    assert "no use" not in gateway.journal()


def test_who_asks_during_a_restart_waits_and_gets_the_answer(gateway: Machine):
    change_unit(gateway, "RestartSec=500ms")
    old = gateway.pid()
    gateway.signal(signal.SIGKILL)
    assert wait_for(lambda: gateway.show("SubState") == "auto-restart")
    asking = [gateway.start("egressctl", "--json", "status") for _ in range(10)]
    for one in asking:
        output, _ = one.communicate(timeout=20)
        assert one.returncode == 0, output
        assert json.loads(output)["state"] == "enforcing"
    # And by a restart that was asked for, over and over.
    for _ in range(3):
        restart = gateway.start("systemctl", "restart", "egressd")
        while restart.poll() is None:
            assert gateway.status()["state"] == "enforcing"
        assert restart.returncode == 0


@pytest.fixture(scope="module")
def people(booted: Machine) -> None:
    """Users: one in no group, one who may ask, one who may change."""
    for name, groups in (("nobodys", ""), ("reader", "egress"), ("changer", "egress,egress-admin")):
        booted.run("useradd", "--no-create-home", *(["--groups", groups] if groups else []), name)


@pytest.mark.parametrize("user, verb, status, words", [
    ("reader", "status", 0, "enforcing"), ("reader", "reload", 1, "egress-admin"),
    ("changer", "status", 0, "enforcing"), ("changer", "reload", 0, ""),
    ("nobodys", "status", 1, "only root and members of group egress"), ("root", "reload", 0, ""),
])
def test_the_groups_decide_who_may_ask_and_who_may_change(
        gateway: Machine, people: None, user: str, verb: str, status: int, words: str):
    done = gateway.run("egressctl", verb, user=user, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    assert words in done.stdout + done.stderr


def raise_alarm(gateway: Machine, number: int) -> int:
    """A sender that is no host tries something; the number of its alarm."""
    address = f"10.9.8.{number}"
    gateway.wires.desk.run("ip", "address", "replace", f"{address}/32", "dev", "eth0")
    gateway.run("ip", "route", "replace", f"{address}/32", "dev", "lan0")
    with gateway.wires.desk.inside():
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind((address, 0))
    stranger.sendto(b"x", (WORLD, 1234))
    stranger.close()
    return wait_for(lambda: next(
        (alarm["id"] for alarm in json.loads(gateway.run(
            "egressctl", "--json", "alarms").stdout)["alarms"] if alarm["source"] == address), 0))


def use_unit(gateway: Machine, service: str, template: str = "egressd-alarm@.service") -> None:
    """What the unit of alarms does, as an administrator changes it."""
    gateway.write(f"etc/systemd/system/{template}.d/test.conf", f"[Service]\n{service}\n")
    gateway.write(FILE, config() + f'on_alarm = {{ unit = "{template}"; }};\n')
    gateway.systemctl("daemon-reload")
    gateway.systemctl("reload", "egressd")


@pytest.fixture
def alarm_unit(gateway: Machine) -> Iterator[Machine]:
    """A gateway whose unit for alarms may be changed."""
    yield gateway
    for path in (gateway.root / "etc/systemd/system").glob("*@.service.d/test.conf"):
        path.unlink()
    gateway.systemctl("daemon-reload")
    gateway.systemctl("reset-failed")


def test_an_alarm_starts_its_unit_with_its_number(gateway: Machine):
    """StartUnit over D-Bus, which polkit permits the daemon's user for this unit alone."""
    gateway.write(FILE, config() + 'on_alarm = { unit = "egressd-alarm@.service"; };\n')
    gateway.systemctl("reload", "egressd")
    unit = f"egressd-alarm@{raise_alarm(gateway, 7)}.service"
    assert wait_for(lambda: "10.9.8.7" in gateway.journal(unit)), (
        gateway.journal() + gateway.journal("polkit") + gateway.journal(unit))
    assert gateway.status()["degraded"] == []


@pytest.mark.parametrize("number, service, words", [
    (20, "ExecStart=\nExecStart=/bin/sh -c 'exit 7'", "failed (exit-code, status 7)"),
    (21, "ExecStart=\nExecStart=/bin/sh -c 'kill -9 $$$$'", "failed (signal, status 9)"),
    (22, "Type=simple\nExecStart=\nExecStart=/bin/sh -c 'sleep 0.3; exit 4'",
     "failed (exit-code, status 4)"),
    (23, "ExecStart=\nExecStart=/bin/sleep 9\nTimeoutStartSec=200ms", "failed (timeout"),
    (24, "ExecStart=\nExecStart=/bin/false\n[Unit]\nCollectMode=inactive-or-failed", "failed"),
    (25, "[Unit]\nRequires=missing.service", "could not be started: Unit missing.service"),
    (26, "Type=simple\nExecStart=\nExecStart=/bin/sh -c 'sleep 0.3; exit 4'\n[Unit]\n"
     "CollectMode=inactive-or-failed", "failed"),
], ids=["status", "signal", "later", "timeout", "unloaded", "refused", "later and unloaded"])
def test_a_unit_for_alarms_that_fails_is_in_the_status_until_one_succeeds(
        alarm_unit: Machine, number: int, service: str, words: str):
    use_unit(alarm_unit, service)
    unit = f"egressd-alarm@{raise_alarm(alarm_unit, number)}.service"
    assert wait_for(lambda: alarm_unit.status()["degraded"]), alarm_unit.journal()
    said = alarm_unit.status()["degraded"]
    assert len(said) == 1 and unit in said[0] and words in said[0], said
    shown = " ".join(alarm_unit.run("egressctl", "status").stdout.split())
    assert "degraded" in shown and unit in shown and words in shown
    use_unit(alarm_unit, "ExecStart=\nExecStart=/bin/true")
    assert alarm_unit.status()["degraded"] == said, "a reload starts nothing"
    raise_alarm(alarm_unit, number + 100)
    assert wait_for(lambda: alarm_unit.status()["state"] == "enforcing")


def test_a_unit_that_polkit_does_not_permit_is_in_the_status(alarm_unit: Machine):
    alarm_unit.write("etc/systemd/system/page@.service", "[Service]\nExecStart=/bin/true\n")
    use_unit(alarm_unit, "", "page@.service")
    unit = f"page@{raise_alarm(alarm_unit, 40)}.service"
    said = wait_for(lambda: alarm_unit.status()["degraded"])
    assert f"{unit} could not be started: " in said[0] and "uthentication" in said[0]


def state_records(gateway: Machine, since: str) -> list[tuple[str, str]]:
    """The states that the journal has since then, each with its priority."""
    lines = gateway.run("journalctl", "--output=json", "--unit=egressd", f"--after-cursor={since}",
                        "--no-pager").stdout.splitlines()
    records = [json.loads(line) for line in lines]
    return [(record["MESSAGE"].split(": ")[1].split(";")[0], record["PRIORITY"])
            for record in records if record["MESSAGE"].startswith("State: ")]


def test_the_priority_of_a_state_in_the_journal_tells_how_grave_it_is(gateway: Machine):
    cursor = gateway.run("journalctl", "--unit=egressd", "--lines=1",
                         "--show-cursor").stdout.split("cursor: ")[1]
    gateway.write(FILE, config('"dnss"'))
    gateway.systemctl("reload", "egressd", check=False)
    gateway.write(FILE, config(gateway='mode = "audit";'))
    gateway.systemctl("reload", "egressd")
    gateway.write(FILE, config())
    gateway.systemctl("reload", "egressd")
    gateway.systemctl("stop", "egressd.socket", "egressd.service")
    gateway.run("egressd", "--remove")
    for copy in (gateway.root / "var/lib/egressd").glob("last-good*"):
        copy.unlink()
    gateway.write(FILE, "broken")
    gateway.systemctl("start", "egressd")
    assert state_records(gateway, cursor.strip()) == [
        ("degraded", "4"), ("audit", "5"), ("enforcing", "5"), ("closed", "3")]


def test_the_daemons_user_may_start_no_other_unit(gateway: Machine):
    for unit in ("systemd-timedated.service", "egressd-alarm@x.service", "egressd-alarm@1.socket"):
        done = gateway.run("busctl", "call", "org.freedesktop.systemd1",
                           "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                           "StartUnit", "ss", unit, "replace", user="egressd", check=False)
        assert done.returncode != 0 and "uthentication" in done.stderr, (unit, done.stderr)


def test_a_stop_leaves_the_table_and_only_remove_takes_it_away(gateway: Machine):
    arrived = Counters(gateway.wires)
    with flood(gateway.wires) as sent:
        assert wait_for(lambda: arrived[PERMITTED] > 100)
        gateway.systemctl("stop", "egressd.socket", "egressd.service")
        assert gateway.run("egressctl", "status", check=False).returncode == 3
        more = arrived[PERMITTED] + 100
        assert wait_for(lambda: arrived[PERMITTED] > more)
    assert wait_for(lambda: arrived[PERMITTED] == sent[PERMITTED], 2)
    assert arrived[FORBIDDEN] == 0
    gateway.systemctl("restart", "egressd-boot.service")  # as an upgrade of the package does
    assert "role_desk" in gateway.table()
    gateway.run("egressd", "--remove")
    assert gateway.table() == ""
    with flood(gateway.wires):
        assert wait_for(lambda: arrived[FORBIDDEN] > 0)


TRIES = f"""
[Service]
User=nobody
ExecStart=/bin/bash -c 'exec 3<>/dev/tcp/{WORLD}/25'
"""


def test_what_the_gateway_itself_tries_is_told_with_process_and_unit(gateway: Machine):
    gateway.write("etc/systemd/system/tries.service", TRIES)
    gateway.write(FILE, config(gateway="processes = true;").replace(
        "roles = {", "roles = { router = { outbound = [ ]; };").replace(
        "hosts = (", 'hosts = ( { name = "gateway"; role = "router"; self = true; },'))
    gateway.systemctl("enable", "--now", "egressd-processes.socket")
    try:
        gateway.systemctl("restart", "egressd")
        gateway.systemctl("start", "tries")

        def seen() -> dict | None:
            lines = json.loads(gateway.run("egressctl", "--json", "blocked").stdout)["blocked"]
            return next((line["process"] for line in lines if line["host"] == "gateway"), None)

        process = wait_for(seen)
        assert process, gateway.journal("egressd-processes")
        assert (process["unit"], process["name"]) == ("tries.service", "bash")
        assert process["command"].endswith(f"exec 3<>/dev/tcp/{WORLD}/25")
        pid = gateway.show("MainPID", "egressd-processes")
        held = dict(line.split(":\t", 1) for line in
                    gateway.run("cat", f"/proc/{pid}/status").stdout.splitlines())
        needed = f"{1 << 19 | 1 << 2:016x}"  # CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH
        assert (held["CapPrm"], held["CapBnd"], held["NoNewPrivs"], held["Seccomp"]) == (
            needed, needed, "1", "2")
        assert held["Uid"].split()[0] not in ("0", gateway.run("id", "-u", "egressd").stdout.strip())
        sees_no_way_to_leave_anything(gateway, pid, ("/tmp", "/dev/shm"))

        gateway.systemctl("kill", "--signal=KILL", "egressd-processes")
        assert wait_for(lambda: gateway.status()["state"] == "degraded")
        assert wait_for(lambda: gateway.status()["state"] == "enforcing")  # systemd starts it anew
    finally:
        gateway.systemctl("stop", "tries")
        gateway.systemctl("disable", "--now", "egressd-processes.socket", "egressd-processes")
