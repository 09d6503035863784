# SPDX-License-Identifier: GPL-2.0-or-later
"""A small office with a list of prefixes to which nobody may initiate, as threat feeds have them."""
import ipaddress
import random

import office
from office import Office

FIRST = int(ipaddress.IPv4Address("20.0.0.0"))
STEP = 64                           # addresses between the first ones of two prefixes
LENGTHS = (28, 29, 30, 32, 32, 32)  # half of them are single addresses
HOSTS = 1000
LIST = "blocklist.txt"


def egressd() -> str:
    """egressd.conf, whose blocklist is the file LIST."""
    return office.egressd(Office(HOSTS)) + f"""
networks = {{ feed = {{ file = "{LIST}"; }}; }};
blocklist = [ "feed" ];
"""


def prefixes(count: int) -> list[str]:
    """The lines of the list: no two touch, and they are in no order."""
    chance = random.Random(count)
    lines = [f"{ipaddress.IPv4Address(FIRST + number * STEP)}/{chance.choice(LENGTHS)}"
             for number in range(count)]
    chance.shuffle(lines)
    return lines
