# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel answers is lost, cut, late, doubled or told in another order.

A start or a reload ends verified, or with an error and the old policy in force: never with a "done"
that is not so, and never in waiting. EGRESSD_DATAGRAMS says how many of the answers are harmed in
each way ("all": every one), EGRESSD_SEED repeats those of a run.
"""
import contextlib
import os
import random
import time

import pytest
import traffic
import varlink
from daemon import Daemon, wait_for
from faults import Faults, Netlink
from lab import WORLD, Lab
from policies import small

SEED = int(os.environ.get("EGRESSD_SEED") or random.SystemRandom().randrange(1 << 32))
TRIES = os.environ.get("EGRESSD_DATAGRAMS", "6")
LONGEST = 8.0  # seconds for what takes milliseconds, on a busy machine

POLICY = small('"http"', gateway='refuse = "drop";',
               rest='detection = { trw = { enabled = true; }; };')
OTHER = small('"http", "smtp"', gateway='refuse = "drop";',
              hosts=', { name = "d2"; role = "desk"; address = "192.168.0.12"; }')


def chosen(count: int) -> list[int]:
    """Which of that many datagrams are harmed."""
    if TRIES == "all":
        return list(range(1, count + 1))
    return sorted(random.Random(SEED).sample(range(1, count + 1), min(int(TRIES), count)))


def smtp(clean: Lab) -> str:
    """What becomes of a connection that OTHER permits and POLICY does not."""
    return traffic.tcp(clean["desk1"], clean.world, WORLD, 25, wait=0.03)


@pytest.fixture(name="netlink")
def _netlink(daemon: Daemon) -> Faults:
    print(f"EGRESSD_SEED={SEED}")
    faults = Faults("netlink", daemon.folder)
    daemon.environment |= faults.environment
    return faults


@pytest.mark.parametrize("kind", Netlink, ids=lambda kind: kind.name.lower())
def test_a_reload_is_done_and_verified_or_it_is_an_error_and_the_old_policy_stays(
        clean: Lab, daemon: Daemon, netlink: Faults, kind: Netlink):
    daemon.start(POLICY)
    daemon.write(OTHER)
    netlink.arm(kind=kind)
    assert daemon.call("Reload")["changed"]
    count, _ = netlink.disarm()
    assert count > 3
    done = 0
    for n in chosen(count):
        where = f"EGRESSD_SEED={SEED}, datagram {n} of {count}"
        daemon.write(POLICY)
        daemon.call("Reload")
        assert smtp(clean) == traffic.SILENCE
        assert wait_for(lambda: daemon.status()["degraded"] == [], 5), where
        daemon.write(OTHER)
        start = time.monotonic()
        netlink.arm(at=n, kind=kind)
        told = False
        with contextlib.suppress(varlink.Refused):
            told = daemon.call("Reload")["changed"]
        _, harmed = netlink.disarm()
        assert time.monotonic() - start < LONGEST, where
        assert harmed <= 1, where  # now and then it is one datagram less
        assert daemon.process.poll() is None, where
        if told:
            done += 1
            assert smtp(clean) == traffic.PASSED, where
        elif not daemon.status()["degraded"]:
            # The daemon itself has tried once more by now.
            assert smtp(clean) == traffic.PASSED, where
        # Whatever came of it, the next one is whole again.
        daemon.call("Reload")
        assert smtp(clean) == traffic.PASSED, where
        assert wait_for(lambda: daemon.status()["degraded"] == [], 5), where
    print(f"{kind.name}: {count} datagrams, {done} of {len(chosen(count))} reloads done")


@pytest.mark.parametrize("kind", Netlink, ids=lambda kind: kind.name.lower())
def test_a_start_is_verified_or_closed_or_ends_and_never_says_more_than_is_so(
        clean: Lab, daemon: Daemon, netlink: Faults, kind: Netlink):
    netlink.arm(kind=kind)
    daemon.start(POLICY)
    count, _ = netlink.disarm()
    daemon.kill()
    up = 0
    for n in chosen(count)[:3 if TRIES != "all" else None]:
        where = f"EGRESSD_SEED={SEED}, datagram {n} of {count}"
        daemon.remove_table()
        start = time.monotonic()
        netlink.arm(at=n, kind=kind)
        daemon.start(ready=False)
        with contextlib.suppress(AssertionError):
            daemon.await_notice("READY=1", LONGEST)
        netlink.disarm()
        assert time.monotonic() - start < LONGEST, where
        ended = daemon.process.poll()
        if ended is None:
            up += 1
            assert smtp(clean) == traffic.SILENCE, where
            if daemon.status()["state"] == "closed":
                assert "could not be loaded" in daemon.log(), where
            else:
                http = traffic.tcp(clean["desk1"], clean.world, WORLD, 80, wait=0.3)
                assert http == traffic.PASSED, where
            daemon.kill()
        else:
            assert ended == 1, f"{where}: {ended}\n{daemon.log()[-3000:]}"
    print(f"{kind.name}: {count} datagrams, {up} starts came up")


@pytest.mark.parametrize("kind", Netlink, ids=lambda kind: kind.name.lower())
def test_a_query_is_answered_or_refused_in_time(clean: Lab, daemon: Daemon, netlink: Faults,
                                                kind: Netlink):
    daemon.start(POLICY)
    smtp(clean)
    daemon.blocked(1)
    queries = {"GetStatus": {}, "Explain": {"source": "192.168.0.11", "destination": WORLD,
                                            "service": "http"}}
    for query, parameters in queries.items():
        netlink.arm(kind=kind)
        daemon.call(query, **parameters)
        count, _ = netlink.disarm()
        for n in range(1, count + 1):
            start = time.monotonic()
            netlink.arm(at=n, kind=kind)
            with contextlib.suppress(varlink.Refused):
                daemon.call(query, **parameters)
            netlink.disarm()
            assert time.monotonic() - start < LONGEST, f"{query}, datagram {n} of {count}"
            assert daemon.process.poll() is None, daemon.log()[-3000:]
        assert daemon.call(query, **parameters)


def test_a_change_that_could_not_be_verified_is_in_the_status_and_tried_again_without_an_alarm(
        clean: Lab, daemon: Daemon, netlink: Faults):
    daemon.start(POLICY)
    daemon.write(OTHER)
    for n in range(1, 200):  # the first with which it fails in the second phase, and so do others
        netlink.arm(at=n, last=1 << 32, kind=Netlink.SEND_ENOBUFS)
        with contextlib.suppress(varlink.Refused):
            if "fast path is not back" in daemon.call("Reload")["verified"]:
                break
    netlink.disarm()
    assert any("could not be finished" in text for text in daemon.status()["degraded"])
    # By now it waits for up to a minute between its tries; whatever happens makes it look.
    clean.gateway.nft("add table ip other; delete table ip other")
    assert wait_for(lambda: daemon.status()["degraded"] == [], 15), daemon.status()
    assert "a change is being made" not in daemon.table()
    assert smtp(clean) == traffic.PASSED
    # Nobody but itself had changed anything.
    assert daemon.call("ListAlarms")["alarms"] == []
