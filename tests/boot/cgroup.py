# SPDX-License-Identifier: GPL-2.0-or-later
"""A control group of its own for each container: two that ran at once would meet in one."""
import os
import pathlib
import secrets
from collections.abc import Iterator

PREFIX = "egressd-boot-"
MOUNTED = pathlib.Path("/sys/fs/cgroup")


def _homes() -> Iterator[pathlib.Path]:
    """Where this process is in the hierarchies that systemd keeps units in."""
    for line in pathlib.Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        number, controllers, path = line.split(":", 2)
        if controllers == "name=systemd":
            yield MOUNTED / "systemd" / path.lstrip("/")
        elif number == "0":
            unified = MOUNTED / "unified"
            yield (unified if unified.is_dir() else MOUNTED) / path.lstrip("/")


def _remove(group: pathlib.Path) -> None:
    """Removes a group with those in it; one in which processes are left stays."""
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            pass


def clear() -> None:
    """Removes those that nobody is in any more, also of runs that were killed."""
    for home in _homes():
        for group in home.glob(PREFIX + "*"):
            _remove(group)


class Group:
    """One control group, in each hierarchy."""

    def __init__(self) -> None:
        name = PREFIX + secrets.token_hex(4)
        self.folders = [home / name for home in _homes()]

    def enter(self) -> None:
        """Moves the calling process into it; for a child before it executes."""
        for folder in self.folders:
            folder.mkdir(exist_ok=True)
            (folder / "cgroup.procs").write_text("0", encoding="ascii")

    def remove(self) -> None:
        """Removes it, once all processes are gone."""
        for folder in self.folders:
            _remove(folder)
