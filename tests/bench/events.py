# SPDX-License-Identifier: GPL-2.0-or-later
"""What reading the events of blocked packets takes: egressd's ledger beside ulogd2 with JSON."""
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import office
import peers
from daemon import Daemon, wait_for
from office import Office
from place import PACKET_PROCESSOR, Place
from report import Target, table, targets
from samples import Samples

GROUP = 100  # egressd's default
RATE = 300_000
LIMIT = 500  # ns an event
SLOW = 0.1  # seconds that `egressctl status` may take meanwhile
DRAINED = 120.0  # seconds that a reader may need for what is waiting
PLUGINS = pathlib.Path("/usr/lib/x86_64-linux-gnu/ulogd")
STACK = ("inppkt_NFLOG", "raw2packet_BASE", "filter_IFINDEX", "filter_IP2STR", "output_JSON")
DEFAULTS = ""
LARGE = "netlink_socket_buffer_size=67108864\nnetlink_socket_buffer_maxsize=67108864\nnetlink_qthreshold=64\n"


@dataclass(frozen=True)
class Sizes:
    """Packets of a flood, and the sources that they come from."""
    packets: int
    sources: int


def _processor_time(process: int) -> int:
    """Nanoseconds that a process was on a processor, the kernel's work for it included."""
    return sum(int(path.read_text(encoding="ascii").split()[0])
               for path in pathlib.Path(f"/proc/{process}/task").glob("*/schedstat"))


def _keep_off_the_packets(process: int) -> None:
    others = set(range(os.cpu_count() or 1)) - {PACKET_PROCESSOR}
    os.sched_setaffinity(process, others or {0})


def _settled(value: Callable[[], int], wanted: int) -> int:
    """The value once it is what is wanted, or has not changed for a second."""
    last, since, deadline = value(), time.monotonic(), time.monotonic() + DRAINED
    while last != wanted and time.monotonic() < min(since + 1, deadline):
        time.sleep(0.05)
        now = value()
        if now != last:
            last, since = now, time.monotonic()
    return last


class Egressd:
    """The daemon, with so many hosts in its policy."""

    def __init__(self, hosts: int, folder: pathlib.Path):
        self.name = f"egressd, {hosts:,} hosts"
        self.place = Place(f"e{hosts}")
        folder.mkdir(parents=True)
        self.daemon = Daemon(self.place.gateway, folder).start(office.egressd(Office(hosts)))
        self.process, self.rate = self.daemon.process.pid, 0.0
        _keep_off_the_packets(self.process)

    def events(self) -> tuple[int, int]:
        """Received and lost so far."""
        events = self.daemon.status()["events"]
        return events["received"], events["lost"]

    def blocked(self) -> int:
        """What the kernel counted."""
        return self.daemon.status()["blocked"]["packets"]

    def flood(self, sizes: Sizes, rate: int) -> tuple[int, int, int]:
        """Blocked packets; how many were received, how many lost, and the nanoseconds of each."""
        before, counted = self.events(), self.blocked()
        start = _processor_time(self.process)
        made, self.rate = _inject(self.place, sizes, rate)
        time.sleep(0.2)
        spent = _processor_time(self.process) - start
        wait_for(lambda: sum(self.events()) - sum(before) == made, DRAINED)
        received, lost = (now - then for now, then in zip(self.events(), before))
        if self.blocked() - counted != made or received + lost != made:
            raise RuntimeError(f"{self.name}: of {made} packets {self.blocked() - counted} were "
                               f"counted, {received} received and {lost} lost")
        return received, lost, spent

    def answers(self, sizes: Sizes, rate: int) -> list[float]:
        """Seconds that GetStatus takes again and again during a flood."""
        taken: list[float] = []
        generator = self.place.flood(hosts=sizes.sources, port=office.FORBIDDEN_PORT,
                                     other_port=office.FORBIDDEN_PORT)
        try:
            deadline = time.monotonic() + sizes.packets / rate
            while time.monotonic() < deadline:
                start = time.monotonic()
                self.daemon.ctl("status")
                taken.append(time.monotonic() - start)
                time.sleep(0.02)
        finally:
            generator.send_signal(signal.SIGTERM)
            generator.communicate()
        return taken

    def stop(self) -> None:
        """Ends it."""
        self.daemon.stop()


class Ulogd:
    """ulogd2 writing JSON, reading what egressd's table logs."""

    def __init__(self, name: str, settings: str, folder: pathlib.Path):
        self.name = name
        self.place = Place(f"u{len(settings)}")
        folder.mkdir(parents=True)
        Daemon(self.place.gateway, folder).start(office.egressd(Office(1000))).stop()
        self.output = folder / "out.json"
        config = folder / "ulogd.conf"
        plugins = "".join(f'plugin="{PLUGINS}/ulogd_{name}.so"\n' for name in STACK)
        config.write_text(f"""[global]
logfile="{folder}/log"
loglevel=7
{plugins}stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,json1:JSON
[log1]
group={GROUP}
{settings}[json1]
sync=0
file="{self.output}"
""", encoding="ascii")
        self.ulogd = self.place.gateway.start("/usr/sbin/ulogd", "-c", str(config),
                                              stdout=subprocess.DEVNULL,
                                              stderr=subprocess.DEVNULL)
        self.process, self.rate = self.ulogd.pid, 0.0
        if not wait_for(self._listens, 5):
            self.ulogd.kill()
            log = folder / "log"
            raise peers.Unavailable(f"ulogd did not start: "
                                    f"{log.read_text()[-300:] if log.exists() else 'no log'}")
        _keep_off_the_packets(self.process)

    def _listens(self) -> bool:
        with self.place.gateway.inside(), \
                open("/proc/thread-self/net/netfilter/nfnetlink_log", encoding="ascii") as file:
            return any(line.split()[0] == str(GROUP) for line in file)

    def _written(self) -> int:
        self.ulogd.send_signal(signal.SIGHUP)  # it opens the file anew, and nothing is kept back
        with open(self.output, "rb") as file:
            return sum(part.count(b"\n") for part in iter(lambda: file.read(1 << 20), b""))

    def flood(self, sizes: Sizes, rate: int) -> tuple[int, int, int]:
        """Blocked packets; how many were received, how many lost, and the nanoseconds of each."""
        before, start = self._written(), _processor_time(self.process)
        made, self.rate = _inject(self.place, sizes, rate)
        received = _settled(lambda: self._written() - before, made)
        return received, made - received, _processor_time(self.process) - start

    def stop(self) -> None:
        """Ends it."""
        self.ulogd.terminate()
        self.ulogd.wait(10)


def _inject(place: Place, sizes: Sizes, rate: int) -> tuple[int, float]:
    """How many packets were made, and how many of them a second."""
    options, start = {"rate": rate} if rate else {}, time.monotonic()
    made = place.inject(hosts=sizes.sources, port=office.FORBIDDEN_PORT, count=sizes.packets,
                        **options)["packets"]
    return made, made / (time.monotonic() - start)


def _contestants(quick: bool, folder: pathlib.Path, skipped: list[str]) -> list:
    found: list = [Egressd(hosts, folder / f"egressd{hosts}")
                   for hosts in ((100,) if quick else (100, 100_000))]
    try:
        peers.unpack()
        if not all((PLUGINS / f"ulogd_{name}.so").exists() for name in STACK):
            raise peers.Unavailable(f"the packages of ulogd2 are not in {peers.UNPACKED}")
        for name, settings in (("ulogd2 writing JSON", DEFAULTS),
                               ("ulogd2 writing JSON, 64 MiB, threshold 64", LARGE)):
            found.append(Ulogd(name, settings, folder / f"ulogd{len(settings)}"))
    except (peers.Unavailable, OSError) as reason:
        skipped.append(f"ulogd2: {reason}")
    return found


def run(quick: bool, rounds: int, folder: pathlib.Path, say: Callable[[str], None]) -> list[str]:
    """The part of the report about events."""
    sizes = Sizes(20_000, 1000) if quick else Sizes(1_000_000, 50_000)
    samples, skipped, lines = Samples(), [], []
    contestants = _contestants(quick, folder, skipped)
    answers: list[float] = []
    try:
        for contestant in contestants:
            for number in range(rounds):
                for rate in (RATE, 0):
                    received, lost, spent = contestant.flood(sizes, rate)
                    key = contestant.name, rate
                    samples.add((*key, "ns"), spent / max(received, 1))
                    samples.add((*key, "lost"), lost)
                    samples.add((*key, "rate"), contestant.rate / 1e3)
                    say(f"{contestant.name}, {rate or 'full'}: {received:,} received, {lost:,} "
                        f"lost, {spent / max(received, 1):.0f} ns, {contestant.rate:,.0f}/s")
            if isinstance(contestant, Egressd):
                answers += contestant.answers(sizes, RATE)
                say(f"egressctl status: {max(answers) * 1e3:.0f} ms at most")
    finally:
        for contestant in contestants:
            contestant.stop()

    def row(name: str) -> list[str]:
        return [name, *(text for rate in (RATE, 0) for text in (
            samples.text((name, rate, "rate")), samples.text((name, rate, "ns")),
            samples.text((name, rate, "lost"), ",.0f")))]

    lines += [f"{sizes.packets:,} blocked packets from {sizes.sources:,} sources, each of a flow of "
              "its own. Nanoseconds of processor time", "of the reader for each event that it "
              "received, the kernel's work for it included; for egressd from the", "record to the "
              "ledger. ulogd2 reads what the same table logs.", ""]
    lines += table(["reader", f"wanted {RATE:,}/s: 1,000/s", "ns", "lost",
                    "full speed: 1,000/s", "ns", "lost"],
                   [row(contestant.name) for contestant in contestants])
    lines += [""] + [f"Skipped: {text}  " for text in skipped] + [""]
    goals = []
    for contestant in contestants:
        if isinstance(contestant, Egressd):
            goals += [Target(f"{contestant.name}: an event at {RATE:,}/s", LIMIT,
                             samples.median((contestant.name, RATE, "ns")), " ns"),
                      Target(f"{contestant.name}: lost at {RATE:,}/s", 0,
                             max(samples.values[contestant.name, RATE, "lost"]))]
    goals.append(Target("slowest `egressctl status` in a flood", SLOW * 1e3,
                        max(answers) * 1e3, " ms"))
    return lines + targets(goals)
