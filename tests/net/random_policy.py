# SPDX-License-Identifier: GPL-2.0-or-later
"""Policies and packets made by chance: valid ones, with many edges for packets to hit."""
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from random import Random

import packet

Address = IPv4Address | IPv6Address

# Where each interface of the gateway leads; hosts live behind the first two.
NETWORKS = {
    "lan0": ("192.168.0.0/24", "2001:db8:1::/64"),
    "dmz0": ("192.0.2.0/24", "2001:db8::/64"),
    "wan0": ("203.0.113.0/24", "2001:db8:ffff:0:1::/80"),
}
INSIDE = ("lan0", "dmz0")
NOWHERE = {4: "198.18.0.1", 6: "2001:db8:5555::1"}  # addresses that no route leads to
SPAN = {4: 256, 6: 512}  # addresses of a network that are used at all
SHIPPED = ("http", "https", "dns", "smtp", "ntp", "syslog", "ssh", "ping", "ftp", "pop3", "auth",
           "irc", "sip", "tftp")
PORTS = (20, 21, 22, 25, 53, 69, 80, 110, 113, 123, 443, 514, 1023, 1024, 1025, 2048, 5060, 6667,
         8080, 65535)
TYPES = {"icmp": (0, 3, 8, 11, 13, 15, 17), "icmpv6": (3, 4, 128, 129, 139, 144)}
PORTED = {"tcp": packet.TCP, "udp": packet.UDP, "sctp": packet.SCTP, "udplite": 136, "dccp": 33}
PORTLESS = {"gre": packet.GRE, "esp": 50, "ipip": 4, "ospf": 89}


@dataclass(frozen=True)
class Probe:
    """The first packet of a connection."""
    interface: str
    source: str
    destination: str
    protocol: str
    port: int | None  # or ICMP type
    mac: str
    token: bytes
    continues: bool = False  # TCP that goes on with a connection: ACK, no SYN
    from_port: int = 0       # 0: one of no service

    @property
    def source_port(self) -> int:
        """Of a protocol with ports."""
        return self.from_port or 1024 + int.from_bytes(self.token[:2], "big") % 60000

    @property
    def service(self) -> str:
        """As a literal of the configuration."""
        return self.protocol if self.port is None else f"{self.protocol}/{self.port}"

    @property
    def data(self) -> bytes:
        """The IP packet."""
        source_port = self.source_port
        if self.protocol == "tcp":
            flags = packet.ACK if self.continues else packet.SYN
            number, payload = packet.TCP, packet.tcp(self.source, self.destination, source_port,
                                                     self.port, flags, payload=self.token)
        elif self.protocol == "udp":
            number, payload = packet.UDP, packet.udp(self.source, self.destination, source_port,
                                                     self.port, self.token)
        elif self.protocol in TYPES:
            number = packet.ICMP if self.protocol == "icmp" else packet.ICMPV6
            payload = packet.icmp(self.source, self.destination, self.port,
                                  body=self.token[:4] + self.token)
        elif self.protocol == "sctp":
            number, payload = packet.SCTP, packet.sctp_init(source_port, self.port) + self.token
        else:
            number = PORTED.get(self.protocol) or PORTLESS[self.protocol]
            ports = (source_port.to_bytes(2, "big") + self.port.to_bytes(2, "big")
                     if self.port is not None else b"\0\0\x08\0")
            payload = ports + bytes(16) + self.token
        return packet.ip(self.source, self.destination, number, payload)


@dataclass
class Policy:
    """A configuration, and addresses that are worth trying against it."""
    text: str = ""
    edges: dict[int, list[Address]] = field(default_factory=lambda: {4: [], 6: []})
    macs: list[str] = field(default_factory=list)
    ports: list[tuple[str, int | None]] = field(default_factory=list)
    requests: list[tuple[str, dict]] = field(default_factory=list)  # of run time: method, arguments


def _network(interface: str, version: int) -> Address:
    return ip_network(NETWORKS[interface][0 if version == 4 else 1]).network_address


def any_range(rng: Random, interfaces: tuple[str, ...], version: int) -> tuple[Address, Address]:
    """A stretch of addresses: one, a prefix, or a range."""
    base, span = _network(rng.choice(interfaces), version), SPAN[version]
    kind = rng.random()
    if kind < 0.45:
        first = last = rng.randrange(2, span - 1)
    elif kind < 0.75:
        size = 1 << rng.randrange(1, 7)
        first = rng.randrange(span // size) * size
        last = first + size - 1
    else:
        first = rng.randrange(2, span - 1)
        last = min(span - 2, first + rng.randrange(60))
    return base + first, base + last


def written(first: Address, last: Address, rng: Random) -> str:
    """One address, a prefix or a range as the configuration spells it."""
    if first == last:
        return str(first)
    size = int(last) - int(first) + 1
    if size & (size - 1) == 0 and int(first) % size == 0 and rng.random() < 0.8:
        return f"{first}/{first.max_prefixlen - size.bit_length() + 1}"
    return f"{first}-{last}"


def fits(new: tuple[Address, Address], old: list[tuple[Address, Address]]) -> bool:
    """Neither the same as one that is there, nor crossing it."""
    first, last = new
    return all(last < a or b < first or (a <= first and last <= b and new != (a, b)) or
               (first <= a and b <= last and new != (a, b)) for a, b in old)


class Maker:
    """Writes one policy, part by part."""

    def __init__(self, rng: Random):
        self.rng = rng
        self.policy = Policy()
        self.claims: dict[int, list[tuple[Address, Address]]] = {4: [], 6: []}
        self.roles = [f"role{number}" for number in range(rng.randint(1, 5))]
        self.hosts = [f"host{number}" for number in range(rng.randint(1, 12))]
        self.addressed: list[str] = []  # hosts that host: may name
        self.networks = [f"net{number}" for number in range(rng.randint(0, 3))]
        self.services = [f"service{number}" for number in range(rng.randint(0, 3))]

    def note(self, first: Address, last: Address) -> None:
        """Addresses at and beside the edges are worth trying."""
        self.policy.edges[first.version] += [first - 1, first, last, last + 1]

    def literal(self) -> str:
        """A service as protocol and ports."""
        rng, kind = self.rng, self.rng.random()
        if kind < 0.6:
            protocol = rng.choice(("tcp", "tcp", "tcp", "udp", "udp", "sctp", "udplite", "dccp"))
            first = rng.choice(PORTS)
            last = min(65535, first + rng.choice((0, 0, 1, 5, 1000)))
            for port in (first - 1, first, last, min(65535, last + 1)):
                self.policy.ports.append((protocol, port))
            return f"{protocol}/{first}" if first == last else f"{protocol}/{first}-{last}"
        if kind < 0.8:
            protocol = rng.choice(("icmp", "icmpv6"))
            number = rng.choice(TYPES[protocol])
            self.policy.ports.append((protocol, number))
            return f"{protocol}/{number}"
        protocol = rng.choice(tuple(PORTLESS))
        self.policy.ports.append((protocol, None))
        return protocol

    def service(self) -> str:
        """A service by name or as a literal."""
        kind = self.rng.random()
        if kind < 0.5:
            return self.rng.choice(SHIPPED)
        if kind < 0.65 and self.services:
            return self.rng.choice(self.services)
        return self.literal()

    def strings(self, make, most: int) -> str:
        """A list of some strings."""
        made = dict.fromkeys(make() for _ in range(self.rng.randint(1, most)))
        return "[ " + ", ".join(f'"{text}"' for text in made) + " ]"

    def stretch(self) -> str:
        """Addresses as a literal."""
        rng = self.rng
        first, last = any_range(rng, tuple(NETWORKS), rng.choice((4, 6)))
        self.note(first, last)
        return written(first, last, rng)

    def peer(self) -> str:
        """One entry of to or from."""
        kind = self.rng.random()
        if kind < 0.25 and self.networks:
            return self.rng.choice(self.networks)
        if kind < 0.4 and self.addressed:
            return "host:" + self.rng.choice(self.addressed)
        if kind < 0.55:
            return "role:" + self.rng.choice(self.roles)
        return self.stretch()

    def permissions(self, word: str) -> str:
        """What outbound or inbound may hold; word is to or from."""
        entries = []
        for _ in range(self.rng.randint(0, 4)):
            if self.rng.random() < 0.5:
                entries.append(f'"{self.service()}"')
            else:
                entries.append(f"{{ service = {self.strings(self.service, 3)}; "
                               f"{word} = {self.strings(self.peer, 4)}; }}")
        return "( " + ", ".join(entries) + " )"

    def mode(self, chance: float) -> str:
        """Perhaps a mode."""
        if self.rng.random() > chance:
            return ""
        return f'mode = "{self.rng.choice(("audit", "enforce"))}";'

    def role(self, number: int) -> str:
        """One role; it may inherit from those before it."""
        rng, parts = self.rng, []
        if number and rng.random() < 0.4:
            parts.append(f"inherits = {self.strings(lambda: rng.choice(self.roles[:number]), 2)};")
        if rng.random() < 0.9:
            parts.append(f"outbound = {self.permissions('to')};")
        if rng.random() < 0.5:
            parts.append(f"inbound = {self.permissions('from')};")
        if rng.random() < 0.3:  # one that nothing here reaches
            parts.append('throttle = { destinations = 1000000; per = "1s"; };')
        parts.append(self.mode(0.2))
        return f"  role{number} = {{ {' '.join(parts)} }};"

    def host(self, number: int) -> str:
        """One host with addresses that cross nobody's."""
        rng, addresses = self.rng, []
        for _ in range(rng.randint(1, 4)):
            version = rng.choice((4, 6))
            stretch = any_range(rng, INSIDE if rng.random() < 0.95 else tuple(NETWORKS), version)
            if fits(stretch, self.claims[version]):
                self.claims[version].append(stretch)
                self.note(*stretch)
                addresses.append(written(*stretch, rng))
        parts = [f'name = "host{number}"; role = "{rng.choice(self.roles)}";']
        if addresses:
            self.addressed.append(f"host{number}")
            parts.append("address = [ " + ", ".join(f'"{text}"' for text in addresses) + " ];")
        if not addresses or rng.random() < 0.25:
            macs = [f"02:00:00:00:ee:{number * 4 + turn:02x}" for turn in range(rng.randint(1, 2))]
            self.policy.macs += macs
            parts.append("mac = [ " + ", ".join(f'"{mac}"' for mac in macs) + " ];")
        parts.append(self.mode(0.15))
        return f"  {{ {' '.join(parts)} }}"

    def make(self) -> Policy:
        """The whole configuration."""
        rng = self.rng
        hosts = [self.host(number) for number in range(len(self.hosts))]
        inside = rng.choice(('"lan0", "dmz0"', '"lan*", "dmz0"'))
        mode = rng.choice(("enforce", "enforce", "enforce", "audit"))
        refuse = rng.choice(("reject", "drop"))
        lines = [f'gateway = {{ inside = [ {inside} ]; mode = "{mode}"; refuse = "{refuse}"; '
                 f'check_source = "{rng.choice(("connection", "packet"))}"; }};']
        if self.services:
            lines.append("services = { " + " ".join(
                f"{name} = {self.strings(self.literal, 4)};" for name in self.services) + " };")
        if self.networks:
            lines.append("networks = { " + " ".join(
                f"{name} = {self.strings(self.stretch, 5)};" for name in self.networks) + " };")
        if rng.random() < 0.4:
            lines.append(f"blocklist = {self.strings(self.stretch, 3)};")
        lines += ["roles = {", *(self.role(number) for number in range(len(self.roles))), "};",
                  "hosts = (", ",\n".join(hosts), ");"]
        self.policy.text = "\n".join(lines) + "\n"
        # Last, so that a seed makes the same configuration with and without them.
        self.policy.requests = [self.request() for _ in range(rng.randrange(7))]
        return self.policy

    def guest(self) -> str:
        """An address to ask something for: in a host's stretch, or nobody's."""
        rng, version = self.rng, self.rng.choice((4, 6))
        if self.claims[version] and rng.random() < 0.6:
            first, last = rng.choice(self.claims[version])
            address = first + rng.randrange(int(last) - int(first) + 1)
        else:
            address = _network(rng.choice(INSIDE), version) + rng.randrange(2, SPAN[version] - 1)
        for _ in range(4):  # worth trying more than others
            self.policy.edges[version].append(address)
        return str(address)

    def request(self) -> tuple[str, dict]:
        """An assignment, a permit or a quarantine. Some are refused: the configuration names the
        address, or it is the gateway."""
        rng = self.rng
        kind = rng.choice(("Assign", "Assign", "Permit", "Permit", "Quarantine"))
        if kind == "Quarantine":
            host = rng.choice(self.hosts) if rng.random() < 0.5 else self.guest()
            return kind, {"host": host, "seconds": rng.choice((None, 3600)), "why": "by chance"}
        if kind == "Assign":
            return kind, {"address": self.guest(), "role": rng.choice(self.roles),
                              "seconds": rng.choice((None, 3600)), "why": "by chance"}
        host = rng.choice(self.hosts) if rng.random() < 0.6 else self.guest()
        return "Permit", {"host": host, "service": self.service(), "seconds": 3600,
                          "to": self.peer() if rng.random() < 0.5 else None, "why": "by chance"}


def policy(rng: Random) -> Policy:
    """A valid policy."""
    return Maker(rng).make()


def interface_of(address: Address) -> str | None:
    for interface, networks in NETWORKS.items():
        if any(address in ip_network(network) for network in networks):
            return interface
    return None


def _usable(address: Address) -> bool:
    """Packets to it are forwarded: no address of the gateway, no broadcast, no anycast."""
    low = int(address) & (0xFF if address.version == 4 else 0xFFFF)
    return 1 < low and (address.version == 6 or low < 255) and interface_of(address) is not None


def _address(rng: Random, made: Policy, version: int) -> Address:
    while True:
        if made.edges[version] and rng.random() < 0.75:
            address = rng.choice(made.edges[version])
        else:
            interface = rng.choice(tuple(NETWORKS))
            address = _network(interface, version) + rng.randrange(SPAN[version])
        if _usable(address):
            return address


def probe(rng: Random, made: Policy) -> Probe:
    """A packet that has a fair chance to be permitted as well as blocked."""
    version = rng.choice((4, 6))
    source, destination = _address(rng, made, version), _address(rng, made, version)
    interface = interface_of(source) if rng.random() < 0.85 else rng.choice(tuple(NETWORKS))
    if rng.random() < 0.04:
        source = ip_address(NOWHERE[version])
    foreign = "icmpv6" if version == 4 else "icmp"
    candidates = [pair for pair in made.ports if pair[0] != foreign]
    if candidates and rng.random() < 0.6:
        protocol, port = rng.choice(candidates)
    else:
        protocol = rng.choice(("tcp", "tcp", "udp", "udp", "icmp" if version == 4 else "icmpv6",
                               "gre"))
        port = (None if protocol in PORTLESS else rng.choice(TYPES[protocol])
                if protocol in TYPES else rng.choice(PORTS))
    mac = (rng.choice(made.macs) if made.macs and rng.random() < 0.5
           else f"02:00:00:00:dd:{rng.randrange(256):02x}")
    served = [number for name, number in made.ports if name == protocol and number is not None]
    from_port = rng.choice(served) if served and rng.random() < 0.4 else 0
    return Probe(interface, str(source), str(destination), protocol, port, mac, rng.randbytes(8),
                 protocol == "tcp" and rng.random() < 0.6, from_port)
