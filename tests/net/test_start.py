# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said at a start is true, and what may not start says why and changes nothing."""
import os
import re
import shutil
import subprocess
import time

import pytest
from daemon import EGRESSD, SANITIZERS, Daemon, wait_for
from lab import Lab
from policies import small


def attempt(daemon: Daemon, *more: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    """Runs egressd, of which is expected that it ends by itself."""
    return daemon.gateway.run(*before, *daemon.command(*more), check=False, timeout=20,
                              env=os.environ | SANITIZERS)


def state_of(daemon: Daemon) -> dict[str, bytes]:
    """What is kept in the state directory."""
    return {path.name: path.read_bytes() for path in daemon.state.iterdir()}


def test_the_state_directory_belongs_to_one_daemon_at_a_time(clean: Lab, daemon: Daemon):
    daemon.start(small())
    table, kept, alarms = daemon.table(), state_of(daemon), daemon.call("ListAlarms", all=True)
    done = attempt(daemon, "--socket", str(daemon.folder / "other"))
    assert done.returncode == 1
    assert done.stderr == (f"egressd: {daemon.state} is in use by egressd (pid "
                           f"{daemon.process.pid}); not started\n")
    assert (daemon.table(), state_of(daemon)) == (table, kept)
    assert daemon.call("ListAlarms", all=True) == alarms
    daemon.kill()
    daemon.start()  # the lock went with it
    assert daemon.status()["state"] == "enforcing"
    assert daemon.call("ListAlarms", all=True) == {"alarms": []}


def test_where_it_answers_is_told_at_the_start(daemon: Daemon):
    daemon.start(small())
    assert f"Answers at {daemon.socket}\n" in daemon.log()


def test_without_a_state_directory_it_is_made_or_done_without(clean: Lab, daemon: Daemon):
    shutil.rmtree(daemon.state)
    daemon.start(small())
    assert attempt(daemon, "--socket", str(daemon.folder / "other")).returncode == 1, "locked"
    daemon.stop()
    shutil.rmtree(daemon.state)
    daemon.state = daemon.folder / "nowhere" / "state"
    daemon.start()
    assert wait_for(lambda: any("nowhere/state" in text for text in daemon.status()["degraded"]))


def test_without_privileges_it_says_so_and_changes_nothing(clean: Lab, daemon: Daemon):
    nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--inh-caps=-all")
    daemon.write(small())
    for arguments, what in (((), "to start"), (("--remove",), "--remove"), (("--close",), "--close")):
        done = attempt(daemon, *arguments, before=nobody)
        assert done.returncode == 1
        assert done.stderr == (f"egressd: {what} needs CAP_NET_ADMIN, as root or the service has "
                               "it (systemctl start egressd). Nothing was changed.\n")
        assert daemon.table() == ""
    assert attempt(daemon, "--check", before=nobody).returncode == 0, "anybody may check a file"


def test_closed_is_said_only_when_it_is_true(clean: Lab, daemon: Daemon):
    daemon.start(small())
    daemon.stop()
    log = len(daemon.log())
    daemon.start("roles = { broken")
    assert "State: closed" not in daemon.log()[log:], "the last good one took over"
    assert daemon.log()[log:].count("State: ") == 1
    assert "State: degraded: 1 hosts" in daemon.log()[log:]
    daemon.stop()
    (daemon.state / "last-good.conf").unlink()
    daemon.remove_table()
    log = len(daemon.log())
    daemon.start()
    assert daemon.log()[log:].count("State: ") == 1
    assert "State: closed: " in daemon.log()[log:]


FLUSHED = "flush chain inet egressd forward"
OPENED = "insert rule inet egressd forward accept"


@pytest.mark.parametrize("change, words", [
    (FLUSHED, " of chain forward"), (OPENED, "added 1 rule to chain forward")])
def test_a_table_that_was_changed_while_no_daemon_ran_is_told(clean: Lab, daemon: Daemon,
                                                             change: str, words: str):
    daemon.start(small())
    table = daemon.table()
    daemon.kill()
    clean.gateway.nft(change)
    daemon.start()
    assert daemon.table() == table
    alarm, = daemon.call("ListAlarms", all=True)["alarms"]
    assert alarm["kind"] == "tamper" and alarm["severity"] == "critical"
    for text in (alarm["text"], daemon.log()):
        assert words in text and "while egressd was not running" in text
    said = daemon.log().count("while egressd was not running")
    daemon.kill()
    daemon.start()
    assert daemon.log().count("while egressd was not running") == said, "all is as it was"


def test_a_request_that_was_not_kept_before_a_kill_is_no_tampering(clean: Lab, daemon: Daemon):
    daemon.start(small())
    daemon.call("Assign", address="192.168.0.77", role="desk", seconds=100, why="first")
    daemon.call("Unassign", address="192.168.0.77")
    kept = (daemon.state / "requests.json").read_bytes()
    daemon.kill()
    daemon.start()
    table = daemon.table()
    daemon.call("Assign", address="192.168.0.78", role="desk", seconds=100, why="lost")
    assert daemon.table() != table
    daemon.kill()
    (daemon.state / "requests.json").write_bytes(kept)
    daemon.start()
    assert daemon.table() == table
    assert daemon.call("ListAlarms", all=True) == {"alarms": []}
    assert "while egressd was not running" not in daemon.log()


def test_what_another_build_makes_of_the_policy_is_no_tampering(clean: Lab, daemon: Daemon):
    """As after an upgrade; the build ID is what readelf -n prints of the program."""
    daemon.start(small())
    table = daemon.table()
    origin = daemon.state / "table-origin"
    build, = re.findall("^build ([0-9a-f]{16,})$", origin.read_text(encoding="ascii"), re.M)
    program = EGRESSD.read_bytes()
    assert program.count(bytes.fromhex(build)) == 1
    other = daemon.folder / "egressd-of-before"
    other.write_bytes(program.replace(bytes.fromhex(build), bytes(len(build) // 2)))
    other.chmod(0o755)
    daemon.kill()
    daemon.program = other
    daemon.start()  # the same table, but noted as made by the other build
    daemon.kill()
    clean.gateway.nft(FLUSHED)
    daemon.program = EGRESSD
    daemon.start()
    assert daemon.table() == table
    assert daemon.call("ListAlarms", all=True) == {"alarms": []}
    assert "while egressd was not running" not in daemon.log()


def test_what_is_no_tampering_while_no_daemon_ran_is_not_told(clean: Lab, daemon: Daemon):
    daemon.start(small())
    daemon.call("Assign", address="192.168.0.77", role="desk", seconds=1, why="short")
    daemon.call("Permit", host="desk1", service="smtp", to=None, seconds=1, why="short")
    daemon.kill()
    time.sleep(1.2)
    daemon.start()  # both have ended
    daemon.call("Permit", host="desk1", service="smtp", to=None, seconds=100, why="lost")
    daemon.kill()
    (daemon.state / "requests.json").unlink()
    daemon.start()  # the table knew a permit of which nobody knows
    daemon.kill()
    daemon.start(small('"http", "smtp"'))  # another configuration
    daemon.kill()
    daemon.remove_table()
    daemon.start()  # as after a boot
    daemon.kill()
    daemon.remove_table()
    daemon.gateway.run(*daemon.command("--close"))
    daemon.start()
    assert daemon.call("ListAlarms", all=True) == {"alarms": []}
    assert "while egressd was not running" not in daemon.log()
