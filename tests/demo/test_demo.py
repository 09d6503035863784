# SPDX-License-Identifier: GPL-2.0-or-later
"""The demonstration: each incident has its alarm, and without one the demonstration fails."""
import os
import pathlib
import re
import subprocess
import sys

import demo
import pytest

BUILD = os.environ.get("EGRESSD_BUILD", "build")
LONGEST = 300  # seconds; it needs some 65, of which the trojan takes 60


def alarm_of(incident: demo.Incident, **changes: str) -> dict[str, str]:
    """An alarm as the daemon lists it."""
    text = f"{incident.host} (192.0.2.1, role) tried {incident.service} to 203.0.113.1."
    return {"host": incident.host, "kind": incident.kind, "text": text} | changes


ALARMS = [alarm_of(incident) for incident in demo.INCIDENTS]


def test_five_incidents_on_five_hosts_are_each_named_by_one_alarm():
    assert len(demo.INCIDENTS) == len({incident.host for incident in demo.INCIDENTS}) == 5
    assert demo.faults_of(ALARMS) == []


@pytest.mark.parametrize("incident", demo.INCIDENTS, ids=lambda incident: incident.name)
def test_an_incident_without_its_alarm_is_a_fault(incident: demo.Incident):
    others = [alarm for alarm in ALARMS if not incident.is_named_by(alarm)]
    fault, = demo.faults_of(others)
    assert fault == (f"{incident.name} on {incident.host} has no alarm of the kind "
                     f"{incident.kind} that names {incident.service}")
    for wrong in (alarm_of(incident, host="desk9"), alarm_of(incident, kind="trw"),
                  alarm_of(incident, text=f"{incident.host} tried tcp/4444 to 203.0.113.1."),
                  alarm_of(incident, text=f"desk9 tried {incident.service} to 203.0.113.1.")):
        assert len(demo.faults_of([*others, wrong])) == 2


def test_a_second_alarm_is_a_fault():
    assert len(demo.faults_of([*ALARMS, ALARMS[0]])) == 1
    stranger = {"host": None, "kind": "unassigned", "text": "somebody tried tcp/25."}
    assert len(demo.faults_of([*ALARMS, stranger])) == 1


def test_the_demonstration_names_all_five_incidents_and_ends_with_their_alarms():
    if os.geteuid():
        pytest.skip("only root makes network namespaces")
    done = subprocess.run([sys.executable, pathlib.Path(demo.__file__), "--build", BUILD],
                          capture_output=True, text=True, timeout=LONGEST, check=False,
                          preexec_fn=demo.die_with_parent)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    listed = done.stdout.rpartition("$ egressctl alarms\n")[2]
    assert sorted(re.findall(r"^\d+ +\w+ (\w+), open", listed, re.M)) == sorted(
        incident.kind for incident in demo.INCIDENTS)
    for incident in demo.INCIDENTS:
        assert re.search(rf"-> \w+ {incident.kind}: {incident.host} .*\b{incident.service}\b",
                         done.stdout), incident.name
    # Nothing was lost, and nothing suggests it.
    assert "not analysed" not in done.stdout
