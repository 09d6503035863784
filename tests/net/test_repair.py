# SPDX-License-Identifier: GPL-2.0-or-later
"""What others do to a table that nobody owns is put right, and it is said who did what."""
import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
import traffic
import varlink
from daemon import Daemon, wait_for
from lab import WORLD, Lab
from listing import normal
from policies import small

UNOWNED = small(gateway="own_table = false;")

# What is done by nft, and what is said of it.
TAMPERING = {
    "delete table inet egressd": "deleted the table",
    "flush ruleset": "deleted the table",
    "add table inet egressd { flags dormant; }": "made the table dormant",
    "flush chain inet egressd role_desk; add table inet egressd { flags dormant; }":
        r"made the table dormant, deleted \d+ rules of chain role_desk",
    "add chain inet egressd forward { policy accept; }": "set the policy of chain forward to accept",
    "insert rule inet egressd forward accept": "added 1 rule to chain forward",
    "insert rule inet egressd forward ip saddr 192.168.0.11 accept":
        "added 1 rule to chain forward",
    "flush chain inet egressd role_desk": r"deleted \d+ rules of chain role_desk",
    "add element inet egressd outbound_desk { tcp . 25 }": "added 1 element to set outbound_desk",
    "delete element inet egressd source_address4 { 192.168.0.11 }":
        "deleted 1 element of set source_address4",
    "add chain inet egressd mine { type filter hook forward priority -5; }": "added chain mine",
    "add set inet egressd mine { type ipv4_addr; flags interval; }": "added set mine",
    "add counter inet egressd mine": "added counter mine",
    "add quota inet egressd mine { 1 mbytes }": "added object mine",
    "rename chain inet egressd role_desk mine":
        "deleted chain role_desk|added chain mine|changed rules",
}


def repairs(daemon: Daemon) -> list[str]:
    """Sentences of the alarm about tampering; one, once there is any."""
    return [alarm["text"] for alarm in daemon.call("ListAlarms")["alarms"]
            if alarm["kind"] == "tamper"]


@pytest.mark.parametrize("what", TAMPERING)
def test_whatever_is_done_to_the_table_is_put_right_and_told(clean: Lab, daemon: Daemon,
                                                            what: str):
    daemon.start(UNOWNED)
    before = daemon.table()  # nothing is counted yet
    clean.gateway.nft(what)
    assert wait_for(lambda: normal(daemon.table()) == normal(before), 5), what
    alarm, = wait_for(lambda: repairs(daemon))
    assert re.search(rf"nft \(pid \d+\) .*({TAMPERING[what]}).*; it was put right within [\d.]+ ms",
                     alarm), alarm
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.RESET
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 80) == traffic.PASSED
    assert "Somebody else changed table inet egressd: nft (pid " in daemon.log()


# What takes more than one command: it goes by another name, its place or its kind are others.
REPLACED = {
    "the priority of a chain": ("chain forward {", "type filter hook forward priority filter;",
                                "type filter hook forward priority 10;", "changed chain forward"),
    "the hook of a chain": ("chain forward {", "type filter hook forward priority filter;",
                            "type filter hook input priority filter;", "changed chain forward"),
    "the flags of a set": ("set outbound_desk {", "type inet_proto . inet_service",
                           "type inet_proto . inet_service\n\t\tflags timeout",
                           "changed set outbound_desk"),
}


@pytest.mark.parametrize("what", REPLACED)
def test_what_cannot_be_changed_in_place_is_replaced_in_one_batch(clean: Lab, daemon: Daemon,
                                                                  what: str):
    daemon.start(UNOWNED)
    before = daemon.table()
    head, old, new, words = REPLACED[what]
    at = before.index(old, before.index(head))
    tampered = before[:at] + new + before[at + len(old):]
    clean.gateway.nft("delete table inet egressd\n" + tampered)
    assert wait_for(lambda: normal(daemon.table()) == normal(before), 5), what
    alarm, = wait_for(lambda: repairs(daemon))
    assert words in alarm, alarm


def test_a_program_that_calls_itself_anything_forges_no_sentence(clean: Lab, daemon: Daemon):
    daemon.start(UNOWNED)
    nft = daemon.folder / 'a"; it\n\x1b[2J'
    nft.symlink_to(clean.gateway.run("which", "nft").stdout.strip())
    clean.gateway.run(str(nft), "delete table inet egressd")
    alarm, = wait_for(lambda: repairs(daemon))
    assert r'"a\x22; it\x0a\x1b[2J" (pid ' in alarm, alarm
    assert "\x1b" not in daemon.log()


def test_changes_to_tables_of_others_are_left_alone(clean: Lab, daemon: Daemon):
    daemon.start(UNOWNED)
    before = daemon.log()
    clean.gateway.nft("add table ip mine; add chain ip mine c; add rule ip mine c accept")
    time.sleep(0.5)
    assert daemon.log() == before
    assert "accept" in clean.gateway.run("nft", "list", "table", "ip", "mine").stdout


def test_the_table_is_kept_as_it_was_while_the_file_has_a_mistake(clean: Lab, daemon: Daemon):
    daemon.start(UNOWNED)
    daemon.write("gateway = {")
    assert wait_for(lambda: daemon.status()["state"] == "degraded", 5)
    clean.gateway.nft("delete table inet egressd")
    assert wait_for(lambda: traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.RESET, 5)


def test_a_closed_gateway_is_closed_again(clean: Lab, daemon: Daemon):
    daemon.start("roles = { broken")
    before = daemon.table()
    assert before
    daemon.kill()  # so that others may
    clean.gateway.nft("flush ruleset")
    daemon.start()
    assert daemon.table() == before
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 80) == traffic.SILENCE


@contextlib.contextmanager
def fighting(lab: Lab) -> Iterator[subprocess.Popen]:
    """A program that puts the table to sleep again and again during the block."""
    script = ("while :; do echo 'add table inet egressd { flags dormant; }'; sleep 0.02; done | "
              "nft -i >/dev/null 2>&1")
    process = lab.gateway.start("sh", "-c", script, start_new_session=True)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_whoever_fights_back_is_in_the_status_until_he_stops(clean: Lab, daemon: Daemon):
    daemon.start(UNOWNED)
    with fighting(clean):
        assert wait_for(lambda: daemon.status()["state"] == "degraded", 5)
        fault, = daemon.status()["degraded"]
        assert re.search(r"nft \(pid \d+\) changes the table again and again: it was put right "
                         r"\d+ times in a row", fault), fault
        time.sleep(1)
        begun = time.monotonic()
        assert daemon.call("ListRoles")
        assert time.monotonic() - begun < 1.0, "the daemon answers meanwhile"
        assert daemon.log().count("changed table inet egressd") < 10, "the journal is not flooded"
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 15)
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.RESET
    assert daemon.call("ListAlarms")["alarms"][0]["attempts"] > 3


def test_a_refusal_of_the_kernel_is_told_and_over_once_its_cause_is(clean: Lab, daemon: Daemon):
    """Another program takes the table for its own: nobody else may change it while that lives."""
    daemon.start(UNOWNED)
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
        alarm, = repairs(daemon)
        assert re.search(r"nft \(pid \d+\) made the table another process's own", alarm), alarm
    finally:
        thief.kill()
        thief.wait()
    # Its table goes with it, which is one more change by somebody else.
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 10)
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.RESET


@pytest.mark.parametrize("kind, late", [("Permit", 0.1), ("Quarantine", 1.3)],
                         ids=["in the table still", "taken by the kernel"])
def test_what_ended_just_before_others_changed_something_was_no_tampering(clean: Lab,
                                                                          daemon: Daemon,
                                                                          kind: str, late: float):
    daemon.start(UNOWNED)

    def end_while(command: str) -> None:
        """Both wait for the daemon when it goes on: the end, and what nft did."""
        daemon.call(kind, host="desk1", seconds=1, why="a test",
                    **({"service": "smtp"} if kind == "Permit" else {}))
        time.sleep(0.9)
        daemon.signal(signal.SIGSTOP)
        time.sleep(late)
        clean.gateway.nft(command)
        daemon.signal(signal.SIGCONT)

    end_while("add table inet foreign")
    assert wait_for(lambda: "Ended: " in daemon.log(), 5)
    assert repairs(daemon) == []
    assert "permit_" not in daemon.table() and "quarantined" not in daemon.table()
    end_while("insert rule inet egressd forward accept")
    assert wait_for(lambda: repairs(daemon)) and "nft" in repairs(daemon)[0]
