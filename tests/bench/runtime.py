# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a change without a file takes: egressctl assign, from the tool's start to its end."""
import pathlib
import time
from collections.abc import Callable

import office
from daemon import Daemon, egressctl
from office import Office
from place import Place
from report import Target, table, targets
from samples import Samples

ADDRESS = "10.200.0.1"  # of no host


def run(quick: bool, rounds: int, folder: pathlib.Path, say: Callable[[str], None]) -> list[str]:
    """The part of the report about changes at run time."""
    if "assign" not in egressctl("--help").stdout:
        return ["Skipped: this egressctl has no verb `assign`."]
    hosts, samples, place = 100 if quick else 100_000, Samples(), Place("runtime")
    folder.mkdir(parents=True)
    daemon = Daemon(place.gateway, folder).start(office.egressd(Office(hosts)))
    try:
        for _ in range(max(rounds, 5) * 5):
            for verb, words in (("assign", ("desk", "--for", "1h")), ("unassign", ())):
                start = time.monotonic()
                done = daemon.ctl(verb, ADDRESS, *words)
                samples.add(verb, (time.monotonic() - start) * 1e3)
                if done.returncode:
                    return [f"Skipped: `egressctl {verb}` failed: {done.stderr.strip()}"]
    finally:
        daemon.stop()
    say(f"assign: {samples.text('assign', '.2f')} ms")
    lines = ["Milliseconds of `egressctl`, from its start to its end.", ""]
    lines += table(["hosts", "assign", "unassign"],
                   [[f"{hosts:,}", samples.text("assign", ".2f"), samples.text("unassign", ".2f")]])
    return lines + [""] + targets([Target(f"assign, {hosts:,} hosts", 2,
                                          samples.median("assign"), " ms")])
