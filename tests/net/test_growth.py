# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing grows: not by reloads, not by queries. EGRESSD_RELOADS and EGRESSD_QUERIES say how many."""
import json
import os

import traffic
from daemon import SANITIZERS, Daemon
from lab import WORLD, Lab
from policies import CLASSIC, small

RELOADS = int(os.environ.get("EGRESSD_RELOADS", "120"))
QUERIES = int(os.environ.get("EGRESSD_QUERIES", "1500"))
SLACK_KIB = 4 * 1024  # what is freed a sanitizer holds back, and the allocator keeps in pieces
SPARING = SANITIZERS["ASAN_OPTIONS"] + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"

POLICIES = (CLASSIC, CLASSIC.replace('"ftp", ', ""), small('"http", "smtp"'))
CALLS = [{"method": f"io.egressd.{name}", "parameters": parameters} for name, parameters in (
    ("GetStatus", {}), ("ListRoles", {}), ("ListHosts", {}), ("ListBlocked", {}),
    ("ListAlarms", {"all": True}), ("ListAssignments", {}), ("ListPermits", {}),
    ("Explain", {"source": "192.168.0.11", "destination": WORLD, "service": "http"}))]


def descriptors(daemon: Daemon) -> int:
    """How many the daemon has open."""
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def kib(daemon: Daemon) -> int:
    """Memory that is its own, resident."""
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))


def reload_often(daemon: Daemon, count: int) -> None:
    """Reloads that change something, and now and then one that is refused."""
    for turn in range(count):
        bad = turn % 10 == 9
        daemon.write("roles = {" if bad else POLICIES[turn % len(POLICIES)])
        with daemon.connect(wait=20) as connection:
            connection.send({"method": "io.egressd.Reload"})
            reply = connection.receive()
            assert ("error" in reply) == bad, reply


def query_often(daemon: Daemon, count: int) -> None:
    """Queries of all kinds, a hundred a connection."""
    for start in range(0, count, 100):
        with daemon.connect(wait=20) as connection:
            for turn in range(start, min(start + 100, count)):
                connection.send(CALLS[turn % len(CALLS)])
                assert "error" not in connection.receive()


def test_reloads_and_queries_leave_no_memory_and_no_descriptor_behind(clean: Lab, daemon: Daemon):
    daemon.environment["ASAN_OPTIONS"] = SPARING
    daemon.start(CLASSIC)
    traffic.tcp(clean["desk1"], clean.world, WORLD, 25)
    reload_often(daemon, 30)
    query_often(daemon, 300)
    daemon.write(CLASSIC)
    daemon.call("Reload")
    before, open_before = kib(daemon), descriptors(daemon)
    reload_often(daemon, RELOADS)
    query_often(daemon, QUERIES)
    daemon.write(CLASSIC)
    daemon.call("Reload")
    after, open_after = kib(daemon), descriptors(daemon)
    told = {"reloads": RELOADS, "queries": QUERIES, "KiB": [before, after],
            "descriptors": [open_before, open_after]}
    print(json.dumps(told))
    assert open_after <= open_before + 1, told  # a copy of the configuration may wait for the disk
    assert after <= before + SLACK_KIB, told
