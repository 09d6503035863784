# SPDX-License-Identifier: GPL-2.0-or-later
"""What the thresholds of a beacon are held against; nothing of it is a matter of time."""
import pathlib
import subprocess
from collections.abc import Callable

from daemon import BUILD

PROGRAM = BUILD / "tests" / "bench" / "verdicts"


def run(quick: bool, rounds: int, folder: pathlib.Path, say: Callable[[str], None]) -> list[str]:
    """The part of the report about verdicts: both tables, for thresholds beside ours too."""
    say("a hundred weeks of an office, and streams that are nearly regular")
    return subprocess.run([PROGRAM], check=True, capture_output=True, text=True).stdout.splitlines()
