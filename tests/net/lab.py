# SPDX-License-Identifier: GPL-2.0-or-later
"""The laboratory: a gateway with desks behind lan0, servers behind dmz0 and the world on wan0.

    desk1 desk2 desk3 ...          www1 mail1 dns1 ...
      |     |     |                  |     |     |
     ===== lan =====                ===== dmz =====
            |                              |
          lan0          gateway          dmz0
                           |
                         wan0 --- world: any address of 203.0.113.0/24, of 198.51.100.0/24
                                         from .32 on, and of 2001:db8:ffff:0:1::/80
"""
import time
from dataclasses import dataclass

from namespace import Namespace

# IPv6 without waiting: no duplicate address detection, no router discovery.
QUIET_IPV6 = {
    "ipv6/conf/all/accept_dad": 0, "ipv6/conf/default/accept_dad": 0,
    "ipv6/conf/all/accept_ra": 0, "ipv6/conf/default/accept_ra": 0,
    "ipv6/conf/default/router_solicitations": 0,
    "ipv6/conf/default/dad_transmits": 0,
}
# Every refusal gets its answer: the kernel's own limits on ICMP errors would hide some.
ANSWER_ALL = {"ipv4/icmp_ratelimit": 0, "ipv4/icmp_ratemask": 0, "ipv6/icmp/ratelimit": 0}


@dataclass(frozen=True)
class Segment:
    """A wire behind an interface of the gateway."""
    interface: str
    ipv4: str  # the first three bytes
    ipv6: str  # the prefix of 64 bits
    mac: str   # the gateway's


LINK_WAIT = 5.0  # seconds

LAN = Segment("lan0", "192.168.0", "2001:db8:1::", "02:00:00:00:01:01")
DMZ = Segment("dmz0", "192.0.2", "2001:db8::", "02:00:00:00:02:01")
WAN_MAC = "02:00:00:00:03:01"
WORLD_MAC = "02:00:00:00:03:02"
WORLD = "203.0.113.7"
WORLD_V6 = "2001:db8:ffff:0:1::7"

# Name, segment, last part of both addresses (decimal in IPv4, the same digits in IPv6).
HOSTS = (
    ("desk1", LAN, 11), ("desk2", LAN, 12), ("desk3", LAN, 13), ("stray", LAN, 200),
    ("www1", DMZ, 80), ("mail1", DMZ, 25), ("dns1", DMZ, 53), ("loghost", DMZ, 54),
    ("admin", DMZ, 65),
)


@dataclass(frozen=True)
class Host:
    """A machine of the laboratory with one interface, eth0."""
    name: str
    space: Namespace
    ipv4: str
    ipv6: str
    mac: str
    gateway_mac: str

    def address(self, family: int) -> str:
        """Its address of IP version 4 or 6."""
        return self.ipv4 if family == 4 else self.ipv6


@dataclass(frozen=True)
class Lab:
    """All machines; by name those that a test connects from or to."""
    gateway: Namespace
    world: Host
    hosts: dict[str, Host]
    switches: tuple[Namespace, ...]

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]


def _machine(name: str, settings: dict[str, int] | None = None) -> Namespace:
    space = Namespace(name)
    space.sysctl(QUIET_IPV6 | (settings or {}))
    space.ip("link set lo up")
    return space


def _switch(name: str) -> Namespace:
    space = _machine(name)
    space.ip("link add bridge type bridge forward_delay 0 mcast_snooping 0\nlink set bridge up")
    return space


def _gateway() -> Namespace:
    return _machine("gateway", ANSWER_ALL | {
        "ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1, "ipv6/conf/default/forwarding": 1,
        "ipv4/conf/all/rp_filter": 0, "ipv4/conf/default/rp_filter": 0,
        "ipv4/conf/all/send_redirects": 0, "ipv4/conf/default/send_redirects": 0,
        "ipv4/conf/all/log_martians": 0})


def _join(gateway: Namespace, switch: Namespace, segment: Segment) -> None:
    name = segment.interface
    gateway.ip(f"""
        link add {name} address {segment.mac} type veth peer name up0 netns {switch.name}
        address add {segment.ipv4}.1/24 dev {name}
        address add {segment.ipv6}1/64 dev {name} nodad
        link set {name} up""")
    switch.ip("link set up0 master bridge up")


def _host(switch: Namespace, name: str, segment: Segment, number: int) -> Host:
    space = _machine(name)
    mac = f"02:00:00:{segment.mac[12:14]}:10:{number % 100:02d}"
    ipv4, ipv6 = f"{segment.ipv4}.{number}", f"{segment.ipv6}{number}"
    space.ip(f"""
        link add eth0 address {mac} type veth peer name {name} netns {switch.name}
        address add {ipv4}/24 dev eth0
        address add {ipv6}/64 dev eth0 nodad
        link set eth0 up""")
    switch.ip(f"link set {name} master bridge up")
    space.ip(f"route add default via {segment.ipv4}.1\nroute add default via {segment.ipv6}1")
    return Host(name, space, ipv4, ipv6, mac, segment.mac)


def _world(gateway: Namespace) -> Host:
    space = _machine("world", ANSWER_ALL | {"ipv6/ip_nonlocal_bind": 1})
    gateway.ip(f"link add wan0 address {WAN_MAC} type veth peer name eth0 netns world")
    gateway.ip("""
        address add 198.51.100.1/30 dev wan0
        address add 2001:db8:ffff::1/126 dev wan0 nodad
        link set wan0 up""")
    space.ip(f"""
        link set eth0 address {WORLD_MAC} up
        address add 198.51.100.2/30 dev eth0
        address add 2001:db8:ffff::2/126 dev eth0 nodad
        route add local 198.51.100.32/27 dev lo
        route add local 198.51.100.64/26 dev lo
        route add local 198.51.100.128/25 dev lo
        route add local 203.0.113.0/24 dev lo
        route add local 2001:db8:ffff:0:1::/80 dev lo
        route add default via 198.51.100.1
        route add default via 2001:db8:ffff::1""")
    gateway.ip("route add default via 198.51.100.2\nroute add default via 2001:db8:ffff::2")
    return Host("world", space, WORLD, WORLD_V6, WORLD_MAC, WAN_MAC)


def _await_links(spaces: list[Namespace]) -> None:
    """The kernel starts the queues of an interface some time after its other end is up."""
    deadline = time.monotonic() + LINK_WAIT
    while any("LOWERLAYERDOWN" in shown or "state DOWN" in shown or "noop" in shown
              for shown in (space.run("ip", "link", "show").stdout for space in spaces)):
        if time.monotonic() > deadline:
            raise RuntimeError("the laboratory's links do not come up")
        time.sleep(0.02)


def build(hosts: tuple = HOSTS) -> Lab:
    """Makes the whole laboratory; it vanishes with the process."""
    gateway = _gateway()
    switches = {LAN: _switch("lan"), DMZ: _switch("dmz")}
    for segment, switch in switches.items():
        _join(gateway, switch, segment)
    world = _world(gateway)
    machines = {name: _host(switches[segment], name, segment, number)
                for name, segment, number in hosts}
    _await_links([gateway, world.space, *switches.values(),
                  *(machine.space for machine in machines.values())])
    machines["world"] = world
    machines["gateway"] = Host("gateway", gateway, "198.51.100.1", "2001:db8:ffff::1", WAN_MAC,
                               WORLD_MAC)
    return Lab(gateway, world, machines, tuple(switches.values()))
