# SPDX-License-Identifier: GPL-2.0-or-later
"""Many things at once, each by chance, and a daemon that has to stand them.

EGRESSD_CHAOS is for how many seconds, EGRESSD_SEED the seed; both are printed. Whatever a thread of
chaos finds wrong ends all of them, and the test.
"""
import contextlib
import ipaddress
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator

import varlink
from daemon import SANITIZER_WORDS, SANITIZERS, Daemon, wait_for

SECONDS = float(os.environ.get("EGRESSD_CHAOS", "15"))
SEED = int(os.environ.get("EGRESSD_SEED", time.time_ns() % 1_000_000))

# What was freed is held back, so that later uses are seen, but not as much as to hide a leak.
FREED_MIB = 32
ASAN_OPTIONS = SANITIZERS["ASAN_OPTIONS"] + f":quarantine_size_mb={FREED_MIB}"
KIB_MOST = 512 * 1024       # RssAnon; full tables take 80 MiB, waiting replies 128 MiB
DESCRIPTORS_IDLE_MOST = 64  # without clients
CLIENTS_MOST = 64
SETTLE_WAIT = 30.0
ANSWER_WAIT = 60.0  # behind long lists for all other clients, under sanitizers
STATE_FILES = {"alarms.json": "items", "ledger.json": "items", "requests.json": "requests"}


class Chaos:
    """Steps that are repeated in threads until the time is over or one of them fails."""

    def __init__(self, name: str, daemon: Daemon):
        self.name = name
        self.daemon = daemon
        self.end = time.monotonic() + SECONDS
        self.gate = threading.Lock()  # held by whoever stops the daemon, as long as it is stopped
        self.threads: list[threading.Thread] = []
        self.faults: list[str] = []
        self.steps: dict[str, int] = {}
        self.most = {"KiB": 0, "descriptors": 0}
        print(f"{name}: EGRESSD_SEED={SEED} EGRESSD_CHAOS={SECONDS:g}", flush=True)
        daemon.environment["ASAN_OPTIONS"] = ASAN_OPTIONS

    def is_over(self) -> bool:
        """True when no further step begins."""
        return bool(self.faults) or time.monotonic() >= self.end

    def rest(self, seconds: float) -> None:
        """Waits, but no longer than the chaos lasts."""
        while seconds > 0 and not self.is_over():
            time.sleep(min(seconds, 0.1))
            seconds -= 0.1

    def begin(self, step: Callable[[random.Random], None], count: int = 1) -> None:
        """Repeats a step in so many threads, each with random numbers of its own."""
        for number in range(count):
            name = f"{step.__name__}-{number}"
            chance = random.Random(f"{SEED} {self.name} {name}")
            self.threads.append(threading.Thread(target=self._repeat, args=(name, step, chance)))

    def _repeat(self, name: str, step: Callable[[random.Random], None],
                chance: random.Random) -> None:
        while not self.is_over():
            try:
                step(chance)
            except Exception as error:  # pylint: disable=broad-exception-caught
                self.faults.append(f"{name}: {type(error).__name__}: {error}")
            self.steps[name] = self.steps.get(name, 0) + 1

    def run(self) -> None:
        """Begins all steps at once, and watches the daemon meanwhile."""
        self.begin(self._watch)
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        print(json.dumps({"steps": self.steps, "most": self.most}), flush=True)
        assert not self.faults, f"{self.faults}\n{excerpt(self.daemon.log())}"

    def _watch(self, _: random.Random) -> None:
        with self.gate:
            process = self.daemon.process
            assert process.poll() is None, f"the daemon ended with {process.poll()}"
            kib, descriptors = resources(self.daemon)
            answer(self.daemon, "GetStatus")
        self.most["KiB"] = max(self.most["KiB"], kib)
        self.most["descriptors"] = max(self.most["descriptors"], descriptors)
        assert kib <= KIB_MOST, f"{kib} KiB"
        assert descriptors <= DESCRIPTORS_IDLE_MOST + CLIENTS_MOST, f"{descriptors} descriptors"
        self.rest(0.3)

    @contextlib.contextmanager
    def without_daemon(self) -> Iterator[Daemon]:
        """The daemon, to be stopped and started in the block while nobody expects it to run."""
        with self.gate:
            yield self.daemon


def answer(daemon: Daemon, method: str, **parameters: object) -> dict:
    """A call that may have to wait until there is room for its client, but is answered."""
    deadline = time.monotonic() + ANSWER_WAIT
    while True:
        try:
            with daemon.connect(wait=ANSWER_WAIT) as connection:
                return connection.call(method, **parameters)
        except (BlockingIOError, ConnectionError, varlink.Refused) as error:
            crowded = (not isinstance(error, varlink.Refused)
                       or error.name.endswith("TooManyClients"))
            if not crowded or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def resources(daemon: Daemon) -> tuple[int, int]:
    """KiB of resident memory that is the daemon's own, and how many descriptors it has open."""
    process = f"/proc/{daemon.process.pid}"
    with open(f"{process}/status", encoding="ascii") as file:
        kib = next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))
    return kib, len(os.listdir(f"{process}/fd"))


def excerpt(log: str) -> str:
    """What a sanitizer said, else the end of the log."""
    places = [log.find(word) for word in SANITIZER_WORDS if word in log]
    return log[max(0, min(places) - 300):][:6000] if places else log[-3000:]


def assert_stands(daemon: Daemon, config: str, host_names: set[str],
                  attempt: Callable[[random.Random], None]) -> None:
    """The daemon answers and has let go of what the chaos took; its state is good for a restart.

    An attempt is made, as the daemon may have been killed and started at the very end.
    """
    daemon.write(config)
    answer(daemon, "Reload")
    status = answer(daemon, "GetStatus")
    assert status["state"] in ("enforcing", "degraded"), status["degraded"]
    deadline = time.monotonic() + SETTLE_WAIT
    while resources(daemon)[1] > DESCRIPTORS_IDLE_MOST and time.monotonic() < deadline:
        time.sleep(0.1)
    assert resources(daemon)[1] <= DESCRIPTORS_IDLE_MOST
    assert resources(daemon)[0] <= KIB_MOST
    attempt(random.Random(SEED))
    assert wait_for(lambda: daemon.call("ListBlocked")["blocked"])
    assert daemon.stop() == 0, excerpt(daemon.log())
    assert_state_is_whole(daemon, host_names)

    daemon.start()
    assert daemon.call("ListBlocked")["blocked"], "what was blocked is forgotten"
    assert "alarms" in daemon.call("ListAlarms", all=True)
    log = daemon.log()
    for word in (*SANITIZER_WORDS, "set aside", "makes no sense", "cannot be read",
                 "was not read"):
        assert word not in log, excerpt(log) if word in SANITIZER_WORDS else log[-6000:]


def assert_state_is_whole(daemon: Daemon, host_names: set[str]) -> None:
    """Each kept file is JSON, and hosts in it are of some configuration or addresses."""
    kept = {path.name for path in daemon.state.iterdir()}
    assert "ledger.json" in kept and not any("broken" in name for name in kept), kept
    for name, items in STATE_FILES.items():
        if name in kept:
            content = json.loads((daemon.state / name).read_text(encoding="utf-8"))
            assert isinstance(content[items], list), name
    ledger = json.loads((daemon.state / "ledger.json").read_text(encoding="utf-8"))["items"]
    assert ledger
    strange = {entry["host"] for entry in ledger} - host_names
    assert all(is_address(name) for name in strange if name), strange


def is_address(text: str) -> bool:
    """True for an address, by which a machine is called that took a role at run time."""
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(text))
    return False
