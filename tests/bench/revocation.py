# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a flow lives on that a change of roles forbids, seen where it arrives."""
import multiprocessing
import os
import pathlib
import select
import signal
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import office
from daemon import Daemon
from office import Office, PERMITTED_PORT
from place import Place
from report import Target, table, targets

SERVER = "203.0.113.7"
PAUSE = 0.0001   # seconds between packets of the flow
PATIENCE = 3.0   # seconds that a flow is watched after the change
SO_TIMESTAMPNS = 35
DESK, FORBIDDEN = 'name = "desk1"; role = "desk"', 'name = "desk1"; role = "printer"'


@dataclass
class Outcome:
    """What became of the flow; times are nanoseconds since 1970."""
    entries: int
    called: int
    replied: int
    arrivals: list[int]
    reply: dict[str, object] = field(default_factory=dict)

    @property
    def cut(self) -> bool:
        """Whether it stopped at all."""
        return self.arrivals[-1] < self.replied + (PATIENCE - 0.5) * 1e9

    def row(self) -> list[str]:
        """For the table."""
        after = sum(1 for arrival in self.arrivals if arrival > self.replied)
        last = (self.arrivals[-1] - self.called) / 1e6
        phases = ", ".join(f"{name} {value:.1f}" for name, value in self.reply.items()
                           if isinstance(value, float))
        return [f"{self.entries:,}", f"{last:.1f}" if self.cut else "not cut",
                f"{(self.replied - self.called) / 1e6:.1f}", str(after),
                *(str(self.reply.get(name, "not told")) for name in ("flows_cut", "flows_kept")),
                phases]


def _send() -> None:
    """A child that sends on the flow until it is killed."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("0.0.0.0", 5000))
    sender.connect((SERVER, PERMITTED_PORT))
    while True:
        try:
            sender.send(b"still here")
        except OSError:
            pass  # what was refused before: the next one tries again
        time.sleep(PAUSE)


def _started(place: Place) -> multiprocessing.Process:
    with place.inside.inside():
        child = multiprocessing.get_context("fork").Process(target=_send, daemon=True)
        child.start()
    return child


def _receive(server: socket.socket, until: Callable[[], bool], arrivals: list[int]) -> None:
    """Notes when packets arrived, by the kernel's stamp."""
    while not until():
        if not select.select([server], [], [], 0.05)[0]:
            continue
        _, ancillary, _, _ = server.recvmsg(64, 64)
        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
        arrivals.append(seconds * 1_000_000_000 + nanoseconds)


def _server(place: Place) -> socket.socket:
    with place.world.inside():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    server.bind((SERVER, PERMITTED_PORT))
    return server


def _measure(number: int, entries: int, hosts: int, folder: pathlib.Path) -> Outcome:
    place, some = Place(f"revoke{number}"), Office(hosts)
    place.gateway.sysctl({"netfilter/nf_conntrack_udp_timeout": 600})
    folder.mkdir(parents=True)
    text = office.egressd(some)
    daemon = Daemon(place.gateway, folder).start(text)
    # Flows of other desks, which stay permitted, but for the one that is watched.
    place.inject(source=str(office.BASE + 1), hosts=some.desks - 1, count=entries - 1,
                 destination="203.0.113.128")
    server, child = _server(place), _started(place)
    try:
        _, client = server.recvfrom(64)
        server.sendto(b"welcome", client)
        arrivals: list[int] = []
        start = time.monotonic()
        _receive(server, lambda: time.monotonic() > start + 0.3, arrivals)
        in_table = place.flows()
        daemon.write(text.replace(DESK, FORBIDDEN))
        called = time.time_ns()
        with daemon.connect(wait=120) as connection:
            reply = connection.call("Reload")
        replied = time.time_ns()
        start = time.monotonic()
        _receive(server, lambda: time.monotonic() > start + PATIENCE, arrivals)
        return Outcome(in_table, called, replied, arrivals, reply)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        server.close()
        daemon.stop()


def run(quick: bool, rounds: int, folder: pathlib.Path, say: Callable[[str], None]) -> list[str]:
    """The part of the report about flows that a change forbids."""
    del rounds
    outcomes = []
    for number, entries in enumerate((10, 1000) if quick else (10, 200_000)):
        outcomes.append(_measure(number, entries, 40 if quick else 1000, folder / f"r{number}"))
        say(f"revocation: {' | '.join(outcomes[-1].row())}")
    lines = ["A desk's answered UDP flow sends every 0.1 ms while its role changes to one that may",
             "initiate nothing. Milliseconds from the call of Reload; the receiver's clock is the",
             "kernel's stamp.", ""]
    lines += table(["entries in conntrack", "last packet arrived after", "reply after",
                    "packets after the reply", "flows cut", "flows kept",
                    "milliseconds in the reply"], [outcome.row() for outcome in outcomes])
    if not all(outcome.cut for outcome in outcomes):
        lines += ["", f"Not cut: it still arrived {PATIENCE:.0f} s after the reply."]
    return lines + [""] + targets([
        Target(f"packets after the commit, {outcome.entries:,} entries", 0,
               sum(1 for arrival in outcome.arrivals if arrival > outcome.replied))
        for outcome in outcomes])
