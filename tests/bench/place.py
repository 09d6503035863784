# SPDX-License-Identifier: GPL-2.0-or-later
"""A place to measure in: inside --- lan0 gateway wan0 --- world, three namespaces of its own."""
import json
import os
import subprocess

from daemon import BUILD, Daemon
from lab import QUIET_IPV6
from namespace import Namespace
from office import BASE, FORBIDDEN_PORT, INSIDE, OUTSIDE, PERMITTED_PORT

GENERATOR = BUILD / "tests" / "bench" / "generator"
WORLD = "203.0.113.0"
PACKET_PROCESSOR = (os.cpu_count() or 1) - 1  # those before it are for everything else
SETTINGS = QUIET_IPV6 | {"ipv4/ip_forward": 1, "ipv4/conf/all/rp_filter": 0,
                         "ipv4/conf/default/rp_filter": 0}
CLIENT_PORT = 1024  # the generator's first


class Place:
    """A gateway between an inside that is 10.0.0.0/8 and a world that counts and drops."""

    def __init__(self, name: str):
        self.name = name
        self.daemon: Daemon | None = None  # that is to be stopped in the end
        self.gateway = Namespace(f"{name}-gw")
        self.world = Namespace(f"{name}-world")
        self.inside = Namespace(f"{name}-in")
        self.gateway.sysctl(SETTINGS)
        self.gateway.ip(f"""
            link set lo up
            link add {OUTSIDE} address 02:00:00:00:03:01 type veth peer name eth0 netns {name}-world
            link add {INSIDE} address 02:00:00:00:01:01 type veth peer name eth0 netns {name}-in
            address add 198.51.100.1/30 dev {OUTSIDE}
            address add 10.0.0.1/8 dev {INSIDE}
            link set {OUTSIDE} up
            link set {INSIDE} up""")
        self.world.ip("""
            link set lo up
            link set eth0 address 02:00:00:00:03:02 up
            address add 198.51.100.2/30 dev eth0
            route add default via 198.51.100.1
            route add local 203.0.113.0/24 dev lo""")
        self.inside.ip(f"""
            link set lo up
            link set eth0 address 02:00:00:00:01:02 up
            address add {BASE}/8 dev eth0
            route add default via 10.0.0.1""")
        self.gateway.ip(f"""
            neighbour add 198.51.100.2 lladdr 02:00:00:00:03:02 dev {OUTSIDE} nud permanent
            neighbour add {BASE} lladdr 02:00:00:00:01:02 dev {INSIDE} nud permanent
            route add default via 198.51.100.2""")

    def count_and_drop(self) -> None:
        """Lets the world count what arrives, by port, and throw it away at once."""
        self.world.nft(f"""table netdev arrivals {{
            counter permitted {{ }}
            counter forbidden {{ }}
            chain arrivals {{
                type filter hook ingress device eth0 priority 0; policy accept;
                udp dport {PERMITTED_PORT} counter name permitted drop
                udp dport {FORBIDDEN_PORT} counter name forbidden drop
                udp sport != 0 drop
            }}
        }}""")

    def arrivals(self) -> dict[str, int]:
        """How many permitted and forbidden packets reached the world."""
        listed = json.loads(self.world.run("nft", "-j", "list", "counters").stdout)["nftables"]
        return {item["counter"]["name"]: item["counter"]["packets"]
                for item in listed if "counter" in item}

    def forwarded(self) -> int:
        """How many packets left the gateway for the world."""
        with self.gateway.inside(), open("/proc/thread-self/net/dev", encoding="ascii") as file:
            line = next(line for line in file if line.strip().startswith(f"{OUTSIDE}:"))
        return int(line.split(":")[1].split()[9])

    def forget_flows(self) -> None:
        """Empties the gateway's connection table."""
        self.gateway.run("conntrack", "-F", check=False)

    def flows(self) -> int:
        """Entries in the gateway's connection table."""
        return int(self.gateway.run("conntrack", "-C").stdout)

    def _command(self, options: dict[str, object]) -> list[str]:
        words = [str(GENERATOR)]
        for name, value in options.items():
            words.append("--" + name.replace("_", "-"))
            if value is not None:
                words.append(str(value))
        return words

    def inject(self, device: str = INSIDE, source: str = str(BASE), destination: str = WORLD,
               port: int = PERMITTED_PORT, **options: object) -> dict[str, int]:
        """Runs the generator; how many packets it made, and the nanoseconds of each."""
        done = self.gateway.run(*self._command({
            "device": device, "source": source, "destination": destination, "port": port,
            "processor": PACKET_PROCESSOR, **options}))
        return json.loads(done.stdout)

    def flood(self, **options: object) -> subprocess.Popen:
        """Starts packets at full rate, permitted and forbidden in turn, until SIGTERM."""
        return self.gateway.start(*self._command({
            "device": INSIDE, "source": BASE, "destination": WORLD, "port": PERMITTED_PORT,
            "other_port": FORBIDDEN_PORT, "processor": PACKET_PROCESSOR, "flood": None,
            **options}),
            stdout=subprocess.PIPE, text=True)

    def establish(self) -> None:
        """One flow of the first host, and the world's answer to it."""
        self.inject(count=1, period=1)
        self.inject(device=OUTSIDE, source=WORLD, destination=str(BASE), port=CLIENT_PORT,
                    source_port=PERMITTED_PORT, count=1, period=1)
