#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""egressd at work: a small office in network namespaces, an ordinary day, and five incidents."""
import argparse
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

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


def incidents(lab: Lab) -> int:
    """Four that no role permits; how many connections of theirs passed."""
    passed = 0
    print("\nNiovadoor, a mail trojan on desk2: every 30 seconds it tries to send mail by itself\n"
          "(here every tenth of a second). Desks may not; only the mail server may.")
    passed += burst(lab, "desk2", [MAIL_PEER] * 20, "tcp", 25, 0.1)

    print("\nCodeRed on the web server www1: it looks for other web servers, all over the world.\n"
          "The web server answers connections on tcp/80; it has no business opening any.")
    passed += burst(lab, "www1", [f"203.0.113.{number}" for number in range(100, 112)], "tcp", 80)

    print("\nBlaster on desk3: tcp/135 at its neighbours on other wires, then its own backdoor\n"
          "tcp/4444, then it has the worm fetched by tftp, udp/69.")
    neighbours = [f"192.0.2.{number}" for number in (25, 53, 80)]
    strangers = [f"203.0.113.{number}" for number in range(5, 14)]
    passed += burst(lab, "desk3", neighbours + strangers, "tcp", 135)
    passed += burst(lab, "desk3", neighbours, "tcp", 4444)
    passed += burst(lab, "desk3", neighbours, "udp", 69)

    print("\nA rootkit: somebody has broken into www1 and fetches his tools by ftp.")
    passed += burst(lab, "www1", ["203.0.113.21"] * 3, "tcp", 21)
    return passed


def worm_on_a_permitted_port(lab: Lab) -> bool:
    """The fifth; true when it got as far as the throttle lets it, and not much further."""
    print("\nNimda on desk1: it spreads over http, which desks may use, as fast as it can. What\n"
          "gives it away is how many addresses it contacts that it never did before.")
    victims = [f"203.0.113.{number}" for number in range(1, THROTTLE + 81)]
    return THROTTLE // 2 <= burst(lab, "desk1", victims, "tcp", 80) < len(victims)


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
What you saw: every role may initiate what its business needs and nothing else, and not
everything at once. Four incidents therefore went nowhere and the fifth not far, and each is
named: who (host, role), where to, what, how often, and why. A web server that opens tcp/80 or
tcp/21 has been broken into; a desk that tries tcp/25, or contacts hundreds of new hosts, has
caught something; look at those machines.
  status    the counters of the kernel's table: exact, and they outlive the daemon
  blocked   the attempts behind them, summed up in one way or another, or the latest first
The role map is conf/examples/office.conf; the table is `nft list table inet egressd`."""


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
    outcomes = ordinary_day(lab)

    heading("Five incidents")
    passed = incidents(lab)
    throttled = worm_on_a_permitted_port(lab)

    time.sleep(0.3)  # the last events are on their way to the daemon
    show(lab, tool, "status")
    show(lab, tool, "blocked", "--by", "service")
    show(lab, tool, "explain", "192.168.0.102", MAIL_PEER, "smtp")
    heading("In short")
    print(EXPLANATION.strip())

    if arguments.stay:
        stay(lab, tool)
    daemon.terminate()
    daemon.wait(10)
    if passed or not throttled or set(outcomes) != {"passes"}:
        print("\nSomething did not go as it should have.", file=sys.stderr)
        return 1
    return 0


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
