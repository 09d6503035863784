# SPDX-License-Identifier: GPL-2.0-or-later
"""A change of the configuration, by every way it can come; and what a mistake does: nothing."""
import os
import pathlib
import signal
import time
from collections.abc import Callable

import flood
import pytest
import traffic
import varlink
from daemon import Daemon, wait_for
from lab import WORLD, Lab
from policies import small

BEFORE = small('"http"')
AFTER = small('"http", "smtp"')


def smtp(clean: Lab) -> str:
    """What AFTER permits and BEFORE does not."""
    return traffic.tcp(clean["desk1"], clean.world, WORLD, 25)


def write_in_place(daemon: Daemon, text: str) -> None:
    """As an editor that overwrites the file."""
    daemon.write(text)


def rename_over(daemon: Daemon, text: str) -> None:
    """As an editor that makes a new file and puts it in the place of the old one."""
    os.rename(daemon.write(text, "egressd.conf.new"), daemon.config)


def swap_symlink(daemon: Daemon, text: str) -> None:
    """As `ln -sfn`."""
    daemon.write(text, "releases/2/egressd.conf")
    link = daemon.config.with_name("link.new")
    link.symlink_to("releases/2/egressd.conf")
    os.rename(link, daemon.config)


def swap_directory(daemon: Daemon, text: str) -> None:
    """As Kubernetes: the file is a link through ..data, which is turned to another directory."""
    daemon.write(text, "..2026_2/egressd.conf")
    link = daemon.config.with_name("..data_tmp")
    link.symlink_to("..2026_2")
    os.rename(link, daemon.config.with_name("..data"))


def as_kubernetes(daemon: Daemon, text: str) -> None:
    """The layout that swap_directory() needs."""
    daemon.write(text, "..2026_1/egressd.conf")
    daemon.config.with_name("..data").symlink_to("..2026_1")
    daemon.config.symlink_to("..data/egressd.conf")


def becomes_another(daemon: Daemon, digest: str) -> bool:
    """Waits until the policy in force is another one."""
    return wait_for(lambda: daemon.status()["policy"]["digest"] != digest, 5)


@pytest.mark.parametrize("change", [write_in_place, rename_over, swap_symlink, swap_directory])
def test_a_changed_file_is_put_in_force_by_itself(clean: Lab, daemon: Daemon,
                                                  change: Callable[[Daemon, str], None]):
    if change is swap_directory:
        as_kubernetes(daemon, BEFORE)
    elif change is swap_symlink:
        daemon.write(BEFORE, "releases/1/egressd.conf")
        daemon.config.symlink_to("releases/1/egressd.conf")
    else:
        daemon.write(BEFORE)
    daemon.start()
    assert smtp(clean) == traffic.RESET
    digest = daemon.status()["policy"]["digest"]
    change(daemon, AFTER)
    assert becomes_another(daemon, digest)
    assert smtp(clean) == traffic.PASSED


def test_a_second_swap_of_the_directory_is_seen_too(clean: Lab, daemon: Daemon):
    as_kubernetes(daemon, BEFORE)
    daemon.start()
    for number, (text, wanted) in enumerate([(AFTER, traffic.PASSED), (BEFORE, traffic.RESET),
                                             (AFTER, traffic.PASSED)], 2):
        digest = daemon.status()["policy"]["digest"]
        folder = daemon.write(text, f"..2026_{number}/egressd.conf").parent
        link = daemon.config.with_name("..data_tmp")
        link.symlink_to(folder.name)
        os.rename(link, daemon.config.with_name("..data"))
        assert becomes_another(daemon, digest)
        assert smtp(clean) == wanted


def test_a_changed_list_file_is_put_in_force_by_itself(clean: Lab, daemon: Daemon):
    listed = daemon.write("203.0.113.66\n", "lists/bad.txt")
    daemon.start(small('"http", "smtp"', rest="""
      networks = { bad = { file = "lists/bad.txt"; }; }; blocklist = [ "bad" ];"""))
    assert smtp(clean) == traffic.PASSED
    listed.write_text(f"203.0.113.66\n{WORLD}\n")
    assert wait_for(lambda: smtp(clean) == traffic.RESET, 5)


def test_a_new_file_in_an_included_directory_is_put_in_force_by_itself(clean: Lab, daemon: Daemon):
    daemon.write("", "roles.d/placeholder")
    daemon.start(BEFORE + 'include = [ "roles.d/*.conf" ];')
    assert traffic.tcp(clean["desk2"], clean.world, WORLD, 25) == traffic.RESET
    daemon.write("""
      roles = { post = { outbound = [ "smtp" ]; }; };
      hosts = ( { name = "desk2"; role = "post"; address = [ "192.168.0.12" ]; } );
    """, "roles.d/post.conf")
    assert wait_for(lambda: daemon.status()["policy"]["roles"] == 2, 5)
    assert traffic.tcp(clean["desk2"], clean.world, WORLD, 25) == traffic.PASSED


def test_sighup_reloads(clean: Lab, daemon: Daemon):
    daemon.start(BEFORE)
    daemon.write(AFTER)
    daemon.signal(signal.SIGHUP)
    assert wait_for(lambda: smtp(clean) == traffic.PASSED, 5)


@pytest.mark.parametrize("include", ["", 'include = [ "roles.d/*.conf" ];'])
def test_what_was_reloaded_by_hand_after_an_edit_is_not_loaded_once_more(daemon: Daemon,
                                                                         include: str):
    daemon.write("", "roles.d/placeholder")
    daemon.start(BEFORE + include)
    time.sleep(0.5)  # with a pattern the first files are read once more
    daemon.notices.clear()
    daemon.write(AFTER + include)
    daemon.signal(signal.SIGHUP)
    time.sleep(0.5)
    assert sum("RELOADING=1" in notice for notice in daemon.notices) == 1
    daemon.write(BEFORE + include)
    daemon.await_notice("READY=1")
    daemon.await_notice("RELOADING=1", 5)


def test_a_reload_tells_systemd_when_it_begins_and_ends(clean: Lab, daemon: Daemon):
    daemon.start(BEFORE)
    daemon.write(AFTER)
    daemon.signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in daemon.await_notice("RELOADING=1")
    daemon.await_notice("READY=1")


def test_egressctl_reload_returns_when_the_kernel_has_it(clean: Lab, daemon: Daemon):
    daemon.start(BEFORE)
    daemon.write(AFTER)
    reply = daemon.json("reload")
    assert smtp(clean) == traffic.PASSED
    assert (reply["roles"], reply["hosts"]) == (1, 1)


def test_a_reload_without_a_change_changes_nothing(clean: Lab, daemon: Daemon):
    daemon.start(BEFORE)
    before = daemon.table()
    assert daemon.call("Reload")["changed"] is False
    assert daemon.table() == before


MISTAKES = small('"http", "smpt"', hosts=""",
  { name = "desk2"; role = "dekst"; address = [ "192.168.0.300" ]; colour = 3; }""")


def file_line(text: str, words: str) -> int:
    """The line of the text in which the words stand."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)


def test_a_bad_file_changes_nothing_and_every_mistake_is_told(clean: Lab, daemon: Daemon):
    daemon.start(BEFORE)
    before, status = daemon.table(), daemon.status()
    daemon.write(MISTAKES)
    with pytest.raises(varlink.Refused) as refused:
        daemon.call("Reload")
    assert refused.value.name == "io.egressd.PolicyRejected"
    problems = refused.value.parameters["problems"]
    for word in ("smpt", "dekst", "192.168.0.300", "colour"):
        told = [problem for problem in problems if word in problem["text"]]
        assert [problem["line"] for problem in told] == [file_line(MISTAKES, word)], word
        assert told[0]["file"].endswith("egressd.conf")
    assert daemon.table() == before
    assert daemon.status()["policy"] == status["policy"]
    assert smtp(clean) == traffic.RESET


def test_egressctl_reload_of_a_bad_file_prints_the_mistakes_and_ends_with_1(daemon: Daemon):
    daemon.start(BEFORE)
    daemon.write(MISTAKES)
    done = daemon.ctl("reload")
    assert done.returncode == 1
    for word in ("smpt", "dekst", "192.168.0.300", "colour"):
        where = f"egressd.conf:{file_line(MISTAKES, word)}:"
        assert any(where in line and word in line
                   for line in (done.stdout + done.stderr).splitlines()), word


@pytest.mark.parametrize("text", ["", "\n", "gateway = {", BEFORE[:len(BEFORE) // 2], "\0" * 100])
def test_an_empty_or_torn_file_changes_nothing(clean: Lab, daemon: Daemon, text: str):
    daemon.start(AFTER)
    before = daemon.table()
    daemon.write(text)
    with pytest.raises(varlink.Refused):
        daemon.call("Reload")
    assert daemon.table() == before
    assert smtp(clean) == traffic.PASSED


def test_a_file_that_goes_away_changes_nothing(clean: Lab, daemon: Daemon):
    daemon.start(AFTER)
    before = daemon.table()
    daemon.config.unlink()
    time.sleep(0.5)
    with pytest.raises(varlink.Refused):
        daemon.call("Reload")
    assert daemon.table() == before
    daemon.write(BEFORE)
    assert wait_for(lambda: smtp(clean) == traffic.RESET, 5)


def test_a_mistake_that_is_mended_is_forgotten(daemon: Daemon):
    daemon.start(BEFORE)
    daemon.write(MISTAKES)
    assert wait_for(lambda: daemon.status()["degraded"], 5)
    daemon.write(AFTER)
    assert wait_for(lambda: not daemon.status()["degraded"], 5)
    assert daemon.status()["state"] == "enforcing"


TWO_ROLES = small('"http"', roles='trial = { outbound = [ %s ]; };', hosts=""",
  { name = "desk2"; role = "trial"; address = [ "192.168.0.12", "2001:db8:1::12" ]; }""")


def test_counters_of_all_roles_keep_their_values(clean: Lab, daemon: Daemon):
    daemon.start(TWO_ROLES % '"http"')
    for name in ("desk1", "desk2"):
        for port in (80, 80, 25, 25, 25):
            traffic.tcp(clean[name], clean.world, WORLD, port)
    assert (daemon.count("desk"), daemon.count("trial")) == ((2, 3), (2, 3))
    daemon.write(TWO_ROLES % '"http", "smtp"')
    assert daemon.call("Reload")["changed"] is True
    assert (daemon.count("desk"), daemon.count("trial")) == ((2, 3), (2, 3))
    assert {line["source"]: line["packets"] for line in daemon.status()["sources"]} == {
        "192.168.0.11": 3, "192.168.0.12": 3}
    traffic.tcp(clean["desk1"], clean.world, WORLD, 25)
    traffic.tcp(clean["desk2"], clean.world, WORLD, 25)
    assert (daemon.count("desk"), daemon.count("trial")) == ((2, 4), (3, 3))


def test_a_role_that_goes_and_a_role_that_comes(clean: Lab, daemon: Daemon):
    daemon.start(TWO_ROLES % '"http"')
    daemon.write(BEFORE)
    daemon.call("Reload")
    assert "trial" not in daemon.table()
    assert traffic.tcp(clean["desk2"], clean.world, WORLD, 80) == traffic.RESET
    daemon.write(TWO_ROLES % '"http"')
    daemon.call("Reload")
    assert traffic.tcp(clean["desk2"], clean.world, WORLD, 80) == traffic.PASSED


def test_a_change_of_the_gateway_is_put_in_force(clean: Lab, daemon: Daemon):
    daemon.start(small('"http"', gateway='refuse = "drop";'))
    assert smtp(clean) == traffic.SILENCE
    for options, wanted in (('refuse = "reject";', traffic.RESET),
                            ('mode = "audit";', traffic.PASSED),
                            ('mode = "enforce";', traffic.RESET)):
        daemon.write(small('"http"', gateway=options))
        daemon.call("Reload")
        assert smtp(clean) == wanted


def reloads(daemon: Daemon, texts: list[str], number: int) -> None:
    """Puts one text after the other in force, through the control socket."""
    with daemon.connect() as connection:
        for turn in range(number):
            daemon.write(texts[turn % len(texts)])
            connection.call("Reload")


def test_a_hundred_reloads_under_load_lose_nothing_and_let_nothing_pass(clean: Lab, daemon: Daemon):
    # The two policies differ in rules, elements, roles and hosts; dns is permitted by both and
    # discard by neither.
    one = TWO_ROLES % '"http"'
    other = small('"http", "dns", "tcp/8000-8100"', roles="""
      trial = { outbound = [ "dns" ]; inbound = [ "ssh" ]; }; third = { outbound = [ "gre" ]; };
    """, hosts=""",
      { name = "desk2"; role = "trial"; address = [ "192.168.0.12", "2001:db8:1::12" ]; },
      { name = "many"; role = "third"; address = [ "192.168.0.128/25" ]; }""", rest="""
      networks = { far = [ "198.51.100.0/24" ]; }; blocklist = [ "far" ];""")
    one = one.replace('outbound = [ "http" ]', 'outbound = [ "http", "dns" ]')
    streams = [flood.Stream(clean["desk1"], WORLD, 53), flood.Stream(clean["desk1"], WORLD, 9)]
    daemon.start(one.replace('gateway = {', 'gateway = { refuse = "drop";'))
    permitted, forbidden = streams
    with flood.counting(clean, streams) as counts:
        with flood.flowing(streams) as sent:
            reloads(daemon, [text.replace('gateway = {', 'gateway = { refuse = "drop";')
                             for text in (other, one)], 100)
        seen = counts()
    print(f"sent {sent[permitted]} permitted and {sent[forbidden]} forbidden packets")
    assert sent[permitted] > 10000 and sent[forbidden] > 10000
    assert seen[forbidden] == 0
    assert sent[permitted] - seen[permitted] == 0
    assert daemon.reason_packets()["role"] == sent[forbidden]


def test_hosts_by_the_thousand_are_put_in_force_in_one_piece(clean: Lab, daemon: Daemon):
    many = ", ".join(f'"10.{number >> 8}.{number & 255}.1"' for number in range(3000))
    daemon.start(BEFORE)
    daemon.write(small('"http", "smtp"', hosts=f""",
      {{ name = "many"; role = "desk"; address = [ {many} ]; }}"""))
    assert daemon.json("reload")["elements_added"] >= 3000
    assert smtp(clean) == traffic.PASSED
    daemon.write(BEFORE)
    assert daemon.json("reload")["elements_deleted"] >= 3000


def test_a_reload_says_how_it_was_verified(clean: Lab, daemon: Daemon):
    daemon.start(BEFORE)
    assert daemon.json("reload")["verified"] == "nothing had to be changed"
    daemon.write(AFTER)
    assert daemon.json("reload")["verified"] == "what changed read back"
    many = ", ".join(f'"10.{number >> 8}.{number & 255}.1"' for number in range(5000))
    for more in ("", ', "10.99.0.1"'):
        daemon.write(small('"http", "smtp"', hosts=f""",
          {{ name = "many"; role = "desk"; address = [ {many}{more} ]; }}"""))
        verified = daemon.json("reload")["verified"]
    assert " elements looked up" in verified


def test_a_list_too_large_to_be_read_back_is_verified_by_number_and_sample(
        clean: Lab, daemon: Daemon):
    prefixes = [f"20.{number >> 12}.{number >> 4 & 255}.{(number & 15) << 4}/30"
                for number in range(201_000)]

    def listed(*more: str) -> None:
        daemon.write("\n".join([*prefixes, *more]), "bad.txt")

    listed()
    daemon.start(small('"smtp"', rest="""
      networks = { bad = { file = "bad.txt"; }; }; blocklist = [ "bad" ];"""))
    assert smtp(clean) == traffic.PASSED
    listed(WORLD)
    reply = daemon.json("reload")
    assert (reply["elements_added"], reply["elements_deleted"]) == (1, 0)
    assert reply["verified"] == "what changed read back; in 1 large set 1 elements looked up"
    assert smtp(clean) != traffic.PASSED

    # A daemon that starts does not know what is in the set, and puts its own in its place.
    daemon.stop()
    listed()
    daemon.start()
    assert smtp(clean) == traffic.PASSED


def test_a_file_that_others_may_write_is_refused(daemon: Daemon):
    daemon.start(BEFORE)
    path = daemon.write(AFTER)
    pathlib.Path(path).chmod(0o666)
    with pytest.raises(varlink.Refused) as refused:
        daemon.call("Reload")
    assert refused.value.name == "io.egressd.PolicyRejected"
