# SPDX-License-Identifier: GPL-2.0-or-later
"""What a packet costs: of a new connection, of an established one, and of a blocked one."""
import functools
import pathlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

import ferm
import firewalld
import handwritten
import machine
import office
import peers
import shorewall
from daemon import Daemon
from office import Office
from place import PACKET_PROCESSOR, Place
from report import Target, table, targets
from samples import Samples

NEW, ESTABLISHED, BLOCKED = "new", "established", "blocked"
KINDS = (NEW, ESTABLISHED, BLOCKED)
SEGMENT = 60_000_000  # ns that one measurement is to take
CLOSER = 4  # measurements a round where a few per cent matter
FEWEST, MOST = 300, 60_000  # packets of one measurement
GENERATORS = {"shorewall": shorewall.load, "ferm": ferm.load, "firewalld": firewalld.load}

Loader = Callable[[Office, Place, pathlib.Path], None]


@dataclass(frozen=True)
class Sizes:
    """Hosts of the office, for egressd and nft, and for the three generators too."""
    scaling: tuple[int, ...] = (10, 1000, 100_000)
    peers: tuple[int, ...] = (35, 350, 3500)


@dataclass
class Contestant:
    """A gateway with one of the rulesets in it."""
    name: str
    hosts: int
    place: Place
    desks: int
    load: Callable[[], None]
    kinds: tuple[str, ...] = KINDS

    @property
    def key(self) -> tuple[str, int]:
        """What it is in tables and samples."""
        return self.name, self.hosts

    def load_anew(self) -> None:
        """Gives the same ruleset another place in memory, which can weigh as much as its rules."""
        self.place.gateway.nft("flush ruleset")
        self.load()


TOLD = "detection = { trw = { enabled = true; }; };\n"


def _egressd(listening: bool, rest: str = "") -> Loader:
    def load(some: Office, place: Place, folder: pathlib.Path) -> None:
        folder.mkdir(parents=True)
        daemon = Daemon(place.gateway, folder).start(office.egressd(some) + rest)
        if not listening:
            daemon.stop()
        else:
            place.daemon = daemon
    return load


def _nft(text: Callable[[Office], str]) -> Loader:
    return lambda some, place, folder: place.gateway.nft(text(some))


def _generator(load: Callable) -> Loader:
    return lambda some, place, folder: load(some, place.gateway, folder)


def _entries(sizes: Sizes) -> list[tuple[str, int, Loader, tuple[str, ...]]]:
    middle = sizes.scaling[1]
    entries = [
        ("forwarding alone", 0, _nft(lambda _: ""), (NEW, ESTABLISHED)),
        ("conntrack alone", 0, _nft(lambda _: handwritten.CONNTRACK_ALONE), (NEW, ESTABLISHED)),
        ("`ct state established accept` alone", 0,
         _nft(lambda _: handwritten.ESTABLISHED_ALONE), (NEW, ESTABLISHED)),
    ]
    every = sorted({*sizes.scaling, *sizes.peers})
    entries += [("egressd", hosts, _egressd(False), KINDS) for hosts in every]
    entries += [("egressd, listening", middle, _egressd(True), (BLOCKED,))]
    entries += [("egressd, first contacts told", middle, _egressd(True, TOLD), (NEW, BLOCKED))]
    entries += [("nft by hand", hosts, _nft(handwritten.same_policy), KINDS) for hosts in every]
    entries += [("nft by hand, who to what only", hosts, _nft(handwritten.leanest), KINDS)
                for hosts in (middle, max(sizes.peers))]
    entries += [(name, hosts, _generator(load), KINDS)
                for name, load in GENERATORS.items() for hosts in sizes.peers]
    return entries


class Packets:
    """All contestants, side by side, and what was measured."""

    def __init__(self, sizes: Sizes, folder: pathlib.Path, say: Callable[[str], None]):
        self.sizes, self.folder, self.say = sizes, folder, say
        self.contestants: list[Contestant] = []
        self.skipped: list[str] = []
        self.samples = Samples()
        self.close = Samples()  # of those that are measured once more, for their ratios
        self.counts: dict[tuple, int] = {}

    def load(self) -> None:
        """Gives every contestant a gateway; one that cannot be run is skipped with the reason."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            peers.unpack()
            unavailable = ""
        except peers.Unavailable as reason:
            unavailable = str(reason)
        for number, (name, hosts, load, kinds) in enumerate(_entries(self.sizes)):
            if name in GENERATORS and unavailable:
                self.skipped.append(f"{name}, {hosts} hosts: {unavailable}")
                continue
            place, some = Place(f"p{number}"), Office(hosts or self.sizes.scaling[1])
            place.count_and_drop()
            start = time.monotonic()
            contestant = Contestant(name, hosts, place, some.desks, functools.partial(
                self._load, load, some, place), kinds)
            try:
                contestant.load()
            except (peers.Unavailable, RuntimeError, OSError) as reason:
                if name not in GENERATORS:
                    raise
                self.skipped.append(f"{name}, {hosts} hosts: {str(reason)[-500:]}")
                continue
            self.say(f"{name}, {hosts} hosts: loaded in {time.monotonic() - start:.2f} s")
            self.contestants.append(contestant)

    def _load(self, load: Loader, some: Office, place: Place) -> None:
        load(some, place, pathlib.Path(tempfile.mkdtemp(dir=self.folder)) / place.name)

    def _measure(self, contestant: Contestant, kind: str, count: int) -> int:
        """One measurement: nanoseconds a packet."""
        place = contestant.place
        options = {"hosts": contestant.desks}
        if kind == ESTABLISHED:
            place.establish()
            options = {"period": 1}
        if kind == BLOCKED:
            options["port"] = office.FORBIDDEN_PORT
        before = place.arrivals()
        done = place.inject(count=count, **options)
        after = place.arrivals()
        place.forget_flows()  # the kernel has one table for all: they would slow the next one down
        passed = sum(after.values()) - sum(before.values())
        wanted = 0 if kind == BLOCKED else count
        if passed != wanted:
            raise RuntimeError(f"{contestant.name}, {contestant.hosts} hosts, {kind}: "
                               f"{passed} of {count} packets arrived")
        return done["nanoseconds"]

    def calibrate(self) -> None:
        """Finds how many packets each contestant handles in the time of one measurement."""
        for contestant in self.contestants:
            for kind in contestant.kinds:
                nanoseconds = self._measure(contestant, kind, FEWEST)
                nanoseconds = self._measure(contestant, kind, max(
                    FEWEST, min(MOST // 10, SEGMENT // nanoseconds)))
                self.counts[contestant.key, kind] = max(
                    FEWEST, min(MOST, SEGMENT // nanoseconds))

    def _rounds(self, order: list[tuple[Contestant, str]], rounds: int, samples: Samples,
                what: str) -> None:
        """Measures in turn, round after round, each round beginning with another one."""
        for number in range(rounds):
            first = number * len(order) // rounds
            for contestant, kind in order[first:] + order[:first]:
                count = self.counts[contestant.key, kind]
                samples.add((*contestant.key, kind), self._measure(contestant, kind, count))
            self.say(f"{what}: round {number + 1} of {rounds}")

    def measure(self, rounds: int) -> None:
        """Measures all, and then those that lie close together again and more often, each time
        loaded anew."""
        order = [(contestant, kind) for kind in KINDS for contestant in self.contestants
                 if kind in contestant.kinds]
        close = {name for pair in self.close_pairs().values() for name in pair}
        self._rounds(order, rounds, self.samples, "all")
        order = [(contestant, kind) for contestant, kind in order
                 if (*contestant.key, kind) in close]
        for number in range(rounds):
            for contestant in {contestant.key: contestant for contestant, _ in order}.values():
                contestant.load_anew()
            self._rounds(order, CLOSER, self.close, f"close, {number + 1} of {rounds}")

    def finish(self) -> None:
        """Ends the daemons that listened."""
        for contestant in self.contestants:
            if contestant.place.daemon:
                contestant.place.daemon.stop()

    def _above_forwarding(self) -> list[str]:
        """How often the generators cost what egressd's table costs, without what both forward."""
        largest, floor = self.sizes.peers[-1], self._floor()
        above = {name: self.samples.median((name, largest, NEW)) - floor
                 for name in ("egressd", *GENERATORS)
                 if (name, largest, NEW) in self.samples.values}
        own = above.pop("egressd")
        if not above:
            return []
        return [f"A new connection at {largest:,} hosts, above forwarding, by egressd's: "
                + ", ".join(f"{name} {cost / own:.3g} times" for name, cost in above.items())
                + ".  "]

    def _row(self, contestant: Contestant) -> list[str]:
        cells = [self.samples.text((*contestant.key, kind)) for kind in KINDS]
        above = "–"
        if NEW in contestant.kinds:
            above = f"{self.samples.median((*contestant.key, NEW)) - self._floor():.0f}"
        return [contestant.name, f"{contestant.hosts:,}" if contestant.hosts else "", *cells, above]

    def _floor(self) -> float:
        return self.samples.median(("forwarding alone", 0, NEW))

    def close_pairs(self) -> dict[tuple[str, float], tuple[tuple, tuple]]:
        """Targets that are small differences, with their limits and what is divided by what."""
        _, middle, most = self.sizes.scaling
        return {
            (f"new: egressd / nft by hand, {middle:,} hosts", 1.10):
                (("egressd", middle, NEW), ("nft by hand", middle, NEW)),
            (f"new: egressd, {most:,} hosts / {middle:,} hosts", 1.5):
                (("egressd", most, NEW), ("egressd", middle, NEW)),
            (f"established: egressd, {middle:,} hosts / `ct state established accept`", 1.03):
                (("egressd", middle, ESTABLISHED),
                 ("`ct state established accept` alone", 0, ESTABLISHED)),
        }

    def targets(self) -> list[Target]:
        """All that are ratios of packets."""
        found = [Target(text, limit, self.close.ratio(*pair))
                 for (text, limit), pair in self.close_pairs().items()]
        largest = self.sizes.peers[-1]
        for name in GENERATORS:
            pair = (name, largest, NEW), ("egressd", largest, NEW)
            known = pair[0] in self.samples.values
            found.append(Target(f"new: {name} / egressd, {largest:,} hosts", 5,
                                self.samples.ratio(*pair) if known else None, at_least=True))
        return found

    def lines(self) -> list[str]:
        """For the report."""
        lines = ["Nanoseconds a packet, median and half the interquartile range; making the packet",
                 "and carrying it to the world are in all of them.", ""]
        lines += table(["ruleset", "hosts", *KINDS, "new, above forwarding"],
                       [self._row(contestant) for contestant in self.contestants])
        lines += ["", *(f"Skipped: {reason}  " for reason in self.skipped), *self._above_forwarding(),
                  ""]
        return lines + targets(self.targets())


def run(quick: bool, rounds: int, folder: pathlib.Path, say: Callable[[str], None]) -> list[str]:
    """The part of the report about packets."""
    packets = Packets(Sizes((10, 40, 100), (35,)) if quick else Sizes(), folder, say)
    packets.load()
    try:
        with machine.steady(PACKET_PROCESSOR):
            packets.calibrate()
            packets.measure(rounds)
    finally:
        packets.finish()
    return packets.lines()
