# SPDX-License-Identifier: GPL-2.0-or-later
"""A start with a configuration that is damaged: the last good one is in force."""
import shutil
import contextlib
import os
import pathlib
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
import traffic
from daemon import Daemon, wait_for
from lab import WORLD, Lab
from policies import small

POLICY = small('"http"', gateway='refuse = "drop";')
OTHER = small('"http", "smtp"', gateway='refuse = "drop";')
SPREAD = """
gateway = { inside = [ "lan0", "dmz*" ]; refuse = "drop"; };
include = [ "roles.d/*.conf", "hosts.conf" ];
networks = { bad = { file = "lists/bad.txt"; }; };
blocklist = [ "bad" ];
"""
ROLES = 'roles = { desk = { outbound = [ "http" ]; }; };\n'
HOSTS = 'hosts = ( { name = "office"; role = "desk"; address = "192.168.0.0/24"; } );\n'


def kept(daemon: Daemon) -> pathlib.Path:
    """Where the daemon keeps its copy."""
    return daemon.state / "last-good.conf"


def http(clean: Lab) -> str:
    """What becomes of a permitted connection."""
    return traffic.tcp(clean["desk1"], clean.world, WORLD, 80, wait=0.3)


def smtp(clean: Lab) -> str:
    """What becomes of a forbidden one."""
    return traffic.tcp(clean["desk1"], clean.world, WORLD, 25, wait=0.2)


def run_once(daemon: Daemon, policy: str = POLICY) -> None:
    """A run that ended well, and a gateway that was started anew since: no table is left."""
    daemon.start(policy)
    assert daemon.stop() == 0
    assert kept(daemon).exists()
    daemon.remove_table()


def delete(config: pathlib.Path) -> None:
    """No file at all."""
    config.unlink()


def empty(config: pathlib.Path) -> None:
    """A file of no bytes."""
    config.write_text("")


def truncate(config: pathlib.Path) -> None:
    """Half a file."""
    text = config.read_text()
    config.write_text(text[:len(text) // 2])


def replace_by_directory(config: pathlib.Path) -> None:
    """Nothing that can be read."""
    config.unlink()
    config.mkdir()


def open_to_others(config: pathlib.Path) -> None:
    """A file that is not to be believed."""
    config.chmod(0o666)


@pytest.mark.parametrize("damage", [delete, empty, truncate, replace_by_directory, open_to_others])
def test_a_damaged_configuration_at_the_start_puts_the_last_good_one_in_force(
        clean: Lab, daemon: Daemon, damage: Callable[[pathlib.Path], None]):
    run_once(daemon)
    damage(daemon.config)
    daemon.start()
    assert http(clean) == traffic.PASSED
    assert smtp(clean) == traffic.SILENCE
    status = daemon.status()
    assert status["state"] == "degraded"
    assert status["policy"]["hosts"] > 0
    assert any("last good configuration is in force, that of 20" in text
               for text in status["degraded"])
    assert any(str(daemon.config) in text for text in status["degraded"])
    assert "last good configuration" in daemon.ctl("status").stdout
    # As soon as there is a file without mistakes, it takes over.
    if daemon.config.is_dir():
        daemon.config.rmdir()
    daemon.write(OTHER)
    daemon.config.chmod(0o644)
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 5)
    assert smtp(clean) == traffic.PASSED


def test_includes_and_lists_are_kept_with_it_and_mistakes_name_the_real_file(clean: Lab,
                                                                             daemon: Daemon):
    daemon.write(ROLES, "roles.d/desk.conf")
    daemon.write(HOSTS, "hosts.conf")
    daemon.write("203.0.113.99 # bad\n", "lists/bad.txt")
    run_once(daemon, SPREAD)
    (daemon.config.parent / "lists/bad.txt").unlink()
    (daemon.config.parent / "roles.d/desk.conf").write_text(ROLES + "colour = 7;\n")
    daemon.start()
    assert http(clean) == traffic.PASSED
    assert traffic.tcp(clean["desk1"], clean.world, "203.0.113.99", 80) == traffic.SILENCE
    assert f'{daemon.config.parent}/roles.d/desk.conf:2: ' in daemon.log()
    assert f"{daemon.config.parent}/lists/bad.txt: cannot be opened" in daemon.log()
    reason = daemon.call("Explain", source="192.168.0.11", destination=WORLD, service="http")
    assert reason["file"] == f"{daemon.config.parent}/roles.d/desk.conf"
    daemon.write(ROLES, "roles.d/desk.conf")
    daemon.write("203.0.113.98\n", "lists/bad.txt")
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 5)


def cut(copy: pathlib.Path) -> None:
    """Torn by a loss of power."""
    text = copy.read_bytes()
    copy.write_bytes(text[:len(text) - 20])


def change(copy: pathlib.Path) -> None:
    """Another policy than the one that was kept."""
    text = copy.read_text()
    assert '"http"' in text
    copy.write_text(text.replace('"http"', '"smtp"'))


def give_away(copy: pathlib.Path) -> None:
    """Somebody else's file."""
    os.chown(copy, 65534, 65534)


def let_write(copy: pathlib.Path) -> None:
    """A file that others may write to."""
    copy.chmod(0o622)


@pytest.mark.parametrize("damage", [cut, change, give_away, let_write])
def test_a_copy_that_is_torn_or_not_ours_is_not_believed_and_the_gateway_is_closed(
        clean: Lab, daemon: Daemon, damage: Callable[[pathlib.Path], None]):
    run_once(daemon)
    damage(kept(daemon))
    daemon.write("roles = { broken")
    daemon.start()
    assert daemon.status()["state"] == "closed"
    assert "Policy      none\n" in daemon.ctl("status").stdout
    assert http(clean) == traffic.SILENCE
    assert smtp(clean) == traffic.SILENCE
    daemon.write(POLICY)
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 5)
    assert http(clean) == traffic.PASSED
    assert wait_for(kept(daemon).exists, 5)


def before(daemon: Daemon) -> pathlib.Path:
    """Where the daemon keeps the copy of the policy before."""
    return daemon.state / "last-good.1.conf"


def touch(daemon: Daemon) -> None:
    """The same text once more."""
    daemon.config.write_text(daemon.config.read_text())
    daemon.ctl("reload")


def comment(daemon: Daemon) -> None:
    """Another text of the same meaning."""
    daemon.config.write_text("# another comment\n" + daemon.config.read_text())
    daemon.ctl("reload")


def restart(daemon: Daemon) -> None:
    """Another run."""
    daemon.stop()
    daemon.start()


def comment_while_stopped(daemon: Daemon) -> None:
    """An edit that no daemon sees."""
    daemon.stop()
    daemon.config.write_text("# while it was stopped\n" + daemon.config.read_text())
    daemon.start()


def break_it(daemon: Daemon) -> None:
    """An edit that is refused."""
    good = daemon.config.read_text()
    daemon.config.write_text("roles = { broken")
    daemon.ctl("reload")
    daemon.config.write_text(good)
    daemon.ctl("reload")


@pytest.mark.parametrize("change", [touch, comment, restart, comment_while_stopped, break_it])
def test_the_copy_before_is_another_policy_and_only_another_policy_takes_its_place(
        daemon: Daemon, change: Callable[[Daemon], None]):
    daemon.start(POLICY)
    assert wait_for(kept(daemon).exists, 5) and not before(daemon).exists()
    daemon.write(OTHER)
    assert wait_for(before(daemon).exists, 5)
    assert POLICY in before(daemon).read_text() and OTHER in kept(daemon).read_text()
    change(daemon)
    daemon.stop()  # writes what waits to be written
    assert POLICY in before(daemon).read_text()
    assert daemon.config.read_text() in kept(daemon).read_text()
    daemon.start(small('"https"'))
    daemon.stop()
    assert OTHER in before(daemon).read_text()


def test_when_the_last_copy_is_damaged_too_the_one_before_is_in_force(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    assert wait_for(kept(daemon).exists, 5)
    daemon.write(OTHER)
    assert wait_for(before(daemon).exists, 5)
    assert daemon.stop() == 0
    daemon.remove_table()
    cut(kept(daemon))
    daemon.write("roles = { broken")
    daemon.start()
    assert (http(clean), smtp(clean)) == (traffic.PASSED, traffic.SILENCE)
    status = daemon.status()
    assert status["state"] == "degraded"
    said = next(text for text in status["degraded"] if "last but one good" in text)
    assert str(before(daemon)) in said and "it is torn" in said
    assert "The last but one good configuration is in force" in daemon.log()
    assert "last but one good" in " ".join(daemon.ctl("status").stdout.split())
    # A good file does not cost the good copy.
    daemon.write(OTHER)
    assert wait_for(kept(daemon).exists, 5)
    assert POLICY in before(daemon).read_text()


def test_a_last_copy_that_does_not_load_does_not_replace_the_one_before(daemon: Daemon):
    daemon.start(POLICY)
    assert wait_for(kept(daemon).exists, 5)
    daemon.write(OTHER)
    assert wait_for(before(daemon).exists, 5)
    daemon.stop()
    change(kept(daemon))  # whole, but not of its digest
    daemon.write("roles = { broken")
    daemon.start()
    assert any(str(before(daemon)) in text for text in daemon.status()["degraded"])
    daemon.write(small('"https"'))
    assert wait_for(lambda: '"https"' in kept(daemon).read_text(), 5)
    assert POLICY in before(daemon).read_text()


def loads(copy: pathlib.Path, texts: list[str]) -> bool:
    """Whether a copy is whole, and of one of these."""
    return (copy.exists() and any(text in copy.read_text() for text in texts) and
            copy.read_text().rsplit("\n", 2)[1].startswith("end "))


def test_a_kill_while_copies_are_written_leaves_a_whole_one(daemon: Daemon):
    seed = int(os.environ.get("EGRESSD_SEED", random.randrange(1 << 32)))
    print("EGRESSD_SEED =", seed)
    choose = random.Random(seed)
    texts = [small(f'"tcp/{port}"') for port in range(1000, 1000 + int(
        os.environ.get("EGRESSD_KILLS", "12")))]
    daemon.start(POLICY)
    assert wait_for(kept(daemon).exists, 5)
    for text in texts:
        daemon.write(text)
        daemon.ctl("reload")
        daemon.signal(signal.SIGTERM)  # it writes them at once
        time.sleep(choose.uniform(0, 0.03))
        daemon.kill()
        assert loads(kept(daemon), [POLICY, *texts]) or loads(before(daemon), [POLICY, *texts])
        daemon.start()
    daemon.stop()
    assert loads(kept(daemon), texts) and loads(before(daemon), texts)
    assert kept(daemon).read_bytes() != before(daemon).read_bytes()
    assert not list(daemon.state.glob("last-good*.new"))


def test_without_a_copy_the_table_of_an_earlier_run_goes_on_and_that_is_said(clean: Lab,
                                                                             daemon: Daemon):
    daemon.start(POLICY)
    daemon.kill()
    kept(daemon).unlink(missing_ok=True)
    daemon.start("")
    status = daemon.status()
    assert status["state"] == "degraded"
    assert any("the table of an earlier run is what is enforced" in text
               for text in status["degraded"])
    assert http(clean) == traffic.PASSED
    assert smtp(clean) == traffic.SILENCE


def test_the_copy_is_the_policy_that_was_in_force_not_the_table_that_is_left(clean: Lab,
                                                                             daemon: Daemon):
    daemon.start(POLICY)
    assert wait_for(kept(daemon).exists, 5)
    daemon.kill()
    clean.gateway.nft('add rule inet egressd forward accept comment "a gap"')
    daemon.start("")
    assert smtp(clean) == traffic.SILENCE
    assert "a gap" not in daemon.table()


def test_a_refused_configuration_never_becomes_the_copy(daemon: Daemon):
    daemon.start(POLICY)
    assert wait_for(kept(daemon).exists, 5)
    before = kept(daemon).read_bytes()
    assert kept(daemon).stat().st_mode & 0o777 == 0o600
    daemon.write("roles = 7;")
    assert wait_for(lambda: daemon.status()["degraded"], 5)
    daemon.stop()
    assert kept(daemon).read_bytes() == before


@contextlib.contextmanager
def mounted(place: pathlib.Path, options: str) -> Iterator[None]:
    """A file system of its own there; the tests' mount namespace is not the machine's."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_full_state_directory_degrades_and_recovers_by_itself(clean: Lab, daemon: Daemon):
    with mounted(daemon.state, "size=16k"):
        filler = daemon.state / "filler"
        with contextlib.suppress(OSError):
            filler.write_bytes(bytes(1 << 20))
        daemon.start(POLICY)
        missing = "no copy of the configuration in force is kept"
        assert wait_for(lambda: missing in " ".join(daemon.status()["degraded"]), 5)
        assert daemon.status()["state"] == "degraded"
        assert "No space left on device" in " ".join(daemon.status()["degraded"])
        assert http(clean) == traffic.PASSED
        assert smtp(clean) == traffic.SILENCE
        filler.unlink()
        assert wait_for(lambda: daemon.status()["degraded"] == [], 15)
        assert daemon.status()["state"] == "enforcing"
        assert kept(daemon).stat().st_size > 0
        daemon.stop()


def test_a_state_directory_that_can_be_made_is_made(daemon: Daemon):
    shutil.rmtree(daemon.state)
    daemon.start(POLICY)
    assert wait_for(kept(daemon).exists, 5)
    assert daemon.state.stat().st_mode & 0o777 == 0o700
    assert daemon.status()["degraded"] == []
