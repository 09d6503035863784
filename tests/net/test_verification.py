# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel takes a change, and the table reads back as another one.

Whatever part of it is lied about, once or for good: what egressd says is in force (its answer, the
exit status, explain, status, roles and lists) is what the kernel does to packets. EGRESSD_READBACKS
says how many parts are lied about in each way ("all": every one); EGRESSD_SEED repeats those of a run.
"""
import contextlib
import enum
import itertools
import json
import os
import random
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import traffic
import varlink
from daemon import Daemon, wait_for
from faults import Faults
from lab import WORLD, Lab
from policies import small

SEED = int(os.environ.get("EGRESSD_SEED") or random.SystemRandom().randrange(1 << 32))
TRIES = os.environ.get("EGRESSD_READBACKS", "2")
FOREVER = 1 << 32


class Lie(enum.IntEnum):
    """enum lie of tests/faults/readback.c."""
    HIDE = 0
    ALTER = 1
    GHOST = 2


class Span(enum.IntEnum):
    """enum span of the same."""
    ONCE = 0
    SAME = 1
    ALL = 2


LIES = [pytest.param(lie, span, id=f"{lie.name.lower()}-{span.name.lower()}")
        for lie in Lie for span in Span]

REST = 'services = { web = [ "http", "https" ]; };'
GATEWAY = 'refuse = "drop"; own_table = false;'
OLD = small('"web"', gateway=GATEWAY, rest=REST)
# What it denies, it permitted before; and the other way round. Chains and sets come and go as well.
NEW = small('"smtp"', gateway=GATEWAY, rest=REST,
            roles='guest = { outbound = ( { service = [ "pop3" ]; to = [ "203.0.113.0/24" ]; } ); };',
            hosts=', { name = "desk3"; role = "guest"; address = "192.168.0.13"; }')
# The same in elements alone.
LITTLE = small('"smtp"', gateway=GATEWAY, rest=REST)
OLD_PORT, NEW_PORT = 80, 25


def chosen(readback: Faults) -> list[int]:
    """Ends the count; which parts are lied about: as many of each step, between two batches."""
    count, _ = readback.disarm()
    bounds = [0, *readback.batches(), count]
    print(f"{count} parts, batches at {readback.batches()}")
    if TRIES == "all":
        return list(range(1, count + 1))
    rng = random.Random(f"{SEED} {os.environ['PYTEST_CURRENT_TEST']}")
    steps = [rng.sample(range(first + 1, last + 1), last - first)
             for first, last in zip(bounds, bounds[1:])]
    rng.shuffle(steps)
    turns = [part for turn in itertools.zip_longest(*steps) for part in turn if part]
    return sorted(turns[:int(TRIES)])


def arm(readback: Faults, number: int, lie: Lie, span: Span, delay: int = 0) -> None:
    """From the part of that number on it is lied, in that way."""
    readback.arm(at=number, last=FOREVER if span == Span.ALL else 0, kind=lie + len(Lie) * span,
                 value=delay)


@pytest.fixture(name="readback")
def _readback(daemon: Daemon) -> Faults:
    print(f"EGRESSD_SEED={SEED}")
    faults = Faults("readback", daemon.folder)
    daemon.environment |= faults.environment
    return faults


@dataclass(frozen=True)
class Answer:
    """What egressctl made of a request."""
    status: int
    error: str | None
    parameters: dict

    @property
    def in_force(self) -> bool:
        """It says that what was asked for is in force."""
        return self.error in (None, "NotVerified")

    @property
    def verified(self) -> bool:
        """It says that what is enforced now is verified; of a failure without a word of it, too."""
        return self.error != "NotVerified" and self.parameters.get("verified", True) is not False \
            and "not verified" not in self.parameters.get("text", "")


def ask(daemon: Daemon, *verb: str) -> Answer:
    """Runs egressctl, whose exit status says whether all is done and verified."""
    done = daemon.ctl("--json", *verb)
    said = json.loads(done.stdout)
    error = said["error"].rpartition(".")[2] if "error" in said else None
    answer = Answer(done.returncode, error, said["parameters"] if error else said)
    assert done.returncode == (1 if error else 0), done.stdout + done.stderr
    assert (error is None) == (done.stderr == ""), done.stderr
    if error == "NotVerified":
        assert "the kernel enforces the change, but it is not verified" in done.stderr
    return answer


def reload(daemon: Daemon, config: str) -> Answer:
    """Writes the configuration and has it loaded at once, before the daemon notices the file."""
    with daemon.connect() as connection:
        daemon.write(config)
        try:
            return Answer(0, None, connection.call("Reload"))
        except varlink.Refused as refused:
            return Answer(1, refused.name.rpartition(".")[2], refused.parameters)


@dataclass(frozen=True)
class Probe:
    """A connection to the world, which explain is asked for and which is tried."""
    host: str
    port: int

    def explained(self, clean: Lab, daemon: Daemon) -> bool | None:
        """What explain says; None: no policy is in force."""
        try:
            return daemon.call("Explain", source=clean[self.host].ipv4, destination=WORLD,
                               service=f"tcp/{self.port}")["verdict"] == "permitted"
        except varlink.Refused as refused:
            assert refused.name == "io.egressd.NoPolicy"
            return None

    def passes(self, clean: Lab) -> bool:
        """What the kernel does."""
        return traffic.tcp(clean[self.host], clean.world, WORLD, self.port,
                           wait=0.08) == traffic.PASSED


PROBES = (Probe("desk1", OLD_PORT), Probe("desk1", NEW_PORT), Probe("desk2", OLD_PORT))


def told(clean: Lab, daemon: Daemon) -> dict:
    """All that is said of what is in force."""
    with contextlib.suppress(varlink.Refused):
        roles = daemon.call("ListRoles")["roles"]
        return {"verified": daemon.status()["verified"],
                "explain": [probe.explained(clean, daemon) for probe in PROBES],
                "roles": {role["name"]: role["outbound"] for role in roles}}
    return {"explain": [probe.explained(clean, daemon) for probe in PROBES], "roles": None}


def agreed(clean: Lab, daemon: Daemon, where: str) -> list[bool]:
    """Which probes pass. What is said must be that, before and after (it may change by itself)."""
    for _ in range(5):
        before = told(clean, daemon)
        passed = [probe.passes(clean) for probe in PROBES]
        if told(clean, daemon) == before:
            break
    listed = daemon.gateway.run("nft", "list", "table", "inet", "egressd", check=False).stdout
    if before["explain"][0] is None:
        return passed
    where = f"{where}\n{before} {passed}\n{daemon.log()[-2000:]}\n{listed}"
    assert before["explain"] == passed, where
    assert ("web" in before["roles"]["desk"]) == ("tcp . 80" in listed), where
    if before["verified"]:
        assert ("guest" in before["roles"]) == ("chain role_guest" in listed), where
    return passed


def settle(daemon: Daemon, readback: Faults, where: str) -> None:
    """The lies are over: by itself, all is verified again."""
    readback.disarm()
    daemon.gateway.nft("add table ip other; delete table ip other")  # or it takes a minute
    good = wait_for(lambda: (status := daemon.status())["verified"]
                    and status["degraded"] == [], 20)
    assert good, f"{where}\n{daemon.status()}\n{daemon.log()[-2000:]}"


def listen(clean: Lab, port: int) -> socket.socket:
    """In the world; what it accepts is reset when it is closed, and does not linger."""
    listener = traffic.listen(clean.world, WORLD, port)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return listener


@contextlib.contextmanager
def stream(clean: Lab, port: int) -> Iterator[Callable[[], bool]]:
    """An established connection of desk1; does it go on?"""
    with listen(clean, port) as listener:
        client = traffic.connect(clean["desk1"], WORLD, port)
        server = listener.accept()[0]

    def goes_on() -> bool:
        try:
            client.settimeout(0.3)
            client.sendall(b"?")
            server.settimeout(0.3)
            return server.recv(64) != b""
        except (TimeoutError, OSError):
            return False
    with client, server:
        yield goes_on


def check_status(daemon: Daemon, answer: Answer, where: str) -> None:
    """Status says what the answer said, as long as nothing was tried again."""
    status = daemon.status()
    if not answer.verified:
        assert status["verified"] is False, f"{where}\n{answer}\n{status}"
    if not status["verified"]:
        assert status["state"] in ("degraded", "closed") and status["degraded"], where
        assert any("not verified" in text for text in status["degraded"]), f"{where}\n{status}"


@pytest.mark.parametrize("new", [pytest.param(LITTLE, id="elements"), pytest.param(NEW, id="chains")])
@pytest.mark.parametrize("lie, span", LIES)
def test_a_reload_says_what_the_kernel_does_whatever_reads_back(
        clean: Lab, daemon: Daemon, readback: Faults, lie: Lie, span: Span, new: str):
    daemon.start(OLD)
    for config in (new, OLD):
        assert reload(daemon, config).status == 0
    arm(readback, 0, lie, span)
    assert reload(daemon, new).status == 0
    parts = chosen(readback)
    outcomes = []
    for number in parts:
        where = f"EGRESSD_SEED={SEED}, {lie.name} {span.name} part {number}"
        assert reload(daemon, OLD).status == 0
        assert agreed(clean, daemon, where)[:2] == [True, False]
        with stream(clean, OLD_PORT) as goes_on:
            kept = (daemon.state / "last-good.conf")
            before = kept.read_text() if kept.exists() else None
            arm(readback, number, lie, span)
            answer = reload(daemon, new)
            where = f"{where}\n{answer}"
            outcomes.append(answer.error)
            explained = PROBES[1].explained(clean, daemon)
            assert explained is answer.in_force, where
            # What does not come into force cuts nothing.
            assert goes_on() is not PROBES[1].explained(clean, daemon), where
            assert agreed(clean, daemon, where)[1] is PROBES[1].explained(clean, daemon)
            check_status(daemon, answer, where)
            if answer.error and kept.exists() and not PROBES[1].explained(clean, daemon):
                assert kept.read_text() == before, "only what is verified is kept"
            readback.disarm()
        settle(daemon, readback, where)
        assert agreed(clean, daemon, where)[:2] == [False, True]
    print(f"{lie.name} {span.name}: {dict(zip(parts, outcomes))}")


def start_new(clean: Lab, daemon: Daemon, readback: Faults, table: bool,
              lies: Callable[[], None]) -> str:
    """From a daemon with OLD to one with NEW that hears lies; what it says. With or without a table."""
    daemon.write(OLD)
    daemon.call("Reload")
    settle(daemon, readback, "before a start")
    assert agreed(clean, daemon, "before a start")[:2] == [True, False]
    daemon.stop()
    if not table:
        daemon.remove_table()
    log = len(daemon.log())
    lies()
    daemon.start(NEW, ready=False)
    with contextlib.suppress(AssertionError):
        daemon.await_notice("READY=1")
    return daemon.log()[log:]


@pytest.mark.parametrize("table", [True, False], ids=["table", "boot"])
@pytest.mark.parametrize("lie, span", LIES)
def test_a_start_says_what_the_kernel_does_whatever_reads_back(
        clean: Lab, daemon: Daemon, readback: Faults, lie: Lie, span: Span, table: bool):
    daemon.start(OLD)
    start_new(clean, daemon, readback, table, lambda: arm(readback, 0, lie, span))
    found = readback.batches()[0]  # until then it hears what there is
    parts = chosen(readback)
    states = []
    for number in parts:
        # Who hears the same lie of what was there each time cannot know of it.
        told_so = Span.ONCE if table and number <= found else span
        where = f"EGRESSD_SEED={SEED}, {lie.name} {told_so.name} part {number}"
        said = start_new(clean, daemon, readback, table,
                         lambda: arm(readback, number, lie, told_so))
        if daemon.process.poll() is not None:
            # It could read nothing at all; and then it has not said that it is ready.
            listed = daemon.table()
            assert daemon.process.poll() == 1, f"{where}\n{said}"
            assert "tcp . 25" not in listed or "not verified" in said or \
                "in force: 2 hosts" in said, f"{where}\n{said}"
            assert not table or "chain role_desk" in listed, where
            states.append("ended")
            readback.disarm()
            daemon.start(NEW)
            continue
        passed = agreed(clean, daemon, f"{where}\n{said}")
        status = daemon.status()
        states.append(status["state"])
        where = f"{where}\n{passed} {status}\n{said}"
        if status["state"] == "closed":
            assert passed == [False] * 3, where
        elif status["policy"]["digest"] == "":
            assert passed == [True, False, False], f"the table of the run before\n{where}"
        if status["policy"]["digest"] == "":
            assert any("no configuration is in force; " in text
                       for text in status["degraded"]), where
        settle(daemon, readback, where)
        assert agreed(clean, daemon, where)[:2] == [False, True]
    print(f"{lie.name} {span.name}: {dict(zip(parts, states))}")


# What is asked for at run time, how it is taken back, and which probe it turns.
REQUESTS = {
    "assign": (("assign", "192.168.0.12", "desk"), ("unassign", "192.168.0.12"), 2),
    "permit": (("permit", "desk1", "smtp", "--for", "10m", "--why", "test"), None, 1),
    "quarantine": (("quarantine", "desk1"), ("release", "desk1"), 0),
}


def entries(daemon: Daemon) -> int:
    """How many requests are in the lists."""
    return sum(len(daemon.call(method)[key]) for method, key in (
        ("ListAssignments", "assignments"), ("ListPermits", "permits"),
        ("ListQuarantined", "quarantined")))


@pytest.mark.parametrize("lie, span", LIES)
@pytest.mark.parametrize("what", REQUESTS)
def test_a_request_is_in_force_as_it_is_said_whatever_reads_back(
        clean: Lab, daemon: Daemon, readback: Faults, what: str, lie: Lie, span: Span):
    do, undo, probe = REQUESTS[what]
    daemon.start(OLD)

    def take_back() -> tuple[str, ...]:
        return undo or ("revoke", str(daemon.call("ListPermits")["permits"][0]["id"]))

    for _ in range(2):  # the second time it is known what the table is, as it is below
        arm(readback, 0, lie, span)
        assert ask(daemon, *do).status == 0
        assert ask(daemon, *take_back()).status == 0
    parts = chosen(readback)
    outcomes = []
    for number in parts:
        where = f"EGRESSD_SEED={SEED}, {lie.name} {span.name} part {number}"
        usual = agreed(clean, daemon, where)
        for verb, there in ((lambda: do, True), (take_back, False)):
            words = verb()
            arm(readback, number, lie, span)
            answer = ask(daemon, *words)
            outcomes.append(answer.error)
            passed = agreed(clean, daemon, f"{where} {words}\n{answer}")
            in_force = there if answer.in_force else not there
            assert entries(daemon) == in_force, f"{where}\n{answer}"
            assert (passed != usual) is in_force, f"{where}\n{answer} {usual} {passed}"
            assert passed[probe] is not usual[probe] if in_force else passed == usual
            check_status(daemon, answer, where)
            settle(daemon, readback, where)
            daemon.call("Reload")  # which looks at the whole table
            assert agreed(clean, daemon, where) == passed
            if not answer.in_force:
                assert ask(daemon, *words).status == 0, where
    print(f"{lie.name} {span.name}: {dict(zip(parts, outcomes))}")


def test_an_element_that_the_kernel_does_not_tell_of_is_taken_away_all_the_same(
        clean: Lab, daemon: Daemon, readback: Faults):
    do, undo, _ = REQUESTS["assign"]
    daemon.start(OLD)
    for number in range(1, 5):  # the generation, the set and its element come before the batch
        assert ask(daemon, *do).status == 0
        arm(readback, number, Lie.HIDE, Span.SAME)
        answer = ask(daemon, *undo)
        agreed(clean, daemon, f"part {number}\n{answer}")
        settle(daemon, readback, f"part {number}")
        daemon.call("Reload")
        if not answer.in_force:
            assert ask(daemon, *undo).status == 0


@pytest.mark.parametrize("lie, span", LIES)
def test_a_repair_is_verified_or_said_not_to_be_whatever_reads_back(
        clean: Lab, daemon: Daemon, readback: Faults, lie: Lie, span: Span):
    daemon.start(OLD)
    damage = "delete element inet egressd outbound_desk { tcp . 80 }"
    arm(readback, 0, lie, span)
    clean.gateway.nft(damage)
    assert wait_for(lambda: PROBES[0].passes(clean), 5)
    parts = chosen(readback)
    for number in parts:
        where = f"EGRESSD_SEED={SEED}, {lie.name} {span.name} part {number}"
        settle(daemon, readback, where)
        arm(readback, number, lie, span)
        clean.gateway.nft(damage)
        wait_for(lambda: PROBES[0].passes(clean) or not daemon.status()["verified"], 2)
        for _ in range(3):
            before, passes = daemon.status(), PROBES[0].passes(clean)
            if before["verified"] and before["degraded"] == [] and before == daemon.status():
                assert passes, f"{where}\n{daemon.log()[-2000:]}"
        settle(daemon, readback, where)
        assert wait_for(lambda: agreed(clean, daemon, where) == [True, False, False], 5), where


def test_a_copy_is_written_though_an_unverified_policy_took_the_place_of_its_own(
        clean: Lab, daemon: Daemon, readback: Faults):
    daemon.start(OLD)
    kept = daemon.state / "last-good.conf"
    for number in range(1, 18):  # the first part with which the change stays, unverified
        settle(daemon, readback, f"part {number}")
        assert reload(daemon, LITTLE).status == reload(daemon, OLD).status == 0
        kept.unlink(missing_ok=True)
        arm(readback, number, Lie.GHOST, Span.SAME)
        answer = reload(daemon, LITTLE)
        if answer.in_force and not answer.verified:
            break
    assert answer.in_force and not answer.verified, answer
    assert wait_for(kept.exists, 5) and '"web"' in kept.read_text()
    settle(daemon, readback, f"part {number}")


def test_a_flow_that_began_under_a_change_that_is_taken_back_is_cut_and_no_other_is(
        clean: Lab, daemon: Daemon, readback: Faults):
    daemon.start(OLD)
    for number in range(1, 18):  # the first part with which it is taken back, and that is verified
        settle(daemon, readback, f"part {number}")
        assert reload(daemon, OLD).status == 0
        arm(readback, number, Lie.HIDE, Span.SAME)
        answer = reload(daemon, LITTLE)
        if answer.parameters.get("taken_back") and answer.verified:
            break
    assert answer.parameters["taken_back"], answer
    settle(daemon, readback, f"part {number}")
    assert reload(daemon, OLD).status == 0

    begun: list[socket.socket] = []
    over = threading.Event()

    def begin() -> None:
        while not over.is_set() and len(begun) < 32:
            with contextlib.suppress(OSError):
                begun.append(traffic.connect(clean["desk1"], WORLD, NEW_PORT, wait=0.3))
            time.sleep(0.01)

    thread = threading.Thread(target=begin)
    with listen(clean, NEW_PORT), stream(clean, OLD_PORT) as goes_on:
        arm(readback, number, Lie.HIDE, Span.SAME, delay=1_500_000)
        thread.start()
        try:
            answer = reload(daemon, LITTLE)
        finally:
            over.set()
            thread.join()
        assert answer.parameters["taken_back"] and answer.verified, answer
        assert begun, "meanwhile it was in force"
        assert goes_on(), "the old policy permits it, and that is in force again"
        for client in begun:
            with client, contextlib.suppress(OSError):
                client.sendall(b"?")
    tracked = clean.gateway.run("conntrack", "-L", "-p", "tcp", "--dport", str(NEW_PORT)).stdout
    assert "ESTABLISHED" not in tracked, tracked
    # It may notice the file only now, and try once more.
    assert wait_for(lambda: "a change is being made" not in daemon.table()), "the fast path is back"


def test_closing_and_removing_say_what_could_not_be_verified(clean: Lab, daemon: Daemon,
                                                            readback: Faults):
    def run(option: str) -> subprocess.CompletedProcess:
        return daemon.gateway.run(*daemon.command(option), check=False,
                                  env=os.environ | daemon.environment)

    def lied(option: str, span: Span) -> subprocess.CompletedProcess:
        rng = random.Random(SEED)
        for number in range(100):  # some generations read back as the one before, others do not
            daemon.gateway.run("nft", "destroy", "table", "inet", "egressd", check=False)
            if option == "--remove":
                assert daemon.gateway.run(*daemon.command("--close")).returncode == 0
            if rng.random() < 0.5:
                daemon.gateway.nft("add table ip other; delete table ip other")
            arm(readback, 1 + number % 8, Lie.ALTER, span)
            done = run(option)
            readback.disarm()
            if "verified" in done.stderr:
                return done
        pytest.fail("it was verified each time")

    daemon.write(OLD)
    done = lied("--close", Span.ALL)
    assert done.returncode == 1
    assert "egressd: the gateway is closed, but that is not verified: " in done.stderr
    assert "closed: there is no policy yet" in daemon.table()
    done = lied("--remove", Span.ONCE)
    assert done.returncode == 1
    assert "the kernel took the table away, but that could not be verified: " in done.stderr
    assert daemon.table() == ""
