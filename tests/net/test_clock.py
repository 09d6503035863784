# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine's clock jumps: nothing that is enforced, kept or counted goes by it."""
import json
import time

import pytest
import traffic
from daemon import Daemon, wait_for
from faults import Faults
from lab import WORLD, Lab
from policies import small

POLICY = small('"http"', gateway='refuse = "drop";',
               roles='guest = { outbound = [ "smtp" ]; };')
DAY = 24 * 3600
STRAY = "192.168.0.12"


def smtp(clean: Lab) -> str:
    """What becomes of a connection that an assignment permits."""
    return traffic.tcp(clean["desk2"], clean.world, WORLD, 25, wait=0.2)


def test_a_clock_that_jumps_ends_no_request_early_and_keeps_none_longer(clean: Lab,
                                                                        daemon: Daemon):
    clock = Faults("clock", daemon.folder)
    daemon.environment |= clock.environment
    daemon.start(POLICY)
    daemon.call("Assign", address=STRAY, role="guest", seconds=4, why="a test")
    start = time.monotonic()
    assert smtp(clean) == traffic.PASSED
    clock.arm(value=-3650 * DAY)
    # All goes on: a reload, what is blocked, an answer.
    daemon.write(POLICY.replace('"http"', '"http", "dns"'))
    assert daemon.call("Reload")["changed"]
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25, wait=0.2) == traffic.SILENCE
    assert len(daemon.blocked(1)) == 1
    assert smtp(clean) == traffic.PASSED
    assert wait_for(lambda: not daemon.call("ListAssignments")["assignments"], 8)
    assert 3.5 < time.monotonic() - start < 8
    assert smtp(clean) == traffic.SILENCE
    clock.disarm()
    assert daemon.status()["state"] == "enforcing"


@pytest.mark.parametrize("years", [10, -10])
def test_an_alarm_clears_when_it_is_quiet_though_the_clock_was_wrong_when_it_opened(
        clean: Lab, daemon: Daemon, years: int):
    clock = Faults("clock", daemon.folder)
    daemon.environment |= clock.environment
    clock.arm(value=years * 365 * DAY)
    daemon.start(POLICY + 'detection = { quiet = "8s"; };')
    traffic.tcp(clean["stray"], clean.world, WORLD, 25, wait=0.1)
    assert wait_for(lambda: daemon.call("ListAlarms")["alarms"])
    assert daemon.ctl("alarms", "ack", "1").returncode == 0
    clock.disarm()
    begun = time.monotonic()
    traffic.tcp(clean["stray"], clean.world, WORLD, 26, wait=0.1)
    alarm, = daemon.call("ListAlarms")["alarms"]
    assert (alarm["id"], alarm["state"]) == (1, "acknowledged")
    assert wait_for(lambda: not daemon.call("ListAlarms")["alarms"], 40)
    assert time.monotonic() - begun >= 8
    assert "Alarm 1 reopened" not in daemon.log()


def test_a_clock_that_jumps_forward_takes_nothing_away(clean: Lab, daemon: Daemon):
    clock = Faults("clock", daemon.folder)
    daemon.environment |= clock.environment
    daemon.start(POLICY)
    daemon.call("Assign", address=STRAY, role="guest")
    traffic.tcp(clean["desk1"], clean.world, WORLD, 25, wait=0.1)
    clock.arm(value=3650 * DAY)
    traffic.tcp(clean["desk1"], clean.world, WORLD, 26, wait=0.1)
    assert smtp(clean) == traffic.PASSED
    clock.disarm()
    traffic.tcp(clean["desk1"], clean.world, WORLD, 27, wait=0.1)
    blocked = daemon.blocked(3)
    assert sum(line["attempts"] for line in blocked) == 3
    assert all(line["first"] <= line["last"] for line in blocked)
    assert smtp(clean) == traffic.PASSED
    assert daemon.stop() == 0
    ledger = json.loads((daemon.state / "ledger.json").read_text())
    assert len(ledger["items"]) == 3
    daemon.start()
    assert sum(line["attempts"] for line in daemon.blocked(3)) == 3
    assert smtp(clean) == traffic.PASSED
    assert daemon.status()["degraded"] == []
