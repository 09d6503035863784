# SPDX-License-Identifier: GPL-2.0-or-later
"""One daemon takes the place of another; packets do not notice."""
from collections.abc import Callable

from machine import Machine, wait_for
from office import FORBIDDEN, PERMITTED, Counters, flood


def new_daemon(machine: Machine, old: int) -> bool:
    """Whether another daemon than that one runs, and answers systemd."""
    return (machine.pid() not in (0, old) and
            machine.show("SubState") == "running")


def assert_replaced_without_a_gap(gateway: Machine, end: Callable[[], object],
                                  restarts: str) -> None:
    """Ends the daemon; what takes its place, and what packets notice of it."""
    arrived, old = Counters(gateway.wires), gateway.pid()
    with flood(gateway.wires) as sent:
        assert wait_for(lambda: arrived[PERMITTED] > 100)
        end()
        assert wait_for(lambda: new_daemon(gateway, old)), gateway.journal()
        more = arrived[PERMITTED] + 100
        assert wait_for(lambda: arrived[PERMITTED] > more)
    assert wait_for(lambda: arrived[PERMITTED] == sent[PERMITTED], 2), (
        arrived[PERMITTED], sent[PERMITTED])
    assert arrived[FORBIDDEN] == 0 < sent[FORBIDDEN]
    assert gateway.show("NRestarts") == restarts
    assert gateway.status()["state"] == "enforcing"
