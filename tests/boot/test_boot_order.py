# SPDX-License-Identifier: GPL-2.0-or-later
"""From power on to the first commit, with a desk that sends all the time."""
import time

from machine import Machine, wait_for
from office import FORBIDDEN, PERMITTED, Counters, flood

SLOW = "[Service]\nExecStartPre=+/usr/bin/sleep 0.5\n"
BROKEN = "[Service]\nExecStart=\nExecStart=+/bin/false\n"
UNITS = ("egressd.service", "egressd.socket", "egressd-boot.service")
DROP_IN = "etc/systemd/system/egressd.service.d/test.conf"


def test_nothing_forbidden_passes_between_power_on_and_the_first_commit(switched_off: Machine):
    # It begins with "flush ruleset", and the daemon takes its time.
    switched_off.chroot("systemctl", "enable", "nftables")
    switched_off.write(DROP_IN, SLOW)
    arrived = Counters(switched_off.wires)
    with flood(switched_off.wires) as sent:
        switched_off.boot()
        assert wait_for(lambda: arrived[PERMITTED] > 100)
    assert arrived[FORBIDDEN] == 0
    counters = switched_off.run("nft", "list", "counters", "table", "inet", "egressd").stdout
    assert "blocked_role_desk" in counters and sent[FORBIDDEN] > 100
    assert switched_off.systemctl("is-system-running").stdout == "running\n"
    # The network did not wait for the daemon, and the closed table was there before the network.
    order = [switched_off.show("ActiveEnterTimestampMonotonic", unit) for unit in
             ("egressd-boot.service", "network-pre.target", "systemd-networkd.service",
              "egressd.service")]
    assert sorted(order, key=int) == order
    forwarding = switched_off.show("ActiveEnterTimestampMonotonic", "systemd-sysctl.service")
    assert int(order[0]) < int(forwarding)


def test_without_our_units_the_same_wires_carry_what_is_forbidden(switched_off: Machine):
    arrived = Counters(switched_off.wires)
    with flood(switched_off.wires):
        switched_off.boot(*(f"systemd.mask={unit}" for unit in UNITS))
        assert wait_for(lambda: arrived[FORBIDDEN] > 0 and arrived[PERMITTED] > 0)


def test_a_daemon_that_cannot_start_leaves_the_gateway_closed_and_the_network_up(
        switched_off: Machine):
    switched_off.write(DROP_IN, BROKEN)
    arrived = Counters(switched_off.wires)
    with flood(switched_off.wires) as sent:
        switched_off.boot(wait=False)
        assert wait_for(lambda: switched_off.systemctl(
            "is-active", "systemd-networkd", check=False).returncode == 0)
        already = sent[FORBIDDEN]
        assert wait_for(lambda: sent[FORBIDDEN] > already + 1000)
        assert (arrived[PERMITTED], arrived[FORBIDDEN]) == (0, 0)
        switched_off.write(DROP_IN, "")
        switched_off.systemctl("daemon-reload")
        switched_off.systemctl("restart", "egressd")
        assert wait_for(lambda: arrived[PERMITTED] > 100)
    time.sleep(0.05)
    assert arrived[FORBIDDEN] == 0
