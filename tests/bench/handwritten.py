# SPDX-License-Identifier: GPL-2.0-or-later
"""The office as somebody who knows nft well would write it: sets, a verdict map, a chain a role."""
from office import INSIDE, LOGHOST, OUTSIDE_ADMIN, ROLES, TIMEHOST, Office, Ports, Role


def _elements(ports: Ports) -> str:
    return ", ".join(f"{protocol} . {port}" for protocol, port in ports)


def _map(name: str, pairs: list[str]) -> str:
    return (f"\tmap {name} {{\n\t\ttype ipv4_addr : verdict\n\t\telements = {{ "
            + ",\n\t\t\t".join(pairs) + " }\n\t}\n")


def _set(name: str, ports: Ports) -> str:
    if not ports:
        return ""
    return (f"\tset {name} {{\n\t\ttype inet_proto . inet_service\n"
            f"\t\telements = {{ {_elements(ports)} }}\n\t}}\n")


def _role(role: Role, refuse: str) -> str:
    outbound, inbound = [], []
    if role.outbound:
        outbound.append(f"meta l4proto . th dport @{role.name}_out goto permitted")
    if role.inbound:
        inbound.append(f"meta l4proto . th dport @{role.name}_in accept")
    if role.server:
        outbound.append(f"ip daddr . udp dport {{ {LOGHOST} . 514, {TIMEHOST} . 123 }} "
                        "goto permitted")
        inbound.append(f"ip saddr {OUTSIDE_ADMIN} tcp dport 22 accept")
    return (f"\tchain from_{role.name} {{\n\t\t" + "\n\t\t".join((*outbound, refuse)) + "\n\t}\n"
            f"\tchain to_{role.name} {{\n\t\t" + "\n\t\t".join((*inbound, refuse)) + "\n\t}\n")


def same_policy(office: Office) -> str:
    """All that egressd's table does, too: spoofing, both directions, counters, log."""
    sources = [f"{address} : goto from_{role.name}"
               for role, addresses in office.addresses.items() for address in addresses]
    destinations = [pair.replace("from_", "to_") for pair in sources]
    sets = "".join(_set(f"{role.name}_out", role.outbound) + _set(f"{role.name}_in", role.inbound)
                   for role in ROLES)
    roles = "".join(_role(role, f'counter log prefix "blocked {role.name}" group 100 snaplen 128 '
                                "goto refuse") for role in ROLES)
    return f"""table inet office {{
{_map("sources", sources)}{_map("destinations", destinations)}{sets}
	set blocked_sources {{
		type ipv4_addr
		size 65535
		flags dynamic
		counter
	}}
	chain forward {{
		type filter hook forward priority filter; policy drop;
		ct state vmap {{ established : accept, related : accept, invalid : drop }}
		iifname "{INSIDE}" goto inside
		fib saddr oifname "{INSIDE}" counter drop
		ip daddr vmap @destinations
		accept
	}}
	chain inside {{
		fib saddr . iif oif missing counter drop
		ip saddr vmap @sources
		counter log prefix "blocked unassigned" group 100 snaplen 128 goto refuse
	}}
	chain permitted {{
		ip daddr vmap @destinations
		counter accept
	}}
	chain refuse {{
		add @blocked_sources {{ ip saddr }}
		drop
	}}
{roles}}}
"""


def leanest(office: Office) -> str:
    """Only who may initiate what: no spoofing, no destinations, no counters, no log."""
    sources = [f"{address} : goto from_{role.name}"
               for role, addresses in office.addresses.items() for address in addresses]
    sets = "".join(_set(f"{role.name}_out", role.outbound) for role in ROLES)
    chains = "".join(f"\tchain from_{role.name} {{\n"
                     + (f"\t\tmeta l4proto . th dport @{role.name}_out accept\n"
                        if role.outbound else "") + "\t\tdrop\n\t}\n" for role in ROLES)
    return f"""table inet office {{
{_map("sources", sources)}{sets}
	chain forward {{
		type filter hook forward priority filter; policy accept;
		ct state established,related accept
		iifname "{INSIDE}" goto inside
	}}
	chain inside {{
		ip saddr vmap @sources
		drop
	}}
{chains}}}
"""


CONNTRACK_ALONE = """table inet alone {
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state invalid
	}
}
"""

ESTABLISHED_ALONE = """table inet alone {
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state established accept
	}
}
"""
