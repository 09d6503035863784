# SPDX-License-Identifier: GPL-2.0-or-later
"""What thresholds of beacons and of the random walk are held against; time does not matter."""
import pathlib
import subprocess
from collections.abc import Callable

from daemon import BUILD

PROGRAM = BUILD / "tests" / "bench" / "verdicts"


def run(quick: bool, rounds: int, folder: pathlib.Path, say: Callable[[str], None]) -> list[str]:
    """The part of the report about verdicts: all tables, for thresholds beside ours too."""
    say("a hundred weeks of an office, and streams that are nearly regular")
    return subprocess.run([PROGRAM], check=True, capture_output=True, text=True).stdout.splitlines()
