# SPDX-License-Identifier: GPL-2.0-or-later
"""A change that takes the policy's protection away is reported, and can be taken back."""
import json
import pathlib
import subprocess

import pytest
from daemon import EGRESSCTL, SANITIZERS, Daemon, egressctl, wait_for

SHIPPED = pathlib.Path(__file__).resolve().parents[2] / "conf/egressd.conf"
HOST = '{{ name = "h{0}"; role = "desk"; address = [ "192.168.0.{0}" ]; {1} }}'


def policy(hosts: range = range(1, 11), gateway: str = "", roles: str = "", host: str = "",
           inside: str = '[ "lan0" ]', inbound: str = "inbound = [ ];", more: str = "") -> str:
    """Ten desks, each a host of its own."""
    listed = ", ".join(HOST.format(number, host) for number in hosts)
    return (f'gateway = {{ inside = {inside}; {gateway} }};\n'
            f'roles = {{ desk = {{ outbound = [ "http" ]; {inbound} {roles} }}; }};\n'
            f'hosts = ( {listed} );\n{more}')


STRONG = policy()
WEAK = [
    (policy(gateway='mode = "audit";'), "no host is enforced any more: 10 were before"),
    (policy(roles='mode = "audit";'), "no host is enforced any more: 10 were before"),
    (policy(host='mode = "audit";'), "no host is enforced any more: 10 were before"),
    (policy(gateway='mode = "audit";', roles='mode = "enforce";'),
     "packets of unassigned and spoofed sources pass"),
    (policy().replace('"192.168.0.1" ];', '"192.168.0.1" ]; mode = "enforce";')
     .replace('outbound = [ "http" ];', 'outbound = [ "http" ]; mode = "audit";'),
     "9 of 10 hosts that were enforced are in audit mode now"),
    (policy(hosts=range(1, 5)), "6 of 10 hosts are gone"),
    (policy(hosts=range(0)), "10 of 10 hosts are gone"),
    (policy(hosts=range(101, 111)), "10 of 10 hosts are gone"),
    (policy(inside='[ "eth7" ]'), "lan0 is inside no more"),
    (policy(inbound=""), 'no role has "inbound" any more'),
]
HARMLESS = [
    policy(hosts=range(1, 6)),  # half of them
    policy(gateway='refuse = "drop";'),
    policy(inside='[ "lan*" ]'),
    policy().replace('name = "h', 'name = "renamed'),
    policy().replace("desk", "table"),
    policy(hosts=range(1, 100)),
    "# a comment\n" + policy(),
    policy(gateway='mode = "audit";', roles='mode = "enforce";').replace("audit", "enforce"),
]


def revert(daemon: Daemon) -> str:
    """The command that warnings name."""
    return f"egressctl restore {daemon.state} {daemon.config}"


def warnings_of(daemon: Daemon, text: str) -> list[str]:
    """What a reload of that configuration warns of."""
    daemon.config.write_text(text)
    answer = json.loads(daemon.ctl("--json", "reload").stdout)
    return [warning["text"] for warning in answer["warnings"]]


@pytest.mark.parametrize("weak, words", WEAK)
def test_what_a_change_takes_away_is_a_warning_everywhere(daemon: Daemon, weak: str, words: str):
    daemon.start(STRONG)
    found = warnings_of(daemon, weak)
    assert any(words in text for text in found), found
    assert all(revert(daemon) in text for text in found)
    assert words in " ".join(daemon.ctl("reload").stdout.split())
    assert daemon.log().count(words) == 1  # however often it is reloaded
    assert any(words in text for text in daemon.status()["notices"])
    assert warnings_of(daemon, STRONG) == [], "to go back is no such change"
    assert any(words in text for text in warnings_of(daemon, weak)), "and to change again is"


@pytest.mark.parametrize("harmless", HARMLESS)
def test_what_takes_nothing_away_is_no_warning(daemon: Daemon, harmless: str):
    daemon.start(STRONG)
    assert warnings_of(daemon, harmless) == []


def test_a_change_that_inotify_notices_is_reported_to_who_reloads_afterwards(daemon: Daemon):
    daemon.start(STRONG)
    daemon.write(policy(gateway='mode = "audit";'))
    assert wait_for(lambda: daemon.status()["state"] == "audit", 5)
    assert "no host is enforced any more" in " ".join(daemon.ctl("reload").stdout.split())


def test_a_name_of_an_interface_that_is_corrected_is_no_warning(daemon: Daemon):
    daemon.start(policy(inside='[ "lan9", "dmz9" ]'))
    assert warnings_of(daemon, policy(inside='[ "lan0", "dmz0" ]')) == []
    assert warnings_of(daemon, policy(inside='[ "lan0" ]')) == [], "one of two"
    assert any("lan0 is inside no more" in text
               for text in warnings_of(daemon, policy(inside='[ "dmz*" ]')))


def test_a_blocklist_that_is_gone_is_a_warning(daemon: Daemon):
    daemon.start(policy(more='blocklist = [ "203.0.113.0/24" ];'))
    assert any("no blocklist any more" in text for text in warnings_of(daemon, STRONG))


def test_a_start_with_less_than_the_last_good_policy_is_a_warning(daemon: Daemon):
    """An upgrade that replaced the file restarts the daemon, too."""
    daemon.start(STRONG)
    daemon.stop()
    daemon.start(SHIPPED.read_text())
    status = daemon.status()
    assert any("no host is enforced any more" in text for text in status["notices"])
    for words in ("no host is enforced any more", "10 of 10 hosts are gone"):
        assert words in daemon.log()
    assert revert(daemon) in daemon.log()


@pytest.mark.parametrize("wait", [False, True])
def test_the_command_of_the_warning_puts_the_policy_back(daemon: Daemon, wait: bool):
    """Before the copy of the new policy is written as well as afterwards."""
    daemon.start(STRONG)
    last = daemon.state / "last-good.conf"
    assert wait_for(last.exists, 5)
    assert warnings_of(daemon, SHIPPED.read_text())
    if wait:
        assert wait_for(lambda: SHIPPED.read_bytes() in last.read_bytes(), 5)
    done = subprocess.run([EGRESSCTL, "--socket", daemon.socket,
                           *revert(daemon).split()[1:]], capture_output=True, text=True,
                          check=False, env=SANITIZERS, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is restored" in " ".join(done.stdout.split())
    assert daemon.config.read_text() == STRONG
    status = daemon.status()
    assert (status["state"], status["policy"]["hosts"]) == ("enforcing", 10)
    moved = [path for path in daemon.config.parent.iterdir() if path.name.endswith(".old")]
    assert [path.read_bytes() for path in moved] == [SHIPPED.read_bytes()]


SPREAD = ('gateway = { inside = [ "lan0" ]; };\ninclude = [ "roles.d/*", "hosts.d/*.conf" ];\n'
          'networks = { bad = { file = "lists/bad.txt"; }; };\nblocklist = [ "bad" ];\n')
ROLES = 'roles = { desk = { inbound = [ ]; }; };\n'
HOSTS = 'hosts = ( { name = "office"; role = "desk"; address = "192.168.0.0/24"; } );\n'


def test_all_files_are_put_back_and_what_was_added_is_moved_away(daemon: Daemon):
    daemon.write(ROLES, "roles.d/desk.conf")
    daemon.write(HOSTS, "hosts.d/lan.conf").chmod(0o640)
    daemon.write("203.0.113.99\n", "lists/bad.txt")
    daemon.start(SPREAD)
    assert wait_for((daemon.state / "last-good.conf").exists, 5)
    digest = daemon.status()["policy"]["digest"]
    folder = daemon.config.parent
    (folder / "hosts.d/lan.conf").write_text(HOSTS.replace("192.168.0.0", "192.168.7.0"))
    (folder / "lists/bad.txt").unlink()
    (folder / "lists").rmdir()
    daemon.write('roles = { other = { }; };\n', "roles.d/other")
    daemon.write(SPREAD.split("networks")[0])
    daemon.ctl("reload")
    assert wait_for((daemon.state / "last-good.1.conf").exists, 5)
    done = daemon.ctl("--json", "restore", str(daemon.state), str(daemon.config))
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer["restored"] and answer["reload"]["hosts"] == 1
    assert {pathlib.Path(file["path"]).name: file["result"] for file in answer["files"]} == {
        "egressd.conf": "restored", "desk.conf": "unchanged", "lan.conf": "restored",
        "bad.txt": "restored", "other": "moved"}
    assert daemon.status()["policy"]["digest"] == digest
    assert (folder / "hosts.d/lan.conf").stat().st_mode & 0o777 == 0o640
    # A second time goes to the policy that was replaced, as it is the one before now.
    assert wait_for(lambda: b"192.168.7.0" in (daemon.state / "last-good.1.conf").read_bytes(), 5)
    assert daemon.ctl("restore", str(daemon.state), str(daemon.config)).returncode == 0
    assert "192.168.7.0" in (folder / "hosts.d/lan.conf").read_text()


def test_a_copy_writes_nothing_outside_of_the_folder_of_the_configuration(daemon: Daemon):
    """The daemon's user writes the copies, and root restores them."""
    outside = daemon.folder / "outside.conf"
    outside.write_text(ROLES)
    daemon.start(f'gateway = {{ inside = [ "lan0" ]; }}; include = [ "{outside}" ];\n' + HOSTS)
    assert wait_for((daemon.state / "last-good.conf").exists, 5)
    daemon.stop()
    outside.write_text(ROLES + "# mine\n")
    daemon.config.write_text("")
    done = daemon.ctl("restore", str(daemon.state), str(daemon.config))
    assert done.returncode == 1
    assert "was not restored" in " ".join(done.stdout.split())
    assert outside.read_text() == ROLES + "# mine\n"
    copy = daemon.state / "last-good.conf"
    climbing = copy.read_text().replace(str(outside), str(daemon.config.parent / "../outside.conf"))
    assert climbing != copy.read_text()
    copy.write_text(climbing)
    daemon.ctl("restore", str(copy), str(daemon.config))
    assert outside.read_text() == ROLES + "# mine\n"


def test_what_was_moved_aside_stays_when_the_next_restore_follows_at_once(daemon: Daemon):
    """Three in a second, as a script or an impatient operator makes them."""
    daemon.start(STRONG)
    assert wait_for((daemon.state / "last-good.conf").exists, 5)
    broken = {f"broken {n}" for n in range(3)}
    for text in sorted(broken):
        daemon.config.write_text(text)
        assert daemon.ctl("restore", str(daemon.state), str(daemon.config)).returncode == 0
    kept = {path.read_text() for path in daemon.config.parent.glob("*.old")}
    assert kept == broken and daemon.config.read_text() == STRONG


def test_a_link_of_the_administrators_stays_one(daemon: Daemon):
    real = daemon.folder / "gateway.conf"
    real.write_text(STRONG)
    daemon.config.symlink_to(real)
    daemon.start()
    assert wait_for((daemon.state / "last-good.conf").exists, 5)
    real.write_text("broken")
    assert daemon.ctl("restore", str(daemon.state), str(daemon.config)).returncode == 0
    assert daemon.config.is_symlink() and real.read_text() == STRONG


@pytest.mark.parametrize("damage, words", [
    (lambda state: [path.unlink() for path in state.glob("last-good*")], "there is no copy"),
    (lambda state: (state / "last-good.conf").write_text("torn"), "torn"),
    (lambda state: None, "nothing to restore"),
])
def test_what_cannot_be_restored_changes_nothing(daemon: Daemon, damage, words: str):
    daemon.start(STRONG)
    assert wait_for((daemon.state / "last-good.conf").exists, 5)
    daemon.stop()
    damage(daemon.state)
    done = egressctl("restore", str(daemon.state), str(daemon.config))
    assert done.returncode == 1 and words in done.stderr, done.stderr
    assert sorted(path.name for path in daemon.config.parent.iterdir()) == ["egressd.conf"]
