# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration of the gateway that boots, and the traffic across it."""
import contextlib
import json
import socket
import threading
from collections.abc import Iterator

from machine import DESK, WORLD, Wires

CONFIG = """
gateway = {{ inside = [ "lan0" ]; refuse = "drop"; {gateway} }};
roles = {{ desk = {{ inbound = [ ]; outbound = [ {outbound} ]; }}; }};
hosts = ( {{ name = "office"; role = "desk"; address = [ "192.168.0.0/24" ]; }} );
"""
PERMITTED, FORBIDDEN = 53, 6667
BURST = 32


def config(outbound: str = '"dns"', gateway: str = "") -> str:
    """The policy: desks may ask name servers, and nothing else."""
    return CONFIG.format(outbound=outbound, gateway=gateway)


class Counters:
    """How many packets of the desk's arrive in the world, by port; exact, for a kernel counts."""

    def __init__(self, wires: Wires):
        self.world = wires.world
        rules = "".join(f"udp dport {port} counter comment \"{port}\"\n"
                        for port in (PERMITTED, FORBIDDEN))
        self.world.nft(f"""
            table inet arrived
            delete table inet arrived
            table inet arrived {{
                chain arrivals {{
                    type filter hook prerouting priority raw; policy accept;
                    ip saddr {DESK} jump ports
                }}
                chain ports {{
                    {rules}
                }}
            }}""")

    def __getitem__(self, port: int) -> int:
        listed = json.loads(self.world.run("nft", "-j", "list", "chain", "inet", "arrived",
                                           "ports").stdout)
        return next(item["rule"]["expr"][-1]["counter"]["packets"] for item in listed["nftables"]
                    if item.get("rule", {}).get("comment") == str(port))


@contextlib.contextmanager
def flood(wires: Wires) -> Iterator[dict[int, int]]:
    """The desk sends as fast as it can to both ports; how many it sent so far, by port."""
    sent = {PERMITTED: 0, FORBIDDEN: 0}
    over = threading.Event()

    def pour() -> None:
        with wires.desk.inside():
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        turn = 0
        while not over.is_set():
            for port in sent:
                try:
                    # New connections all the time: an established one would be no test.
                    if turn % BURST == 0:
                        sender.close()
                        with wires.desk.inside():
                            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    sender.sendto(b"x", (WORLD, port))
                    sent[port] += 1
                except OSError:  # no carrier yet
                    over.wait(0.0005)
            turn += 1
        sender.close()

    thread = threading.Thread(target=pour)
    thread.start()
    try:
        yield sent
    finally:
        over.set()
        thread.join()
