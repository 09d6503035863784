# SPDX-License-Identifier: GPL-2.0-or-later
"""Shorewall, ferm, firewalld and ulogd2 from Debian's packages, seen by this program only.

The packages are unpacked, not installed: no service of theirs starts, now or at the next boot.
"""
import functools
import pathlib
import subprocess

from daemon import BUILD

UNPACKED = BUILD / "peers" / "root"
_UPPER = pathlib.Path("/run/egressd-bench/overlay")


class Unavailable(Exception):
    """A contestant cannot be run here; the text says why."""


@functools.cache
def unpack() -> None:
    """Lays the packages over /usr, /etc and /var/lib of this mount namespace."""
    if not UNPACKED.is_dir():
        raise Unavailable(f"{UNPACKED} is not there: \"quickstart bench\" makes it")
    for folder in ("usr", "etc", "var/lib"):
        lower = [path for path in (UNPACKED / folder, pathlib.Path("/", folder)) if path.is_dir()]
        upper, work = _UPPER / folder / "upper", _UPPER / folder / "work"
        upper.mkdir(parents=True)
        work.mkdir()
        done = subprocess.run(
            ["mount", "-t", "overlay", "overlay", "-o",
             f"lowerdir={':'.join(map(str, lower))},upperdir={upper},workdir={work}",
             f"/{folder}"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"overlay mount: {done.stderr.strip()}")
