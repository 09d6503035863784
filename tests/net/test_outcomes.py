# SPDX-License-Identifier: GPL-2.0-or-later
"""What reports say about traffic that audit lets pass: that it would be blocked, not that it was."""
import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import traffic
from daemon import EGRESSCTL, SANITIZERS, Daemon, wait_for
from lab import WORLD, Lab
from policies import small

TRIAL = 'trial = { outbound = [ "http" ]; mode = "audit"; };'
DESK2 = """,
  { name = "desk2"; role = "%s"; address = [ "192.168.0.12", "2001:db8:1::12" ]; %s }"""
SHUT = """,
  { name = "www1"; role = "shut"; address = [ "192.0.2.80", "2001:db8::80" ]; }"""
WIRE = 'wire = { tripwire = true; %s };'


def smtp(clean: Lab, name: str, destination: str = WORLD, server: str | None = None) -> str:
    """Tries what no role here permits."""
    return traffic.tcp(clean[name], clean[server] if server else clean.world, destination, 25)


def outcomes(daemon: Daemon, attempts: int) -> dict[tuple[str, str], tuple[int, int]]:
    """Attempts and how many of them passed, by source and reason."""
    return {(line["source"], line["reason"]): (line["attempts"], line["passed"])
            for line in daemon.blocked(attempts)}


def listen(daemon: Daemon, **parameters: Any) -> Iterator[dict[str, Any]]:
    """The events of a monitor, from now on."""
    connection = daemon.connect()
    connection.send({"method": "io.egressd.Monitor", "parameters": parameters, "more": True})
    time.sleep(0.2)
    daemon.status()  # is answered after it
    return (connection.receive()["parameters"] for _ in itertools.count())


def alarm(daemon: Daemon, kind: str) -> dict[str, Any]:
    """The alarm of that kind, with its card."""
    found = wait_for(lambda: [a for a in daemon.call("ListAlarms")["alarms"] if a["kind"] == kind])
    return daemon.call("GetAlarm", id=found[0]["id"])


def test_what_a_role_in_audit_tries_has_passed_and_what_others_try_has_not(clean: Lab,
                                                                           daemon: Daemon):
    daemon.start(small(roles=TRIAL, hosts=DESK2 % ("trial", "")))
    events = listen(daemon, kind="blocked")
    assert smtp(clean, "desk1") == traffic.RESET
    blocked = next(events)
    assert smtp(clean, "desk2") == traffic.PASSED
    passed = next(events)
    assert (blocked["passed"], blocked["attempt"]["passed"]) == (False, 0)
    assert blocked["text"].endswith("was blocked for the reason role")
    assert (passed["passed"], passed["attempt"]["passed"]) == (True, 1)
    assert passed["text"].endswith("would be blocked for the reason role, but audit let it pass")
    assert outcomes(daemon, 2) == {("192.168.0.11", "role"): (1, 0), ("192.168.0.12", "role"): (1, 1)}
    status = daemon.status()
    assert (status["attempts"], status["passed"]) == (2, 1)


def test_the_mode_of_a_host_decides_about_its_attempts_before_that_of_its_role(clean: Lab,
                                                                               daemon: Daemon):
    daemon.start(small(roles=TRIAL, host='mode = "audit";',
                       hosts=DESK2 % ("trial", 'mode = "enforce";')))
    assert smtp(clean, "desk1") == traffic.PASSED
    assert smtp(clean, "desk2") == traffic.RESET
    assert smtp(clean, "desk3") == traffic.RESET
    assert outcomes(daemon, 3) == {("192.168.0.11", "role"): (1, 1),
                                   ("192.168.0.12", "role"): (1, 0),
                                   ("192.168.0.13", "unassigned"): (1, 0)}


def test_a_gateway_in_audit_lets_strangers_pass_and_an_enforcing_role_is_blocked(clean: Lab,
                                                                                 daemon: Daemon):
    daemon.start(small(gateway='mode = "audit";', roles=TRIAL.replace("audit", "enforce"),
                       hosts=DESK2 % ("trial", "")))
    assert smtp(clean, "desk1") == traffic.PASSED
    assert smtp(clean, "desk2") == traffic.RESET
    assert smtp(clean, "desk3") == traffic.PASSED
    assert outcomes(daemon, 3) == {("192.168.0.11", "role"): (1, 1),
                                   ("192.168.0.12", "role"): (1, 0),
                                   ("192.168.0.13", "unassigned"): (1, 1)}


def test_what_passes_in_audit_and_meets_an_enforcing_inbound_has_both_outcomes(clean: Lab,
                                                                               daemon: Daemon):
    daemon.start(small(host='mode = "audit";', roles="shut = { inbound = [ ]; };", hosts=SHUT))
    assert smtp(clean, "desk1", "192.0.2.80", "www1") == traffic.RESET
    assert outcomes(daemon, 2) == {("192.168.0.11", "role"): (1, 1),
                                   ("192.168.0.11", "inbound"): (1, 0)}
    answer = daemon.call("Explain", source="desk1", destination="www1", service="tcp/25")
    assert (answer["verdict"], answer["reason"], answer["passes"]) == ("blocked", "role", False)
    assert "audit lets that pass, but the destination's role shut may not be reached" in \
        answer["text"]


def test_inbound_in_audit_lets_pass_whoever_asks(clean: Lab, daemon: Daemon):
    daemon.start(small('"tcp/25"', roles='shut = { inbound = [ ]; mode = "audit"; };', hosts=SHUT))
    assert smtp(clean, "desk1", "192.0.2.80", "www1") == traffic.PASSED
    assert outcomes(daemon, 1) == {("192.168.0.11", "inbound"): (1, 1)}


def test_what_is_in_quarantine_is_blocked_in_audit_too(clean: Lab, daemon: Daemon):
    daemon.start(small(gateway='mode = "audit";'))
    assert smtp(clean, "desk1") == traffic.PASSED
    daemon.call("Quarantine", host="desk1")
    assert smtp(clean, "desk1") != traffic.PASSED
    assert outcomes(daemon, 2) == {("192.168.0.11", "role"): (1, 1),
                                   ("192.168.0.11", "quarantine"): (1, 0)}


def test_a_change_of_the_mode_leaves_the_outcome_of_what_came_before(clean: Lab, daemon: Daemon):
    roles = WIRE % "%s"
    audit, enforce = (small(roles=roles % f'mode = "{mode}";', hosts=DESK2 % ("wire", ""))
                      for mode in ("audit", "enforce"))
    daemon.start(audit)
    for count in (1, 2):
        assert smtp(clean, "desk2") == traffic.PASSED
        assert outcomes(daemon, count)[("192.168.0.12", "role")] == (count, count)
    found = alarm(daemon, "tripwire")
    assert (found["alarm"]["attempts"], found["alarm"]["passed"]) == (2, 2)
    assert found["alarm"]["text"].endswith("They would be blocked, but audit let them pass.")
    assert found["alarm"]["severity"] == "critical", "audit changes nothing about that"

    daemon.write(enforce)
    daemon.call("Reload")
    assert smtp(clean, "desk2") == traffic.RESET
    assert outcomes(daemon, 3)[("192.168.0.12", "role")] == (3, 2)
    found = wait_for(lambda: (a := alarm(daemon, "tripwire"))["alarm"]["attempts"] == 3 and a)
    assert found["alarm"]["passed"] == 2
    assert found["alarm"]["text"].endswith(
        "2 would be blocked, but audit let them pass; 1 was blocked.")
    assert [item["passed"] for item in found["card"]["evidence"]] == [False, True, True]
    assert [(item["attempts"], item["passed"]) for item in found["card"]["services"]] == [(3, 2)]
    assert "2 would be blocked" in daemon.ctl("alarms", "show", str(found["alarm"]["id"])).stdout

    assert daemon.stop() == 0
    daemon.start()
    assert outcomes(daemon, 3)[("192.168.0.12", "role")] == (3, 2)
    again = alarm(daemon, "tripwire")
    assert (again["alarm"]["passed"], again["card"]["evidence"]) == (
        2, found["card"]["evidence"])

    daemon.write(audit)
    daemon.call("Reload")
    assert smtp(clean, "desk2") == traffic.PASSED
    assert outcomes(daemon, 4)[("192.168.0.12", "role")] == (4, 3)


def test_the_tool_says_would_be_blocked_of_what_passed(clean: Lab, daemon: Daemon):
    daemon.start(small(roles=TRIAL + WIRE % 'mode = "audit";', hosts=DESK2 % ("trial", "") + """,
      { name = "desk3"; role = "wire"; address = [ "192.168.0.13" ]; }"""))
    watching, ecs = (subprocess.Popen([EGRESSCTL, "--socket", daemon.socket, *words],
                                      stdout=subprocess.PIPE, text=True, env=SANITIZERS)
                     for words in (["watch"], ["--json", "watch", "--alarms"]))
    try:
        time.sleep(1.0)
        smtp(clean, "desk2")
        assert "would be blocked: desk2 192.168.0.12" in watching.stdout.readline()
        smtp(clean, "desk3")
        record = json.loads(ecs.stdout.readline())
    finally:
        for process in (watching, ecs):
            process.kill()
            process.wait()
    assert (record["event"]["type"], record["event"]["outcome"]) == (["allowed"], "success")
    assert record["egressd"]["alarm"]["passed"] == 1
    smtp(clean, "desk1")
    assert len(daemon.blocked(3)) == 3
    listed = daemon.ctl("blocked").stdout
    assert "Passed" in listed and "audit let pass" in listed
    sums = daemon.json("blocked", "--by", "role")
    assert {line["role"]: (line["attempts"], line["passed"]) for line in sums} == {
        "desk": (1, 0), "trial": (1, 1), "wire": (1, 1)}
    told = daemon.ctl("explain", "desk2", WORLD, "tcp/25").stdout
    assert "would be blocked for the reason role, but it passes: mode audit" in told
    assert "of 3 attempts that the daemon knows, audit let 2 pass" in daemon.ctl("status").stdout


def test_modes_that_differ_from_that_of_the_gateway_are_told_with_who_declares_them(
        clean: Lab, daemon: Daemon):
    daemon.start(small(roles=TRIAL, host='mode = "audit";', hosts=DESK2 % ("trial", "") + """,
      { name = "desk3"; role = "desk"; address = [ "192.168.0.13" ]; },
      { name = "desk4"; role = "trial"; address = [ "192.168.0.14" ]; mode = "enforce"; }"""))
    assert daemon.status()["other_modes"] == [
        {"role": "trial", "host": None, "declared": "audit", "mode": "audit"},
        {"role": "desk", "host": "desk1", "declared": "audit", "mode": "audit"},
        {"role": "trial", "host": "desk2", "declared": None, "mode": "audit"},
        {"role": "trial", "host": "desk4", "declared": "enforce", "mode": "enforce"}]
    text = daemon.ctl("status").stdout
    for line in ("role trial: audit, declared for the role itself",
                 "host desk1: audit, declared for the host itself",
                 "host desk4: enforce, declared for the host itself"):
        assert line in text
    assert "desk2:" not in text, "its role is named"
    hosts = {host["name"]: (host["mode"], host["declared"], host["mode_from"])
             for host in daemon.json("hosts")["hosts"]}
    assert hosts == {"desk1": ("audit", "audit", "host"), "desk2": ("audit", None, "role"),
                     "desk3": ("enforce", None, "gateway"),
                     "desk4": ("enforce", "enforce", "host")}
    roles = {role["name"]: (role["mode"], role["declared"], role["mode_from"])
             for role in daemon.json("roles")["roles"]}
    assert roles == {"desk": ("enforce", None, "gateway"), "trial": ("audit", "audit", "role")}
    assert "audit (role)" in daemon.ctl("hosts").stdout
    roles = {role["name"]: (role["hosts"], role["hosts_in_audit"])
             for role in daemon.json("roles")["roles"]}
    assert roles == {"desk": (2, 1), "trial": (2, 1)}
    told = daemon.ctl("roles").stdout
    assert "mode audit (its own)" in told
    assert "audit lets those of 1 host pass" in told
