# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory runs out at the n-th allocation of a start, a reload or a query.

The start fails cleanly or comes up, never open; after a reload one of the two policies is in force; a
query is answered, refused or cut off, and the daemon lives. EGRESSD_ALLOCATIONS says how many n of
each are tried ("all": every one), EGRESSD_SEED repeats those of a run.
"""
import contextlib
import os
import random

import pytest
import traffic
import varlink
from daemon import Daemon, wait_for
from faults import Faults
from lab import WORLD, Lab
from policies import small

SEED = int(os.environ.get("EGRESSD_SEED") or random.SystemRandom().randrange(1 << 32))
TRIES = os.environ.get("EGRESSD_ALLOCATIONS", "25")

POLICY = small('"http"', gateway='refuse = "drop";',
               rest='detection = { trw = { enabled = true; }; };')
OTHER = small('"http", "dns"', gateway='refuse = "drop";',
              rest='networks = { bad = { file = "bad.txt"; }; }; blocklist = [ "bad" ];')
GONE = 1000000


def chosen(count: int) -> list[int]:
    """Which of that many allocations are tried."""
    if TRIES == "all":
        return list(range(1, count + 1))
    print(f"EGRESSD_SEED={SEED}")
    return sorted(random.Random(SEED).sample(range(1, count + 1), min(int(TRIES), count)))


def is_closed_or_right(clean: Lab) -> None:
    """Nothing forbidden passes."""
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25, wait=0.02) == traffic.SILENCE


@pytest.fixture(name="memory")
def _memory(daemon: Daemon) -> Faults:
    faults = Faults("memory", daemon.folder)
    daemon.environment |= faults.environment
    daemon.write("203.0.113.99\n", "bad.txt")
    return faults


def allocations_of_a_start(daemon: Daemon, memory: Faults) -> int:
    """How many there are until it is ready."""
    memory.arm()
    daemon.start(POLICY)
    count, _ = memory.disarm()
    daemon.stop()
    return count


def answers(daemon: Daemon) -> bool:
    """Whether the daemon is there, and in a state that it may be in."""
    try:
        return daemon.status()["state"] in ("enforcing", "degraded", "closed")
    except (OSError, varlink.Refused):
        return False


@pytest.mark.parametrize("from_then_on", [False, True], ids=["once", "from then on"])
def test_a_start_without_memory_ends_cleanly_or_comes_up_and_never_opens_the_gateway(
        clean: Lab, daemon: Daemon, memory: Faults, from_then_on: bool):
    count = allocations_of_a_start(daemon, memory)
    came_up = 0
    for n in chosen(count):
        before = daemon.table() != ""
        memory.arm(at=n, last=GONE if from_then_on else 0)
        daemon.start(ready=False)
        with contextlib.suppress(AssertionError):
            daemon.await_notice("READY=1", 10)
        memory.disarm()
        where = f"EGRESSD_SEED={SEED}, allocation {n} of {count}"
        ended = daemon.process.poll()
        if ended is None:
            came_up += 1
            is_closed_or_right(clean)
            assert wait_for(lambda: answers(daemon) or daemon.process.poll() == 1, 5), where
            assert daemon.stop() in (0, 1), f"{where}\n{daemon.log()[-3000:]}"
        else:
            # 1: it says that it cannot. Anything else is a signal, or what a sanitizer found.
            assert ended == 1, f"{where}: {ended}\n{daemon.log()[-3000:]}"
            if before:
                is_closed_or_right(clean)
    print(f"{count} allocations, came up {came_up} times")


def test_a_reload_without_memory_leaves_the_one_policy_or_the_other(clean: Lab, daemon: Daemon,
                                                                     memory: Faults):
    daemon.start(POLICY)
    daemon.write(OTHER)
    memory.arm()
    daemon.call("Reload")
    count, _ = memory.disarm()
    for n in chosen(count):
        daemon.write(POLICY)
        assert daemon.call("Reload")["text"]
        daemon.write(OTHER)
        memory.arm(at=n)
        with contextlib.suppress(varlink.Refused, ConnectionError):
            daemon.call("Reload")
        memory.disarm()
        where = f"EGRESSD_SEED={SEED}, allocation {n} of {count}\n{daemon.log()[-3000:]}"
        assert daemon.process.poll() is None, where
        is_closed_or_right(clean)
        permits = traffic.tcp(clean["desk1"], clean.world, WORLD, 80)
        assert permits == traffic.PASSED, where
    assert daemon.call("Reload")["text"]
    assert wait_for(lambda: daemon.status()["degraded"] == [], 10)


QUERIES = {"GetStatus": {}, "ListRoles": {}, "ListHosts": {}, "ListBlocked": {},
           "ListAlarms": {"all": True},
           "Explain": {"source": "192.168.0.11", "destination": WORLD, "service": "http"}}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_without_memory_is_answered_refused_or_cut_off_and_the_daemon_lives(
        clean: Lab, daemon: Daemon, memory: Faults, query: str):
    daemon.start(POLICY)
    is_closed_or_right(clean)
    daemon.blocked(1)
    daemon.call(query, **QUERIES[query])
    memory.arm()
    right = daemon.call(query, **QUERIES[query])
    count, _ = memory.disarm()
    for n in chosen(count):
        memory.arm(at=n)
        with contextlib.suppress(varlink.Refused, ConnectionError):
            assert daemon.call(query, **QUERIES[query]).keys() == right.keys()
        memory.disarm()
        assert daemon.process.poll() is None, f"EGRESSD_SEED={SEED}, allocation {n} of {count}"
    assert daemon.call(query, **QUERIES[query]).keys() == right.keys()
    # The watch may have loaded the file once more meanwhile.
    assert wait_for(lambda: daemon.status()["degraded"] == [], 10)
