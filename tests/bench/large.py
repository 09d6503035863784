# SPDX-License-Identifier: GPL-2.0-or-later
"""A policy of the greatest size: hundreds of roles, IPv4 and IPv6, a fifth nested prefixes."""
import ipaddress
from collections.abc import Iterator

from office import GATEWAY_LINES

NEST = (24, 26, 28, 30)  # prefixes within one another; IPv6 ones are 96 bits longer
SINGLES = int(ipaddress.IPv4Address("10.0.1.0"))
NESTS = int(ipaddress.IPv4Address("11.0.0.0"))
SIX = int(ipaddress.IPv6Address("2001:db8::"))


def _roles(count: int) -> str:
    lines = (f'  role{number} = {{ '
             f'outbound = [ "https", "udp/443", "dns", "tcp/{10000 + number}" ]; '
             f'inbound = [ "tcp/{20000 + number}" ]; }};' for number in range(count))
    return "roles = {\n" + "\n".join(lines) + "\n};\n"


def _addresses(number: int, prefixes: int) -> str:
    if number >= prefixes:
        value = SINGLES + number - prefixes
        six = SIX + (1 << 64) + number
        return f'"{ipaddress.IPv4Address(value)}", "{ipaddress.IPv6Address(six)}"'
    nest, depth = divmod(number, len(NEST))
    value, six = NESTS + (nest << 8), SIX + (nest << 8)
    length = NEST[depth]
    return (f'"{ipaddress.IPv4Address(value)}/{length}", '
            f'"{ipaddress.IPv6Address(six)}/{length + 96}"')


def egressd(hosts: int, roles: int) -> str:
    """egressd.conf, a host a line; every host has one address or prefix of either family."""
    prefixes = hosts // 5 // len(NEST) * len(NEST)

    def lines() -> Iterator[str]:
        for number in range(hosts):
            yield (f'  {{ name = "host{number}"; role = "role{number % roles}"; '
                   f"address = [ {_addresses(number, prefixes)} ]; }}")

    return GATEWAY_LINES + _roles(roles) + "hosts = (\n" + ",\n".join(lines()) + "\n);\n"
