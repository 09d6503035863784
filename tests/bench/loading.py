# SPDX-License-Identifier: GPL-2.0-or-later
"""What loading costs: a cold start against nft, a reload of one host, memory."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import blocklist
import large
import office
from daemon import BUILD, EGRESSCTL, Daemon, egressctl
from namespace import Namespace
from office import Office
from place import SETTINGS
from report import Target, table, targets
from samples import Samples

PARSER = BUILD / "tests" / "bench" / "parser"
SLOW = 10_000     # ms of a start
SETTLE = 1.0      # seconds until the daemon has noticed the changed file by itself, too
REPLY = "reply: "  # before the names of milliseconds that a reply tells
PATIENCE = 300.0  # seconds that a start or a reload may take


@dataclass(frozen=True)
class Workload:
    """A configuration, and one of its files before and after a change of one line."""
    name: str
    text: str
    before: str
    after: str
    file: str = "egressd.conf"
    target: bool = False


def _host(name: str, text: str, old: str, new: str, target: bool) -> Workload:
    """One host gets another role."""
    return Workload(name, text, text, text.replace(old, new), target=target)


def _office(hosts: int, target: bool = False) -> Workload:
    text = office.egressd(Office(hosts))
    return _host(f"office, {hosts:,} hosts", text, 'name = "desk2"; role = "desk"',
                 'name = "desk2"; role = "admin"', target)


def _large(hosts: int, roles: int) -> Workload:
    text = large.egressd(hosts, roles)
    last = hosts - 1
    return _host(f"large, {hosts:,} hosts in {roles:,} roles", text,
                 f'"host{last}"; role = "role{last % roles}"', f'"host{last}"; role = "role0"', True)


def _blocklist(count: int) -> Workload:
    """One prefix goes and another one comes."""
    lines = blocklist.prefixes(count)
    return Workload(f"{blocklist.HOSTS:,} hosts, blocklist of {count:,} prefixes",
                    blocklist.egressd(), "\n".join(lines) + "\n",
                    "\n".join([*lines[1:], "198.51.100.0/25"]) + "\n", blocklist.LIST)


def workloads(quick: bool) -> list[Workload]:
    """From small to the greatest."""
    if quick:
        return [_office(100), _large(200, 10), _blocklist(5000)]
    return [_office(1000), _office(10_000), _office(100_000, True), _large(100_000, 1000),
            _blocklist(1_000_000)]


def _memory(daemon: Daemon) -> dict[str, float]:
    """Peak and resident memory of the daemon in MB."""
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text(encoding="ascii")
    found = dict(re.findall(r"^(VmHWM|VmRSS):\s+(\d+) kB$", status, re.MULTILINE))
    return {"peak": int(found["VmHWM"]) * 1024 / 1e6, "resident": int(found["VmRSS"]) * 1024 / 1e6}


def _processor_time(daemon: Daemon) -> int:
    """What the daemon has used, in ticks."""
    status = pathlib.Path(f"/proc/{daemon.process.pid}/stat").read_text(encoding="ascii")
    return sum(map(int, status.rsplit(")", 1)[1].split()[11:13]))


def _reload(daemon: Daemon) -> dict[str, object]:
    """egressctl reload, however long it takes; its reply."""
    done = subprocess.run([EGRESSCTL, "--socket", daemon.socket, "--json", "reload"],
                          capture_output=True, text=True, check=False, timeout=PATIENCE)
    if done.returncode:
        raise RuntimeError(f"egressctl reload: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


class Loading:
    """One workload, measured round after round."""

    def __init__(self, workload: Workload, folder: pathlib.Path, say: Callable[[str], None]):
        self.workload, self.folder, self.say = workload, folder, say
        self.samples = Samples()
        self.notes: list[str] = []
        folder.mkdir(parents=True)
        self.config = folder / "egressd.conf"
        for path, text in (self.config, workload.text), (folder / workload.file, workload.before):
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644)
        self.text = folder / "table.nft"
        printed = egressctl("table", str(self.config))
        if printed.returncode:
            raise RuntimeError(f"egressctl table: {printed.stderr[:500]}")
        self.text.write_text(printed.stdout, encoding="utf-8")

    def _gateway(self, name: str) -> Namespace:
        gateway = Namespace(name)
        gateway.sysctl(SETTINGS)
        gateway.ip("link set lo up\nlink add lan0 type veth peer name peer0\n"
                   "address add 10.0.0.1/8 dev lan0\nlink set lan0 up\nlink set peer0 up")
        return gateway

    def nft(self, number: int) -> None:
        """`nft -f` of the equivalent text, in a gateway without tables."""
        gateway = self._gateway(f"{self.folder.name}-n{number}")
        start = time.monotonic()
        process = gateway.start("nft", "-f", str(self.text))
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"nft -f {self.text}: exit {process.returncode}")
        self.samples.add("nft", elapsed * 1e3)
        self.samples.add("nft peak", usage.ru_maxrss * 1024 / 1e6)

    def parse(self) -> None:
        """libconfig and the file, and nothing else."""
        done = subprocess.run([PARSER, self.config], capture_output=True, check=True)
        self.samples.add("parse", json.loads(done.stdout)["milliseconds"])

    @property
    def slow(self) -> bool:
        """Whether a start takes so long that the rest would take hours."""
        return self.samples.median("start") > SLOW

    def start(self, number: int) -> Daemon:
        """A cold start."""
        folder = self.folder / f"d{number}"
        folder.mkdir()
        daemon = Daemon(self._gateway(f"{self.folder.name}-d{number}"), folder)
        daemon.write(self.workload.text)
        daemon.write(self.workload.before, self.workload.file)
        start = time.monotonic()
        daemon.start(ready=False)
        daemon.await_notice("READY=1", wait=PATIENCE)
        self.samples.add("start", (time.monotonic() - start) * 1e3)
        self.samples.add("start peak", _memory(daemon)["peak"])
        return daemon

    def _settle(self, daemon: Daemon) -> None:
        """Waits until the daemon has looked at the changed file by itself, too, and rests."""
        time.sleep(SETTLE)
        used = _processor_time(daemon)
        while True:
            time.sleep(SETTLE / 4)
            before, used = used, _processor_time(daemon)
            if used == before:
                break
        daemon.notices.clear()

    def reload_by_signal(self, daemon: Daemon) -> None:
        """One line changed, by SIGHUP until READY=1."""
        daemon.write(self.workload.after, self.workload.file)
        start = time.monotonic()
        daemon.signal(signal.SIGHUP)
        daemon.await_notice("READY=1", wait=PATIENCE)
        self.samples.add("sighup", (time.monotonic() - start) * 1e3)
        self._settle(daemon)

    def reload_by_tool(self, daemon: Daemon) -> None:
        """And changed back, by egressctl until its reply."""
        daemon.write(self.workload.before, self.workload.file)
        start = time.monotonic()
        reply = _reload(daemon)
        self.samples.add("reload", (time.monotonic() - start) * 1e3)
        if not reply["changed"]:
            self.notes.append("a reload found nothing changed: the file's watcher was faster")
        for name, value in reply.items():
            if isinstance(value, float):
                self.samples.add(REPLY + name, value)
        self._settle(daemon)

    def batch(self, daemon: Daemon) -> None:
        """The longest netlink message that a reload of one line sends, in kernel time."""
        if shutil.which("strace") is None:
            self.notes.append("kernel time of the batch: skipped, strace is not installed")
            return
        trace = self.folder / "trace"
        strace = subprocess.Popen(["strace", "-f", "-T", "-qq", "-e", "trace=sendmsg,sendto",
                                   "-o", trace, "-p", str(daemon.process.pid)],
                                  stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        daemon.write(self.workload.after, self.workload.file)
        _reload(daemon)
        strace.send_signal(signal.SIGINT)
        strace.wait()
        # A batch is what begins with NFNL_MSG_BATCH_BEGIN.
        times = [float(seconds) for seconds in re.findall(
            r"nlmsg_type=0x10 .*<([0-9.]+)>$", trace.read_text(), re.MULTILINE)]
        if times:
            self.samples.add("batch", max(times) * 1e3)
        else:
            self.notes.append("kernel time of the batch: strace saw none")

    def run(self, rounds: int) -> None:
        """All of it."""
        for number in range(rounds):
            self.nft(number)
            self.parse()
            daemon = self.start(number)
            try:
                self._settle(daemon)
                self.samples.add("start resident", _memory(daemon)["resident"])
                self.reload_by_signal(daemon)
                if not self.slow:
                    self.reload_by_tool(daemon)
                memory = _memory(daemon)
                self.samples.add("peak", memory["peak"])
                self.samples.add("resident", memory["resident"])
                if number == rounds - 1 and not self.slow:
                    self.batch(daemon)
            finally:
                daemon.kill()  # whatever it is doing just now
                daemon.remove_table()
            self.say(f"{self.workload.name}: round {number + 1} of {rounds}")
            if self.slow:
                self.notes.append("slow: one round, without egressctl and without the batch")
                break

    def rows(self) -> list[list[str]]:
        """Of the two tables: times and memory."""
        samples = self.samples
        return [[self.workload.name, *(samples.text(name) for name in (
                    "start", "nft", "parse", "sighup", "reload")), samples.text("batch", ".2f")],
                [self.workload.name, *(samples.text(name) for name in (
                    "start peak", "start resident", "peak", "resident", "nft peak"))]]

    def phases(self) -> str:
        """What the daemon itself said of the time of its reloads."""
        return ", ".join(f"{name.removeprefix(REPLY)} {self.samples.text(name, '.1f')}"
                         for name in self.samples.values if name.startswith(REPLY))

    def targets(self) -> list[Target]:
        """What is to be reached at this size."""
        samples, name = self.samples, self.workload.name
        batch = samples.median("batch") if "batch" in samples.values else None
        return [Target(f"{name}: cold start / `nft -f`", 1.5, samples.ratio("start", "nft")),
                Target(f"{name}: SIGHUP to verified, above libconfig", 150,
                       samples.median("sighup") - samples.median("parse"), " ms"),
                Target(f"{name}: batch in the kernel", 5, batch, " ms"),
                Target(f"{name}: peak memory", 256, samples.median("peak"), " MB"),
                Target(f"{name}: resident memory", 64, samples.median("resident"), " MB")]


def run(quick: bool, rounds: int, folder: pathlib.Path, say: Callable[[str], None]) -> list[str]:
    """The part of the report about loading."""
    done = []
    for number, workload in enumerate(workloads(quick)):
        done.append(Loading(workload, folder / f"l{number}", say))
        done[-1].run(rounds)
    lines = ["Milliseconds, median and half the interquartile range. A cold start is from the",
             "process to READY=1, that is, table read back; one host changes its role in a reload,",
             "or one prefix of the blocklist is another one.",
             ""]
    lines += table(["policy", "cold start", "`nft -f`", "libconfig alone", "SIGHUP to READY",
                    "`egressctl reload`", "batch in the kernel"], [one.rows()[0] for one in done])
    lines += ["", *(f"{one.workload.name}, as the reply tells: {one.phases()}  " for one in done)]
    lines += ["", "Memory in MB.", ""]
    lines += table(["policy", "peak of the start", "after it", "peak with reloads", "after them",
                    "`nft -f`, peak"], [one.rows()[1] for one in done])
    lines += ["", *(f"{one.workload.name}: {note}  " for one in done for note in one.notes), ""]
    return lines + targets([target for one in done if one.workload.target or quick
                            for target in one.targets()])
