# SPDX-License-Identifier: GPL-2.0-or-later
"""Who on the gateway itself tried what was blocked: the user always, the process if asked for."""
import json
import subprocess

import pytest
from daemon import Daemon, wait_for
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
