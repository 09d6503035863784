# SPDX-License-Identifier: GPL-2.0-or-later
"""What a daemon meets in years: enforcement stands, it says what is wrong, and gets over it."""
import contextlib
import errno
import os
import resource
import socket
import struct
import subprocess
import time
from collections.abc import Iterator

import pytest
import traffic
from daemon import Daemon, wait_for
from faults import Faults
from lab import WORLD, Lab
from namespace import Namespace
from policies import small

POLICY = small('"http"', gateway='refuse = "drop";')
OTHER = small('"http", "smtp"', gateway='refuse = "drop";')
GROUP = 100  # gateway.nflog_group when nothing else is said

NETLINK_NETFILTER = 12
NFULNL_MSG_CONFIG = 4 << 8 | 1
NFULA_CFG_CMD = 1
NFULNL_CFG_CMD_BIND = 1
NLM_F_REQUEST_ACK = 5


def enforces(clean: Lab, smtp: str = traffic.SILENCE) -> None:
    """What is permitted passes, and what is not does not."""
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 80) == traffic.PASSED
    assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25, wait=0.2) == smtp


def bind_group(log: socket.socket, group: int) -> int:
    """Asks for a group of the packet log; 0 or the kernel's errno."""
    command = struct.pack("=HHB3x", 5, NFULA_CFG_CMD, NFULNL_CFG_CMD_BIND)
    body = struct.pack("!BBH", socket.AF_UNSPEC, 0, group) + command
    log.send(struct.pack("=IHHII", 16 + len(body), NFULNL_MSG_CONFIG, NLM_F_REQUEST_ACK, 1, 0)
             + body)
    return -struct.unpack_from("=i", log.recv(4096), 16)[0]


@contextlib.contextmanager
def packet_log(place: Namespace) -> Iterator[socket.socket]:
    """Another program that reads the packet log."""
    with place.inside():
        log = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    with log:
        log.bind((0, 0))
        yield log


def test_a_packet_log_that_another_program_reads_is_taken_up_as_soon_as_it_is_free(
        clean: Lab, daemon: Daemon):
    with packet_log(clean.gateway) as other:
        assert bind_group(other, GROUP) == 0
        daemon.start(POLICY)
        status = daemon.status()
        assert status["state"] == "degraded"
        assert any(f"NFLOG group {GROUP} is read by another program" in text
                   for text in status["degraded"])
        enforces(clean)
        assert daemon.blocked() == []
        assert daemon.count("desk")[1] > 0
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 10)
    enforces(clean)
    assert len(daemon.blocked(1)) == 1
    # And from then on it is ours alone.
    with packet_log(clean.gateway) as other:
        assert bind_group(other, GROUP) in (errno.EPERM, errno.EBUSY)


@pytest.mark.parametrize("kind, last", [(0, 2), (1, 1000)], ids=["instances", "watches"])
def test_without_inotify_changes_are_seen_later_and_it_is_back_as_soon_as_it_can_be(
        clean: Lab, daemon: Daemon, kind: int, last: int):
    inotify = Faults("inotify", daemon.folder)
    daemon.environment |= inotify.environment
    inotify.arm(at=1, last=last, kind=kind)
    daemon.start(POLICY)
    status = daemon.status()
    assert status["state"] == "degraded"
    assert any("changes of the configuration are noticed late" in text
               for text in status["degraded"])
    enforces(clean)
    daemon.write(OTHER)
    assert wait_for(lambda: daemon.count("desk") and
                    traffic.tcp(clean["desk1"], clean.world, WORLD, 25, wait=0.2)
                    == traffic.PASSED, 12)
    inotify.disarm()
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 12)
    daemon.write(POLICY)
    assert wait_for(lambda: traffic.tcp(clean["desk1"], clean.world, WORLD, 25, wait=0.2)
                    == traffic.SILENCE, 3)


def test_a_log_that_nobody_reads_holds_nothing_up(clean: Lab, daemon: Daemon):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    daemon.write(POLICY)
    environment = os.environ | {"NOTIFY_SOCKET": str(daemon.folder / "notify")}
    daemon.process = clean.gateway.start(*daemon.command(), stderr=writer, stdout=writer,
                                         stdin=subprocess.DEVNULL, env=environment)
    os.close(writer)
    daemon.await_notice("READY=1")
    for turn in range(5):
        daemon.write(OTHER if turn % 2 else POLICY + f"# {turn}\n")
        start = time.monotonic()
        daemon.call("Reload")
        assert time.monotonic() - start < 5
    enforces(clean)
    assert daemon.status()["state"] == "enforcing"
    assert daemon.stop() == 0
    os.close(reader)


def test_a_journal_that_nobody_reads_holds_nothing_up(clean: Lab, daemon: Daemon):
    os.makedirs("/run/systemd/journal", exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind("/run/systemd/journal/socket")
        daemon.write(POLICY)
        with open(daemon.log_path, "ab") as log:
            status = os.fstat(log.fileno())
            environment = os.environ | {
                "NOTIFY_SOCKET": str(daemon.folder / "notify"),
                "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
            daemon.process = clean.gateway.start(*daemon.command(), stderr=log, stdout=log,
                                                 stdin=subprocess.DEVNULL, env=environment)
        daemon.await_notice("READY=1")
        # The kernel keeps net.unix.max_dgram_qlen records, 10 as a rule.
        for turn in range(30):
            daemon.write(POLICY + f"role_{turn} = 7;\n")
            with contextlib.suppress(Exception):
                daemon.call("Reload")
        daemon.write(POLICY)
        start = time.monotonic()
        daemon.call("Reload")
        assert time.monotonic() - start < 5
        enforces(clean)
        assert daemon.status()["state"] == "enforcing"
        journal.setblocking(False)
        records = []
        with contextlib.suppress(BlockingIOError):
            while True:
                records.append(journal.recv(1 << 16))
        assert records and any(b"MESSAGE=" in record for record in records)
        # Once somebody reads again, he is told how much he missed.
        daemon.write(OTHER)
        daemon.call("Reload")
        assert wait_for(lambda: b"records were lost here" in journal.recv(1 << 16), 3)
        daemon.stop()
    os.unlink("/run/systemd/journal/socket")


def processor_seconds(daemon: Daemon) -> float:
    """What the daemon has used of the processor."""
    fields = open(f"/proc/{daemon.process.pid}/stat", encoding="ascii").read().split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def test_ten_thousand_connections_keep_nobody_out_for_long(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    came = 0
    try:
        for _ in range(5):
            crowd = []
            try:
                while len(crowd) < 2000 and came < 10000:
                    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                    client.connect(daemon.socket)
                    crowd.append(client)
                    came += 1
            finally:
                for client in crowd:
                    client.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert came == 10000
    assert wait_for(lambda: daemon.status()["state"] == "enforcing", 3)
    enforces(clean)
    assert len(os.listdir(f"/proc/{daemon.process.pid}/fd")) < 64


def test_without_a_descriptor_left_it_turns_clients_away_and_does_not_spin(clean: Lab,
                                                                           daemon: Daemon):
    daemon.start(POLICY)
    highest = max(map(int, os.listdir(f"/proc/{daemon.process.pid}/fd")))
    usual = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (highest + 9, usual[1]))
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            client = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            client.connect(daemon.socket)
        before = processor_seconds(daemon)
        time.sleep(0.5)
        assert processor_seconds(daemon) - before < 0.25
        enforces(clean)
    assert wait_for(lambda: daemon.status()["degraded"] == [], 10)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, usual)
    daemon.write(OTHER)
    assert wait_for(lambda: traffic.tcp(clean["desk1"], clean.world, WORLD, 25, wait=0.2)
                    == traffic.PASSED, 5)
    assert wait_for(lambda: daemon.status()["degraded"] == [], 10)


def test_a_client_that_sends_a_gigabyte_is_cut_off_early(daemon: Daemon):
    daemon.start(POLICY)
    memory = resident(daemon)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect(daemon.socket)
        sent = 0
        with contextlib.suppress(ConnectionError, TimeoutError):
            while sent < 1 << 30:
                sent += client.send(b"x" * (1 << 20))
    assert sent < 64 << 20
    assert resident(daemon) - memory < 16 << 20
    assert daemon.status()["state"] == "enforcing"


def resident(daemon: Daemon) -> int:
    """Bytes of memory that the daemon has."""
    with open(f"/proc/{daemon.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
