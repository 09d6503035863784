# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures: the laboratory (one a session), and daemons in its gateway."""
import itertools
import pathlib
from collections.abc import Callable, Iterator

import pytest

import lab as laboratory
from daemon import EGRESSCTL, EGRESSD, Daemon
from lab import Lab
from namespace import enter_private_tree

FOLDERS = pathlib.Path("/run/egressd-test")
_numbers = itertools.count(1)


def pytest_configure() -> None:
    """Moves the whole session into namespaces of its own, before the first test."""
    enter_private_tree()
    FOLDERS.mkdir(mode=0o755)


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The laboratory, without any daemon in it."""
    return laboratory.build()


@pytest.fixture
def clean(lab: Lab) -> Iterator[Lab]:
    """The laboratory, and afterwards a gateway without tables and connections."""
    yield lab
    lab.gateway.nft("flush ruleset")
    lab.gateway.run("conntrack", "-F")


@pytest.fixture
def folder() -> pathlib.Path:
    """A folder that only root may write to, with a path short enough for a socket."""
    path = FOLDERS / str(next(_numbers))
    path.mkdir(mode=0o755)
    return path


@pytest.fixture
def daemon(clean: Lab, folder: pathlib.Path) -> Iterator[Daemon]:
    """A daemon that is not started yet."""
    if not EGRESSD.exists() or not EGRESSCTL.exists():
        pytest.fail(f"{EGRESSD} or {EGRESSCTL} is not built")
    made = Daemon(clean.gateway, folder)
    yield made
    made.finish()


@pytest.fixture
def running(daemon: Daemon) -> Callable[[str], Daemon]:
    """Starts the daemon with a configuration."""
    return daemon.start
