# SPDX-License-Identifier: GPL-2.0-or-later
"""What others do to the table is put right, and it is said who it was."""
import subprocess
import time

import pytest
import traffic
import varlink
from daemon import Daemon, wait_for
from lab import WORLD, Lab
from policies import small

TAMPERING = {
    "the table is deleted": "delete table inet egressd",
    "the ruleset is flushed": "flush ruleset",
    "the table is put to sleep": "add table inet egressd { flags dormant; }",
    "the policy is flipped": "add chain inet egressd forward { policy accept; }",
    "a rule is put in front": "insert rule inet egressd forward accept",
    "the rules are flushed": "flush chain inet egressd role_desk",
    "an element is added": "add element inet egressd outbound_desk { tcp . 25 }",
    "an element is deleted": "delete element inet egressd source_address4 { 192.168.0.11 }",
}


@pytest.mark.parametrize("what", TAMPERING)
def test_whatever_is_done_to_the_table_is_put_right(clean: Lab, daemon: Daemon, what: str):
    daemon.start(small(gateway="own_table = false;"))
    before = daemon.table()  # nothing is counted yet
    clean.gateway.nft(TAMPERING[what])
    assert wait_for(lambda: daemon.table() == before, 5), what
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.RESET
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 80) == traffic.PASSED
    assert "nft (pid" in daemon.log()


def test_changes_to_tables_of_others_are_left_alone(clean: Lab, daemon: Daemon):
    daemon.start(small(gateway="own_table = false;"))
    before = daemon.log()
    clean.gateway.nft("add table ip mine; add chain ip mine c; add rule ip mine c accept")
    time.sleep(0.5)
    assert daemon.log() == before
    assert "accept" in clean.gateway.run("nft", "list", "table", "ip", "mine").stdout


def test_the_table_is_kept_as_it_was_while_the_file_has_a_mistake(clean: Lab, daemon: Daemon):
    daemon.start(small(gateway="own_table = false;"))
    daemon.write("gateway = {")
    assert wait_for(lambda: daemon.status()["state"] == "degraded", 5)
    clean.gateway.nft("delete table inet egressd")
    assert wait_for(lambda: traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.RESET, 5)


def test_a_refusal_of_the_kernel_is_told_and_over_once_its_cause_is(clean: Lab, daemon: Daemon):
    """Another program takes the table for its own: nobody else may change it while that lives."""
    daemon.start(small(gateway="own_table = false;"))
    thief = clean.gateway.start("nft", "-i", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        thief.stdin.write(b"delete table inet egressd; add table inet egressd { flags owner; }\n")
        thief.stdin.flush()
        assert wait_for(lambda: daemon.status()["state"] == "degraded", 5)
        with pytest.raises(varlink.Refused) as refused:
            daemon.call("Reload")
        assert refused.value.name == "io.egressd.KernelRefused"
        assert "not permitted" in refused.value.parameters["text"]
        done = daemon.ctl("reload")
        assert (done.returncode, "not permitted" in done.stderr) == (1, True)
    finally:
        thief.kill()
        thief.wait()
    # Its table goes with it, which is one more change by somebody else.
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 10)
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.RESET
