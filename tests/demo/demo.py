#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""egressd at work: a small office in network namespaces, an ordinary day, and five incidents."""
import argparse
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "net"))

# pylint: disable=wrong-import-position
import lab as laboratory  # noqa: E402
from lab import DMZ, LAN, Host, Lab  # noqa: E402
from namespace import enter_private_tree  # noqa: E402

# Machines of conf/examples/office.conf.
OFFICE = (("desk1", LAN, 101), ("desk2", LAN, 102), ("desk3", LAN, 103),
          ("www1", DMZ, 80), ("mx1", DMZ, 25), ("ns1", DMZ, 53))
WEBSITE, MAIL_PEER, ROOT_SERVER = "203.0.113.80", "203.0.113.25", "203.0.113.53"
HOME = pathlib.Path("/run/egressd")
CONFIG = HOME / "etc" / "examples" / "office.conf"
LOG = HOME / "log"
ANSWERING_PORT = 7
ANSWER_ALL = f"""table inet answers {{ chain answers {{
    type nat hook prerouting priority dstnat; policy accept;
    meta l4proto {{ tcp, udp }} fib daddr type local redirect to :{ANSWERING_PORT}
}}
}}"""
WAIT = 1.0  # seconds
THROTTLE = 100  # new destinations in 10 seconds, as the example says
# The standard thresholds: a beacon is named at its 4th attempt, once it is regular for 60 seconds.
TROJAN_ATTEMPTS, TROJAN_PERIOD = 4, 20.15
SCAN_HOSTS = 25  # on one port, within 5 minutes
ALARM_WAIT = 10.0  # seconds for what takes milliseconds, on a busy machine
_PR_SET_PDEATHSIG = 1

PICTURE = """
      desk1   desk2   desk3               www1    mx1    ns1
        |       |       |                   |      |      |
       ==========================         ===================
              lan0                               dmz0
                 \\                               /
                  +----- gateway: egressd ------+
                               |  wan0
                           the world
"""


def heading(text: str) -> None:
    """Begins a part."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def die_with_parent() -> None:
    """In a child: whatever ends this program ends the child."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


# --- machines that answer -------------------------------------------------------------------

def answer_connections(listener: socket.socket) -> None:
    """Greets everybody who connects."""
    while True:
        stream, _ = listener.accept()
        with stream:
            stream.sendall(b"hello\r\n")


def answer_datagrams(listener: socket.socket) -> None:
    """Answers every datagram."""
    while True:
        _, sender = listener.recvfrom(512)
        listener.sendto(b"hello", sender)


def let_answer(host: Host) -> None:
    """From now on the machine answers on every port."""
    host.space.nft(ANSWER_ALL)
    with host.space.inside():
        stream = socket.create_server(("0.0.0.0", ANSWERING_PORT), backlog=64)
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("0.0.0.0", ANSWERING_PORT))
    for serve, listener in ((answer_connections, stream), (answer_datagrams, datagrams)):
        threading.Thread(target=serve, args=(listener,), daemon=True).start()


# --- connections ----------------------------------------------------------------------------

def attempt(host: Host, destination: str, protocol: str, port: int) -> str:
    """Tries one connection: "passes", or how it was blocked."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with host.space.inside():
        connection = socket.socket(socket.AF_INET, kind)
    with connection:
        connection.settimeout(WAIT)
        try:
            connection.connect((destination, port))
            if protocol == "udp":
                connection.send(b"question")
            return "passes" if connection.recv(64).startswith(b"hello") else "no answer"
        except TimeoutError:
            return "no answer"
        except OSError:
            return "blocked"


def try_all(lab: Lab, rows: list[tuple[str, str, str, int, str]]) -> list[str]:
    """Tries connections and prints each; what became of them."""
    outcomes = []
    for name, destination, protocol, port, what in rows:
        outcome = attempt(lab[name], destination, protocol, port)
        outcomes.append(outcome)
        print(f"  {name:<6} {what:<38} {destination:<14} {f'{protocol}/{port}':<8} {outcome}",
              flush=True)
    return outcomes


def ordinary_day(lab: Lab) -> list[str]:
    """What an office does all day; all of it is permitted."""
    return try_all(lab, [
        ("desk1", "192.0.2.53", "udp", 53, "asks the name server"),
        ("desk1", WEBSITE, "tcp", 80, "reads a web page outside"),
        ("desk2", WEBSITE, "tcp", 443, "reads another one"),
        ("desk3", "192.0.2.25", "tcp", 587, "hands in a mail"),
        ("mx1", "192.0.2.53", "udp", 53, "looks up where the mail goes"),
        ("mx1", MAIL_PEER, "tcp", 25, "delivers it to the world"),
        ("ns1", ROOT_SERVER, "udp", 53, "asks the name servers of the world"),
        ("world", "192.0.2.80", "tcp", 443, "visits the web server"),
        ("world", "192.0.2.25", "tcp", 25, "brings mail"),
    ])


def burst(lab: Lab, name: str, destinations: list[str], protocol: str, port: int,
          pause: float = 0.0) -> int:
    """Tries the same service at many addresses; how many of them let it in."""
    passed = 0
    for destination in destinations:
        passed += attempt(lab[name], destination, protocol, port) == "passes"
        time.sleep(pause)
    print(f"  {name:<6} {protocol}/{port:<5} {len(destinations):>3} attempts, {passed} passed",
          flush=True)
    return passed


# --- incidents ------------------------------------------------------------------------------

@dataclass(frozen=True)
class Incident:
    """One of the five, and the alarm that is to name it: its host, kind and service."""
    name: str
    host: str
    kind: str
    service: str
    story: str
    play: Callable[[Lab], int]  # how many connections passed

    def is_named_by(self, alarm: dict[str, Any]) -> bool:
        """True for an alarm about this incident, whose sentence says so."""
        return (alarm["host"], alarm["kind"]) == (self.host, self.kind) and bool(
            re.search(rf"^{self.host} .*\b{self.service}\b", alarm["text"], re.DOTALL))


def trojan(lab: Lab) -> int:
    """Niovadoor, which takes its time."""
    begin, passed = time.monotonic(), 0
    for number in range(TROJAN_ATTEMPTS):
        time.sleep(max(0.0, begin + number * TROJAN_PERIOD - time.monotonic()))
        passed += attempt(lab["desk2"], MAIL_PEER, "tcp", 25) == "passes"
    return passed


def code_red(lab: Lab) -> int:
    """CodeRed, at fewer hosts than a scan has: one is too many for a web server."""
    return burst(lab, "www1", [f"203.0.113.{number}" for number in range(100, 112)], "tcp", 80)


def blaster(lab: Lab) -> int:
    """Blaster, on all three of its ports."""
    servers = [f"192.0.2.{number}" for number in (25, 53, 80)]
    strangers = [f"203.0.113.{number}" for number in range(30, 30 + SCAN_HOSTS - len(servers))]
    return (burst(lab, "desk3", servers + strangers, "tcp", 135) +
            burst(lab, "desk3", servers, "tcp", 4444) + burst(lab, "desk3", servers, "udp", 69))


def rootkit(lab: Lab) -> int:
    """Somebody who fetches tools."""
    return burst(lab, "mx1", ["203.0.113.21"] * 3, "tcp", 21)


def nimda(lab: Lab) -> int:
    """Nimda, on a port that its host may use."""
    return burst(lab, "desk1", [f"203.0.113.{number}" for number in range(1, THROTTLE + 81)],
                 "tcp", 80)


NIOVADOOR = Incident(
    "Niovadoor", "desk2", "beacon", "tcp/25", f"""\
a mail trojan on desk2. It tries to send mail by itself, every 30 seconds in the wild and
every {TROJAN_PERIOD:.0f} seconds here. Desks may not; only the mail server may. One attempt says little.
{TROJAN_ATTEMPTS} of them, equally far apart for a minute, are a program. It runs in the background
from now on.""", trojan)
NIMDA = Incident(
    "Nimda", "desk1", "throttle", "tcp/80", """\
a worm on desk1. It spreads over http, which desks may use, as fast as it can. The number
of addresses that it never contacted before gives it away.""", nimda)
QUICK = (
    Incident("CodeRed", "www1", "tripwire", "tcp/80", """\
a worm on the web server www1. It connects to web servers all over the world. A web
server answers connections to tcp/80. It opens none: one attempt is enough.""", code_red),
    Incident("Blaster", "desk3", "scan", "tcp/135", f"""\
a worm on desk3. It tries tcp/135 of {SCAN_HOSTS} hosts, then its backdoor tcp/4444, and then
has itself fetched by tftp, udp/69.""", blaster),
    Incident("A rootkit", "mx1", "tripwire", "tcp/21", """\
somebody has broken into the mail server mx1, and fetches tools by ftp. A mail server
opens tcp/25 and no tcp/21.""", rootkit))
INCIDENTS = (NIOVADOOR, *QUICK, NIMDA)


class Background:
    """An incident that goes on while the others are played."""

    def __init__(self, incident: Incident, lab: Lab):
        self.passed = 0
        self.ends = time.monotonic() + (TROJAN_ATTEMPTS - 1) * TROJAN_PERIOD
        self._thread = threading.Thread(target=self._play, args=(incident, lab), daemon=True)
        self._thread.start()

    def _play(self, incident: Incident, lab: Lab) -> None:
        self.passed = incident.play(lab)

    def wait(self) -> int:
        """How many of its connections passed, once it has ended."""
        self._thread.join()
        return self.passed


def faults_of(alarms: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the alarms: each incident has one of its own, and nobody else has any."""
    faults = []
    for incident in INCIDENTS:
        count = sum(incident.is_named_by(alarm) for alarm in alarms)
        if count != 1:
            faults.append(f"{incident.name} on {incident.host} has {count or 'no'} "
                          f"{'alarms' if count > 1 else 'alarm'} of the kind {incident.kind} that "
                          f"{'name' if count > 1 else 'names'} {incident.service}")
    faults += [f"this alarm is about none of the incidents: {alarm['text'].rstrip('.')}"
               for alarm in alarms
               if not any(incident.is_named_by(alarm) for incident in INCIDENTS)]
    return faults


# --- the daemon -----------------------------------------------------------------------------

def start_daemon(lab: Lab, program: pathlib.Path) -> subprocess.Popen:
    """Starts egressd in the gateway, and waits until it says that it is ready."""
    shutil.copytree(ROOT / "conf", HOME / "etc")
    for path in (HOME / "etc").rglob("*"):
        os.chown(path, 0, 0)  # the daemon trusts no file that others may write
        path.chmod(0o755 if path.is_dir() else 0o644)
    (HOME / "state").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices, open(LOG, "wb") as log:
        notices.bind(str(HOME / "notify"))
        notices.settimeout(10)
        daemon = lab.gateway.start(
            str(program), "--config", str(CONFIG), "--state", str(HOME / "state"),
            stdout=log, stderr=log,
            env=os.environ | {"NOTIFY_SOCKET": str(HOME / "notify")},
            preexec_fn=die_with_parent)
        try:
            while "READY=1" not in notices.recv(4096).decode():
                pass
        except TimeoutError:
            sys.exit(f"egressd does not start:\n{LOG.read_text()}")
    return daemon


def show(lab: Lab, tool: pathlib.Path, *words: str) -> None:
    """Runs egressctl as anybody on the gateway would."""
    heading(f"$ egressctl {' '.join(words)}")
    with lab.gateway.inside():
        subprocess.run([tool, *words], check=False)


HINTS = """
You are in a shell inside the office; it ends, and takes everything along, with exit or Ctrl-D.

  try desk1 203.0.113.80 443      a TCP connection from a machine of the office; there are
                                  desk1 desk2 desk3 www1 mx1 ns1 and world
  egressctl status                also: roles, hosts, blocked, watch; see egressctl --help
  egressctl explain 192.168.0.101 203.0.113.25 smtp
  nft list table inet egressd     the table: this shell is on the gateway
  editor $CONFIG
                                  a change comes into force by itself
"""

SHELL = f"""
PS1='gateway# '
try() {{
	if ip netns exec "$1" timeout 2 bash -c "exec 3<>/dev/tcp/$2/$3 && head -1 <&3" 2>/dev/null
	then echo passes
	else echo blocked
	fi
}}
CONFIG={CONFIG}
"""


def stay(lab: Lab, tool: pathlib.Path) -> None:
    """Leaves the operator a shell on the gateway."""
    heading("Now try it yourself")
    print(HINTS.replace("$CONFIG", str(CONFIG)), flush=True)
    rcfile = HOME / "shellrc"
    rcfile.write_text(SHELL)
    path = f"{tool.parent}:{os.environ.get('PATH', '')}"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # is for what runs in the shell
    with lab.gateway.inside():
        subprocess.run(["bash", "--noprofile", "--rcfile", rcfile, "-i"], check=False,
                       env=os.environ | {"PATH": path},
                       preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


EXPLANATION = """
A role may initiate what its business needs, and no more; nor everything at once. Four incidents
therefore got nowhere, and the fifth no further than its throttle. Each raised an alarm that names
the host, its role, the port, and the reason:
  beacon    attempts at equal distances: a program, and no person
  tripwire  a server opened a connection that its role does not have: a break-in
  scan      one port of many hosts: a worm
  throttle  more new destinations than a person contacts: a worm on a permitted port
Look at those machines. `egressctl alarms show NUMBER` has the details of an alarm.
The role map is conf/examples/office.conf; the table is `nft list table inet egressd`."""


def listed_alarms(lab: Lab, tool: pathlib.Path) -> list[dict[str, Any]]:
    """The alarms that the daemon has open."""
    with lab.gateway.inside():
        done = subprocess.run([tool, "--json", "alarms"], check=True, capture_output=True)
    return json.loads(done.stdout)["alarms"]


def print_alarm(lab: Lab, tool: pathlib.Path, incident: Incident) -> None:
    """Waits until the daemon names the incident, and prints its sentence."""
    deadline = time.monotonic() + ALARM_WAIT
    while True:
        for alarm in listed_alarms(lab, tool):
            if incident.is_named_by(alarm):
                print(f"  -> {alarm['severity']} {alarm['kind']}: {alarm['text']}", flush=True)
                return
        if time.monotonic() > deadline:
            print("  -> no alarm", flush=True)
            return
        time.sleep(0.05)


def play_incidents(lab: Lab, tool: pathlib.Path) -> list[str]:
    """All five; what did not go as it should have."""
    print(f"\n{NIOVADOOR.name}: {NIOVADOOR.story}", flush=True)
    background = Background(NIOVADOOR, lab)
    faults = []
    for incident in (*QUICK, NIMDA):
        print(f"\n{incident.name}: {incident.story}", flush=True)
        passed = incident.play(lab)
        if incident is NIMDA and not THROTTLE // 2 <= passed <= THROTTLE * 3 // 2:
            faults.append(f"{incident.name} got through to {passed} hosts, not to some {THROTTLE}")
        elif incident is not NIMDA and passed:
            faults.append(f"{passed} connections of {incident.name} passed")
        print_alarm(lab, tool, incident)

    show(lab, tool, "blocked", "--by", "service")
    show(lab, tool, "explain", "192.168.0.102", MAIL_PEER, "smtp")
    heading(f"The trojan's attempt number {TROJAN_ATTEMPTS} is due in "
            f"{max(0.0, background.ends - time.monotonic()):.0f} seconds")
    passed = background.wait()
    print(f"  desk2  tcp/25    {TROJAN_ATTEMPTS:>3} attempts, {passed} passed", flush=True)
    if passed:
        faults.append(f"{passed} connections of {NIOVADOOR.name} passed")
    print_alarm(lab, tool, NIOVADOOR)
    return faults + faults_of(listed_alarms(lab, tool))


def run(arguments: argparse.Namespace) -> int:
    """The whole demonstration."""
    build = pathlib.Path(arguments.build).resolve()
    program, tool = build / "daemon" / "egressd", build / "daemon" / "egressctl" / "egressctl"
    HOME.mkdir(mode=0o755)

    heading("An office in network namespaces of its own")
    print(PICTURE)
    lab = laboratory.build(OFFICE)
    for name in ("www1", "mx1", "ns1", "world"):
        let_answer(lab[name])
    daemon = start_daemon(lab, program)
    print("egressd enforces conf/examples/office.conf on the gateway.")

    heading("An ordinary day: all this is permitted")
    faults = [f"an ordinary connection does not pass: {outcome}"
              for outcome in ordinary_day(lab) if outcome != "passes"]

    heading("Five incidents")
    faults += play_incidents(lab, tool)
    show(lab, tool, "status")
    heading("In short")
    print(EXPLANATION.strip())
    show(lab, tool, "alarms")

    if arguments.stay:
        stay(lab, tool)
    daemon.terminate()
    daemon.wait(10)
    for fault in faults:
        print(f"\nThe demonstration failed: {fault}.", file=sys.stderr)
    return 1 if faults else 0


def main() -> int:
    """Reads the command line and runs the demonstration in namespaces of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="meson's build directory")
    parser.add_argument("--stay", action="store_true", help="end with a shell in the office")
    arguments = parser.parse_args()
    enter_private_tree()
    try:
        return run(arguments)
    except KeyboardInterrupt:
        print("\nInterrupted; nothing stays behind.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
