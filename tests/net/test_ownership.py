# SPDX-License-Identifier: GPL-2.0-or-later
"""The table belongs to the daemon, as far as the kernel can do that, and never goes with it."""
import errno
import re
import shutil
import time

import batch
import pytest
import traffic
from daemon import Daemon, wait_for
from lab import WORLD, Lab
from policies import small

UNOWNED = small(gateway="own_table = false;")


def enforces(lab: Lab) -> bool:
    """Whether the policy of small() is what the gateway does."""
    return (traffic.tcp(lab["desk1"], lab.world, WORLD, 25) == traffic.RESET and
            traffic.tcp(lab["desk1"], lab.world, WORLD, 80) == traffic.PASSED)


def flags(lab: Lab) -> str | None:
    """The flags of the table without persist, which nft 1.0.6 does not know."""
    text = lab.gateway.run("nft", "list", "table", "inet", "egressd", check=False).stdout
    found = [line.strip() for line in text.splitlines() if line.startswith("\tflags")]
    return re.sub(r",?persist$", "", found[0]).rstrip() if found else None


@pytest.fixture(autouse=True)
def able(clean: Lab) -> None:
    """Skips where tables cannot outlive their owner."""
    with batch.open_wire(clean.gateway) as wire:
        result = batch.set_flags(wire, batch.OWNER | batch.PERSIST, "trial")
    if result == -errno.EOPNOTSUPP:
        pytest.skip("this kernel has no tables that outlive their owner (Linux 6.9)")
    clean.gateway.nft("delete table inet trial")


@pytest.mark.parametrize("change", [
    "delete table inet egressd", "add table inet egressd { flags dormant; }",
    "add chain inet egressd forward { policy accept; }", "insert rule inet egressd forward accept",
    "flush chain inet egressd role_desk", "add element inet egressd outbound_desk { tcp . 25 }",
    "delete counter inet egressd blocked_role_desk"])
def test_nobody_else_changes_the_table_of_a_daemon_that_lives(clean: Lab, daemon: Daemon,
                                                             change: str):
    daemon.start(small())
    before = daemon.table()
    done = clean.gateway.run("nft", change, check=False)
    assert (done.returncode, "Operation not permitted" in done.stderr) == (1, True)
    assert daemon.table() == before
    assert enforces(clean)
    assert daemon.status()["state"] == "enforcing"


def test_who_flushes_all_rules_flushes_all_others(clean: Lab, daemon: Daemon):
    daemon.start(small())
    before = daemon.table()
    clean.gateway.nft("add table inet other")
    clean.gateway.nft("flush ruleset")
    assert clean.gateway.run("nft", "list", "tables").stdout == "table inet egressd\n"
    assert daemon.table() == before
    assert enforces(clean)


def test_the_table_stays_when_its_owner_is_killed_and_the_next_one_owns_it(clean: Lab,
                                                                         daemon: Daemon):
    daemon.start(small())
    assert flags(clean) == "flags owner"
    assert enforces(clean)
    for end in (daemon.kill, daemon.stop):
        end()
        assert flags(clean) == "flags", "an orphan"
        assert enforces(clean)
        daemon.start()
        assert flags(clean) == "flags owner"
        assert enforces(clean)
    assert daemon.count("desk") == (5, 5), "no counter was touched"


@pytest.mark.parametrize("what", ["delete table inet egressd", "flush ruleset",
                                  "flush chain inet egressd role_desk",
                                  "insert rule inet egressd forward accept"])
def test_what_was_done_to_an_orphan_is_put_right_at_the_next_start(clean: Lab, daemon: Daemon,
                                                                  what: str):
    daemon.start(small())
    before = daemon.table()
    daemon.kill()
    clean.gateway.nft(what)
    assert daemon.table() != before
    daemon.start()
    assert daemon.table() == before
    assert flags(clean) == "flags owner"
    assert enforces(clean)


def test_an_orphan_put_to_sleep_wakes_at_the_next_start(clean: Lab, daemon: Daemon):
    daemon.start(small())
    daemon.kill()
    with batch.open_wire(clean.gateway) as wire:
        assert batch.set_flags(wire, batch.DORMANT | batch.PERSIST) == 0
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.PASSED
    daemon.start()
    assert flags(clean) == "flags owner"
    assert enforces(clean)


def test_without_a_policy_an_orphan_that_stands_is_owned_as_well(clean: Lab, daemon: Daemon):
    daemon.start(small())
    daemon.kill()
    shutil.rmtree(daemon.state)  # the last good configuration, too
    daemon.state.mkdir()
    daemon.start("roles = { broken")
    assert daemon.status()["state"] == "degraded"
    assert flags(clean) == "flags owner"
    assert enforces(clean)


def test_another_owner_is_told_of_and_outlived_and_does_not_stop_the_daemon(clean: Lab,
                                                                       daemon: Daemon):
    daemon.start(small())
    daemon.kill()
    with batch.open_wire(clean.gateway) as wire:
        assert batch.set_flags(wire, batch.OWNER | batch.PERSIST) == 0
        daemon.start()
        status = daemon.status()
        assert status["state"] == "degraded"
        assert any("owned by another process" in text for text in status["degraded"])
        assert enforces(clean), "it is still our table"
        written = daemon.log()
        time.sleep(1)
        assert daemon.log().count("\n") - written.count("\n") < 3, "it does not loop"
        alarm, = daemon.call("ListAlarms")["alarms"]
        assert "made the table another process's own" in alarm["text"]
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 12)
    assert flags(clean) == "flags owner"
    assert enforces(clean)


def test_remove_takes_no_table_from_a_daemon_that_lives_and_says_what_to_do(clean: Lab,
                                                                          daemon: Daemon):
    daemon.start(small())
    done = daemon.remove_table()
    assert (done.returncode, "systemctl stop egressd" in done.stderr) == (1, True)
    assert enforces(clean)
    daemon.kill()
    assert daemon.remove_table().returncode == 0
    assert daemon.table() == ""


def test_the_switch_is_for_programs_that_restore_whole_rulesets(clean: Lab, daemon: Daemon):
    daemon.start(UNOWNED)
    assert flags(clean) is None
    whole = clean.gateway.run("nft", "list", "ruleset").stdout
    clean.gateway.nft("flush ruleset\n" + whole)
    assert wait_for(lambda: daemon.status()["state"] == "enforcing")
    assert enforces(clean)


def test_a_table_is_given_up_by_a_reload_and_taken_back_by_another(clean: Lab, daemon: Daemon):
    daemon.start(small())
    assert enforces(clean)
    daemon.write(UNOWNED)
    daemon.call("Reload")
    assert flags(clean) == "flags"
    clean.gateway.nft("add counter inet egressd mine")
    daemon.write(small())
    daemon.call("Reload")
    assert flags(clean) == "flags owner"
    assert enforces(clean)
    assert daemon.count("desk") == (2, 2), "no counter was touched"


def test_a_table_of_before_without_an_owner_stays_so_and_loses_nothing(clean: Lab,
                                                                      daemon: Daemon):
    daemon.start(UNOWNED)
    assert enforces(clean)
    daemon.stop()
    daemon.start(small())
    assert flags(clean) is None
    assert enforces(clean)
    assert daemon.count("desk") == (2, 2)
    clean.gateway.nft("delete table inet egressd")
    assert wait_for(lambda: flags(clean) == "flags owner"), "made anew, it is owned"


def test_nft_names_the_owner(clean: Lab, daemon: Daemon):
    daemon.start(small())
    listed = clean.gateway.run("nft", "list", "table", "inet", "egressd").stdout
    assert listed.startswith("table inet egressd { # progname egressd\n")
