# SPDX-License-Identifier: GPL-2.0-or-later
"""The policy that all contestants enforce: an office of any size behind lan0.

One server in thirty-five is a web, a mail and a name server each, one host in thirty-five is the
administrator's, two are printers, the others desks. Desks have the lowest addresses.
"""
import ipaddress
from dataclasses import dataclass

BASE = ipaddress.IPv4Address("10.0.1.0")
INSIDE = "lan0"
OUTSIDE = "wan0"
LOGHOST, TIMEHOST, OUTSIDE_ADMIN = "198.51.100.54", "198.51.100.123", "198.51.100.99"
GATEWAY_LINES = f'gateway = {{ inside = [ "{INSIDE}" ]; mode = "enforce"; refuse = "drop"; }};\n'

PERMITTED_PORT = 443  # udp, of every desk
FORBIDDEN_PORT = 25   # udp, of nobody

Ports = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Role:
    """Protocols and ports that may be initiated to anywhere, and by anybody to its hosts."""
    name: str
    outbound: Ports = ()
    inbound: Ports = ()
    server: bool = False  # syslog and time to one address each, ssh from the administrator


DNS: Ports = (("tcp", 53), ("udp", 53))
WEB: Ports = (("tcp", 80), ("tcp", 443), ("udp", 443))
DESK = Role("desk", WEB + DNS + (("tcp", 110),))
ADMIN = Role("admin", DESK.outbound + (("tcp", 22),))
PRINTER = Role("printer", (), (("tcp", 9100),))
SERVERS = (Role("web", (), WEB, True),
           Role("mail", (("tcp", 25), ("tcp", 113)) + DNS, (("tcp", 25), ("tcp", 113)), True),
           Role("dns", DNS, DNS, True))
ROLES = (DESK, ADMIN, PRINTER, *SERVERS)


class Office:
    """So many hosts, each with one address."""

    def __init__(self, hosts: int):
        self.hosts = hosts
        each = max(1, hosts // 35)
        numbers = {ADMIN: each, PRINTER: 2 * each, **{role: each for role in SERVERS}}
        self.desks = hosts - sum(numbers.values())
        self.addresses: dict[Role, list[str]] = {}
        first = 0
        for role, number in {DESK: self.desks, **numbers}.items():
            self.addresses[role] = [str(BASE + index) for index in range(first, first + number)]
            first += number

    def permitted_between(self, source: Role, destination: Role) -> Ports:
        """What the source's role may initiate and the destination's role accept."""
        return tuple(port for port in source.outbound if port in destination.inbound)


def egressd_roles() -> str:
    """The roles as egressd.conf has them."""
    def words(ports: Ports) -> str:
        return ", ".join(f'"{protocol}/{port}"' for protocol, port in ports)

    lines = []
    for role in ROLES:
        outbound, inbound = words(role.outbound), words(role.inbound)
        if role.server:
            to = (f'{{ service = [ "udp/514" ]; to = [ "{LOGHOST}" ]; }}, '
                  f'{{ service = [ "udp/123" ]; to = [ "{TIMEHOST}" ]; }}')
            outbound = f"{outbound}, {to}" if outbound else to
            inbound += f', {{ service = [ "tcp/22" ]; from = [ "{OUTSIDE_ADMIN}" ]; }}'
        lines.append(f"  {role.name} = {{ outbound = ( {outbound} ); inbound = ( {inbound} ); }};")
    return "roles = {\n" + "\n".join(lines) + "\n};\n"


def egressd(office: Office) -> str:
    """The office as egressd.conf, a host a line."""
    hosts = (f'  {{ name = "{role.name}{number}"; role = "{role.name}"; '
             f'address = [ "{address}" ]; }}'
             for role, addresses in office.addresses.items()
             for number, address in enumerate(addresses, 1))
    return GATEWAY_LINES + egressd_roles() + "hosts = (\n" + ",\n".join(hosts) + "\n);\n"
