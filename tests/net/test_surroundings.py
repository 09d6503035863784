# SPDX-License-Identifier: GPL-2.0-or-later
"""What of the gateway is not ours and yet matters is found, told, and over when it is gone."""
import contextlib
import os
import pathlib
from collections.abc import Iterator

import batch
import pytest
from daemon import Daemon, wait_for
from lab import Lab
from policies import small


def notice(daemon: Daemon, words: str) -> str | None:
    """The notice with these words."""
    found = [text for text in daemon.status()["notices"] if words in text]
    return found[0] if found else None


def fault(daemon: Daemon, words: str) -> str | None:
    """The fault with these words."""
    found = [text for text in daemon.status()["degraded"] if words in text]
    return found[0] if found else None


def told(text: str, daemon: Daemon, *arguments: str) -> bool:
    """Whether egressctl says so, wherever it breaks the lines."""
    return " ".join(text.split()) in " ".join(daemon.ctl(*arguments).stdout.split())


@contextlib.contextmanager
def links(lab: Lab, *commands: str) -> Iterator[None]:
    """Interfaces made in the gateway for the block; the last one named is deleted."""
    lab.gateway.ip("\n".join(commands))
    try:
        yield
    finally:
        for name in ("br7", "port7", "port8"):
            lab.gateway.run("ip", "link", "delete", name, check=False)


@pytest.mark.parametrize("family", ["ip", "inet"])
def test_a_foreign_notrack_is_a_notice_as_long_as_it_is_there(clean: Lab, daemon: Daemon,
                                                             family: str):
    daemon.start(small())
    assert wait_for(lambda: daemon.status()["notices"] == [])
    clean.gateway.nft(f"""table {family} odd {{
        chain early {{
            type filter hook prerouting priority raw
            udp dport 53 notrack
        }}
    }}""")
    text = wait_for(lambda: notice(daemon, "untracked"), 5)
    assert f"table {family} odd, chain early" in text
    assert daemon.status()["state"] == "enforcing", "enforcement is not weaker by it"
    assert text in daemon.ctl("status").stdout.replace("\n            ", " ")
    assert text in daemon.log()
    clean.gateway.nft(f"delete table {family} odd")
    assert wait_for(lambda: not notice(daemon, "untracked"), 5)
    assert "This is over" in daemon.log()


def test_an_inside_interface_in_a_bridge_that_is_not_inside_degrades(clean: Lab, daemon: Daemon):
    with links(clean, "link add br7 type bridge", "link add port7 type veth peer name port8",
               "link set port7 master br7"):
        daemon.start(small().replace('"dmz0"', '"dmz0", "port7"'))
        text = wait_for(lambda: fault(daemon, "is a port of the bridge br7"))
        assert text.startswith("port7 of gateway.inside")
        assert daemon.status()["state"] == "degraded"
        clean.gateway.ip("link set port7 nomaster")
        clean.gateway.nft("add table inet other")  # or it is noticed within a minute
        assert wait_for(lambda: daemon.status()["state"] == "enforcing", 5)


def test_an_inside_bridge_of_several_ports_is_a_notice(clean: Lab, daemon: Daemon):
    if pathlib.Path("/proc/sys/net/bridge").exists():
        clean.gateway.sysctl({"bridge/bridge-nf-call-iptables": 0})
    with links(clean, "link add br7 type bridge", "link add port7 type veth peer name port8",
               "link set port7 master br7", "link set port8 master br7"):
        daemon.start(small().replace('"dmz0"', '"dmz0", "br7"'))
        assert wait_for(lambda: notice(daemon, "between its 2 ports"))
        assert daemon.status()["state"] == "enforcing"
        clean.gateway.ip("link set port8 nomaster")
        clean.gateway.nft("add table inet other")
        assert wait_for(lambda: not notice(daemon, "between its"), 5)


def test_a_table_of_connections_that_fills_up_is_a_notice(clean: Lab, daemon: Daemon):
    limit = clean.gateway.run("sysctl", "-n", "net.netfilter.nf_conntrack_max").stdout.strip()
    if not limit or int(limit) > 300000:
        pytest.skip(f"nf_conntrack_max is {limit or 'unknown'}, too large to be filled here")
    daemon.start(small())
    batch.fill_conntrack(clean.gateway, int(limit) * 85 // 100)
    clean.gateway.nft("add table inet other")
    assert wait_for(lambda: notice(daemon, "table of connections is"), 5)
    clean.gateway.run("conntrack", "-F")
    clean.gateway.nft("delete table inet other")
    assert wait_for(lambda: not notice(daemon, "table of connections is"), 5)


def test_a_table_without_an_owner_is_a_notice(clean: Lab, daemon: Daemon):
    daemon.start(small(gateway="own_table = false;"))
    assert daemon.status()["notices"] == [], "so it was said"
    daemon.stop()
    daemon.start(small())
    text = wait_for(lambda: notice(daemon, "others may change the table"))
    assert "made anew" in text or "cannot keep them" in text


def test_flowtables_are_found_where_the_kernel_has_them(clean: Lab, daemon: Daemon):
    daemon.start(small())
    done = clean.gateway.run("nft", """add table inet odd; add flowtable inet odd fast
        { hook ingress priority 0; devices = { lan0, wan0 }; }""", check=False)
    if done.returncode:
        pytest.skip("this kernel has no flowtables (NF_FLOW_TABLE); the decoder has a unit test")
    assert wait_for(lambda: fault(daemon, "inet odd, flowtable fast"), 5)


def test_a_typing_error_in_inside_is_told_with_the_hosts_that_nobody_judges(clean: Lab,
                                                                            daemon: Daemon):
    good = small(hosts=', { name = "www1"; role = "desk"; address = [ "192.0.2.80" ]; }')
    daemon.start(good)
    assert wait_for(lambda: daemon.status()["notices"] == [])
    daemon.write(good.replace('"lan0"', '"lan9"'))
    text = ("there is no interface lan9 of gateway.inside, and host desk1 is behind lan0, which is "
            "not inside: what it initiates is not judged")
    assert told(text, daemon, "reload")
    assert told(text, daemon, "status")
    assert daemon.log().count(text) == 1
    assert daemon.call("Reload")["notices"] == [text]
    assert daemon.log().count(text) == 1, "it is told when it begins"
    daemon.write(good.replace('"lan0", "dmz0"', '"lan9", "dmz9"'))
    text = daemon.call("Reload")["notices"][0]
    assert text.startswith("there is no interface lan9 and dmz9 of gateway.inside, and host ")
    assert text in daemon.log(), "another mistake is told again"
    daemon.write(good)
    assert daemon.call("Reload")["notices"] == []
    assert daemon.status()["notices"] == []


def test_each_interface_of_hosts_that_nobody_judges_is_told_once(clean: Lab, daemon: Daemon):
    hosts = "".join(f', {{ name = "{name}"; role = "desk"; address = "{address}"; }}'
                    for name, address in [("www1", "192.0.2.80"), ("desk2", "192.168.0.12"),
                                          *((f"far{i}", f"10.99.{i}.1") for i in range(3))])
    text = ("there is no interface lan7 of gateway.inside, and host desk1 and 1 more are behind "
            "lan0 and host www1 is behind dmz0, which are not inside: what they initiate is not "
            "judged")
    daemon.start(small(hosts=hosts).replace('"lan0", "dmz0"', '"lan7"'))
    assert wait_for(lambda: notice(daemon, text))
    assert told(text, daemon, "status")
    assert told(text, daemon, "reload")
    ways = ("br7", "port7", "port8")
    with links(clean, "link add br7 type bridge", "link add port7 type veth peer name port8",
               *(f"address add 10.99.{i}.2/24 dev {way}\nlink set {way} up"
                 for i, way in enumerate(ways))):
        assert daemon.call("Reload")["notices"] == [text.replace(
            " and host www1 is behind dmz0,", ", host www1 is behind dmz0, host far0 is behind "
            "br7, host far1 is behind port7, and others are behind 1 more interface,")]


def test_a_default_route_through_an_inside_interface_is_told(clean: Lab, daemon: Daemon):
    daemon.start(small())
    assert daemon.call("Reload")["notices"] == []
    daemon.write(small().replace('"dmz0"', '"dmz0",\n "w*"'))
    text = ("the default route leads through wan0, which is inside: all that comes from beyond it "
            "is taken for inside, and is unassigned where it is no host's (\"w*\" of "
            f"gateway.inside, {daemon.config}:3)")
    assert told(text, daemon, "reload")
    assert told(text, daemon, "status") and text in daemon.log()
    assert daemon.status()["state"] == "enforcing", "it may be meant"
    daemon.write(small())
    assert daemon.call("Reload")["notices"] == []
    assert daemon.status()["notices"] == []


def test_an_inside_interface_that_is_still_to_come_is_no_notice(clean: Lab, daemon: Daemon):
    daemon.start(small(hosts=', { name = "far"; role = "desk"; address = [ "10.99.0.1" ]; }')
                 .replace('"dmz0"', '"dmz0", "tun*"'))
    assert daemon.call("Reload")["notices"] == []
    assert daemon.status()["missing"] == ["tun*"]
    assert daemon.status()["notices"] == [], "only the default route leads to far"
    clean.gateway.ip(f"route add 10.99.0.0/24 via {clean['desk1'].ipv4}")
    try:
        assert daemon.call("Reload")["notices"] == [], "it is behind lan0, which is inside"
        daemon.write(daemon.config.read_text().replace('"lan0"', '"lan9"'))
        assert "and host desk1 and 1 more are behind lan0" in daemon.call("Reload")["notices"][0]
    finally:
        clean.gateway.ip("route delete 10.99.0.0/24")


def test_an_interface_with_hosts_that_inside_does_not_name_is_told(clean: Lab, daemon: Daemon):
    hosts = """
  , { name = "www1"; role = "desk"; address = [ "192.0.2.80", "192.0.2.81" ]; }
  , { name = "www2"; role = "desk"; address = "2001:db8:77::82"; }
  , { name = "world"; role = "desk"; address = [ "0.0.0.0/0", "198.51.100.2" ]; }
  , { name = "far"; role = "desk"; address = "10.99.0.1"; }"""
    daemon.start(small(hosts=hosts))
    assert daemon.call("Reload")["notices"] == [], "both are named"
    assert daemon.status()["notices"] == []
    forgotten = small(hosts=hosts).replace(', "dmz0"', "")
    daemon.write(forgotten)
    text = ("host www1 is behind dmz0, which is not inside: what it initiates is not judged; add "
            "\"dmz0\" to gateway.inside")
    assert daemon.call("Reload")["notices"] == [text]
    assert wait_for(lambda: notice(daemon, text)) and text in daemon.log()
    daemon.write(forgotten.replace("2001:db8:77::82", "192.0.2.82"))
    assert daemon.call("Reload")["notices"][0].startswith("hosts www1 and www2 are behind dmz0, ")
    # Whoever may reach others, or be reached, is perhaps meant to be there.
    daemon.write(forgotten.replace("desk = {", """
      desk = { inbound = ( { service = "ssh"; from = [ "host:www1", "host:www2" ]; } ); """))
    assert daemon.call("Reload")["notices"] == []


def test_of_many_hosts_some_are_looked_up(clean: Lab, daemon: Daemon):
    hosts = "".join(f', {{ name = "h{i}"; role = "desk"; address = [ "192.0.2.{i % 240 + 1}'
                    f'" ]; }}' if i < 240 else
                    f', {{ name = "h{i}"; role = "desk"; address = [ "192.168.0.{i % 230 + 12}'
                    f'" ]; }}' for i in range(400))
    daemon.start(small(hosts=hosts).replace('"dmz0"', '"dmz9"'))
    text = wait_for(lambda: notice(daemon, "no interface dmz9"))
    assert " more are behind dmz0" in text
    assert "(256 of 401 hosts were looked up)" in text


@pytest.mark.parametrize("mode, owner, words", [
    (0o777, 0, "others may write to the state directory (mode 0777)"),
    (0o755, 65534, "the state directory belongs to user 65534"),
])
def test_a_state_directory_that_others_may_write_to_is_a_notice(
        clean: Lab, daemon: Daemon, mode: int, owner: int, words: str):
    daemon.state.chmod(mode)
    os.chown(daemon.state, owner, 0)
    daemon.start(small())
    text = wait_for(lambda: notice(daemon, words))
    assert str(daemon.state) in text and text in daemon.log()
    daemon.state.chmod(0o700)
    os.chown(daemon.state, 0, 0)
    clean.gateway.nft("add table inet other")
    assert wait_for(lambda: not notice(daemon, "state directory"), 5)
