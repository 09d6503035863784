# SPDX-License-Identifier: GPL-2.0-or-later
"""What reading the events of blocked packets takes: egressd's ledger beside ulogd2 with JSON."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import office
import peers
from daemon import BUILD, Daemon, wait_for
from office import Office
from place import PACKET_PROCESSOR, WORLD, Place
from report import Target, table, targets
from samples import Samples

GROUP = 100  # egressd's default
RATE = 300_000
LIMIT = 500  # ns an event
SLOW = 0.1  # seconds that `egressctl status` may take meanwhile
SOON = 0.05  # seconds from the first packet of a tripwire to its alarm
TRIPWIRES = 20  # that are broken, one after the other
REPLAY = BUILD / "tests" / "bench" / "replay"
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


@dataclass(frozen=True)
class Spent:
    """Time that a process was on a processor.

    Nanoseconds in all; and the clock's ticks that met it there, and met the kernel at work for it.
    """
    nanoseconds: int
    ticks: int
    kernel_ticks: int

    @classmethod
    def by(cls, process: int) -> "Spent":
        """What it has spent until now."""
        exact = sum(int(path.read_text(encoding="ascii").split()[0])
                    for path in pathlib.Path(f"/proc/{process}/task").glob("*/schedstat"))
        fields = pathlib.Path(f"/proc/{process}/stat").read_text(
            encoding="ascii").rsplit(")", 1)[1].split()
        user, kernel = int(fields[11]), int(fields[12])
        return cls(exact, user + kernel, kernel)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.nanoseconds - other.nanoseconds, self.ticks - other.ticks,
                     self.kernel_ticks - other.kernel_ticks)

    def kernel(self) -> float:
        """About the nanoseconds in which the kernel worked for it."""
        return self.nanoseconds * self.kernel_ticks / max(1, self.ticks)


def _keep_off_the_packets(process: int) -> None:
    """0 is this program, and whatever it starts from then on."""
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

    def flood(self, sizes: Sizes, rate: int) -> tuple[int, int, Spent]:
        """Blocked packets; how many were received, how many lost, and what that took."""
        before, counted = self.events(), self.blocked()
        start = Spent.by(self.process)
        made, self.rate = _inject(self.place, sizes, rate)
        time.sleep(0.2)
        spent = Spent.by(self.process) - start
        wait_for(lambda: sum(self.events()) - sum(before) == made, DRAINED)
        received, lost = (now - then for now, then in zip(self.events(), before))
        if self.blocked() - counted != made or received + lost != made:
            raise RuntimeError(f"{self.name}: of {made} packets {self.blocked() - counted} were "
                               f"counted, {received} received and {lost} lost")
        return received, lost, spent

    def answers(self, sizes: Sizes, rate: int) -> list[float]:
        """Seconds that `egressctl status` takes again and again during a flood."""
        taken: list[float] = []
        usual = os.sched_getaffinity(0)
        # The generator goes before every other process of its processor (SCHED_FIFO), where the
        # softirqs of a real flood leave them their turns: nobody who is measured waits for it.
        _keep_off_the_packets(0)
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
            os.sched_setaffinity(0, usual)
        return taken

    def replay(self, sizes: Sizes) -> float:
        """Nanoseconds of an event without the kernel's part: such records read from memory."""
        done = subprocess.run([REPLAY, "--config", self.daemon.config, "--packets",
                               str(sizes.packets), "--sources", str(sizes.sources)],
                              check=True, capture_output=True, text=True)
        return json.loads(done.stdout)["nanoseconds"]

    def stop(self) -> None:
        """Ends it."""
        self.daemon.stop()


class Traps:
    """A daemon whose policy has hosts that may initiate nothing, and are to be reported at once."""

    def __init__(self, folder: pathlib.Path):
        self.place = Place("traps")
        folder.mkdir(parents=True)
        addresses = [f"10.200.0.{number}" for number in range(1, 2 * TRIPWIRES + 1)]
        self.place.inside.ip("\n".join(f"address add {address}/8 dev eth0"
                                       for address in addresses))
        hosts = "".join(f'  {{ name = "trap{number}"; role = "trap"; address = [ "{address}" ]; }},\n'
                        for number, address in enumerate(addresses))
        policy = office.egressd(Office(1000)).replace(
            "roles = {\n", "roles = {\n  trap = { tripwire = true; };\n").replace(
            "hosts = (\n", f"hosts = (\n{hosts}")
        self.daemon, self.unbroken = Daemon(self.place.gateway, folder).start(policy), addresses
        _keep_off_the_packets(self.daemon.process.pid)

    def delays(self) -> list[float]:
        """Seconds from the packet of a host to the alarm, as one who listens gets it, of many."""
        taken: list[float] = []
        with self.daemon.connect() as monitor:
            monitor.send({"method": "io.egressd.Monitor", "parameters": {"kind": "alarm"},
                          "more": True})
            time.sleep(0.2)
            for _ in range(TRIPWIRES):
                address = self.unbroken.pop()
                with self.place.inside.inside():
                    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sender.bind((address, 0))
                start = time.monotonic()
                sender.sendto(b"", (WORLD, office.FORBIDDEN_PORT))
                while monitor.receive()["parameters"]["alarm"]["source"] != address:
                    pass
                taken.append(time.monotonic() - start)
                sender.close()
                time.sleep(0.05)
        return taken

    def delays_in_a_flood(self) -> list[float]:
        """The same while desks are blocked at full speed."""
        generator = self.place.flood(hosts=800, port=office.FORBIDDEN_PORT,
                                     other_port=office.FORBIDDEN_PORT)
        try:
            time.sleep(0.2)
            return self.delays()
        finally:
            generator.send_signal(signal.SIGTERM)
            generator.communicate()

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

    def flood(self, sizes: Sizes, rate: int) -> tuple[int, int, Spent]:
        """Blocked packets; how many were received, how many lost, and what that took."""
        before, start = self._written(), Spent.by(self.process)
        made, self.rate = _inject(self.place, sizes, rate)
        received = _settled(lambda: self._written() - before, made)
        return received, made - received, Spent.by(self.process) - start

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
    traps = Traps(folder / "traps")
    try:
        delays, busy_delays = traps.delays(), traps.delays_in_a_flood()
        say(f"alarm of a tripwire: {max(delays) * 1e3:.0f} ms at most, "
            f"{max(busy_delays) * 1e3:.0f} ms in a flood")
        for contestant in contestants:
            for number in range(rounds):
                for rate in (RATE, 0):
                    received, lost, spent = contestant.flood(sizes, rate)
                    key = contestant.name, rate
                    samples.add((*key, "ns"), spent.nanoseconds / max(received, 1))
                    samples.add((*key, "kernel"), spent.kernel() / max(received, 1))
                    samples.add((*key, "lost"), lost)
                    samples.add((*key, "rate"), contestant.rate / 1e3)
                    say(f"{contestant.name}, {rate or 'full'}: {received:,} received, {lost:,} "
                        f"lost, {spent.nanoseconds / max(received, 1):.0f} ns, {contestant.rate:,.0f}/s")
                if isinstance(contestant, Egressd):
                    samples.add((contestant.name, "replay"), contestant.replay(sizes))
            if isinstance(contestant, Egressd):
                answers += contestant.answers(sizes, RATE)
                say(f"egressctl status: {max(answers) * 1e3:.0f} ms at most")
    finally:
        for contestant in [*contestants, traps]:
            contestant.stop()

    def row(name: str) -> list[str]:
        return [name, *(text for rate in (RATE, 0) for text in (
            samples.text((name, rate, "rate")), samples.text((name, rate, "ns")),
            samples.text((name, rate, "kernel")), samples.text((name, rate, "lost"), ",.0f"))),
                samples.text((name, "replay"))]

    lines += [f"{sizes.packets:,} blocked packets from {sizes.sources:,} sources, each of a flow of "
              "its own. Nanoseconds of processor time", "of the reader for each event that it "
              "received, and how much of that is the kernel's for it, by the ticks", "of its "
              "clock; for egressd from the record over attempt and ledger to the detectors. "
              "*From memory*: the same", "records, made by `replay`, without the kernel. ulogd2 "
              "reads what the same table logs.", ""]
    lines += table(["reader", f"wanted {RATE:,}/s: 1,000/s", "ns", "kernel", "lost",
                    "full speed: 1,000/s", "ns", "kernel", "lost", "from memory: ns"],
                   [row(contestant.name) for contestant in contestants])
    lines += [""] + [f"Skipped: {text}  " for text in skipped] + [""]
    goals = []
    for contestant in contestants:
        if isinstance(contestant, Egressd):
            goals += [Target(f"{contestant.name}: an event at {RATE:,}/s", LIMIT,
                             samples.median((contestant.name, RATE, "ns")), " ns"),
                      Target(f"{contestant.name}: lost at {RATE:,}/s", 0,
                             max(samples.values[contestant.name, RATE, "lost"]))]
    goals += [Target("slowest alarm of a tripwire", SOON * 1e3, max(delays) * 1e3, " ms"),
              Target("the same in a flood", SOON * 1e3, max(busy_delays) * 1e3, " ms")]
    goals.append(Target("slowest `egressctl status` in a flood", SLOW * 1e3,
                        max(answers) * 1e3, " ms"))
    return lines + targets(goals)
