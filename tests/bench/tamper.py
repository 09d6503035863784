# SPDX-License-Identifier: GPL-2.0-or-later
"""How long what others do to the table stays done: from their commit to ours that undoes it."""
import ctypes
import pathlib
import socket
import struct
import time
from collections.abc import Callable

import batch
import office
from daemon import Daemon
from namespace import Namespace
from office import Office
from place import Place
from report import table
from samples import Samples

SO_ATTACH_FILTER = 26
NEWGEN = batch.NFTABLES << 8 | 15
GROUP = 1 << 6  # NFNLGRP_NFTABLES
WAIT = 30.0  # seconds for a repair

KINDS = {
    "dormant table": "add table inet egressd { flags dormant; }",
    "policy flipped": "add chain inet egressd forward { policy accept; }",
    "rule inserted": "insert rule inet egressd forward accept",
    "rules flushed": "flush chain inet egressd from_inside",
    "element added": "add element inet egressd outbound_desk { tcp . 6667 }",
    "chain added": "add chain inet egressd mine { type filter hook forward priority -5; }",
    "object added": "add quota inet egressd mine { 1 mbytes }",
    "table deleted": "delete table inet egressd",
    "ruleset flushed": "flush ruleset",
}


def _monitor(place: Namespace) -> socket.socket:
    """A socket that hears of each commit in the place, and of nothing else."""
    with place.inside():
        wire = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, batch.NETLINK_NETFILTER)
    # The same filter as the daemon's: a big commit would be told element by element.
    code = [(0x28, 0, 0, 4), (0x15, 0, 1, socket.htons(NEWGEN)), (0x6, 0, 0, 0xffffffff),
            (0x6, 0, 0, 0)]
    program = b"".join(struct.pack("=HBBI", *line) for line in code)
    buffer = ctypes.create_string_buffer(program)
    wire.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                    struct.pack("@HP", len(code), ctypes.addressof(buffer)))
    wire.bind((0, GROUP))
    wire.settimeout(WAIT)
    return wire


def _commits(wire: socket.socket, quiet: float) -> list[float]:
    """When there were commits, until there was none for so long."""
    times: list[float] = []
    while True:
        wire.settimeout(quiet if len(times) > 1 else WAIT)
        try:
            wire.recv(65536)
        except TimeoutError:
            return times
        times.append(time.monotonic())


def _refused(place: Place, daemon: Daemon, command: str) -> str:
    """What becomes of the command while the daemon owns the table."""
    before = daemon.table()
    done = place.gateway.run("nft", command, check=False)
    assert daemon.table() == before, command
    return "refused" if done.returncode else "passed over"


def _alive(place: Place, command: str) -> float:
    """Milliseconds from the commit of that command to the next one, which is the daemon's."""
    with _monitor(place.gateway) as wire:
        nft = place.gateway.start("nft", command)
        times = _commits(wire, 0.3)
        assert nft.wait() == 0
    return (times[1] - times[0]) * 1e3


def _orphan(place: Place, daemon: Daemon, command: str) -> float:
    """The same from the start of a daemon, when that was done to the orphan before it."""
    daemon.kill()
    if "dormant" in command:  # nft 1.0.6 knows no persist, which has to stay
        with batch.open_wire(place.gateway) as wire:
            assert batch.set_flags(wire, batch.DORMANT | batch.PERSIST) == 0
    else:
        place.gateway.nft(command)
    with _monitor(place.gateway) as wire:
        begun = time.monotonic()
        daemon.start()
        took = (time.monotonic() - begun) * 1e3
        wire.recv(65536)  # there was a commit
        return took


def _gateway(name: str, hosts: int, folder: pathlib.Path, owned: bool) -> tuple[Place, Daemon]:
    place, own = Place(name), folder / name
    own.mkdir(parents=True)
    text = office.egressd(Office(hosts))
    if not owned:
        text = text.replace("gateway = {", "gateway = { own_table = false;", 1)
    return place, Daemon(place.gateway, own).start(text)


def _restart(daemon: Daemon) -> None:
    """One that has repaired nothing yet: those in a row wait ever longer."""
    daemon.kill()
    daemon.start()


def run(quick: bool, rounds: int, folder: pathlib.Path, say: Callable[[str], None]) -> list[str]:
    """The part of the report about tampering."""
    samples, refused = Samples(), {}
    place, daemon = _gateway("owned", 100 if quick else 1000, folder, True)
    try:
        for kind, command in KINDS.items():
            refused[kind] = _refused(place, daemon, command)
            for _ in range(rounds):
                samples.add(("orphan", kind), _orphan(place, daemon, command))
            say(f"{kind}: owned {refused[kind]}, orphan {samples.text(('orphan', kind), '.1f')} ms")
    finally:
        daemon.stop()
    sizes = (100,) if quick else (1000, 100_000)
    for hosts in sizes:
        place, daemon = _gateway(f"free{hosts}", hosts, folder, False)
        try:
            for kind, command in KINDS.items():
                for _ in range(rounds):
                    _restart(daemon)
                    samples.add((hosts, kind), _alive(place, command))
                say(f"{kind}, {hosts} hosts: {samples.text((hosts, kind), '.1f')} ms")
        finally:
            daemon.stop()
    lines = ["Milliseconds until the table is right again. *Not owned*: from the commit of `nft` to "
             "that of the daemon. *Orphan*: from the start of the next daemon until it is ready, "
             "when the tampering was done before it.", ""]
    return lines + table(
        ["tampering", "owned", f"orphan, {100 if quick else 1000:,} hosts",
         *(f"not owned, {hosts:,} hosts" for hosts in sizes)],
        [[kind, refused[kind], samples.text(("orphan", kind), ".1f"),
          *(samples.text((hosts, kind), ".1f") for hosts in sizes)] for kind in KINDS])
