# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine that was measured on, and what else it was doing meanwhile."""
import contextlib
import multiprocessing
import os
import pathlib
import platform
import resource
import time
from collections.abc import Iterator

_KTHREADD = 2  # the parent of the kernel's own threads
SHORTEST = 1.0  # seconds in which ticks tell something
_TICKS = os.sysconf("SC_CLK_TCK")


def describe() -> str:
    """Kernel, processor, cores and memory, in one sentence."""
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")),
                 platform.machine())
    memory = int(pathlib.Path("/proc/meminfo").read_text(encoding="ascii").split()[1]) >> 20
    virtual = ", virtual" if any("hypervisor" in line for line in lines) else ""
    return (f"Linux {platform.release()}, {model}{virtual}, {os.cpu_count()} cores, "
            f"{memory} GiB of memory")


def busy_processes(seconds: float = 1.0) -> str:
    """Names of processes that use more than a tenth of a core, ours left out."""
    def times() -> dict[tuple[int, str], int]:
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                name, rest = path.read_text(errors="replace").split("(", 1)[1].rsplit(")", 1)
            except OSError:
                continue  # it has ended
            fields = rest.split()
            if int(fields[1]) == _KTHREADD:
                continue
            found[int(path.parent.name), name] = int(fields[11]) + int(fields[12])
        return found

    before = times()
    time.sleep(seconds)
    busy = {name for (number, name), ticks in times().items()
            if number != os.getpid()
            and ticks - before.get((number, name), 0) > seconds * _TICKS / 10}
    return ", ".join(sorted(busy)) or "nothing"


def _spin(processor: int) -> None:
    os.sched_setaffinity(0, {processor})
    os.nice(19)
    while True:
        pass


@contextlib.contextmanager
def steady(processor: int) -> Iterator[None]:
    """Keeps the processor before this one busy with nothing.

    Two processors may be halves of one core, in a virtual machine without saying so. Then each is
    half as fast again while the other one rests, and nothing can be compared.
    """
    if processor == 0:
        yield
        return
    spinner = multiprocessing.get_context("fork").Process(target=_spin, args=(processor - 1,),
                                                          daemon=True)
    spinner.start()
    try:
        yield
    finally:
        spinner.kill()
        spinner.join()


class Load:
    """Processor time that others took while this exists."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.busy, self.own = self._busy(), self._own()

    @staticmethod
    def _busy() -> float:
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
        return (user + nice + system + irq + softirq + steal) / _TICKS

    @staticmethod
    def _own() -> float:
        usages = (resource.getrusage(who)
                  for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    def others(self) -> str:
        """The share of all cores that was used, and not by this program and what it started."""
        elapsed = time.monotonic() - self.start
        if elapsed < SHORTEST:
            return "an unknown part"
        used = self._busy() - self.busy - (self._own() - self.own)
        return f"{max(0.0, used / elapsed / (os.cpu_count() or 1)):.0%}"
