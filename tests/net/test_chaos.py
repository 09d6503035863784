# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon among hostile clients, blocked traffic, reloads and restarts, all at once.

EGRESSD_CHAOS=1800 lets each of these tests go on for half an hour.
"""
import contextlib
import os
import pathlib
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import packet
import pytest
from chaos import Chaos, assert_stands
from chaos_clients import address_at_run_time, call, garbage, sensible, talk
from daemon import PROCESSES, SANITIZERS, Daemon, wait_for
from lab import WORLD, WORLD_V6, Lab

BROKEN = 'gateway = { inside = [ "lan0" ;'


def plain_policy(number: int) -> str:
    """Desks that may more or less, a tripwire, and quarantines that the daemon makes itself."""
    more = ', "https"' if number % 2 else ""
    return f"""
gateway = {{ inside = [ "lan0", "dmz0" ]; ledger = {{ entries = 2048; }}; }};
roles = {{
  desk = {{ inbound = [ ]; outbound = [ "http", "dns", "ping"{more} ];
           quarantine = {{ on = [ "scan", "portscan", "beacon" ]; for = "1m"; }}; }};
  web = {{ inbound = [ "http" ]; outbound = [ ]; tripwire = true;
          quarantine = {{ on = [ "tripwire" ]; for = "1m"; }}; }};
}};
hosts = (
  {{ name = "office"; role = "desk"; address = [ "192.168.0.0/24", "2001:db8:1::/64" ]; }},
  {{ name = "www1"; role = "web"; address = [ "192.0.2.80", "2001:db8::80" ];
    mac = [ "02:00:00:02:10:80" ]; }}
);
"""


def full_policy(number: int) -> str:
    """Everything is switched on, and modes, limits and names of hosts change with the number."""
    mode = "audit" if number % 5 == 4 else "enforce"
    check = "packet" if number % 3 == 2 else "connection"
    entries = (1024, 4096, 2048)[number % 3]
    more = ', "https"' if number % 2 else ""
    return f"""
gateway = {{ inside = [ "lan0", "dmz0" ]; mode = "{mode}"; processes = true;
            check_source = "{check}"; ledger = {{ entries = {entries}; }}; }};
detection = {{ trw = {{ enabled = true; }}; }};
on_alarm = {{ command = "/bin/true"; user = "nobody"; }};
roles = {{
  desk = {{ inbound = [ ]; outbound = [ "http", "dns", "ping", "ftp"{more} ];
           throttle = {{ destinations = {20 + number % 7}; per = "10s"; }};
           quarantine = {{ on = [ "scan", "portscan", "beacon", "throttle" ]; for = "1m";
                          most = 3; }}; }};
  web = {{ inbound = [ "http" ]; outbound = [ ]; tripwire = true;
          quarantine = {{ on = [ "tripwire" ]; for = "1m"; }}; }};
  router = {{ outbound = [ "dns" ]; }};
}};
hosts = (
  {{ name = "office-{number % 4}"; role = "desk"; address = [ "192.168.0.0/24",
                                                            "2001:db8:1::/64" ]; }},
  {{ name = "www-{number % 3}"; role = "web"; address = [ "192.0.2.80", "2001:db8::80" ];
    mac = [ "02:00:00:02:10:80" ]; }},
  {{ name = "roaming"; role = "desk"; mac = [ "02:00:00:02:10:25" ]; }},
  {{ name = "gateway"; role = "router"; self = true; }}
);
"""


def reloads(chaos: Chaos, policy: Callable[[int], str]) -> Callable[[random.Random], None]:
    """Writes one configuration after the other, of which some have a mistake."""
    def write_another(chance: random.Random) -> None:
        number = chance.randrange(1000)
        chaos.daemon.write(policy(number) if chance.random() < 0.87 else BROKEN)
        chaos.rest(0.4)

    return write_another


def blocked_traffic(lab: Lab, names: tuple[str, ...]) -> Callable[[random.Random], None]:
    """Packets of every kind from these machines, some from addresses that are not theirs."""
    wires = [(lab[name], packet.Tap(lab[name].space, "eth0")) for name in names]

    def send_some(chance: random.Random) -> None:
        for host, wire in wires:
            for _ in range(20):
                source = chance.choice((host.ipv4, host.ipv4, host.ipv6,
                                        address_at_run_time(chance)))
                frame = packet.ethernet(host.mac, host.gateway_mac, some_packet(chance, source))
                with contextlib.suppress(OSError):  # the wire is full
                    wire.send(frame)
        time.sleep(0.02)

    return send_some


def some_packet(chance: random.Random, source: str) -> bytes:
    """The first packet of a connection to the world, by any protocol."""
    destination = f"198.51.100.{chance.randint(32, 250)}"
    if ":" in source:
        destination = WORLD_V6[:-1] + str(chance.randint(1, 999))
    port, known = chance.randint(1, 3000), chance.choice((21, 25, 80, 443))
    protocol = chance.choice((packet.TCP, packet.TCP, packet.UDP, packet.GRE, packet.ICMP))
    if protocol == packet.TCP:
        body = packet.tcp(source, destination, chance.randint(1, 65535),
                          chance.choice((port, known)))
    elif protocol == packet.UDP:
        body = packet.udp(source, destination, 9, port)
    else:
        body = chance.randbytes(chance.randint(0, 60))
    return packet.ip(source, destination, protocol, body)


def test_the_daemon_stands_clients_that_do_everything_wrong(clean: Lab, daemon: Daemon):
    chaos = Chaos("clients", daemon)
    calls = sensible(("office", "www1"))

    def be_wrong(chance: random.Random) -> None:
        talk(daemon, chance, lambda: (garbage if chance.random() < 0.4 else
                                      lambda c: call(c, calls))(chance))

    attempts = blocked_traffic(clean, ("desk1", "www1"))
    daemon.start(plain_policy(0))
    chaos.begin(be_wrong, 10)
    chaos.begin(attempts)
    chaos.begin(reloads(chaos, plain_policy))
    chaos.run()
    assert_stands(daemon, plain_policy(0), {"office", "www1"}, attempts)


@pytest.fixture
def helper(daemon: Daemon) -> Iterator[pathlib.Path]:
    """egressd-processes, and where it says what went wrong."""
    log = daemon.folder / "processes.log"
    # It makes itself undumpable, which is more than the leak checker can stand.
    environment = os.environ | SANITIZERS | {"ASAN_OPTIONS": "detect_leaks=0:exitcode=99"}
    with open(log, "ab") as file:
        process = daemon.gateway.start(str(PROCESSES), "--socket", str(daemon.processes),
                                       stderr=file, env=environment)
    assert wait_for(daemon.processes.exists), log.read_text()
    yield log
    assert process.poll() is None, log.read_text()
    process.terminate()
    assert process.wait(timeout=20) == 0, log.read_text()


def own_attempts(lab: Lab) -> Callable[[random.Random], None]:
    """Connections that the gateway itself tries, some given up at once."""
    def connect(chance: random.Random) -> None:
        with lab.gateway.inside():
            tried = socket.socket()
        tried.setblocking(False)
        with tried, contextlib.suppress(OSError):
            tried.connect((WORLD, chance.randint(1, 3000)))
            time.sleep(chance.choice((0, 0.01)))
        time.sleep(0.02)

    return connect


def restarts(chaos: Chaos) -> Callable[[random.Random], None]:
    """Ends the daemon by one signal or the other, and starts it again."""
    def restart(chance: random.Random) -> None:
        chaos.rest(chance.uniform(3, 8))
        with chaos.without_daemon() as daemon:
            assert daemon.process.poll() is None, f"it ended with {daemon.process.poll()}"
            if chance.random() < 0.5:
                daemon.kill()
            else:
                assert daemon.stop() == 0
            daemon.start(full_policy(chance.randrange(1000)))

    return restart


def test_the_daemon_stands_everything_switched_on_and_restarts(clean: Lab, daemon: Daemon,
                                                               helper: pathlib.Path):
    chaos = Chaos("everything", daemon)
    calls = sensible(("www-0", "www-1", "office-0", "office-1", "gateway", "roaming"))

    def ask_and_change(chance: random.Random) -> None:
        talk(daemon, chance, lambda: call(chance, calls))

    attempts = blocked_traffic(clean, ("desk1", "desk2", "www1", "mail1", "stray"))
    daemon.start(full_policy(0))
    chaos.begin(ask_and_change, 8)
    chaos.begin(attempts)
    chaos.begin(own_attempts(clean))
    chaos.begin(reloads(chaos, full_policy))
    chaos.begin(restarts(chaos))
    chaos.run()
    names = {f"office-{i}" for i in range(4)} | {f"www-{i}" for i in range(3)}
    assert_stands(daemon, full_policy(0), names | {"roaming", "gateway"}, attempts)
    assert "AddressSanitizer" not in helper.read_text() and "runtime error" not in helper.read_text()
