# SPDX-License-Identifier: GPL-2.0-or-later
"""egressctl: every verb as text and as JSON, and how it ends."""
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
import traffic
from daemon import EGRESSCTL, EGRESSD, PROCESSES, Daemon, egressctl
from lab import WORLD, WORLD_V6, Lab
from policies import CLASSIC, small

COMPLETION = Path(__file__).parents[2] / "daemon/egressctl/completion.bash"
ESCAPE = "\x1b"


@pytest.fixture
def busy(clean: Lab, daemon: Daemon) -> Daemon:
    """A daemon that has blocked this and that."""
    daemon.start(CLASSIC)
    for port in (25, 25, 25, 6667):
        traffic.tcp(clean["desk1"], clean.world, WORLD, port)
    traffic.tcp(clean["www1"], clean.world, WORLD, 21)
    traffic.tcp(clean["stray"], clean.world, WORLD, 80)
    traffic.tcp(clean["desk1"], clean.world, WORLD, 80)
    assert len(daemon.blocked(6)) == 4
    return daemon


VERBS = [["status"], ["roles"], ["hosts"], ["blocked"],
         ["explain", "192.168.0.11", WORLD, "http"]]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_verb_prints_text_for_people(busy: Daemon, verb: list[str]):
    done = busy.ctl(*verb)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines
    if verb[0] not in ("blocked", "hosts"):  # tables that no terminal limits are shown whole
        assert max(map(len, lines)) <= 80, [line for line in lines if len(line) > 80]
    assert ESCAPE not in done.stdout


@pytest.mark.parametrize("verb, method, parameters", [
    (["status"], "GetStatus", {}), (["roles"], "ListRoles", {}), (["hosts"], "ListHosts", {}),
    (["blocked"], "ListBlocked", {}),
    (["blocked", "--host", "office"], "ListBlocked", {"host": "office"}),
    (["explain", "192.168.0.11", WORLD, "smtp"], "Explain",
     {"source": "192.168.0.11", "destination": WORLD, "service": "smtp"}),
], ids=lambda value: value if isinstance(value, str) else None)
def test_json_is_the_reply_of_the_method(busy: Daemon, verb: list[str], method: str,
                                         parameters: dict):
    done = busy.ctl("--json", *verb)
    assert json.loads(done.stdout) == busy.call(method, **parameters)


def test_status_names_state_roles_and_the_sources_that_were_blocked_most(clean: Lab, busy: Daemon):
    text = busy.ctl("status").stdout
    for word in ("enforcing", "desk", "web", "office", "www1", clean["desk1"].ipv4,
                 clean["stray"].ipv4):
        assert word in text, text
    status = busy.json("status")
    assert status["blocked"]["packets"] == 6
    assert {line["reason"]: line["packets"] for line in status["reasons"] if line["packets"]} == {
        "role": 5, "unassigned": 1}
    assert status["events"]["received"] + status["events"]["lost"] == 6
    assert [line["source"] for line in status["sources"]][0] == clean["desk1"].ipv4


def test_status_stays_within_80_columns_and_cuts_no_address(clean: Lab, daemon: Daemon):
    daemon.start(CLASSIC)
    far = [f"2001:db8:ffff:1111:2222:3333:4444:555{i}" for i in range(5)]
    for address in far:
        with pytest.raises(OSError):
            traffic.connect(clean["desk1"], address, 6667)
        traffic.ping(clean["www1"], address)
    daemon.blocked(10)
    text = daemon.ctl("status").stdout
    assert max(map(len, text.splitlines())) <= 80, text
    assert sum(address in text for address in far) >= 3, text
    assert "tcp/6667" in text and "icmpv6/echo-request" in text, text
    assert "and 2 more: egressctl blocked --host office" in text, text


def test_blocked_names_source_destination_service_and_reason(clean: Lab, busy: Daemon):
    text = busy.ctl("blocked").stdout
    for word in (clean["desk1"].ipv4, "office", WORLD, "tcp/25 (smtp)", "tcp/6667 (irc)",
                 "tcp/21 (ftp)", "unassigned"):
        assert word in text, text


def test_a_typing_error_is_no_all_clear(busy: Daemon):
    for option, word in (("--host", "host"), ("--role", "role")):
        done = busy.ctl("blocked", option, "nobdoy")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f'egressctl: there is no {word} "nobdoy"\n'
    done = busy.ctl("blocked", "--source", "www1")
    assert (done.returncode, done.stdout) == (1, "")
    assert '"www1" is no address' in done.stderr


def test_a_daemon_that_saw_nothing_points_to_what_the_kernel_counted(busy: Daemon):
    busy.stop()
    (busy.state / "ledger.json").unlink()
    busy.start()
    assert busy.ctl("blocked").stdout == (
        "Nothing was blocked since the daemon began to listen; egressctl status has the "
        "kernel's own counts.\n")


def test_nothing_at_all_is_said_shortly(daemon: Daemon):
    daemon.start(CLASSIC)
    assert daemon.ctl("blocked").stdout == "Nothing was blocked.\n"


def test_status_points_out_an_inside_interface_that_does_not_exist(daemon: Daemon):
    policy = small('"http"')
    daemon.start(policy.replace("inside = [", 'inside = [ "eth7",', 1))
    assert "eth7 (no such interface now), lan0" in daemon.ctl("status").stdout
    assert daemon.json("status")["missing"] == ["eth7"]


@pytest.mark.parametrize("source, destination, service, verdict, reason, exit_status", [
    ("192.168.0.11", WORLD, "http", "permitted", None, 0),
    ("192.168.0.11", WORLD, "tcp/25", "blocked", "role", 1),
    ("192.168.0.200", WORLD, "http", "blocked", "unassigned", 1),
    (WORLD, "192.0.2.80", "https", "permitted", None, 0),
    (WORLD, "192.0.2.80", "ssh", "blocked", "inbound", 1),
    ("2001:db8:1::11", "2001:db8::53", "udp/53", "permitted", None, 0),
    ("192.168.0.11", WORLD, "icmp/echo-request", "permitted", None, 0),
])
def test_explain_gives_the_verdict_the_reason_and_the_line(
        daemon: Daemon, source: str, destination: str, service: str, verdict: str,
        reason: str | None, exit_status: int):
    daemon.start(CLASSIC)
    done = daemon.ctl("--json", "explain", source, destination, service)
    reply = json.loads(done.stdout)
    assert (reply["verdict"], reply.get("reason")) == (verdict, reason)
    assert done.returncode == exit_status
    if reason != "unassigned":
        assert CLASSIC.splitlines()[reply["line"] - 1].strip()
        assert reply["file"].endswith("egressd.conf")


def test_what_ends_at_the_gateway_is_not_judged(clean: Lab, daemon: Daemon):
    daemon.start(CLASSIC)
    done = daemon.ctl("--json", "explain", "192.168.0.11", clean["gateway"].ipv4, "ssh")
    reply = json.loads(done.stdout)
    assert (done.returncode, reply["verdict"]) == (0, "permitted")
    assert reply["line"] is None and reply["file"] is None and reply["reason"] is None
    assert reply["text"].endswith("ends at the gateway itself, which egressd does not judge.")


def test_explain_says_when_nothing_is_judged_and_which_interface_was_assumed(daemon: Daemon):
    daemon.start(CLASSIC)
    assert daemon.json("explain", "192.168.0.11", WORLD, "http")["judged"] is True
    for destination in (WORLD, "192.168.0.200"):
        reply = daemon.json("explain", "10.9.9.9", destination, "http")
        assert (reply["verdict"], reply["judged"], reply["line"]) == ("permitted", False, None)
        assert reply["text"] == (
            "10.9.9.9 would come in by wan0 (by the route), which is not inside: what it initiates "
            "is not judged; `--interface lan0` asks as if it came in there.")
    assert "not judged, so it passes" in daemon.ctl("explain", "10.9.9.9", WORLD, "http").stdout
    asked = daemon.ctl("--json", "explain", "10.9.9.9", WORLD, "http", "--interface", "lan0")
    assert json.loads(asked.stdout)["reason"] == "spoofed"
    assert daemon.json("explain", WORLD, "192.0.2.80", "https")["judged"] is True, "by inbound"
    daemon.write(CLASSIC.replace('"lan0"', '"lan9"'))
    daemon.call("Reload")
    reply = daemon.json("explain", "192.168.0.11", WORLD, "smtp")
    assert (reply["host"], reply["role"], reply["judged"]) == ("office", "desk", False)
    assert reply["text"].startswith("office (192.168.0.11, desk) would come in by lan0 (by the "
                                    "route), which is not inside: ")


def test_explain_says_that_an_interface_does_not_exist(daemon: Daemon):
    daemon.start(CLASSIC.replace('"lan0"', '"lan0", "lan9"'))
    for interface in ("nix", "lan9"):
        done = daemon.ctl("--json", "explain", "192.168.0.11", WORLD, "http",
                          "--interface", interface)
        reply = json.loads(done.stdout)
        assert (reply["verdict"], reply["reason"]) == ("blocked", "spoofed")
        assert reply["text"].endswith(f"; there is no interface {interface} now.")
    reply = daemon.json("explain", "10.9.9.9", WORLD, "http", "--interface", "wan7")
    assert reply["text"] == ("10.9.9.9 comes in by wan7 then, which is not inside: what it initiates "
                             "is not judged; there is no interface wan7 now.")


def test_explain_takes_hosts_by_name_and_says_what_else_may_be_meant(daemon: Daemon):
    daemon.start(CLASSIC)
    by_name = daemon.ctl("explain", "www1", "dns1", "ssh")
    by_address = daemon.ctl("explain", "192.0.2.80", "192.0.2.53", "ssh")
    assert (by_name.returncode, by_name.stdout) == (by_address.returncode, by_address.stdout)
    six = daemon.ctl("explain", "www1", WORLD_V6, "http")
    assert (six.returncode, six.stderr) == (1, "") and "2001:db8::80" in six.stdout
    for words, said in (
            (("office", WORLD, "http"), "office is a host: 192.168.0.10-192.168.0.99"),
            (("wwww1", WORLD, "http"), '"wwww1" is no address and no host; did you mean "www1"'),
            (("www1", WORLD, "htpp"), '"htpp" is no service; did you mean "http"?')):
        done = daemon.ctl("explain", *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr, done.stderr


def test_explain_takes_an_interface_and_a_mac(daemon: Daemon):
    daemon.start(small(host='mac = [ "02:00:00:01:10:11" ];'))
    ask = ("explain", "192.168.0.11", WORLD, "http")
    assert daemon.json(*ask)["verdict"] == "permitted"
    wrong = daemon.ctl("--json", *ask, "--mac", "02:00:00:00:00:99")
    assert json.loads(wrong.stdout)["reason"] == "impostor"
    elsewhere = daemon.ctl("--json", *ask, "--interface", "dmz0")
    assert json.loads(elsewhere.stdout)["reason"] == "spoofed"
    shown = daemon.ctl(*ask, "--interface", "dmz0").stdout
    assert "Host        unknown, as the source is not where it belongs\n" in shown


def test_check_accepts_a_good_file_and_tells_all_mistakes_of_a_bad_one(daemon: Daemon):
    good = daemon.write(CLASSIC, "good.conf")
    done = egressctl("check", str(good))
    assert (done.returncode, done.stderr) == (0, "")
    text = small('"htpp", "smtp"', hosts=',\n  { name = "x"; role = "desc"; }')
    bad = daemon.write(text, "bad.conf")
    done = egressctl("check", str(bad))
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert f"{bad}:" in said and "htpp" in said and "desc" in said
    reply = json.loads(egressctl("--json", "check", str(bad)).stdout)
    lines = text.splitlines()
    for word in ("htpp", "desc"):
        assert any(word in problem["text"] and word in lines[problem["line"] - 1]
                   for problem in reply["problems"])


def test_what_is_hardly_meant_is_a_warning_wherever_the_file_is_looked_at(daemon: Daemon):
    warned = small(hosts=',\n  { name = "x"; role = "desk"; address = "224.0.0.5"; }')
    path = daemon.write(warned)
    line = warned.splitlines().index('  { name = "x"; role = "desk"; address = "224.0.0.5"; }') + 1
    words = f'{path}:{line}: '
    what = '224.0.0.5 of host "x" is a multicast address'
    done = egressctl("check", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{words}warning: {what}" in done.stdout and "; 1 warning" in done.stdout
    reply = json.loads(egressctl("--json", "check", str(path)).stdout)
    assert (reply["good"], [w["line"] for w in reply["warnings"]]) == (True, [line])
    done = subprocess.run([EGRESSD, "--config", path, "--check"], capture_output=True, text=True,
                          check=False)
    assert (done.returncode, done.stderr.startswith(f"{words}warning: {what}")) == (0, True)

    daemon.start(warned)
    assert words + what in daemon.log()
    assert words + what in daemon.ctl("reload").stdout.replace("\n            ", " ")
    assert any(notice.startswith(words + what) for notice in daemon.status()["notices"])
    daemon.write(small())
    assert daemon.ctl("reload").returncode == 0
    assert not any("multicast" in notice for notice in daemon.status()["notices"])


def test_egressd_check_says_the_same(daemon: Daemon):
    for name, text, status in (("good.conf", CLASSIC, 0), ("bad.conf", small('"htpp"'), 1)):
        path = daemon.write(text, name)
        done = subprocess.run([EGRESSD, "--config", path, "--check"], capture_output=True,
                              text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        assert ("htpp" in done.stdout + done.stderr) == bool(status)


def test_reload_says_what_it_did(busy: Daemon):
    again = busy.ctl("reload")
    assert again.returncode == 0 and "Already in force: " in again.stdout
    assert "\nChanged     20" in again.stdout, "what the last change came to, and when"
    # It hears of the file and of who asks at once, so that it has not loaded it by itself before.
    busy.signal(signal.SIGSTOP)
    busy.write(CLASSIC.replace('"pop3", ', '"pop3", "ssh", '))
    with subprocess.Popen([EGRESSCTL, "--socket", busy.socket, "--json", "reload"],
                          stdout=subprocess.PIPE, text=True) as asking:
        time.sleep(0.5)
        busy.signal(signal.SIGCONT)
        reply = json.load(asking.stdout)
    assert reply["changed"] is True
    assert reply["elements_added"] + reply["rules_added"] > 0


def test_watch_prints_what_happens_as_it_happens(clean: Lab, daemon: Daemon):
    daemon.start(CLASSIC)
    with subprocess.Popen([EGRESSCTL, "--socket", daemon.socket, "--json", "watch"],
                          stdout=subprocess.PIPE, text=True) as watching:
        time.sleep(0.5)
        traffic.tcp(clean["desk1"], clean.world, WORLD, 25)
        line = watching.stdout.readline()
        watching.terminate()
    event = json.loads(line)
    assert event["kind"] == "blocked"
    assert event["attempt"]["port"] == 25
    assert event["text"] == (f"office (192.168.0.11) tried tcp/25 to {WORLD}: was blocked for "
                             "the reason role")


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["explain"], ["explain", "a"],
                                       ["status", "extra"], ["--frobnicate", "status"],
                                       ["check"], ["table"]])
def test_wrong_usage_ends_with_2(arguments: list[str]):
    done = egressctl(*arguments)
    assert done.returncode == 2
    assert done.stderr


@pytest.mark.parametrize("verb", VERBS + [["reload"], ["watch"]], ids=lambda verb: verb[0])
def test_without_a_daemon_it_ends_with_3(verb: list[str]):
    done = egressctl("--socket", "/run/egressd-test/nobody", *verb)
    assert done.returncode == 3
    assert "/run/egressd-test/nobody" in done.stderr


def test_what_the_daemon_cannot_answer_ends_with_1(daemon: Daemon):
    daemon.start(CLASSIC)
    for words in (("nowhere", WORLD, "http"), ("192.168.0.11", WORLD, "tcp/x"),
                  ("192.168.0.11", "2001:db8::80", "http")):
        done = daemon.ctl("explain", *words)
        assert done.returncode == 1
        assert [word for word in words if word in done.stderr]
    done = daemon.ctl("explain", "192.168.0.11", WORLD, "25")
    assert done.stderr == (
        'egressctl: "25" is no service: a name such as smtp, or a literal such as tcp/25\n')


@pytest.mark.parametrize("words, expected", [
    (["alarms", ""], ["show", "ack", "clear"]),
    (["--socket", "SOCKET", "blocked", "--host", "=", "www"], ["www1"]),
    (["--socket", "SOCKET", "permit", "www1", "http", "to", "host", ":", "ww"], ["www1"]),
    (["--socket", "SOCKET", "permit", "www1", "http", "to", "role:"], ["desk"]),
    (["--socket", "SOCKET", "unassign", "2001", ":", "db8", "::"], ["55"]),
    (["--socket", "/nonexistent", "release", ""], []),
], ids=lambda value: value[-1] if value else "nothing")
def test_bash_completes_names_of_the_daemon(daemon: Daemon, words: list[str], expected: list[str]):
    daemon.start(CLASSIC)
    daemon.call("Assign", address="2001:db8::55", role="desk")
    words = [str(daemon.socket) if word == "SOCKET" else word for word in words]
    script = (f'PATH={EGRESSCTL.parent}:$PATH; source {COMPLETION}; COMP_WORDS=(egressctl "$@"); '
              'COMP_CWORD=$#; _egressctl; printf "%s\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True,
                          check=False)
    assert done.stderr == ""
    said = done.stdout.split()
    assert said == expected if len(expected) != 1 else expected[0] in said, said


@pytest.mark.parametrize("program", [EGRESSCTL, EGRESSD, PROCESSES])
def test_help_fits_80_columns_and_ends_with_0(program: str):
    done = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    words = {EGRESSCTL: ("status", "blocked", "explain", "--json"),
             EGRESSD: ("--config", "--socket", "--state", "--processes", "--check", "--remove"),
             PROCESSES: ("--socket", "--user", "CAP_SYS_PTRACE")}
    for word in words[program]:
        assert word in done.stdout
