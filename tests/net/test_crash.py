# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon goes and comes; packets do not notice."""
import os
import re
import subprocess
import time

import flood
import pytest
import traffic
from daemon import EGRESSD, SANITIZERS, Daemon, wait_for
from lab import WORLD, Lab
from policies import CLASSIC, small

POLICY = small('"http", "dns"', gateway='refuse = "drop";')
FOREIGN = """
table inet foreign {
	set s {
		type ipv4_addr
		elements = { 192.0.2.1 }
	}

	chain c {
		type filter hook forward priority 10; policy accept;
		counter packets 0 bytes 0
	}
}
table ip egressd {
	chain c {
	}
}
"""


def rules(table: str) -> list[str]:
    """The lines of a listing without the numbers that packets change."""
    return [re.sub(r"(packets|bytes) \d+", r"\1 N", line) for line in table.splitlines()]


def static(table: str) -> list[str]:
    """The listing without numbers and without what packets put into dynamic sets."""
    return rules(re.sub(r"\n\t\telements = \{[^}]*counter packets[^}]*\}", "", table))


def test_killed_and_started_again_nothing_forbidden_passes_and_nothing_permitted_is_lost(
        clean: Lab, daemon: Daemon):
    streams = [flood.Stream(clean["desk1"], WORLD, 53), flood.Stream(clean["desk1"], WORLD, 9)]
    permitted, forbidden = streams
    daemon.start(POLICY)
    before = static(daemon.table())
    with flood.counting(clean, streams) as counts:
        with flood.flowing(streams) as sent:
            for _ in range(5):
                daemon.kill()
                time.sleep(0.1)
                daemon.start()
        seen = counts()
    assert seen[forbidden] == 0
    assert sent[permitted] - seen[permitted] == 0
    assert static(daemon.table()) == before
    assert wait_for(lambda: daemon.reason_packets().get("role") == sent[forbidden])


def test_counters_go_on_where_they_were(clean: Lab, daemon: Daemon):
    daemon.start(CLASSIC)
    desk = clean["desk1"]
    for _ in range(3):
        traffic.tcp(desk, clean.world, WORLD, 25)
        traffic.tcp(desk, clean.world, WORLD, 80)
    daemon.kill()
    traffic.tcp(desk, clean.world, WORLD, 25)
    daemon.start()
    assert daemon.count("desk") == (3, 4)
    assert daemon.status()["sources"][0]["packets"] == 4
    traffic.tcp(desk, clean.world, WORLD, 25)
    assert daemon.count("desk") == (3, 5)


def test_a_start_with_the_same_policy_changes_nothing(clean: Lab, daemon: Daemon):
    daemon.start(CLASSIC)
    before = clean.gateway.run("nft", "-a", "list", "table", "inet", "egressd").stdout
    assert daemon.stop() == 0
    daemon.start()
    assert clean.gateway.run("nft", "-a", "list", "table", "inet", "egressd").stdout == before


def test_a_start_with_another_policy_changes_what_differs(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    traffic.tcp(clean["desk1"], clean.world, WORLD, 80)
    daemon.kill()
    daemon.start(small('"dns", "smtp"'))
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 80) == traffic.RESET
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.PASSED
    assert daemon.count("desk") == (2, 1)


def test_sigterm_leaves_the_table_and_ends_with_0(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    before = daemon.table()
    assert daemon.stop() == 0
    assert daemon.table() == before
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.SILENCE
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 80) == traffic.PASSED


def test_remove_takes_the_table_away_and_only_that(clean: Lab, daemon: Daemon):
    clean.gateway.nft(FOREIGN)
    foreign = clean.gateway.run("nft", "list", "ruleset").stdout
    daemon.start(POLICY)
    daemon.stop()
    done = daemon.remove_table()
    assert done.returncode == 0, done.stdout + done.stderr
    assert clean.gateway.run("nft", "list", "ruleset").stdout == foreign
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.PASSED


def test_remove_where_there_is_no_table_is_no_failure(clean: Lab, daemon: Daemon):
    daemon.write(POLICY)
    assert clean.gateway.run("nft", "list", "ruleset").stdout == ""
    assert daemon.remove_table().returncode == 0


def test_foreign_tables_are_never_touched(clean: Lab, daemon: Daemon):
    clean.gateway.nft(FOREIGN)
    tables = ("inet foreign", "ip egressd")

    def listed() -> list[str]:
        return [clean.gateway.run("nft", "-a", "list", "table", *table.split()).stdout
                for table in tables]

    before = [rules(text) for text in listed()]
    daemon.start(POLICY)
    daemon.write(CLASSIC)
    daemon.call("Reload")
    daemon.kill()
    daemon.start()
    daemon.stop()
    assert [rules(text) for text in listed()] == before


def test_a_bad_file_at_the_start_closes_the_gateway_and_says_so(clean: Lab, daemon: Daemon):
    daemon.write("roles = { broken")
    daemon.start()
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 80) == traffic.SILENCE
    status = daemon.status()
    assert status["state"] == "closed"
    assert status["degraded"]
    daemon.write(POLICY)
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 5)
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 80) == traffic.PASSED


OPENED = {
    "dormant": "add table inet egressd { flags dormant; }",
    "emptied": "flush table inet egressd",
    "accepting": "add chain inet egressd forward { policy accept; }",
}


@pytest.mark.parametrize("what", OPENED)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_table_that_lets_all_pass_is_no_substitute_for_a_policy(clean: Lab, daemon: Daemon,
                                                                  what: str, when: str):
    """Nothing can be read of the configuration, and somebody has been at the table."""
    daemon.start(small('"dns"', gateway='refuse = "drop"; own_table = false;'))
    daemon.stop()
    for kept in daemon.state.iterdir():
        kept.unlink()
    if when == "before":
        clean.gateway.nft(OPENED[what])
    daemon.start("roles = { broken")
    if when == "after":
        clean.gateway.nft(OPENED[what])
    assert wait_for(lambda: traffic.tcp(clean["desk1"], clean.world, WORLD, 80,
                                        wait=0.05) == traffic.SILENCE, 5)
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 80) == traffic.SILENCE
    assert daemon.status()["degraded"]


def test_ready_is_told_only_once_the_gateway_is_closed(clean: Lab, daemon: Daemon):
    for _ in range(10):
        daemon.start("roles = { broken")
        assert traffic.tcp(clean["desk1"], clean.world, WORLD, 80, wait=0.02) == traffic.SILENCE
        daemon.kill()
        clean.gateway.nft("flush ruleset")
        clean.gateway.run("conntrack", "-F")


def test_a_second_daemon_does_not_start_beside_the_first(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    done = clean.gateway.run(*daemon.command(), check=False, timeout=20)
    assert done.returncode != 0
    assert daemon.status()["state"] == "enforcing"


def test_connections_that_a_permitted_role_opened_go_on_over_a_restart(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    with traffic.listen(clean.world, WORLD, 80) as listener:
        with traffic.connect(clean["desk1"], WORLD, 80) as stream, listener.accept()[0] as peer:
            for restart in (daemon.kill, daemon.stop):
                restart()
                daemon.start()
                stream.sendall(b"still here")
                peer.settimeout(1)
                assert peer.recv(64) == b"still here"


def close(daemon: Daemon) -> subprocess.CompletedProcess:
    """egressd --close, which is what runs before the network comes up."""
    return daemon.gateway.run(str(EGRESSD), "--close", check=False, env=os.environ | SANITIZERS)


def test_closing_before_there_is_a_policy_forwards_nothing_until_the_daemon_has_one(
        clean: Lab, daemon: Daemon):
    done = close(daemon)
    assert (done.returncode, done.stdout) == (
        0, "Nothing is forwarded until egressd has a policy.\n"), done.stderr
    assert "there is no policy yet" in daemon.table()
    assert traffic.udp(clean["desk1"], clean.world, WORLD, 53) == traffic.SILENCE
    again = close(daemon)
    assert again.returncode == 0
    daemon.start(POLICY)
    assert traffic.udp(clean["desk1"], clean.world, WORLD, 53) == traffic.PASSED
    closed_first = sorted(static(daemon.table()))
    assert "closed" not in daemon.table()
    daemon.stop()
    assert daemon.remove_table().returncode == 0
    daemon.start()
    assert sorted(static(daemon.table())) == closed_first


def test_closing_leaves_the_table_of_an_earlier_run_alone(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    daemon.kill()
    before = daemon.table()
    done = close(daemon)
    assert (done.returncode, done.stdout) == (
        0, "The table of an earlier run stays, and decides.\n"), done.stderr
    assert daemon.table() == before
    assert traffic.udp(clean["desk1"], clean.world, WORLD, 53) == traffic.PASSED


@pytest.mark.parametrize("options", [("--close", "--remove"), ("--check", "--close")])
def test_of_the_modes_only_one_is_taken_at_a_time(clean: Lab, daemon: Daemon,
                                                  options: tuple[str, ...]):
    done = daemon.gateway.run(*daemon.command(*options), check=False)
    assert done.returncode == 2 and "only one at a time" in done.stderr
    assert daemon.table() == ""
