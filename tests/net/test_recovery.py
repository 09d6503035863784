# SPDX-License-Identifier: GPL-2.0-or-later
"""The list of requests cannot be read at a start: what was forbidden before stays forbidden."""
import os
import re
import time
from collections.abc import Callable

import flood
import pytest
import traffic
from daemon import Daemon, wait_for
from faults import Faults
from lab import WORLD, WORLD_V6, Lab
from policies import GATEWAY

POLICY = GATEWAY + """
roles = {
  desk = { outbound = [ "dns" ]; };
  mute = { outbound = [ ]; };
};
hosts = (
  { name = "office"; role = "desk"; address = [ "192.168.0.0/24", "2001:db8:1::/64" ]; },
  { name = "www1"; role = "desk"; address = [ "192.0.2.80", "2001:db8::80" ]; }
);
"""
DESK2, DESK3 = "192.168.0.12", "192.168.0.13"


def dns(lab: Lab, host: str, destination: str = WORLD, port: int = 53) -> str:
    """What becomes of a question from a host to the world."""
    return traffic.udp(lab[host], lab.world, destination, port, wait=0.1)


def in_quarantine(daemon: Daemon) -> dict[str, tuple]:
    """Who is in quarantine, until when, who asked and why."""
    return {line["host"]: ((line["until"] or 0) // 1000000, line["user"], line["why"])
            for line in daemon.call("ListQuarantined")["quarantined"]}


def permits(daemon: Daemon) -> list[int]:
    """The numbers of what is permitted for a while."""
    return [line["id"] for line in daemon.call("ListPermits")["permits"]]


def run_with_requests(daemon: Daemon) -> dict[str, tuple]:
    """A run that was killed with requests of every kind in force; whom it held in quarantine."""
    daemon.start(POLICY)
    daemon.call("Quarantine", host="office", seconds=3600, why="a worm")
    daemon.call("Quarantine", host=DESK2)
    daemon.call("Assign", address=DESK3, role="mute", seconds=3600, why="a printer")
    daemon.call("Permit", host="www1", service="udp/99", seconds=3600, why="a test")
    held = in_quarantine(daemon)
    assert wait_for(lambda: not (daemon.state / "requests.json~").exists()), "it is on the disk"
    daemon.kill()
    return held


def lasting(daemon: Daemon) -> list[str]:
    """What stands in the table for requests, without what is left of their time."""
    return re.findall(r"\S+ timeout \S+ .*comment .*", re.sub(r" expires \S+", "", daemon.table()))


def tear(daemon: Daemon) -> None:
    """As after a power loss."""
    os.truncate(daemon.state / "requests.json", 100)


def lose(daemon: Daemon) -> None:
    """Somebody deleted it."""
    (daemon.state / "requests.json").unlink()


def lose_directory(daemon: Daemon) -> None:
    """Nothing below that path can be opened."""
    daemon.state.rename(daemon.folder / "away")
    daemon.state.write_text("no directory")


def lack_memory(daemon: Daemon) -> None:
    """Only while the file is read, and once."""
    memory = Faults("memory", daemon.folder)
    daemon.environment |= memory.environment | {"EGRESSD_MEMORY_FROM": "requests.json"}
    memory.arm(at=1)


def start_under_traffic(clean: Lab, daemon: Daemon) -> None:
    """Nothing of what is forbidden arrives before, during and after a start, all else does."""
    streams = [flood.Stream(clean[name], destination, 53, 0.001)
               for name, destination in (("desk1", WORLD), ("desk1", WORLD_V6), ("desk2", WORLD),
                                         ("desk3", WORLD), ("www1", WORLD))]
    permitted = streams[-1]
    with flood.counting(clean, streams) as counts:
        with flood.flowing(streams) as sent:
            time.sleep(0.05)
            daemon.start()
            time.sleep(0.05)
        seen = counts()
    assert sent[permitted] == seen.pop(permitted)
    assert set(seen.values()) == {0}


@pytest.mark.parametrize("damage, said", [
    (tear, "was set aside as requests.json.broken-"), (lose, "requests.json is missing"),
    (lose_directory, "requests.json cannot be read (Not a directory)"),
    (lack_memory, "requests.json cannot be read (Cannot allocate memory)")])
def test_whoever_was_in_quarantine_is_so_until_released(clean: Lab, daemon: Daemon,
                                                        damage: Callable, said: str):
    held = run_with_requests(daemon)
    table = lasting(daemon)
    damage(daemon)
    start_under_traffic(clean, daemon)
    fault = next(fault for fault in daemon.status()["degraded"] if "requests.json" in fault)
    assert said in fault and "2 quarantines and 1 assignment are in force instead" in fault, fault
    assert "1 permit is over, and would have to be asked for again" in fault
    assert in_quarantine(daemon) == held
    assert [(line["address"], line["role"], line["why"])
            for line in daemon.call("ListAssignments")["assignments"]] == [
                (DESK3, "mute", "a printer")]
    # The elements are the same ones: none of them was taken away and put there again.
    assert len(table) >= 3 and lasting(daemon) == table
    if damage is not lack_memory:  # that is over by now, or soon
        assert permits(daemon) == []
        assert dns(clean, "www1", port=99) != traffic.PASSED
    daemon.call("Release", host="office")
    assert dns(clean, "desk1") == traffic.PASSED
    assert dns(clean, "desk2") == traffic.SILENCE
    if damage is lack_memory:
        assert wait_for(lambda: daemon.status()["degraded"] == [], 5)
        assert permits(daemon) == [4] and in_quarantine(daemon).keys() == {DESK2}
    elif damage in (tear, lose):
        daemon.stop()
        daemon.start()
        assert daemon.status()["degraded"] == []
        assert in_quarantine(daemon).keys() == {DESK2}


def test_what_cannot_be_read_at_the_start_is_taken_up_as_soon_as_it_can_be(clean: Lab,
                                                                           daemon: Daemon):
    held = run_with_requests(daemon)
    lose_directory(daemon)
    daemon.start()
    daemon.call("Release", host="office")
    who = daemon.call("ListQuarantined")["quarantined"]
    assert {(line["user"], line["uid"]) for line in who} == {("root", None)}
    assert daemon.call("Quarantine", host="www1")["kept"] is False
    new = daemon.call("Permit", host=DESK2, service="http", seconds=60, why="new")["permit"]["id"]
    daemon.state.unlink()
    (daemon.folder / "away").rename(daemon.state)
    assert wait_for(lambda: daemon.status()["degraded"] == [], 5), daemon.status()["degraded"]
    assert in_quarantine(daemon).keys() == {DESK2, "www1"}
    assert in_quarantine(daemon)[DESK2] == held[DESK2]
    assert {line["uid"] for line in daemon.call("ListQuarantined")["quarantined"]} == {0}
    assert permits(daemon) == [4, new]
    assert dns(clean, "desk1") == traffic.PASSED
    daemon.kill()
    daemon.start()
    assert daemon.status()["degraded"] == []
    assert in_quarantine(daemon).keys() == {DESK2, "www1"}


def test_after_a_power_loss_the_version_of_a_moment_before_is_in_force(clean: Lab,
                                                                       daemon: Daemon):
    held = run_with_requests(daemon)
    daemon.remove_table()
    kept = daemon.state / "requests.json"
    # Written by the last change, which had no time to get to the disk.
    (daemon.state / "requests.json~").write_bytes(kept.read_bytes())
    (daemon.state / "requests.json~").chmod(0o600)
    os.truncate(kept, 0)
    daemon.start()
    assert in_quarantine(daemon) == held
    assert traffic.PASSED not in {dns(clean, host) for host in ("desk1", "desk2", "desk3")}
    assert dns(clean, "www1", port=99) == traffic.PASSED
    fault, = daemon.status()["degraded"]
    assert "the one of a moment before is in force" in fault
    daemon.stop()
    daemon.start()
    assert daemon.status()["degraded"] == []
    assert in_quarantine(daemon) == held
    assert not (daemon.state / "requests.json~").exists()


def test_where_the_table_cannot_be_read_either_it_stays_and_the_start_fails(clean: Lab,
                                                                            daemon: Daemon):
    held = run_with_requests(daemon)
    before = lasting(daemon)
    memory = Faults("memory", daemon.folder)
    usual = daemon.environment
    daemon.environment = usual | memory.environment | {"EGRESSD_MEMORY_FROM": "requests.json"}
    memory.arm(at=1, last=1000000)
    daemon.start(ready=False)
    assert daemon.process.wait(20) == 1, daemon.log()[-3000:]
    memory.disarm()
    assert lasting(daemon) == before
    assert dns(clean, "desk1") == traffic.SILENCE
    daemon.environment = usual
    daemon.start()
    assert daemon.status()["degraded"] == []
    assert in_quarantine(daemon) == held and len(permits(daemon)) == 1
