# SPDX-License-Identifier: GPL-2.0-or-later
"""The office for Shorewall: a zone a role, a line a zone and service."""
import pathlib

from namespace import Namespace
from office import (INSIDE, LOGHOST, OUTSIDE, OUTSIDE_ADMIN, ROLES, TIMEHOST, Office, Ports, Role)
from peers import UNPACKED

ADDRESSES_A_LINE = 16


def _zone(role: Role) -> str:
    return role.name[:5]


def _rules(action: str, source: str, destination: str, ports: Ports) -> list[str]:
    by_protocol: dict[str, list[str]] = {}
    for protocol, port in ports:
        by_protocol.setdefault(protocol, []).append(str(port))
    return [f"{action} {source} {destination} {protocol} {','.join(numbers)}"
            for protocol, numbers in by_protocol.items()]


def _rules_of(office: Office, role: Role) -> list[str]:
    zone = _zone(role)
    lines = _rules("ACCEPT", zone, "net", role.outbound)
    for other in ROLES:
        lines += _rules("ACCEPT", zone, _zone(other), office.permitted_between(role, other))
    if role.server:
        lines += [f"ACCEPT {zone} net:{LOGHOST} udp 514", f"ACCEPT {zone} net:{TIMEHOST} udp 123",
                  f"ACCEPT net:{OUTSIDE_ADMIN} {zone} tcp 22"]
    return lines + _rules("ACCEPT", "net", zone, role.inbound)


def _hosts(office: Office) -> list[str]:
    lines = []
    for role, addresses in office.addresses.items():
        for first in range(0, len(addresses), ADDRESSES_A_LINE):
            some = ",".join(addresses[first:first + ADDRESSES_A_LINE])
            lines.append(f"{_zone(role)} {INSIDE}:{some} routeback")
    return lines


def load(office: Office, gateway: Namespace, folder: pathlib.Path) -> None:
    """Compiles the office and starts the firewall script in the gateway."""
    files = {
        "zones": ["fw firewall", "net ipv4", *(f"{_zone(role)} ipv4" for role in ROLES)],
        "interfaces": ["?FORMAT 2", f"net {OUTSIDE}", f"- {INSIDE} routeback"],
        "hosts": _hosts(office),
        "policy": ["all all DROP"],
        "rules": ["?SECTION NEW", *(line for role in ROLES for line in _rules_of(office, role))],
    }
    folder.mkdir(parents=True)
    settings = pathlib.Path("/etc/shorewall/shorewall.conf").read_text(encoding="utf-8")
    for old, new in {"STARTUP_LOG=/var/log/shorewall-init.log": "STARTUP_LOG=",
                     "LOGFILE=/var/log/messages": "LOGFILE=/dev/null",
                     "TC_ENABLED=Internal": "TC_ENABLED=No",
                     'LOG_LEVEL="info"': "LOG_LEVEL=none"}.items():
        settings = settings.replace(f"\n{old}\n", f"\n{new}\n")
    (folder / "shorewall.conf").write_text(settings, encoding="utf-8")
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    script = folder / "firewall"
    gateway.run(str(UNPACKED / "sbin" / "shorewall"), "compile", str(folder), str(script))
    gateway.run(str(script), "start")
