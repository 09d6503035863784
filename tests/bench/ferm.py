# SPDX-License-Identifier: GPL-2.0-or-later
"""The office for ferm: a block a role, its hosts in a variable."""
import pathlib

from namespace import Namespace
from office import (INSIDE, LOGHOST, OUTSIDE, OUTSIDE_ADMIN, ROLES, TIMEHOST, Office, Ports)


def _ports(ports: Ports) -> list[str]:
    by_protocol: dict[str, list[str]] = {}
    for protocol, port in ports:
        by_protocol.setdefault(protocol, []).append(str(port))
    return [f"proto {protocol} dport ({' '.join(numbers)}) ACCEPT;"
            for protocol, numbers in by_protocol.items()]


def text(office: Office) -> str:
    """ferm.conf."""
    lines = [f"@def ${role.name} = ({' '.join(office.addresses[role])});" for role in ROLES]
    lines += ["domain ip table filter chain FORWARD {", "  policy DROP;",
              "  mod state state INVALID DROP;",
              "  mod state state (ESTABLISHED RELATED) ACCEPT;"]
    for role in ROLES:
        to_world = _ports(role.outbound)
        if role.server:
            to_world += [f"daddr {LOGHOST} proto udp dport 514 ACCEPT;",
                         f"daddr {TIMEHOST} proto udp dport 123 ACCEPT;"]
        lines += [f"  interface {INSIDE} outerface {OUTSIDE} saddr ${role.name} {{",
                  *(f"    {line}" for line in to_world), "  }"]
        from_world = _ports(role.inbound)
        if role.server:
            from_world += [f"saddr {OUTSIDE_ADMIN} proto tcp dport 22 ACCEPT;"]
        lines += [f"  interface {OUTSIDE} daddr ${role.name} {{",
                  *(f"    {line}" for line in from_world), "  }"]
    return "\n".join(lines) + "\n}\n"


def load(office: Office, gateway: Namespace, folder: pathlib.Path) -> None:
    """Lets ferm write the rules and iptables-nft-restore load them."""
    folder.mkdir(parents=True)
    path = folder / "ferm.conf"
    path.write_text(text(office), encoding="utf-8")
    rules = gateway.run("/usr/sbin/ferm", "--noexec", "--lines", str(path)).stdout
    gateway.run("iptables-nft-restore", text=rules)
