# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a change without a file takes: egressctl assign, from the tool's start to its end."""
import os
import pathlib
import time
from collections.abc import Callable

import office
from daemon import EGRESSCTL, Daemon, egressctl
from office import Office
from place import Place
from report import Target, table, targets
from samples import Samples

ADDRESS = "10.200.0.1"  # of no host
NOTHING = "/bin/true"   # what any program costs
SILENT = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]


def _spawn(*command: str) -> float:
    """Milliseconds from starting a program to its end; posix_spawn(3) copies nothing of ours."""
    start = time.monotonic()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=SILENT)
    status = os.waitpid(pid, 0)[1]
    elapsed = time.monotonic() - start
    if status:
        raise RuntimeError(f"{' '.join(command)}: {status}")
    return elapsed * 1e3


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
                samples.add(verb, _spawn(str(EGRESSCTL), "--socket", daemon.socket, verb, ADDRESS,
                                         *words))
            samples.add(NOTHING, _spawn(NOTHING))
    finally:
        daemon.stop()
    say(f"assign: {samples.text('assign', '.2f')} ms")
    lines = ["Milliseconds of `egressctl`, from its start to its end; any program's start and end",
             f"are in them, those of `{NOTHING}` beside them.", ""]
    lines += table(["hosts", "assign", "unassign", f"`{NOTHING}`"],
                   [[f"{hosts:,}", *(samples.text(name, ".2f")
                                     for name in ("assign", "unassign", NOTHING))]])
    return lines + [""] + targets([Target(f"assign, {hosts:,} hosts", 2,
                                          samples.median("assign"), " ms")])
