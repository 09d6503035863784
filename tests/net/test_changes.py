# SPDX-License-Identifier: GPL-2.0-or-later
"""However a policy comes about, step by step, the kernel has what its text says.

EGRESSD_SEED repeats a run; EGRESSD_STEPS makes it longer.
"""
import difflib
import os
import random
from collections.abc import Iterator
from random import Random

import pytest
import varlink
from daemon import Daemon
from listing import listed, loaded_anew
from namespace import Namespace
from random_change import Changing

SEED = int(os.environ.get("EGRESSD_SEED") or random.SystemRandom().randrange(1 << 32))
STEPS = int(os.environ.get("EGRESSD_STEPS", "45"))
POLICIES = 3  # that the steps are divided among
RESTARTS = 0.05  # of the steps the daemon is killed and started instead of asked to reload


@pytest.fixture(scope="module")
def places() -> tuple[Namespace, Namespace]:
    """Where the daemon changes its table, and where the same is loaded anew."""
    return Namespace("changed"), Namespace("fresh")


@pytest.fixture
def changed(places: tuple[Namespace, Namespace], folder) -> Iterator[Daemon]:
    """A daemon in the first of them."""
    daemon = Daemon(places[0], folder)
    yield daemon
    daemon.finish()
    places[0].nft("flush ruleset")


def put_in_force(daemon: Daemon, restart: bool) -> None:
    """By a reload, or by a crash and a start."""
    if restart:
        daemon.kill()
        daemon.start()
    else:
        daemon.call("Reload")


@pytest.mark.parametrize("number", range(POLICIES))
def test_after_any_sequence_of_changes_the_table_is_the_one_that_its_text_stands_for(
        places: tuple[Namespace, Namespace], changed: Daemon, number: int):
    print(f"EGRESSD_SEED={SEED}")
    rng = Random(f"{SEED}:{number}")
    policy = Changing(rng)
    changed.start(policy.text())
    for step in range(STEPS // POLICIES):
        done = [policy.step() for _ in range(rng.choice((1, 1, 1, 2, 5, 20)))]
        where = f"EGRESSD_SEED={SEED}, policy {number}, step {step} ({', '.join(done)})"
        text = policy.text()
        changed.write(text)
        try:
            put_in_force(changed, rng.random() < RESTARTS)
        except varlink.Refused as refused:
            pytest.fail(f"{where} is not taken: {refused}\n{text}", pytrace=False)
        assert changed.status()["degraded"] == [], where
        found, wanted = listed(places[0]), loaded_anew(places[1], changed)
        if found != wanted:
            difference = "\n".join(difflib.unified_diff(wanted, found, "fresh", "changed",
                                                        lineterm="", n=2))
            pytest.fail(f"{where}:\n{difference}\n{text}", pytrace=False)
