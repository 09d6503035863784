# SPDX-License-Identifier: GPL-2.0-or-later
"""Alarms: raised by real packets, told to whoever listens, seen to and cleared by people."""
import itertools
import json
import os
import pathlib
import re
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import packet
import pytest
import traffic
import varlink
from daemon import EGRESSCTL, SANITIZERS, Daemon, wait_for
from lab import WORLD, Lab
from policies import GATEWAY, UNOWNED, small

ROLES = """
roles = {
  web  = { inbound = [ "http" ]; tripwire = true; };
  desk = { inbound = [ ]; outbound = [ "http", "https" ]; };
};
hosts = (
  { name = "www1"; role = "web"; address = [ "192.0.2.80", "2001:db8::80" ]; },
  { name = "desk1"; role = "desk"; address = [ "192.168.0.11", "2001:db8:1::11" ]; },
  { name = "desk2"; role = "desk"; address = [ "192.168.0.12", "2001:db8:1::12" ];
    mac = [ "52:54:00:00:00:01" ]; }
);
"""
POLICY = GATEWAY + ROLES
# Time is scaled: what takes minutes by default takes seconds here.
QUICK = POLICY + """
detection = { beacon = { span = "2s"; near = 25; wide_gaps = 4; };
              scan = { hosts = 10; span = "10s"; ports = 5; ports_span = "10s"; }; };
"""


def alarms(daemon: Daemon, kind: str | None = None, wait: float = 3.0,
           **parameters: Any) -> list[dict[str, Any]]:
    """The alarms there are, of that kind; waits for the first."""
    def listed() -> list[dict[str, Any]]:
        found = daemon.call("ListAlarms", **parameters)["alarms"]
        return [alarm for alarm in found if kind in (None, alarm["kind"])]

    return wait_for(listed, wait)


@pytest.fixture
def broken_into(clean: Lab, daemon: Daemon) -> Daemon:
    """A daemon with one alarm: the web server has fetched something by ftp."""
    daemon.start(POLICY)
    traffic.tcp(clean["www1"], clean.world, WORLD, 21)
    assert len(alarms(daemon)) == 1
    return daemon


def listen(daemon: Daemon, **parameters: Any) -> Iterator[dict[str, Any]]:
    """The events of a monitor, from now on: what asks after it is answered after it."""
    connection = daemon.connect()
    connection.send({"method": "io.egressd.Monitor", "parameters": parameters, "more": True})
    time.sleep(0.2)
    assert daemon.status()["state"] == "enforcing"
    return (connection.receive()["parameters"] for _ in itertools.count())


def test_the_first_packet_of_a_tripwire_is_a_critical_alarm(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    events = listen(daemon, kind="alarm")
    assert traffic.tcp(clean["www1"], clean.world, WORLD, 21) == traffic.RESET
    event = next(events)
    alarm = event["alarm"]
    assert (event["kind"], event["change"]) == ("alarm", "opened")
    assert (alarm["kind"], alarm["severity"], alarm["state"]) == ("tripwire", "critical", "open")
    assert (alarm["host"], alarm["role"], alarm["source"]) == ("www1", "web", "192.0.2.80")
    assert (alarm["destination"], alarm["protocol"], alarm["port"]) == (WORLD, "tcp", 21)
    assert alarm["text"].startswith(
        f"www1 (192.0.2.80, web) tried tcp/21 to {WORLD}: role web may initiate nothing. 1 attempt")
    assert event["card"]["mac"] == clean["www1"].mac
    assert event["card"]["interface"] == "dmz0"
    # Under systemd it is a record of the journal; here it goes to standard error.
    assert wait_for(lambda: "Alarm 1 opened (critical): www1 (192.0.2.80, web)" in daemon.log())


def test_one_alarm_for_a_host_and_cause_that_counts_and_is_told_once(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    for _ in range(4):  # the fifth would raise psad's danger level, which is told
        traffic.tcp(clean["www1"], clean.world, WORLD, 21)
    daemon.blocked(4)
    alarm, = alarms(daemon)
    assert alarm["attempts"] == 4
    assert alarm["first"] < alarm["last"]
    assert daemon.status()["alarms"] == 1
    assert daemon.log().count("Alarm 1 ") == 1


def test_an_alarm_that_worsens_says_how(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    events = listen(daemon, kind="alarm")
    for port in (21, 4444):
        traffic.tcp(clean["www1"], clean.world, WORLD, port)
    opened, worsened = next(events), next(events)
    assert (opened["change"], opened["worsened"]) == ("opened", None)
    assert (worsened["change"], worsened["worsened"]) == ("worsened", "now tcp/4444, too")
    assert worsened["text"].startswith("Alarm 1 worsened (critical), now tcp/4444, too: www1 (")


def test_a_desk_that_is_blocked_now_and_then_is_no_alarm(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    for port in (25, 6667, 22):
        traffic.tcp(clean["desk1"], clean.world, WORLD, port)
    daemon.blocked(3)
    assert daemon.call("ListAlarms", all=True)["alarms"] == []


def test_a_sender_that_is_no_host_and_an_impostor_are_named_with_their_mac(clean: Lab,
                                                                         daemon: Daemon):
    daemon.start(POLICY)
    traffic.tcp(clean["stray"], clean.world, WORLD, 80)
    traffic.tcp(clean["desk2"], clean.world, WORLD, 80)
    stranger, = alarms(daemon, "unassigned")
    impostor, = alarms(daemon, "impostor")
    assert clean["stray"].mac in stranger["text"] and "on lan0" in stranger["text"]
    assert clean["desk2"].mac in impostor["text"] and "of desk2" in impostor["text"]
    assert (stranger["host"], impostor["host"]) == (None, "desk2")


def test_a_worm_that_looks_for_hosts_is_a_scan(clean: Lab, daemon: Daemon):
    daemon.start(QUICK)
    for last in range(1, 12):
        traffic.tcp(clean["desk1"], clean.world, f"203.0.113.{last}", 135)
    scan, = alarms(daemon, "scan")
    assert (scan["severity"], scan["host"]) == ("critical", "desk1")
    assert "looks for hosts: tcp/135" in scan["text"]
    card = daemon.call("GetAlarm", id=scan["id"])["card"]
    assert card["distinct"] >= 10
    assert {(tried["protocol"], tried["port"]) for tried in card["services"]} == {("tcp", 135)}
    assert len(card["evidence"]) >= 10


def test_many_ports_of_one_host_are_a_port_scan(clean: Lab, daemon: Daemon):
    daemon.start(QUICK)
    for port in range(20, 26):
        traffic.tcp(clean["desk1"], clean.world, WORLD, port)
    scan, = alarms(daemon, "portscan")
    assert f"looks for services of {WORLD}" in scan["text"]


def test_a_trojan_that_tries_again_and_again_is_a_beacon(clean: Lab, daemon: Daemon):
    daemon.start(QUICK)
    begun = time.monotonic()
    for i in range(5):
        time.sleep(max(0.0, begun + i * 1.2 - time.monotonic()))
        traffic.tcp(clean["desk1"], clean.world, WORLD, 25)
        if i == 3:
            assert alarms(daemon, "beacon", 1.0)[0]["severity"] == "notice", "it may be chance"
    assert wait_for(lambda: alarms(daemon, "beacon")[0]["severity"] != "notice")
    beacon, = alarms(daemon, "beacon")
    assert (beacon["host"], beacon["port"], beacon["severity"]) == ("desk1", 25, "warning")
    assert f"tries tcp/25 at {WORLD} every 1 s" in beacon["text"]
    card = daemon.call("GetAlarm", id=beacon["id"])["card"]
    assert 1_000_000 <= card["period"] <= 1_500_000
    assert len(card["expected"]) == 3
    assert card["expected"][0] > beacon["last"]
    assert card["rita"]["window"] == 3600 * 1_000_000
    text = daemon.ctl("alarms", "show", str(beacon["id"])).stdout
    for words in ("Expected", "RITA score", "over 1 h", "ss -tnp 'dport = :25'",
                  'netstat -ano -p tcp | findstr ":25"', "lsof -nP -iTCP:25", clean["desk1"].mac):
        assert words in text, text


def test_a_role_may_have_thresholds_of_its_own(clean: Lab, daemon: Daemon):
    daemon.start(QUICK.replace("tripwire = true;", """tripwire = true;
                 detection = { quiet = "1s"; };"""))
    traffic.tcp(clean["www1"], clean.world, WORLD, 21)
    traffic.tcp(clean["stray"], clean.world, WORLD, 21)
    alarm, = alarms(daemon, "tripwire")
    assert wait_for(lambda: alarms(daemon, "tripwire", 0) == [], 15), "it clears by itself"
    assert daemon.call("GetAlarm", id=alarm["id"])["alarm"]["state"] == "cleared"
    assert alarms(daemon, "unassigned")[0]["state"] == "open"


def test_whoever_changes_the_table_raises_an_alarm_with_pid_and_program(clean: Lab,
                                                                       daemon: Daemon):
    daemon.start(POLICY.replace(GATEWAY, UNOWNED))
    clean.gateway.nft("flush chain inet egressd role_desk")
    tamper, = alarms(daemon, "tamper")
    assert tamper["severity"] == "critical"
    assert "nft (pid " in tamper["text"] and "it was put right" in tamper["text"]


def test_an_alarm_is_acknowledged_cleared_and_opened_again(clean: Lab, broken_into: Daemon):
    daemon = broken_into
    events = listen(daemon, kind="alarm")
    assert daemon.ctl("alarms", "ack", "1").returncode == 0
    alarm, = alarms(daemon)
    assert alarm["state"] == "acknowledged"
    by = alarm["acknowledged"]
    assert (by["user"], by["uid"], alarm["cleared"]) == ("root", 0, None)
    assert abs(by["time"] / 1e6 - time.time()) < 60
    assert "acknowledged by root" in daemon.ctl("alarms").stdout
    assert "root (uid 0), acknowledged 20" in daemon.ctl("alarms", "show", "1").stdout
    assert daemon.status()["alarms"] == 0
    traffic.tcp(clean["www1"], clean.world, WORLD, 21)
    assert wait_for(lambda: alarms(daemon)[0]["attempts"] == 2), "it goes on counting"
    assert daemon.ctl("alarms", "clear", "1").returncode == 0
    assert alarms(daemon, wait=0) == []
    assert alarms(daemon, all=True)[0]["state"] == "cleared"
    again = daemon.ctl("alarms", "ack", "1")
    assert (again.returncode, "is over" in again.stderr) == (1, True)
    traffic.tcp(clean["www1"], clean.world, WORLD, 21)
    changes = [next(events)["change"] for _ in range(3)]
    assert changes == ["acknowledged", "cleared", "reopened"]
    assert "Alarm 1 acknowledged (critical), by root (uid 0): www1" in daemon.log()
    assert "Alarm 1 cleared (critical), by root (uid 0): www1" in daemon.log()


def test_an_alarm_that_is_none_is_refused_with_words_that_help(broken_into: Daemon):
    with pytest.raises(varlink.Refused) as refused:
        broken_into.call("AckAlarm", id=77)
    assert (refused.value.name, refused.value.parameters) == ("io.egressd.NoSuchAlarm", {"id": 77})
    assert "there is no alarm 77" in broken_into.ctl("alarms", "show", "77").stderr
    assert broken_into.ctl("alarms", "show", "seven").returncode == 2
    assert broken_into.ctl("alarms", "shoe", "1").returncode == 2


def test_the_tool_lists_alarms_with_their_sentences(broken_into: Daemon):
    text = broken_into.ctl("alarms").stdout
    assert "critical tripwire, open" in text and "www1 (192.0.2.80, web) tried tcp/21" in text
    status = broken_into.ctl("status").stdout
    assert "1 open" in status and "1, critical: www1 (192.0.2.80, web) tried" in status
    assert broken_into.json("alarms") == broken_into.call("ListAlarms")
    broken_into.ctl("alarms", "clear", "1")
    assert broken_into.ctl("alarms").stdout == "No open alarms.\n"
    assert "tried tcp/21" in broken_into.ctl("alarms", "--all").stdout


def test_times_in_a_sentence_are_those_of_the_reader(broken_into: Daemon):
    first = broken_into.call("ListAlarms")["alarms"][0]["first"] / 1e6
    here = broken_into.call("ListAlarms", utc_offset=0)["alarms"][0]["text"]
    there = broken_into.call("ListAlarms", utc_offset=5400)["alarms"][0]["text"]
    assert time.strftime("%H:%M:%S UTC.", time.gmtime(first)) in here
    assert time.strftime("%H:%M:%S +01:30.", time.gmtime(first + 5400)) in there


def test_watch_tells_alarms_alone_and_in_the_names_of_ecs(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    watching = subprocess.Popen(
        [EGRESSCTL, "--socket", daemon.socket, "--json", "watch", "--alarms"],
        stdout=subprocess.PIPE, text=True, env=SANITIZERS)
    try:
        time.sleep(1.0)
        traffic.tcp(clean["desk1"], clean.world, WORLD, 25)  # is blocked, and no alarm
        traffic.tcp(clean["www1"], clean.world, WORLD, 21)
        record = json.loads(watching.stdout.readline())
    finally:
        watching.kill()
        watching.wait()
    assert record["event"]["kind"] == "alert"
    assert record["event"]["category"] == ["intrusion_detection"]
    assert (record["event"]["severity"], record["event"]["action"]) == (99, "alarm-opened")
    assert record["rule"]["name"] == "tripwire"
    assert record["source"]["ip"] == "192.0.2.80"
    assert record["source"]["mac"] == clean["www1"].mac.replace(":", "-").upper()
    assert record["destination"] == {"ip": WORLD, "address": WORLD, "port": 21}
    assert record["network"] == {"transport": "tcp", "type": "ipv4"}
    assert record["host"]["name"] == "www1"
    assert record["observer"]["ingress"] == {"interface": {"name": "dmz0"}}
    assert record["@timestamp"].startswith("20") and record["@timestamp"].endswith("Z")
    assert "tried tcp/21" in record["message"]


def test_a_monitor_that_never_reads_harms_nobody(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    with daemon.connect() as silent:
        silent.send({"method": "io.egressd.Monitor", "parameters": {}, "more": True})
        time.sleep(0.2)
        with packet.tap(clean["www1"].space) as wire:
            for port in range(1, 4001):
                wire.send(packet.ethernet(
                    clean["www1"].mac, clean["www1"].gateway_mac,
                    packet.ip("192.0.2.80", WORLD, packet.TCP,
                              packet.tcp("192.0.2.80", WORLD, 4321, port))))
        assert wait_for(lambda: alarms(daemon, "tripwire")[0]["attempts"] == 4000, 15)
        begun = time.monotonic()
        assert daemon.status()["alarms"] == 2, "a port scan, too"
        assert time.monotonic() - begun < 1.0
        assert daemon.log().count("Alarm ") < 50, "the journal is no list of packets"


def test_a_mistake_in_the_thresholds_is_told_with_its_line_and_what_would_be_right(
        daemon: Daemon):
    path = daemon.write(small(rest="""
detection = { beacon = { atempts = 5; span = "tomorrow"; };
              severity = { scan = "grave"; };
              quiet = "2 weeks"; };
on_alarm = { command = "mail"; };
"""))
    done = daemon.ctl("check", str(path))
    assert done.returncode == 1
    for words in ('unknown key "atempts" in beacon; did you mean "attempts"',
                  '"tomorrow" of "span" is no span of time', 'unknown severity "grave"',
                  '"2 weeks" of "quiet" is no span', '"mail" is no absolute path',
                  "as whom the command runs"):
        assert words in done.stderr + done.stdout, done.stderr + done.stdout


def test_alarms_and_what_was_blocked_survive_a_restart(clean: Lab, broken_into: Daemon):
    daemon = broken_into
    daemon.ctl("alarms", "ack", "1")
    alarms_before = daemon.call("ListAlarms", utc_offset=0)["alarms"]
    card_before = daemon.call("GetAlarm", id=1, utc_offset=0)
    blocked_before = daemon.call("ListBlocked")
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.call("ListAlarms", utc_offset=0)["alarms"] == alarms_before
    assert daemon.call("GetAlarm", id=1, utc_offset=0) == card_before
    assert daemon.call("ListBlocked") == blocked_before
    traffic.tcp(clean["stray"], clean.world, WORLD, 21)
    assert alarms(daemon, "unassigned")[0]["id"] == 2, "an id is never given out twice"
    assert "Known from an earlier run: 1 alarms, 1 entries" in daemon.log()


def test_an_alarm_that_is_acknowledged_outlives_a_kill_and_counts_on(clean: Lab,
                                                                     broken_into: Daemon):
    daemon = broken_into
    assert daemon.ctl("alarms", "ack", "1").returncode == 0
    kept = daemon.state / "alarms.json"
    assert wait_for(lambda: kept.exists() and '"acknowledged"' in kept.read_text()
                    and json.loads(kept.read_text())["items"][0]["state"] == "acknowledged")
    daemon.kill()
    daemon.start()
    traffic.tcp(clean["www1"], clean.world, WORLD, 21)
    assert wait_for(lambda: alarms(daemon)[0]["attempts"] == 2)
    alarm, = alarms(daemon)
    assert (alarm["id"], alarm["state"]) == (1, "acknowledged")


def test_a_number_that_was_told_is_never_that_of_another_alarm_whenever_the_daemon_is_killed(
        clean: Lab, broken_into: Daemon):
    daemon = broken_into
    told = re.compile(r"Alarm (\d+) (?:re)?opened \(\w+\): (\S+)")
    for sender in ("stray", "desk2", "www1"):
        known = len(told.findall(daemon.log()))
        daemon.kill()
        daemon.start()
        traffic.tcp(clean[sender], clean.world, WORLD, 80 if sender != "www1" else 22)
        if sender != "www1":  # that alarm may have outlived the kill
            assert wait_for(lambda known=known: len(told.findall(daemon.log())) > known)
    owners: dict[str, set[str]] = {}
    for number, owner in told.findall(daemon.log()):
        owners.setdefault(number, set()).add(owner)
    assert len(owners) >= 3
    assert all(len(names) == 1 for names in owners.values()), owners


@pytest.mark.parametrize("name", ["alarms.json", "ledger.json"])
def test_a_torn_file_is_set_aside_and_said_so(broken_into: Daemon, name: str):
    daemon = broken_into
    daemon.stop()
    path = daemon.state / name
    whole = path.read_bytes()
    path.write_bytes(whole[:len(whole) // 2])
    daemon.start()
    assert daemon.status()["state"] == "enforcing"
    aside, = daemon.state.glob(f"{name}.broken-*")
    assert aside.read_bytes() == whole[:len(whole) // 2]
    assert f"{name}: it is torn, or no JSON" in daemon.log()
    assert len(daemon.call("ListAlarms")["alarms"]) == (0 if name == "alarms.json" else 1)
    assert len(daemon.call("ListBlocked")["blocked"]) == (0 if name == "ledger.json" else 1)


def on_alarm(daemon: Daemon, script: str) -> str:
    """A configuration that runs a script for each alarm, as nobody."""
    folder = daemon.folder / "told"
    folder.mkdir()
    folder.chmod(0o777)
    path = daemon.folder / "helper"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return POLICY + f'on_alarm = {{ command = "{path}"; user = "nobody"; }};\n'


def test_a_program_is_run_for_an_alarm_as_another_user_and_with_its_facts(clean: Lab,
                                                                         daemon: Daemon):
    told = daemon.folder / "told"
    daemon.start(on_alarm(daemon, f"""
        {{ id -u; id -G; env; grep -e CapEff -e NoNewPrivs /proc/self/status
           ls /proc/self/fd; }} > {told}/new && mv {told}/new {told}/alarm-$EGRESSD_ALARM_ID"""))
    traffic.tcp(clean["www1"], clean.world, WORLD, 21)
    assert wait_for(lambda: (told / "alarm-1").exists(), 5), daemon.log()
    lines = (told / "alarm-1").read_text().splitlines()
    assert lines[:2] == ["65534", "65534"]
    for line in ("EGRESSD_ALARM_KIND=tripwire", "EGRESSD_ALARM_SEVERITY=critical",
                 "EGRESSD_ALARM_HOST=www1", f"EGRESSD_ALARM_DESTINATION={WORLD}",
                 "EGRESSD_ALARM_PORT=21", "NoNewPrivs:\t1", "CapEff:\t0000000000000000"):
        assert line in lines, lines
    assert any(line.startswith("EGRESSD_ALARM_TEXT=www1 (192.0.2.80, web) tried") for line in lines)
    assert not any(line.startswith(("NOTIFY_SOCKET", "ASAN")) for line in lines), lines
    assert "on_alarm" not in daemon.log()


def test_a_program_that_never_ends_is_killed_and_harms_nobody(clean: Lab, daemon: Daemon):
    told = daemon.folder / "told"
    daemon.start(on_alarm(daemon, f"echo $$ > {told}/pid-$EGRESSD_ALARM_ID\nsleep 3600 & wait"))
    for name in ("www1", "stray", "desk2"):
        traffic.tcp(clean[name], clean.world, WORLD, 21)
    assert wait_for(lambda: len(list(told.glob("pid-*"))) == 3, 5), daemon.log()
    begun = time.monotonic()
    assert daemon.status()["alarms"] == 3
    assert time.monotonic() - begun < 1.0
    assert daemon.stop() == 0, "its end ends them"
    for path in told.glob("pid-*"):
        assert not (pathlib.Path("/proc") / path.read_text().strip()).exists()


@pytest.mark.parametrize("script, words", [
    ("exit 7", "ended with status 7"), ("kill -9 $$", "ended by signal 9"),
])
def test_how_a_program_failed_is_in_the_status_until_one_does_not(clean: Lab, daemon: Daemon,
                                                                 script: str, words: str):
    daemon.start(on_alarm(daemon, f"[ $EGRESSD_ALARM_ID -gt 1 ] || {script}"))
    traffic.tcp(clean["www1"], clean.world, WORLD, 21)
    said = f"{daemon.folder}/helper, run for alarm 1, {words}"
    wanted = [f"nobody is told of alarms by on_alarm: {said}"]
    assert wait_for(lambda: daemon.status()["degraded"] == wanted, 5), daemon.log()
    assert said in daemon.log()
    daemon.call("Reload")
    assert daemon.status()["degraded"] == wanted, "it is the same program"
    traffic.tcp(clean["stray"], clean.world, WORLD, 21)
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 5), daemon.status()


@pytest.mark.parametrize("damage, rest, words", [
    (lambda helper: helper.unlink(), "",
     "helper could not be run for alarm 1: No such file or directory"),
    (None, 'on_alarm = { unit = "egressd-alarm@.service"; };',
     "egressd-alarm@1.service could not be started"),
])
def test_what_cannot_be_told_is_said_and_the_alarm_stands(clean: Lab, daemon: Daemon, damage, rest,
                                                         words: str):
    daemon.start(POLICY + rest if rest else on_alarm(daemon, "exit 0"))
    if damage:
        damage(daemon.folder / "helper")
    traffic.tcp(clean["www1"], clean.world, WORLD, 21)
    assert len(alarms(daemon)) == 1
    assert wait_for(lambda: words in str(daemon.status()["degraded"]), 5), daemon.log()
    assert words in daemon.log()
    daemon.write(POLICY)
    daemon.call("Reload")
    assert daemon.status()["state"] == "enforcing", "nobody is to be told any more"


@pytest.mark.parametrize("mode, command, user, words", [
    (0o755, "{path}-not", "nobody", 'there is no program "{path}-not"'),
    (0o755, "{path} --foo", "nobody", 'there is no program "{path} --foo"; it gets no arguments'),
    (0o644, "{path}", "nobody", '"{path}" cannot be executed (mode 0644); chmod +x {path}'),
    (0o777, "{path}", "nobody", 'others may write to "{path}" (mode 0777); chmod go-w {path}'),
    (0o755, "/usr", "nobody", '"/usr" is no program but something else'),
    (0o755, "{path}", "no-such-user", 'there is no user "no-such-user"'),
])
def test_a_program_that_tells_nobody_is_a_mistake_with_its_line(
        daemon: Daemon, mode: int, command: str, user: str, words: str):
    daemon.start(on_alarm(daemon, "exit 0"))
    path = daemon.folder / "helper"
    path.chmod(mode)
    command, words = command.format(path=path), words.format(path=path)
    config = daemon.write(POLICY + f'on_alarm = {{ command = "{command}"; user = "{user}"; }};\n')
    line = config.read_text().count("\n")
    done = daemon.ctl("check", str(config))
    assert done.returncode == 1 and f"{config}:{line}: {words}" in done.stderr + done.stdout
    assert daemon.ctl("reload").returncode == 1
    assert daemon.status()["state"] == "degraded"
    daemon.stop()
    daemon.start()
    assert any("last good" in text for text in daemon.status()["degraded"])


def test_a_command_without_what_it_takes_to_become_the_user_is_said_at_the_start(
        clean: Lab, daemon: Daemon):
    daemon.write(POLICY + 'on_alarm = { command = "/bin/true"; user = "nobody"; };')
    bounded = ["setpriv", "--bounding-set", "-all,+net_admin", "--inh-caps", "-all,+net_admin"]
    plain = daemon.command
    daemon.command = lambda *more: [*bounded, *plain(*more)]  # type: ignore[method-assign]
    daemon.start()
    assert "egressd lacks CAP_SETUID and CAP_SETGID" in daemon.log()
    assert "egressd lacks CAP_SETUID and CAP_SETGID" in daemon.status()["degraded"][0]


def test_what_was_blocked_is_summed_up_and_exported_line_by_line(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    for destination, times in (("203.0.113.9", 1), ("203.0.113.8", 3)):
        for _ in range(times):
            traffic.tcp(clean["desk1"], clean.world, destination, 25)
    daemon.blocked(4)
    since = ["blocked", "--since", "yesterday", "--host", "desk1"]
    table = daemon.ctl(*since, "--by", "destination").stdout
    rows = [line.split()[:2] for line in table.splitlines()]
    assert rows == [["Destination", "Attempts"], ["203.0.113.8", "3"], ["203.0.113.9", "1"]]
    lines = [json.loads(line) for line in daemon.ctl(*since, "--lines").stdout.splitlines()]
    assert lines == daemon.call("ListBlocked", host="desk1")["blocked"]
    sums = [json.loads(line) for line in
            daemon.ctl(*since, "--lines", "--by", "service").stdout.splitlines()]
    assert [(line["service"], line["attempts"]) for line in sums] == [("tcp/25 (smtp)", 4)]
    wrong = daemon.ctl(*since, "--by", "sorce")
    assert (wrong.returncode, 'did you mean "source"?' in wrong.stderr) == (2, True)


def test_an_error_stream_that_nobody_reads_does_not_hold_the_daemon_up(daemon: Daemon):
    pipe = daemon.folder / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    plain, daemon.log_path = daemon.log_path, pipe
    daemon.start(POLICY)
    daemon.log_path = plain
    mistakes = " ".join(f"{letter}{number} = 1;" for letter in "abc" for number in range(30))
    daemon.write(f"{POLICY}\n{mistakes}\n")
    begun = time.monotonic()
    for _ in range(40):
        with pytest.raises(varlink.Refused):
            daemon.call("Reload")
    assert time.monotonic() - begun < 20
    assert len(os.read(reader, 1 << 20)) > 1 << 15, "the pipe was full"
    daemon.write(POLICY)
    daemon.call("Reload")
    assert b"records were lost here: nobody took them" in os.read(reader, 1 << 20)
    os.close(reader)
