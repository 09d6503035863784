# SPDX-License-Identifier: GPL-2.0-or-later
"""The project is installed again, and uninstalled, on a gateway that runs."""
import json
import pathlib
import re

import tree
from continuity import assert_replaced_without_a_gap
from machine import Machine, wait_for
from office import FORBIDDEN, PERMITTED, Counters, config, flood

FILE = "etc/egressd/egressd.conf"
SHIPPED = tree.HERE / "conf/egressd.conf"
UNITS = ("egressd.service", "egressd.socket", "egressd-boot.service", "egressd-processes.socket")


def cursor(gateway: Machine) -> str:
    """The last record of the daemon's unit: journalctl passes over one that matches."""
    shown = gateway.run("journalctl", "--unit=egressd", "--lines=1", "--show-cursor").stdout
    return shown.split("cursor: ")[1].strip()


def records(gateway: Machine, since: str) -> list[dict]:
    """What the daemon wrote to the journal since then."""
    lines = gateway.run("journalctl", "--output=json", "--no-pager", "--unit=egressd",
                        f"--after-cursor={since}").stdout.splitlines()
    return [json.loads(line) for line in lines]


def loads(gateway: Machine, since: str) -> int:
    """How many times a configuration came into force since then."""
    return sum(record["MESSAGE"].startswith("Policy of ") for record in records(gateway, since))


def test_an_install_over_a_running_gateway_loads_nothing(booted: Machine):
    """inotify watches the folder; the administrator's next edit is noticed, and nothing before."""
    policy, since = booted.status()["policy"], cursor(booted)
    tree.install(booted.root)
    assert (booted.root / FILE).read_text() == config()
    assert (booted.root / (FILE + ".new")).read_bytes() == SHIPPED.read_bytes()
    booted.write(FILE, config() + "# edited\n")
    assert wait_for(lambda: booted.status()["policy"]["digest"] != policy["digest"])
    assert wait_for(lambda: loads(booted, since)), booted.journal()
    booted.run("journalctl", "--sync")
    assert loads(booted, since) == 1
    assert booted.status()["state"] == "enforcing"


def test_an_upgrade_is_noticed_by_no_packet(booted: Machine):
    """As the README says: install, then restart."""
    def upgrade() -> None:
        tree.install(booted.root)
        booted.run("systemd-sysusers")
        booted.run("systemd-tmpfiles", "--create")
        booted.systemctl("daemon-reload")
        booted.systemctl("restart", "egressd")

    since = cursor(booted)
    assert_replaced_without_a_gap(booted, upgrade, "0")
    assert "to go back" not in json.dumps(records(booted, since))
    assert "# edited" in (booted.root / FILE).read_text()


def test_a_policy_that_was_overwritten_is_a_warning_and_comes_back(booted: Machine):
    """As the install of version 0.1.0 did it, and as others may."""
    arrived, since = Counters(booted.wires), cursor(booted)
    mine = (booted.root / FILE).read_text()
    (booted.root / FILE).write_bytes(SHIPPED.read_bytes())
    assert wait_for(lambda: booted.status()["state"] == "audit")
    warnings = [record["MESSAGE"] for record in records(booted, since)
                if record["PRIORITY"] == "4" and "to go back: egressctl restore" in record["MESSAGE"]]
    assert any("no host is enforced any more" in text for text in warnings), warnings
    done = booted.run("egressctl", "restore")
    assert (booted.root / FILE).read_text() == mine, done.stdout
    assert booted.status()["state"] == "enforcing"
    with flood(booted.wires):
        assert wait_for(lambda: arrived[PERMITTED] > 100)
    assert arrived[FORBIDDEN] == 0
    # The same by an upgrade: while the daemon is stopped, nobody sees the file change.
    booted.systemctl("stop", "egressd.socket", "egressd.service")
    (booted.root / FILE).write_bytes(SHIPPED.read_bytes())
    since = cursor(booted)
    booted.systemctl("start", "egressd")
    assert any("no host is enforced any more" in record["MESSAGE"]
               for record in records(booted, since))
    booted.run("egressctl", "restore")
    assert (booted.root / FILE).read_text() == mine


def test_the_catalog_has_a_page_for_every_kind_of_record_after_its_update(booted: Machine):
    ids = re.findall(r"^-- (\w{32})$", (tree.HERE / "systemd/egressd.catalog").read_text(), re.M)
    assert ids
    booted.run("journalctl", "--update-catalog")
    for number in ids:
        assert "Defined-By: egressd" in booted.run("journalctl", "--dump-catalog", number).stdout


def test_a_preset_leaves_every_unit_off(booted: Machine):
    for command in (["preset", *UNITS], ["preset-all"]):
        booted.systemctl("enable", *UNITS)
        booted.systemctl(*command)
        for unit in UNITS:
            said = booted.systemctl("is-enabled", unit, check=False).stdout.strip()
            assert said == "disabled", (command, unit, said)
    booted.systemctl("enable", "egressd")
    enabled = {unit for unit in UNITS
               if booted.systemctl("is-enabled", unit, check=False).stdout.strip() == "enabled"}
    assert enabled == set(UNITS) - {"egressd-processes.socket"}


def commands_of(section: str) -> list[str]:
    """The commands of a section of the README."""
    text = (tree.HERE / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^###? {section}\n(.*?)^##", text, re.M | re.S).group(1)
    return [line.strip() for line in found.splitlines() if line.startswith("    ")]


def test_an_uninstall_as_the_readme_says_leaves_nothing_that_runs_or_enforces(booted: Machine):
    booted.systemctl("enable", "--now", "egressd-processes.socket")
    lines = commands_of("Uninstalling")
    assert any("ninja -C build-install uninstall" in line for line in lines), lines
    for line in lines:
        if "ninja -C build-install uninstall" in line:
            tree.uninstall(booted.root)
            assert (booted.root / FILE).exists(), "an administrator's file"
            continue
        booted.run("sh", "-c", line.removeprefix("sudo "))
    assert booted.table() == ""
    for unit in (*UNITS, "egressd-processes.service"):
        assert booted.show("ActiveState", unit) == "inactive"
        assert booted.show("LoadState", unit) == "not-found"
    left = booted.run("find", "/etc", "/usr", "/var/lib", "/run", "-name", "*egressd*", "-not", "-path",
                      "/run/systemd/*", "-not", "-path", "/run/log/*").stdout.split()
    assert left == [], left
    for entry in ("passwd", "group"):
        assert "egress" not in booted.run("getent", entry).stdout
    assert not list(pathlib.Path(booted.root / "etc/systemd/system").rglob("egressd*"))
