# SPDX-License-Identifier: GPL-2.0-or-later
"""Conntrack helpers: every one that the kernel has, and every shipped service, comes into force."""
import re

import irc
import listing
import pytest
import sip
import traffic
from daemon import ROOT, Daemon, egressctl
from faults import Faults
from lab import WORLD, WORLD_V6, Lab
from namespace import Namespace
from policies import small

SHIPPED = re.findall(r"^\t([\w-]+)\s*= [\[{]", (ROOT / "conf" / "services.conf").read_text(), re.M)
# Kind, protocol, and the families for which the kernel has it (net/netfilter/nf_conntrack_*.c).
HELPERS = [("ftp", "tcp", "inet"), ("tftp", "udp", "inet"), ("sip", "tcp", "inet"),
           ("sip", "udp", "inet"), ("irc", "tcp", "ip"), ("pptp", "tcp", "ip"),
           ("amanda", "udp", "inet"), ("snmp", "udp", "ip"), ("netbios-ns", "udp", "ip"),
           ("sane", "tcp", "inet"), ("RAS", "udp", "inet"), ("Q.931", "tcp", "inet"),
           ("H.245", "udp", "inet")]
DESK, DESK_V6, PORT = "192.168.0.11", "2001:db8:1::11", 7777
FAMILIES = pytest.mark.parametrize("far", [WORLD, WORLD_V6])
_spaces: dict[str, Namespace] = {}


def empty_space() -> Namespace:
    """A namespace of its own, in which nft loads what egressctl prints."""
    if "empty" not in _spaces:
        _spaces["empty"] = Namespace("empty-helpers")
    return _spaces["empty"]


def kernels(kind: str, protocol: str) -> str | None:
    """For which families the kernel has that helper over that protocol; None: not at all."""
    space, name = empty_space(), f"{kind}_{protocol}"
    space.nft("flush ruleset\ntable inet t { }")
    done = space.run("nft", "add", "ct", "helper", "inet", "t", name,
                     f'{{ type "{kind}" protocol {protocol}; }}', check=False)
    if done.returncode:
        return None
    shown = space.run("nft", "list", "ct", "helper", "inet", "t", name).stdout
    return re.search(r"l3proto (\w+)", shown)[1]


def need(kind: str, protocol: str) -> None:
    """Skips a test of a helper for which this kernel lacks the module."""
    if not kernels(kind, protocol):
        pytest.skip(f"this kernel has no conntrack helper {kind} for {protocol}")


def everywhere(service: str) -> str:
    """A policy with the service in every kind of rule: to anybody, to and from some, by family."""
    return small(f'"{service}"', roles=f"""
      some = {{ outbound = ( {{ service = "{service}"; to = [ "198.51.100.0/24", "2001:db8:9::/48",
                               "192.0.2.80", "2001:db8::80", "role:web" ]; }} ); }};
      only6 = {{ outbound = ( {{ service = "{service}"; to = [ "2001:db8:9::/48",
                                "2001:db8::80" ]; }} ); }};
      web = {{ inbound = ( "{service}", {{ service = "{service}"; from = [ "host:desk2",
                         "203.0.113.0/24" ]; }} ); }};""", hosts="""
      , { name = "desk2"; role = "some"; address = [ "192.168.0.12", "2001:db8:1::12" ]; }
      , { name = "desk3"; role = "only6"; address = [ "2001:db8:1::13" ]; }
      , { name = "www1"; role = "web"; address = [ "192.0.2.80", "2001:db8::80" ]; }""")


def assert_in_force(daemon: Daemon) -> None:
    """What is enforced is what is wanted, and all of it."""
    status = daemon.status()
    assert (status["state"], status["degraded"]) == ("enforcing", []), daemon.log()


def assert_round(daemon: Daemon, policy: str) -> None:
    """In force from the start; a restart changes nothing; reloads take it out and in again."""
    daemon.start(policy)
    assert_in_force(daemon)
    table = daemon.table()
    daemon.stop()
    daemon.start()
    assert_in_force(daemon)
    change = daemon.status()["change"]
    assert not change or not any(value for key, value in change.items()
                                 if key.startswith(("elements", "rules"))), change
    assert daemon.table() == table
    for text in (small('"tcp/1"'), policy):
        daemon.write(text)
        daemon.call("Reload")
        assert_in_force(daemon)
    assert listing.normal(daemon.table()) == listing.normal(table)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_service_comes_into_force(clean: Lab, daemon: Daemon, name: str):
    text = (ROOT / "conf" / "services.conf").read_text()
    for kind in re.findall(rf'^\t{re.escape(name)} .*helper = "(.*?)"', text, re.M):
        for protocol in {literal.partition("/")[0] for literal in services_of(name)}:
            need(kind, protocol)
    assert_round(daemon, everywhere(name))
    assert listing.loaded_anew(empty_space(), daemon) == listing.listed(clean.gateway)
    for source, far in ((DESK, WORLD), (DESK_V6, WORLD_V6)):
        for service in services_of(name):
            if applies(service, far):
                explained = daemon.json("explain", source, far, service)
                assert explained["verdict"] == "permitted", (far, service, explained)
                assert try_one(clean, far, service) in (None, traffic.PASSED), (far, service)


def services_of(name: str) -> list[str]:
    """Up to three literals of a shipped service, by what a role with it may."""
    text = (ROOT / "conf" / "services.conf").read_text()
    line = re.search(rf"^\t{re.escape(name)}\s*= (.*);$", text, re.M)[1]
    words = re.findall(r'"([^"]+)"', line.partition("helper")[0])
    literals = []
    for word in words:
        if word in SHIPPED and word != name:
            literals += services_of(word)
        else:
            literals.append(re.sub(r"-\d+$", "", word))
    return literals[:3]


def applies(service: str, far: str) -> bool:
    """ICMP is IPv4, and ICMPv6 is not."""
    return not service.startswith("icmp") or service.startswith("icmpv6") == (":" in far)


def try_one(lab: Lab, far: str, service: str) -> str | None:
    """What becomes of a connection of TCP or UDP; None: it is neither."""
    protocol, _, port = service.partition("/")
    if protocol not in ("tcp", "udp"):
        return None
    attempt = traffic.tcp if protocol == "tcp" else traffic.udp
    return attempt(lab["desk1"], lab.world, far, int(port))


@pytest.mark.parametrize("kind, protocol, families", HELPERS)
def test_every_helper_of_the_kernel_comes_into_force(clean: Lab, daemon: Daemon, kind: str,
                                                     protocol: str, families: str):
    need(kind, protocol)
    ports = f'[ "{protocol}/{PORT}", "{protocol}/7000-7009" ]'
    policy = everywhere("x") + f'services = {{ x = {{ ports = {ports}; helper = "{kind}"; }}; }};'
    assert_round(daemon, policy)
    table = daemon.table()
    assert f'type "{kind}" protocol {protocol}\n\t\tl3proto {families}\n' in table
    # Only one family gets the helper of one family, and both are permitted.
    assigned = [line for line in table.splitlines() if "ct helper set" in line]
    assert assigned
    if families == "ip":
        assert all(re.search(r"meta nfproto ipv4|\tip [sd]addr", line) for line in assigned)
    assert listing.loaded_anew(empty_space(), daemon) == listing.listed(clean.gateway)
    for far in (WORLD, WORLD_V6):
        for port in (PORT, 7005):
            assert try_one(clean, far, f"{protocol}/{port}") == traffic.PASSED
        explained = daemon.json("explain", DESK_V6 if ":" in far else DESK, far,
                                f"{protocol}/{PORT}")
        assert explained["verdict"] == "permitted"
    assert daemon.blocked() == []


def test_the_list_of_helpers_is_the_kernels(clean: Lab):
    """Neither a protocol nor a family is in the list that the kernel has not, nor left out."""
    for kind in sorted({kind for kind, _, _ in HELPERS}):
        known = {protocol: families for name, protocol, families in HELPERS if name == kind}
        found = {protocol: families for protocol in ("tcp", "udp")
                 if (families := kernels(kind, protocol))}
        assert found in (known, {}), kind


def test_a_file_offered_over_irc_passes_with_the_helper(clean: Lab, daemon: Daemon):
    need("irc", "tcp")
    daemon.start(small('"irc"').replace('[ "irc" ];', '[ "irc" ]; inbound = [ ];'))
    assert irc.fetch_offered(clean["desk1"], clean.world, WORLD, DESK) == irc.CONTENT
    assert daemon.blocked() == []


def test_a_file_offered_over_irc_does_not_pass_without_the_helper(clean: Lab, daemon: Daemon):
    daemon.start(small('"tcp/6667"').replace('[ "tcp/6667" ];',
                                             '[ "tcp/6667" ]; inbound = [ ];'))
    with pytest.raises(OSError):
        irc.fetch_offered(clean["desk1"], clean.world, WORLD, DESK)
    line, = daemon.blocked(1)
    assert line["reason"] == "inbound"


def test_irc_over_ipv6_is_permitted_and_has_no_helper(clean: Lab, daemon: Daemon):
    need("irc", "tcp")
    daemon.start(small('"irc"'))
    for far, helpers in ((WORLD, 1), (WORLD_V6, 0)):
        with (traffic.listen(clean.world, far, 6667) as listener,
              traffic.connect(clean["desk1"], far, 6667), listener.accept()[0]):
            listed = clean.gateway.run("conntrack", "-L", "-f",
                                       "ipv6" if ":" in far else "ipv4").stdout
            assert listed.count("dport=6667") == 1
            assert listed.count("helper=irc") == helpers, listed
    assert daemon.blocked() == []


def test_a_permit_for_a_while_has_the_helper_of_one_family_too(clean: Lab, daemon: Daemon):
    need("irc", "tcp")
    daemon.start(small('"http"').replace('[ "http" ];', '[ "http" ]; inbound = [ ];'))
    daemon.call("Permit", host="desk1", service="irc", seconds=60, why="a test")
    assert_in_force(daemon)
    assert irc.fetch_offered(clean["desk1"], clean.world, WORLD, DESK) == irc.CONTENT
    assert try_one(clean, WORLD_V6, "tcp/6667") == traffic.PASSED
    assert daemon.blocked() == []


def test_speech_of_a_call_that_comes_in_goes_on_over_a_change_of_the_policy(clean: Lab,
                                                                           daemon: Daemon):
    """Speech is expected by the call, and the call by the phone's registration."""
    need("sip", "udp")
    policy = small('"sip"').replace('[ "sip" ];', '[ "sip" ]; inbound = [ ];')
    daemon.start(policy)
    with sip.call(clean["desk1"], clean.world, WORLD) as (speaking, hearing):
        assert sip.speak(speaking, hearing, WORLD)
        daemon.write(policy.replace('"sip"', '"sip", "http"'))
        daemon.call("Reload")
        daemon.write(policy)  # this one denies something, so that flows are judged
        daemon.call("Reload")
        assert sip.speak(speaking, hearing, WORLD)
        daemon.write(policy.replace('"sip"', '"http"'))
        daemon.call("Reload")
        assert not sip.speak(speaking, hearing, WORLD)


@pytest.mark.parametrize("service, text", [
    ('{ ports = [ "udp/6667" ]; helper = "irc"; }', 'write "tcp/6667" instead of "udp/6667"'),
    ('{ ports = [ "tcp/21" ]; helper = "fpt"; }', 'did you mean "ftp"?'),
    ('{ ports = [ "tcp/1720" ]; helper = "H.245"; }', 'write helper = "Q.931"')])
def test_a_helper_that_no_kernel_has_is_an_error_with_its_line_and_what_would_be_right(
        daemon: Daemon, service: str, text: str):
    daemon.start(small())
    path = daemon.write(small('"x"') + f"services = {{ x = {service}; }};")
    line = path.read_text().count("\n") + 1
    done = egressctl("check", str(path))
    assert done.returncode == 1
    assert f"{path}:{line}: " in done.stdout and text in done.stdout
    done = daemon.ctl("reload")
    assert done.returncode == 1
    assert f"{path}:{line}: " in done.stdout + done.stderr
    assert daemon.status()["policy"]["digest"]


@pytest.fixture
def lacking(daemon: Daemon) -> Faults:
    """A kernel without the helper "irc", from when it is armed."""
    faults = Faults("helpers", daemon.folder)
    daemon.environment |= faults.environment | {"EGRESSD_LACKING_HELPER": "irc"}
    return faults


SENTENCE = 'the kernel lacks the conntrack helper "irc" (module nf_conntrack_irc)'


def test_a_helper_that_the_kernel_lacks_costs_what_it_would_permit_and_nothing_else(
        clean: Lab, daemon: Daemon, lacking: Faults):
    need("irc", "tcp")
    lacking.arm()
    daemon.start(everywhere("irc").replace('[ "irc" ];', '[ "irc", "ftp" ]; inbound = [ ];'))
    status = daemon.status()
    assert status["state"] == "degraded"
    fault, = status["degraded"]
    assert fault.startswith(SENTENCE) and "egressctl reload" in fault
    assert SENTENCE in daemon.log()
    assert "ftp_tcp" in daemon.table() and "irc_tcp" not in daemon.table()
    for far in (WORLD, WORLD_V6):
        assert try_one(clean, far, "tcp/6667") == traffic.PASSED
    with pytest.raises(OSError):
        irc.fetch_offered(clean["desk1"], clean.world, WORLD, DESK)
    # Nobody who changes something else is told that the kernel refuses it.
    daemon.call("Permit", host="desk1", service="tcp/99", seconds=60, why="a test")
    assert try_one(clean, WORLD, "tcp/99") == traffic.PASSED

    lacking.disarm()  # as modprobe does
    daemon.call("Reload")
    assert_in_force(daemon)
    assert irc.fetch_offered(clean["desk1"], clean.world, WORLD, DESK) == irc.CONTENT


def test_a_helper_that_is_there_no_more_is_found_out_at_the_next_reload(clean: Lab, daemon: Daemon,
                                                                        lacking: Faults):
    daemon.start(small('"http"'))
    lacking.arm()
    daemon.write(small('"http", "irc"'))
    daemon.call("Reload")
    assert daemon.status()["degraded"][0].startswith(SENTENCE)
    daemon.write(small('"http"'))
    daemon.call("Reload")
    assert_in_force(daemon)
