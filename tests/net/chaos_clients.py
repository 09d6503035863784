# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of the control socket by chance: calls that make sense, calls that do not, and garbage."""
import json
import random
import socket
import time
from collections.abc import Callable
from typing import Any

from daemon import Daemon
from lab import WORLD

MIB = 1 << 20
READS = ("GetStatus", "ListRoles", "ListHosts", "ListBlocked", "ListAlarms", "ListQuarantined",
         "ListPermits", "ListAssignments", "Monitor", "Reload", "GetAlarm", "Explain")
CHANGES = ("AckAlarm", "ClearAlarm", "Assign", "Unassign", "Permit", "Revoke", "Quarantine",
           "Release")
PARAMETERS = ("source", "destination", "service", "interface", "mac", "host", "role", "address",
              "to", "seconds", "why", "id", "since", "kind", "all", "utc_offset", "unknown")
VALUES: tuple[Any, ...] = (
    "192.168.0.11", "192.168.0.300", "www1", "office", "desk", "", "host:www1", "role:desk",
    "tcp/80", "tcp/1-65535", "icmp/echo-request", "\0", "\u202e", "\x1b[31m", "a" * 5000,
    "2001:db8:1::11", "::ffff:1.2.3.4", "dns", "blocked", "alarm",
    0, -1, 1 << 53, (1 << 63) - 1, 10 ** 30, 1e308, True, None, [], {}, [[[]]])

Parameters = dict[str, Any]
Sensible = dict[str, Callable[[random.Random], Parameters]]


def address_at_run_time(chance: random.Random) -> str:
    """One of a few addresses that no configuration names."""
    return f"192.0.2.{chance.randint(90, 99)}"


def sensible(hosts: tuple[str, ...]) -> Sensible:
    """Parameters by method, of calls that mostly succeed when such hosts are there."""
    def alarm(chance: random.Random) -> Parameters:
        return {"id": chance.randint(1, 30)}

    def one(chance: random.Random) -> str:
        return chance.choice((*hosts, "192.168.0.11", "192.168.0.12", "2001:db8:1::11",
                              address_at_run_time(chance)))

    return {
        "ListAlarms": lambda chance: {"all": True},
        "GetAlarm": alarm, "AckAlarm": alarm, "ClearAlarm": alarm,
        "Explain": lambda chance: {
            "source": chance.choice(("192.168.0.11", address_at_run_time(chance), WORLD)),
            "destination": WORLD, "service": chance.choice(("http", "smtp", "tcp/1-65535"))},
        "Assign": lambda chance: {"address": address_at_run_time(chance),
                                  "role": chance.choice(("web", "desk")),
                                  "seconds": chance.randint(1, 4)},
        "Unassign": lambda chance: {"address": address_at_run_time(chance)},
        "Permit": lambda chance: {
            "host": one(chance), "service": chance.choice(("smtp", "tcp/1000-2000", "ftp")),
            "seconds": chance.randint(1, 3), "why": "\u00e9" * chance.randint(1, 90)},
        "Revoke": lambda chance: {"id": chance.randint(1, 50)},
        "Quarantine": lambda chance: {"host": one(chance), "seconds": chance.choice((1, 2, 100))},
        "Release": lambda chance: {"host": one(chance)},
    }


def call(chance: random.Random, calls: Sensible) -> bytes:
    """A call that makes sense, as it goes over the wire."""
    method = chance.choice((*READS, *CHANGES))
    message = {"method": f"io.egressd.{method}", "more": method == "Monitor",
               "parameters": calls[method](chance) if method in calls else {}}
    return json.dumps(message).encode() + b"\0"


def _odd_call(chance: random.Random) -> bytes:
    """A call of any method, with parameters of any kind and odd flags."""
    interface = "io.egressd" if chance.random() < 0.95 else "org.varlink.service"
    message: dict[str, Any] = {
        "method": f"{interface}.{chance.choice((*READS, *CHANGES, 'Nothing'))}",
        "parameters": {chance.choice(PARAMETERS): chance.choice(VALUES)
                       for _ in range(chance.randint(0, 4))}}
    for flag in ("more", "oneway", "upgrade"):
        if chance.random() < 0.1:
            message[flag] = chance.choice((True, None, 1))
    return json.dumps(message).encode() + b"\0" * chance.choice((1, 1, 1, 2))


def _nested(chance: random.Random) -> bytes:
    depth = chance.choice((10, 2000, 3000, 100_000))
    return chance.choice((b"[" * depth + b"\0",
                          b'{"method":"io.egressd.GetStatus","parameters":' +
                          b'{"a":' * depth + b"1" + b"}" * (depth + 1) + b"\0"))


def garbage(chance: random.Random) -> bytes:
    """What no client of ours would send."""
    kind = chance.random()
    if kind < 0.6:
        return _odd_call(chance)
    if kind < 0.75:
        return chance.randbytes(chance.randint(1, 3000))
    if kind < 0.9:
        return _nested(chance)
    if kind < 0.95:
        return b'{"method":"io.egressd.GetStatus"' + b"," * chance.randint(1, 3) + b"}\0"
    return b"x" * (MIB + chance.randint(-2, 2))


def talk(daemon: Daemon, chance: random.Random, messages: Callable[[], bytes],
         patience: float = 0.4) -> None:
    """One connection that says some of that, cuts it short, reads little, and leaves."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(patience)
            client.connect(daemon.socket)
            for _ in range(chance.randint(1, 5)):
                message = messages()
                cut = chance.randint(0, len(message)) if chance.random() < 0.2 else len(message)
                client.sendall(message[:cut])
                if chance.random() < 0.5:
                    client.recv(chance.choice((1, 100, 65536)))
                if chance.random() < 0.1:
                    client.shutdown(chance.choice((socket.SHUT_RD, socket.SHUT_WR)))
            if chance.random() < 0.2:
                stay(chance)
    except BlockingIOError:
        stay(chance)  # too many wait to be let in
    except OSError:
        pass  # it is turned away, cut off, or too late


def stay(chance: random.Random) -> None:
    """Stays for a moment, so that what is told to streams waits for nobody who reads it."""
    time.sleep(chance.random() * 0.5)
