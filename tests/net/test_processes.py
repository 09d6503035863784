# SPDX-License-Identifier: GPL-2.0-or-later
"""Who on the gateway itself tried what was blocked: the user always, the process if asked for."""
import json
import os
import pathlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
import traffic
from daemon import PROCESSES, SANITIZER_WORDS, SANITIZERS, Daemon, wait_for
from lab import WORLD, WORLD_V6, Lab
from policies import small

FAMILIES = pytest.mark.parametrize("family", [4, 6])
FAR = {4: WORLD, 6: WORLD_V6}
USER = 65534  # nobody: Debian has him
PYTHON = "/usr/bin/python3"


def policy(gateway: str = "") -> str:
    """The gateway is a host, whose role trips a wire when it initiates anything."""
    return small('"http"', gateway=gateway,
                 roles="router = { outbound = [ ]; tripwire = true; };",
                 hosts=', { name = "gateway"; role = "router"; self = true; }')


PATH_OF_PYTHON = os.path.realpath(PYTHON)
NEEDED_CAPABILITIES = 1 << 19 | 1 << 2  # CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH


# Tries one connection, says so, and waits for its input to end.
TRIES = """
import socket, sys
kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[sys.argv[1]]
family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
with socket.socket(family, kind) as tried:
    tried.setblocking(False)
    try:
        if tried.connect_ex((sys.argv[2], int(sys.argv[3]))) == 0:
            tried.send(b"x")
    except OSError:
        pass
    print("tried", flush=True)
    sys.stdin.read()
"""


def attempt(lab: Lab, protocol: str, address: str, port: int, user: int = USER) -> subprocess.Popen:
    """A program on the gateway that tries a connection, and keeps its socket until its stdin ends."""
    program = lab.gateway.start(PYTHON, "-I", "-c", TRIES, protocol, address, str(port),
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                user=user, group=user, extra_groups=[])
    assert program.stdout.readline() == "tried\n"
    return program


def finish(program: subprocess.Popen) -> None:
    """Ends such a program."""
    program.communicate("")


@FAMILIES
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_the_user_who_tried_is_always_known(clean: Lab, daemon: Daemon, family: int, protocol: str):
    daemon.start(policy())
    finish(attempt(clean, protocol, FAR[family], 25))
    line, = daemon.blocked(1)
    assert (line["uid"], line["gid"]) == (USER, USER)
    alarm = wait_for(lambda: daemon.call("ListAlarms")["alarms"])[0]
    evidence = daemon.call("GetAlarm", id=alarm["id"])["card"]["evidence"]
    assert [attempt["uid"] for attempt in evidence] == [USER]
    for arguments in (("blocked",), ("alarms", "show", str(alarm["id"]))):
        assert f"nobody (uid {USER})" in daemon.ctl(*arguments).stdout
    lines = daemon.ctl("blocked", "--lines").stdout
    assert json.loads(lines)["uid"] == USER


def test_hosts_behind_the_gateway_have_no_user(clean: Lab, daemon: Daemon):
    daemon.start(policy())
    finish(attempt(clean, "udp", WORLD, 25))
    with clean["desk1"].space.inside():
        subprocess.run([PYTHON, "-I", "-c", TRIES, "udp", WORLD, "25"], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True)
    users = {line["host"]: line["uid"] for line in daemon.blocked(2)}
    assert users == {"gateway": USER, "desk1": None}


def test_the_user_outlives_a_restart_and_is_told_to_who_watches(clean: Lab, daemon: Daemon):
    daemon.start(policy())
    with daemon.connect() as monitor:
        monitor.send({"method": "io.egressd.Monitor", "parameters": {"kind": "blocked"},
                      "more": True})
        assert daemon.status()["state"] == "enforcing"  # answered after the monitor
        finish(attempt(clean, "udp", WORLD, 25))
        assert monitor.receive()["parameters"]["attempt"]["uid"] == USER
    daemon.stop()
    daemon.start()
    assert [line["uid"] for line in daemon.blocked()] == [USER]


@pytest.fixture
def helper(daemon: Daemon) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts egressd-processes, behind another program if asked for, and ends it in the end."""
    started = []
    log = daemon.folder / "processes.log"

    def start(*before: str) -> subprocess.Popen:
        # It makes itself undumpable, which is more than the leak checker can stand.
        environment = os.environ | SANITIZERS | {"ASAN_OPTIONS": "detect_leaks=0:exitcode=99"}
        with open(log, "ab") as file:
            started.append(daemon.gateway.start(*before, str(PROCESSES), "--socket",
                                                str(daemon.processes), stderr=file,
                                                env=environment))
        assert wait_for(daemon.processes.exists), log.read_text()
        return started[-1]

    yield start
    for process in started:
        process.terminate()
        assert process.wait(timeout=20) in (0, -9), log.read_text()
    if started:
        found = [line for line in log.read_text().splitlines()
                 if any(word in line for word in SANITIZER_WORDS)]
        assert not found, found


def process_of(daemon: Daemon, **of: object) -> dict | None:
    """The process that was seen to make the only attempt there is, once it was looked for."""
    def looked() -> dict | None:
        line, = daemon.blocked(1, **of)
        return line["process"]

    return wait_for(looked)


@FAMILIES
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_the_process_is_named_while_its_socket_lives(clean: Lab, daemon: Daemon, helper: Callable,
                                                     family: int, protocol: str):
    helper()
    daemon.start(policy("processes = true;"))
    program = attempt(clean, protocol, FAR[family], 25)
    seen = process_of(daemon)
    assert (seen["pid"], seen["uid"], seen["attempts"]) == (program.pid, USER, 1)
    assert (seen["destination"], seen["protocol"], seen["port"]) == (FAR[family], protocol, 25)
    assert seen["executable"] == PATH_OF_PYTHON
    assert seen["command"].startswith(f"{PYTHON} -I -c ") and len(seen["command"]) < 256
    assert abs(seen["started"] / 1e6 - time.time()) < 30
    finish(program)
    alarm = wait_for(lambda: daemon.call("ListAlarms")["alarms"])[0]
    card = daemon.call("GetAlarm", id=alarm["id"])["card"]
    assert [process["pid"] for process in card["processes"]] == [program.pid]
    shown = daemon.ctl("alarms", "show", str(alarm["id"])).stdout
    for words in (f"{program.pid} ", f"program {PATH_OF_PYTHON}", "by best effort"):
        assert words in shown, shown
    assert f"{program.pid} " in daemon.ctl("blocked").stdout
    counts = daemon.status()["processes"]
    assert (counts["attempts"], counts["found"]) == (1, 1)
    assert "of 1 attempt of the gateway itself 1 found" in daemon.ctl("status").stdout


def test_a_process_that_is_gone_before_it_could_be_looked_at_is_said_to_be(
        clean: Lab, daemon: Daemon, helper: Callable):
    helper()
    daemon.start(policy("processes = true;"))
    with clean.gateway.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
        with pytest.raises(PermissionError):
            tried.sendto(b"x", (WORLD, 25))  # closed long before the record is read
    seen = process_of(daemon)
    assert (seen["pid"], seen["executable"], seen["uid"]) == (None, None, 0)
    assert daemon.status()["processes"]["gone"] == 1
    assert " gone " in daemon.ctl("blocked").stdout
    assert "before it could be looked at; of root (uid 0)" in daemon.ctl("alarms", "show", "1").stdout
    assert daemon.status()["state"] == "enforcing"


def test_while_processes_are_looked_for_the_gateways_own_tcp_waits_and_that_of_others_does_not(
        clean: Lab, daemon: Daemon):
    daemon.start(policy())
    assert traffic.tcp(clean["gateway"], clean.world, WORLD, 25) == traffic.RESET
    daemon.write(policy("processes = true;"))
    daemon.call("Reload")
    assert traffic.tcp(clean["gateway"], clean.world, WORLD, 25) == traffic.SILENCE
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.RESET
    assert traffic.udp(clean["gateway"], clean.world, WORLD, 25) == traffic.DENIED


def test_who_watches_is_told_of_processes(clean: Lab, daemon: Daemon, helper: Callable):
    helper()
    daemon.start(policy("processes = true;"))
    with daemon.connect() as monitor:
        monitor.send({"method": "io.egressd.Monitor", "parameters": {"kind": "process"},
                      "more": True})
        assert daemon.status()["state"] == "enforcing"  # answered after the monitor
        program = attempt(clean, "tcp", WORLD, 25)
        event = monitor.receive()["parameters"]
    finish(program)
    assert event["process"]["pid"] == program.pid
    assert event["text"].startswith(f"pid {program.pid} ({PATH_OF_PYTHON}")


def test_a_helper_that_is_killed_is_missed_and_nothing_else_suffers(clean: Lab, daemon: Daemon,
                                                                   helper: Callable):
    running = helper()
    daemon.start(policy("processes = true;"))
    assert daemon.status()["state"] == "enforcing"
    running.kill()
    running.wait()
    said = wait_for(lambda: daemon.status()["degraded"])
    assert "nobody tells processes at" in said[0]
    assert traffic.udp(clean["gateway"], clean.world, WORLD, 25) in traffic.REFUSED
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 80) == traffic.PASSED
    line, = daemon.blocked(1)
    assert (line["uid"], line["process"]) == (0, None)
    assert daemon.status()["processes"]["unanswered"] == 1
    helper()
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 5)
    program = attempt(clean, "tcp", WORLD, 26)
    assert wait_for(lambda: daemon.status()["processes"]["found"])
    finish(program)


def test_the_helper_keeps_two_capabilities_and_refuses_everybody_but_its_daemon(
        daemon: Daemon, helper: Callable):
    running = helper()
    status = pathlib.Path(f"/proc/{running.pid}/status").read_text(encoding="utf-8")
    held = dict(line.split(":\t") for line in status.splitlines() if line.startswith("Cap"))
    for kind in ("CapPrm", "CapEff", "CapBnd"):
        assert int(held[kind], 16) == NEEDED_CAPABILITIES, status
    assert int(held["CapInh"], 16) == int(held["CapAmb"], 16) == 0
    assert daemon.processes.stat().st_mode & 0o777 == 0o600

    ask = """
import socket, struct, sys
question = struct.pack("=QIIIHHBB6x16s16s", 7, 1, 0, 0, 1, 2, 4, 6, bytes(16), bytes(16))
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asker:
    asker.connect(sys.argv[1])
    for sent in (question, question[:-1]):
        try:
            asker.send(sent)
        except BrokenPipeError:
            pass
        print(asker.recv(100).decode())
"""
    daemon.processes.chmod(0o666)  # its file alone must not decide

    def answers(user: int) -> list[str]:
        done = subprocess.run([PYTHON, "-I", "-c", ask, daemon.processes], capture_output=True,
                              text=True, check=False, user=user, group=user, extra_groups=[])
        return done.stdout.splitlines() or [done.stderr.splitlines()[-1]]

    gone = '{"number":7,"result":"gone","error":null,"denied":0,"processes":[]}'
    assert answers(0) == [gone, ""], "and what is no question ends the connection"
    assert gone not in answers(USER)
    log = (daemon.folder / "processes.log").read_text(encoding="utf-8")
    assert f"A connection of uid {USER} was refused" in log


def test_a_helper_without_its_rights_says_so(clean: Lab, daemon: Daemon, helper: Callable):
    helper("setpriv", "--bounding-set", "-sys_ptrace")
    daemon.start(policy("processes = true;"))
    finish_later = attempt(clean, "tcp", WORLD, 25)
    said = wait_for(lambda: daemon.status()["degraded"])
    finish(finish_later)
    assert "needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH" in said[0]
    assert process_of(daemon)["pid"] is None


def test_processes_are_not_looked_for_unless_asked(clean: Lab, daemon: Daemon, helper: Callable):
    helper()
    daemon.start(policy())
    finish(attempt(clean, "udp", WORLD, 25))
    daemon.blocked(1)
    assert daemon.status()["processes"] is None
    daemon.write(policy("processes = true;"))
    assert daemon.call("Reload")["changed"]
    program = attempt(clean, "tcp", WORLD, 26)
    assert wait_for(lambda: daemon.status()["processes"]["found"])
    finish(program)
