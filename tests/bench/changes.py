# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets that are lost, and packets that leak, while the policy changes under full load."""
import json
import pathlib
import signal
import time
from collections.abc import Callable

import office
from daemon import Daemon
from office import Office
from place import Place
from report import Target, table, targets
from samples import Samples

PERIOD = 100_000  # packets after which the same flows come again: half of them permitted
WARM_UP = 0.5  # seconds; the generator is running then


def _policies(some: Office) -> list[str]:
    """Two that differ in hosts, roles, services and elements, but not in what is sent here."""
    one = office.egressd(some)
    other = one.replace('"tcp/110"', '"tcp/110", "tcp/995", "tcp/8000-8100"')
    other = other.replace('name = "printer1"; role = "printer"', 'name = "printer1"; role = "lamp"')
    other = other.replace("roles = {\n", 'roles = {\n  lamp = { outbound = [ "ntp" ]; };\n')
    return [other, one]


def run(quick: bool, rounds: int, folder: pathlib.Path, say: Callable[[str], None]) -> list[str]:
    """The part of the report about changes under load."""
    hosts, changes = (40, 6) if quick else (1000, 100)
    some, place, samples = Office(hosts), Place("changes"), Samples()
    place.count_and_drop()
    folder.mkdir(parents=True)
    texts = _policies(some)
    daemon = Daemon(place.gateway, folder).start(texts[-1])
    totals = dict.fromkeys(("sent", "lost", "forbidden", "leaked"), 0)
    for number in range(1 if quick else min(rounds, 3)):
        before = place.arrivals()
        flood = place.flood(hosts=some.desks, period=PERIOD)
        time.sleep(WARM_UP)
        start = time.monotonic()
        with daemon.connect(wait=120) as connection:
            for turn in range(changes):
                daemon.write(texts[turn % len(texts)])
                samples.add("reload", connection.call("Reload")["milliseconds"])
        elapsed = time.monotonic() - start
        flood.send_signal(signal.SIGTERM)
        sent = json.loads(flood.communicate()[0])["packets"]
        time.sleep(0.2)
        after = place.arrivals()
        permitted, forbidden = sent - sent // 2, sent // 2
        totals["sent"] += permitted
        totals["forbidden"] += forbidden
        totals["lost"] += permitted - (after["permitted"] - before["permitted"])
        totals["leaked"] += after["forbidden"] - before["forbidden"]
        samples.add("rate", sent / (elapsed + WARM_UP) / 1e3)
        say(f"changes under load: round {number + 1}, {sent:,} packets, {totals['lost']} lost, "
            f"{totals['leaked']} leaked")
    daemon.stop()
    rows = [[f"{hosts:,}", str(changes * len(samples.values["rate"])),
             f"{samples.median('rate'):.0f}", f"{totals['sent']:,}", str(totals["lost"]),
             f"{totals['forbidden']:,}", str(totals["leaked"]), samples.text("reload", ".1f")]]
    lines = ["Packets come as fast as one core makes and forwards them, permitted and forbidden in",
             "turn; none of the flows is ever answered, so that each packet is judged.", ""]
    lines += table(["hosts", "changes", "1,000 packets/s", "permitted sent", "lost",
                    "forbidden sent", "leaked", "ms a change"], rows)
    return lines + [""] + targets([Target("permitted packets lost", 0, totals["lost"]),
                                   Target("forbidden packets leaked", 0, totals["leaked"])])
