# SPDX-License-Identifier: GPL-2.0-or-later
"""Traffic at full rate from processes of its own, and exact counts of what arrives.

Frames are made once and sent over and over with other source ports, so that most of them are first
packets of new connections. The kernel of the receiving side counts: no socket can lose any.
"""
import contextlib
import ctypes
import itertools
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import packet
from lab import Host, Lab

SOURCE_PORTS = 512  # few enough for the connection table of a whole test
COUNTERS = "arrivals"
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Stream:
    """UDP datagrams from a host to a port in the world, as fast as they can be sent."""
    host: Host
    destination: str
    port: int
    pause: float = 0.0  # seconds between two

    @property
    def name(self) -> str:
        """Of its counter."""
        return f"{self.host.name}_{self.port}_{6 if ':' in self.destination else 4}"


def _frames(stream: Stream) -> list[bytes]:
    source = stream.host.address(6 if ":" in stream.destination else 4)
    return [packet.ethernet(stream.host.mac, stream.host.gateway_mac, packet.ip(
        source, stream.destination, packet.UDP,
        packet.udp(source, stream.destination, 20000 + number, stream.port, bytes(64))))
        for number in range(SOURCE_PORTS)]


def _pour(stream: Stream, stop: "multiprocessing.sharedctypes.Synchronized",
          sent: "multiprocessing.sharedctypes.Synchronized") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    frames, number = _frames(stream), 0
    wire = packet.Tap(stream.host.space, "eth0").socket
    for frame in itertools.cycle(frames):
        if stop.value:
            break
        wire.send(frame)
        number += 1
        sent.value = number
        if stream.pause:
            time.sleep(stream.pause)
    os._exit(0)


def _all_flow(totals: Iterable["multiprocessing.sharedctypes.Synchronized"]) -> bool:
    deadline = time.monotonic() + 30
    while not all(total.value for total in totals):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def flowing(streams: list[Stream]) -> Iterator[dict[Stream, int]]:
    """Streams flow during the block, all of them from its beginning.

    Afterwards the dictionary says how many packets were sent.
    """
    fork = multiprocessing.get_context("fork")
    stop = fork.Value("b", 0, lock=False)
    totals = {stream: fork.Value("q", 0, lock=False) for stream in streams}
    pourers = [fork.Process(target=_pour, args=(stream, stop, totals[stream]))
               for stream in streams]
    sent: dict[Stream, int] = {}
    for pourer in pourers:
        pourer.start()
    try:
        assert _all_flow(totals.values()), "a stream has not begun"
        yield sent
    finally:
        stop.value = 1
        for pourer in pourers:
            pourer.join(10)
            pourer.kill()
        time.sleep(0.05)  # the last packets are on their way
        sent.update({stream: total.value for stream, total in totals.items()})


@contextlib.contextmanager
def counting(lab: Lab, streams: list[Stream]) -> Iterator[Callable[[], dict[Stream, int]]]:
    """Counts in the world, while the block lasts, what arrives of each stream."""
    rules = "\n".join(
        f"{'ip6' if ':' in stream.destination else 'ip'} daddr {stream.destination} "
        f"{'ip6' if ':' in stream.destination else 'ip'} saddr "
        f"{stream.host.address(6 if ':' in stream.destination else 4)} "
        f"udp dport {stream.port} counter name {stream.name} drop" for stream in streams)
    counters = "\n".join(f"counter {stream.name} {{ }}" for stream in streams)
    lab.world.space.nft(f"""table inet {COUNTERS} {{
        {counters}
        chain arrivals {{
            type filter hook prerouting priority raw; policy accept;
            {rules}
        }}
    }}""")

    def counts() -> dict[Stream, int]:
        listed = json.loads(lab.world.space.run("nft", "-j", "list", "counters", "table", "inet",
                                                COUNTERS).stdout)["nftables"]
        packets = {item["counter"]["name"]: item["counter"]["packets"]
                   for item in listed if "counter" in item}
        return {stream: packets[stream.name] for stream in streams}

    try:
        yield counts
    finally:
        lab.world.space.nft(f"delete table inet {COUNTERS}")
