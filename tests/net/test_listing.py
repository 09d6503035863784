# SPDX-License-Identifier: GPL-2.0-or-later
"""The table as nft shows it: a document that loads again, the same that egressctl prints."""
import pathlib
import re
import shutil

import pytest
import traffic
from daemon import ROOT, Daemon, egressctl
from lab import WORLD, Lab
from namespace import Namespace
from policies import CLASSIC, small

EXAMPLES = ("egressd.conf", "examples/dmz.conf", "examples/office.conf")
RICH = small('"http", "ftp", "gre", "icmp/13", "tcp/1024-2048"', roles="""
  web = { inbound = [ "http", "quic" ]; outbound = ( "dns",
          { service = [ "syslog", "tcp/6000-6010" ]; to = [ "far", "host:desk1" ]; } ); };
  list = { outbound = [ "ping" ]; mode = "audit"; };
  router = { outbound = [ "dns", "ntp" ]; };""", hosts=""",
  { name = "www1"; role = "web"; address = [ "192.0.2.80", "2001:db8::80" ];
    mac = [ "02:00:00:02:10:80" ]; },
  { name = "wide"; role = "list"; address = [ "192.168.0.0/24", "2001:db8:1::/64" ]; },
  { name = "roamer"; role = "desk"; mac = [ "02:00:00:01:10:00" ]; },
  { name = "gateway"; role = "router"; self = true; }""",
    rest="""
networks = { far = [ "198.51.100.0/24", "2001:db8:ffff::/48" ]; };
blocklist = [ "far" ];""")
POLICIES = {"small": small(), "classic": CLASSIC, "rich": RICH,
            "audit": small(gateway='mode = "audit"; refuse = "drop";')}
_spaces: dict[str, Namespace] = {}


def empty_space() -> Namespace:
    """A namespace without any table."""
    if "empty" not in _spaces:
        _spaces["empty"] = Namespace("empty")
    _spaces["empty"].nft("flush ruleset")
    return _spaces["empty"]


def listed_after_loading(text: str) -> str:
    """What nft lists once it has loaded the text into an empty namespace."""
    space = empty_space()
    space.nft(text)
    return space.run("nft", "list", "table", "inet", "egressd").stdout


@pytest.mark.parametrize("name", POLICIES)
def test_the_listing_loads_unchanged_and_lists_the_same(clean: Lab, daemon: Daemon, name: str):
    daemon.start(POLICIES[name])
    for port in (80, 25, 21):
        traffic.tcp(clean["desk1"], clean.world, WORLD, port)
    text = daemon.table()
    assert "table inet egressd" in text
    assert listed_after_loading(text) == text


@pytest.mark.parametrize("name", POLICIES)
def test_egressctl_table_prints_what_the_daemon_loads(daemon: Daemon, name: str):
    daemon.start(POLICIES[name])
    done = egressctl("table", str(daemon.config))
    assert (done.returncode, done.stderr) == (0, "")
    assert listed_after_loading(done.stdout) == daemon.table()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_shipped_configurations_load(clean: Lab, folder: pathlib.Path, name: str):
    # A copy, for the clone may belong to somebody whom the daemon does not trust.
    shutil.copytree(ROOT / "conf", folder / "conf", copy_function=shutil.copyfile)
    path = folder / "conf" / name
    done = egressctl("check", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    done = egressctl("table", str(path))
    assert "chain forward" in listed_after_loading(done.stdout)


def test_the_listing_reads_like_a_document(daemon: Daemon):
    daemon.start(RICH)
    text = daemon.table()
    assert "chain role_desk {" in text
    assert re.search(r'comment "[a-z]', text)
    assert "unknown" not in text and "@nh" not in text and "@th" not in text
    # Sets say what their keys are.
    assert not re.search(r"type (integer|0x)", text)


def test_the_number_of_rules_does_not_depend_on_the_number_of_hosts(daemon: Daemon):
    daemon.start(CLASSIC)

    def rules(text: str) -> int:
        other = "type|elements|size|flags|comment|packets|\t"
        return len(re.findall(rf"^\t\t(?!{other})\S", text, re.M))

    before = rules(daemon.table())
    daemon.write(CLASSIC.rstrip().removesuffix(");") + "".join(
        f', {{ name = "more{number}"; role = "desk"; address = [ "192.168.1.{number}" ]; }}'
        for number in range(1, 200)) + ");")
    daemon.call("Reload")
    assert rules(daemon.table()) == before
