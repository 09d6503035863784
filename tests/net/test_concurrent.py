# SPDX-License-Identifier: GPL-2.0-or-later
"""Another program changes rules of its own all the time, while ours change too."""
import contextlib
import ctypes
import multiprocessing
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import batch
import flood
import pytest
import varlink
from daemon import Daemon, wait_for
from lab import WORLD, Lab
from listing import listed, loaded_anew
from namespace import Namespace
from policies import small

RELOADS = int(os.environ.get("EGRESSD_RELOADS", "500")) // 25
ONE = small('"http", "dns"', gateway='refuse = "drop";')
OTHER = small('"dns", "smtp", "tcp/8000-8100"', gateway='refuse = "drop";', hosts=""",
  { name = "many"; role = "desk"; address = [ "192.168.0.128/25", "192.168.0.200" ]; }""")

_PR_SET_PDEATHSIG = 1


def _commit_all_the_time(wire: socket.socket, pause: float,
                         number: "multiprocessing.sharedctypes.Synchronized") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    while True:
        for commit in (batch.about_table(batch.NEWTABLE, batch.CREATE, "other"),
                       batch.about_table(batch.DELTABLE, 0, "other")):
            wire.send(commit)
            number.value += 1
            if pause:
                time.sleep(pause)


@contextlib.contextmanager
def committing(place: Namespace, pause: float) -> Iterator[
        "multiprocessing.sharedctypes.Synchronized"]:
    """A process that makes and deletes a table of its own during the block; how often it did."""
    fork = multiprocessing.get_context("fork")
    number = fork.Value("q", 0, lock=False)
    with batch.open_wire(place) as wire:
        process = fork.Process(target=_commit_all_the_time, args=(wire, pause, number))
        process.start()
    try:
        yield number
    finally:
        process.kill()
        process.join()


@pytest.fixture(scope="module")
def fresh() -> Namespace:
    """Where tables are loaded to be compared with."""
    return Namespace("anew")


def is_right(daemon: Daemon, place: Namespace, fresh: Namespace) -> bool:
    """The table is as wanted; or the daemon says that it has not finished, until it has."""
    wanted = loaded_anew(fresh, daemon)
    return (listed(place) == wanted or daemon.status()["degraded"] != [] or
            listed(place) == wanted)


@pytest.mark.parametrize("pause", [0.05, 0.003, 0.0])
def test_a_reload_among_the_commits_of_others_is_done_or_says_that_they_were_in_its_way(
        clean: Lab, daemon: Daemon, fresh: Namespace, pause: float):
    forbidden = flood.Stream(clean["desk1"], WORLD, 9, 0.001)
    permitted = flood.Stream(clean["desk1"], WORLD, 53, 0.001)
    done, busy, told = 0, 0, set()
    daemon.start(ONE)
    with flood.counting(clean, [forbidden, permitted]) as counts:
        with (flood.flowing([forbidden, permitted]) as sent,
              committing(clean.gateway, pause) as commits):
            before = commits.value
            for turn in range(RELOADS):
                daemon.write((OTHER, ONE)[turn % 2])
                try:
                    daemon.call("Reload")
                    done += 1
                    assert is_right(daemon, clean.gateway, fresh)
                except varlink.Refused as refused:
                    busy += 1
                    told.add(refused.parameters["text"])
            made = commits.value - before
        seen = counts()
    print(f"{made} commits of another, {done} reloads done, {busy} given up")
    assert made
    assert done or not pause
    assert (seen[forbidden], seen[permitted]) == (0, sent[permitted])
    # Alone again: what the file says is in force, or else the status says that it is not.
    assert wait_for(lambda: is_right(daemon, clean.gateway, fresh), 10), daemon.status()
    daemon.call("Reload")
    assert daemon.status()["state"] == "enforcing"
    assert listed(clean.gateway) == loaded_anew(fresh, daemon)
    assert all("other processes changed" in text for text in told), told
    # It is ours, and so nobody has changed it.
    assert "could not be put right" not in daemon.log()
    assert [alarm for alarm in daemon.call("ListAlarms")["alarms"]
            if alarm["kind"] == "tamper" and "perhaps" not in alarm["text"]] == []


def test_a_change_that_others_kept_out_is_made_later_or_stays_in_the_status(
        clean: Lab, daemon: Daemon, fresh: Namespace):
    daemon.start(ONE.replace("refuse =", "own_table = false; refuse ="))
    thief = clean.gateway.start("nft", "-i", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        thief.stdin.write(b"delete table inet egressd; add table inet egressd { flags owner; }\n")
        thief.stdin.flush()
        assert wait_for(lambda: daemon.status()["state"] == "degraded", 5)
        daemon.write(OTHER)
        with pytest.raises(varlink.Refused) as refused:
            daemon.call("Reload")
        assert refused.value.name == "io.egressd.KernelRefused"
        time.sleep(1)  # until the reload that the changed file sets off was refused as well
    finally:
        thief.kill()
        thief.wait()
    # Its table goes with it, and ours comes back.
    assert wait_for(lambda: "outbound_desk" in daemon.table(), 10)
    wait_for(lambda: listed(clean.gateway) == loaded_anew(fresh, daemon), 2)
    assert is_right(daemon, clean.gateway, fresh), daemon.status()
