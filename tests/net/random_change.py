# SPDX-License-Identifier: GPL-2.0-or-later
"""A valid policy that changes by chance, step by step, and stays valid."""
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from random import Random

from random_policy import INSIDE, NETWORKS, Address, Maker, any_range, fits, written

INTERFACES = ('"lan0", "dmz0"', '"lan*", "dmz0"', '"lan0"', '"dmz0", "lan0", "ppp0"', '"x*"')
# Claims as wide as the address space, and at its very ends.
ENDS: tuple[tuple[Address, Address], ...] = tuple(
    (make(first), make(last)) for make, bits in ((IPv4Address, 32), (IPv6Address, 128))
    for first, last in ((0, 2**bits - 1), (0, 0), (2**bits - 1, 2**bits - 1),
                        (2**bits - 2**(bits - 4), 2**bits - 1), (2**(bits - 1), 2**bits - 1),
                        (1, 2**bits - 2)))


class Host:
    """A host of the policy; what may change of it."""

    def __init__(self, name: str, role: str):
        self.name = name
        self.role = role
        self.stretches: list[tuple[Address, Address]] = []
        self.macs: list[str] = []
        self.mode = ""
        self.self = False


class Changing(Maker):
    """A policy in parts, any of which a step may make anew."""

    def __init__(self, rng: Random):
        super().__init__(rng)
        self.inside = INTERFACES[0]
        self.mode_text = "enforce"
        self.refuse = "reject"
        self.service_texts = {name: self.strings(self.literal, 4) for name in self.services}
        self.network_texts = {name: self.strings(self.stretch, 5) for name in self.networks}
        self.blocklist = ""
        self.machines: list[Host] = []
        self.born = 0
        self.macs_given = 0
        for _ in range(rng.randint(1, 8)):
            self.add_host()
        self.role_texts = [self.role(number) for number in range(len(self.roles))]
        self.steps: tuple[Callable[[], None], ...] = (
            self.add_host, self.add_host, self.add_many, self.remove_host, self.move_host,
            self.change_role_of_host, self.change_macs, self.change_mode_of_host, self.change_self,
            self.change_role, self.change_role, self.add_role, self.change_service,
            self.change_network, self.change_blocklist, self.change_gateway)

    def step(self) -> str:
        """Changes something; what it was."""
        chosen = self.rng.choice(self.steps)
        chosen()
        return chosen.__name__

    def claim(self, host: Host, stretch: tuple[Address, Address]) -> None:
        """Gives a host addresses, unless they cross somebody's."""
        claims = self.claims[stretch[0].version]
        if fits(stretch, claims):
            claims.append(stretch)
            host.stretches.append(stretch)

    def give_addresses(self, host: Host) -> None:
        """Some addresses near those of others, or at the ends of the address space."""
        for _ in range(self.rng.randint(1, 4)):
            if self.rng.random() < 0.15:
                self.claim(host, self.rng.choice(ENDS))
            else:
                self.claim(host, any_range(self.rng, INSIDE if self.rng.random() < 0.9
                                        else tuple(NETWORKS), self.rng.choice((4, 6))))

    def take_addresses(self, host: Host) -> None:
        """Takes all its addresses."""
        for stretch in host.stretches:
            self.claims[stretch[0].version].remove(stretch)
        host.stretches = []

    def give_macs(self, host: Host) -> None:
        """Another MAC or two, none of them anybody else's."""
        host.macs = []
        for _ in range(self.rng.randint(1, 2)):
            self.macs_given += 1
            host.macs.append(f"02:00:00:ee:{self.macs_given >> 8:02x}:{self.macs_given & 255:02x}")

    def add_host(self) -> None:
        """One more host."""
        host = Host(f"host{self.born}", self.rng.choice(self.roles))
        self.born += 1
        self.give_addresses(host)
        if not host.stretches or self.rng.random() < 0.25:
            self.give_macs(host)
        self.machines.append(host)
        self.name_addressed()

    def add_many(self) -> None:
        """A host with so many addresses that sets outgrow their room."""
        host = Host(f"host{self.born}", self.rng.choice(self.roles))
        self.born += 1
        version = self.rng.choice((4, 6))
        base = (IPv4Address("10.0.0.0") if version == 4 else IPv6Address("2001:db8:a::")
                ) + (self.born << 12)
        for number in range(self.rng.randint(1, 200)):
            self.claim(host, (base + number * 3, base + number * 3))
        self.machines.append(host)
        self.name_addressed()

    def remove_host(self) -> None:
        """One host less, if no rule names it."""
        host = self.pick()
        if host and not any(f'"host:{host.name}"' in text for text in self.role_texts):
            self.take_addresses(host)
            self.machines.remove(host)
        self.name_addressed()

    def move_host(self) -> None:
        """A host gets other addresses."""
        host = self.pick()
        if host and not host.self:
            before = host.stretches
            self.take_addresses(host)
            self.give_addresses(host)
            for stretch in before if not host.stretches else ():
                self.claim(host, stretch)
        self.name_addressed()

    def change_role_of_host(self) -> None:
        """A host gets another role."""
        if host := self.pick():
            host.role = self.rng.choice(self.roles)

    def change_macs(self) -> None:
        """A host gets or loses MACs."""
        host = self.pick()
        if host and host.macs and host.stretches:
            host.macs = []
        elif host:
            self.give_macs(host)

    def change_mode_of_host(self) -> None:
        """A host gets or loses a mode of its own."""
        if host := self.pick():
            host.mode = self.mode(0.6)

    def change_self(self) -> None:
        """Another host, or none, is the gateway itself."""
        chosen = self.pick() if self.rng.random() < 0.6 else None
        for host in self.machines:
            host.self = host is chosen and not host.macs

    def change_role(self) -> None:
        """A role gets other permissions."""
        number = self.rng.randrange(len(self.role_texts))
        self.role_texts[number] = self.role(number)

    def add_role(self) -> None:
        """One more role, or the last one goes if nobody needs it."""
        last = self.roles[-1]
        used = (any(host.role == last for host in self.machines) or
                any(f'"{last}"' in text or f'"role:{last}"' in text for text in self.role_texts))
        if self.rng.random() < 0.5 and len(self.roles) > 1 and not used:
            self.roles.pop()
            self.role_texts.pop()
        else:
            self.roles.append(f"role{len(self.roles)}")
            self.role_texts.append(self.role(len(self.roles) - 1))

    def change_service(self) -> None:
        """A service means something else."""
        if self.services:
            self.service_texts[self.rng.choice(self.services)] = self.strings(self.literal, 4)

    def change_network(self) -> None:
        """A network is elsewhere, or larger."""
        if self.networks:
            self.network_texts[self.rng.choice(self.networks)] = self.strings(
                self.stretch, self.rng.choice((5, 5, 100)))

    def change_blocklist(self) -> None:
        """Other destinations are blocked for everybody, or none."""
        self.blocklist = self.strings(self.stretch, 8) if self.rng.random() < 0.8 else ""

    def change_gateway(self) -> None:
        """Other interfaces, another mode, or another way to refuse."""
        self.inside = self.rng.choice(INTERFACES)
        self.mode_text = self.rng.choice(("enforce", "audit"))
        self.refuse = self.rng.choice(("reject", "drop"))

    def pick(self) -> Host | None:
        """Any host."""
        return self.rng.choice(self.machines) if self.machines else None

    def name_addressed(self) -> None:
        """Notes which hosts a rule may name."""
        self.addressed = [host.name for host in self.machines if host.stretches]

    def _host_text(self, host: Host) -> str:
        parts = [f'name = "{host.name}"; role = "{host.role}";', host.mode]
        # Their order means nothing, and so the kernel must not see it either.
        stretches = self.rng.sample(host.stretches, len(host.stretches))
        if stretches:
            parts.append("address = [ " + ", ".join(
                f'"{written(*stretch, self.rng)}"' for stretch in stretches) + " ];")
        if host.macs:
            parts.append("mac = [ " + ", ".join(f'"{mac}"' for mac in host.macs) + " ];")
        if host.self:
            parts.append("self = true;")
        return f"  {{ {' '.join(parts)} }}"

    def text(self) -> str:
        """The configuration as it is now."""
        lines = [f'gateway = {{ inside = [ {self.inside} ]; mode = "{self.mode_text}"; '
                 f'refuse = "{self.refuse}"; }};',
                 "services = {", *(f"  {name} = {text};"
                                   for name, text in self.service_texts.items()), "};",
                 "networks = {", *(f"  {name} = {text};"
                                   for name, text in self.network_texts.items()), "};"]
        if self.blocklist:
            lines.append(f"blocklist = {self.blocklist};")
        lines += ["roles = {", *self.role_texts, "};",
                  "hosts = (", ",\n".join(map(self._host_text, self.machines)), ");"]
        return "\n".join(lines) + "\n"
