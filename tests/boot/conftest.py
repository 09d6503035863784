# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures: the wires, and gateways that boot between them."""
import pathlib
import sys
from collections.abc import Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "net"))

import cgroup  # noqa: E402
import tree  # noqa: E402
from machine import Machine, Wires  # noqa: E402
from namespace import enter_private_tree  # noqa: E402
from office import config  # noqa: E402


def pytest_configure() -> None:
    """Moves the whole session into namespaces of its own, before the first test."""
    enter_private_tree()
    tree.FOLDER.mkdir(mode=0o755)


@pytest.fixture(scope="session")
def wires() -> Wires:
    """The hosts beside the gateway."""
    why = tree.why_not()
    if why:
        pytest.skip(why)
    cgroup.clear()
    return Wires()


@pytest.fixture(scope="session")
def installed(wires: Wires) -> pathlib.Path:
    """The project as it is installed."""
    return tree.install()


def prepare(wires: Wires, installed: pathlib.Path) -> Machine:
    """A gateway on which the project was installed as the README says."""
    machine = Machine(tree.mount(installed), wires)
    machine.chroot("systemd-sysusers")
    machine.chroot("systemctl", "enable", "egressd", "systemd-networkd")
    machine.write("etc/egressd/egressd.conf", config())
    return machine


@pytest.fixture
def switched_off(wires: Wires, installed: pathlib.Path) -> Iterator[Machine]:
    """A gateway that a test boots itself."""
    machine = prepare(wires, installed)
    yield machine
    machine.scrap()


@pytest.fixture(scope="module")
def booted(wires: Wires, installed: pathlib.Path) -> Iterator[Machine]:
    """A gateway that runs, for all tests of a file."""
    machine = prepare(wires, installed)
    machine.boot()
    yield machine
    machine.scrap()
