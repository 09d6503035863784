# SPDX-License-Identifier: GPL-2.0-or-later
"""Another version takes over a table that is in force."""
import json
import pathlib

import pytest
from continuity import assert_replaced_without_a_gap
from machine import Machine, wait_for
from office import FORBIDDEN, PERMITTED, Counters, flood

OLDER = (pathlib.Path(__file__).parent / "older-table.nft").read_text(encoding="utf-8")
# What a later version might have in it: objects that this one does not know, and rules with them.
NEWER = """
add counter inet egressd judged_by_later
add quota inet egressd daily_later { over 25 mbytes }
add set inet egressd zone_later { typeof ip dscp; }
add map inet egressd service_later { type ipv4_addr . inet_service : verdict; flags interval; }
add chain inet egressd judge_later
add rule inet egressd judge_later ip dscp @zone_later quota name "daily_later" accept
add rule inet egressd judge_later ip daddr . udp dport vmap @service_later
add chain inet egressd hook_later { type filter hook output priority 20; policy accept; }
insert rule inet egressd forward meta mark 0x9 counter name "judged_by_later" jump judge_later
add element inet egressd outbound_desk { udp . 3 }
"""


def packets(machine: Machine) -> dict[str, int]:
    """The named counters of the table."""
    listed = json.loads(machine.run("nft", "-j", "list", "counters", "table", "inet",
                                    "egressd").stdout)
    return {item["counter"]["name"]: item["counter"]["packets"]
            for item in listed["nftables"] if "counter" in item}


def take_over(machine: Machine) -> None:
    """Starts the daemon over the table that is there, between packets of both kinds."""
    arrived = Counters(machine.wires)
    with flood(machine.wires) as sent:
        assert wait_for(lambda: arrived[PERMITTED] > 100)
        before = packets(machine)
        machine.systemctl("start", "egressd")
        more = arrived[PERMITTED] + 100
        assert wait_for(lambda: arrived[PERMITTED] > more)
    assert wait_for(lambda: arrived[PERMITTED] == sent[PERMITTED], 2)
    assert arrived[FORBIDDEN] == 0 < sent[FORBIDDEN]
    after = packets(machine)
    assert after["blocked_role_desk"] >= before["blocked_role_desk"] > 0
    assert after["permitted_desk"] >= before["permitted_desk"] > 0


@pytest.fixture(scope="module")
def as_installed(booted: Machine) -> str:
    """The table as this version makes it, without numbers."""
    return booted.run("nft", "--stateless", "list", "table", "inet", "egressd").stdout


def test_the_table_of_an_older_version_is_taken_over_without_a_gap(booted: Machine,
                                                                   as_installed: str):
    booted.systemctl("stop", "egressd.socket", "egressd.service")
    booted.run("egressd", "--remove")
    booted.run("nft", "-f", "-", input=OLDER)
    booted.systemctl("restart", "egressd-boot.service")  # leaves it alone, too
    take_over(booted)
    status = booted.status()
    assert (status["state"], status["degraded"]) == ("enforcing", [])
    listed = booted.run("nft", "--stateless", "list", "table", "inet", "egressd").stdout
    assert set(rules_of(listed)) ^ set(rules_of(as_installed)) == set()


def rules_of(listing: str) -> list[str]:
    """What decides. A standing table keeps comments, sizes and the owner that it has or lacks."""
    return [line.split(" comment ")[0].split(" # ")[0] for line in listing.splitlines()
            if not line.strip().startswith(("comment ", "size ", "flags owner")) and
            " counter }" not in line]


def test_what_a_newer_version_left_in_the_table_decides_nothing(booted: Machine):
    booted.systemctl("stop", "egressd.socket", "egressd.service")
    booted.run("nft", "-f", "-", input=NEWER)
    take_over(booted)
    status = booted.status()
    assert status["state"] in ("enforcing", "degraded")
    listed = booted.table()
    for gone in ("hook_later", "judge_later {", "judged_by_later jump", "udp . 3", "meta mark"):
        assert gone not in listed, listed


def test_a_new_binary_takes_over_without_a_gap(booted: Machine):
    booted.run("sh", "-c", "cp /usr/sbin/egressd /usr/sbin/egressd.new && "
               "mv /usr/sbin/egressd.new /usr/sbin/egressd")
    assert_replaced_without_a_gap(booted, lambda: booted.systemctl("restart", "egressd"), "0")


def test_only_remove_takes_the_table_away(booted: Machine):
    for verb in ("stop", "disable"):
        booted.systemctl(verb, "egressd.service", "egressd.socket", "egressd-boot.service")
        assert "chain role_desk" in booted.table()
    booted.run("egressd", "--remove")
    assert booted.table() == ""
