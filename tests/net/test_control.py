# SPDX-License-Identifier: GPL-2.0-or-later
"""The control socket, by raw Varlink."""
import contextlib
import fcntl
import json
import os
import sys
import termios
import threading
import time

import pytest
import traffic
import varlink
from daemon import Daemon, wait_for
from lab import WORLD, Lab
from policies import CLASSIC, small

POLICY = small('"http"')
NOBODY = 65534
CLIENTS_MAX = 64  # of daemon/server.c
WAITING = 212992  # bytes that a socket holds for a reader (net.core.wmem_default)


def test_getinfo_names_the_service_and_its_interfaces(daemon: Daemon):
    daemon.start(POLICY)
    info = daemon.call("org.varlink.service.GetInfo")
    assert info["product"] == "egressd"
    assert set(info["interfaces"]) == {"org.varlink.service", "io.egressd"}
    assert set(info) == {"vendor", "product", "version", "url", "interfaces"}


@pytest.mark.parametrize("interface", ["org.varlink.service", "io.egressd"])
def test_an_interface_describes_itself(daemon: Daemon, interface: str):
    daemon.start(POLICY)
    text = daemon.call("org.varlink.service.GetInterfaceDescription",
                       interface=interface)["description"]
    assert f"\ninterface {interface}\n" in "\n" + text
    assert "method Get" in text


@pytest.mark.parametrize("method, parameters, error", [
    ("org.varlink.service.GetInterfaceDescription", {"interface": "io.nobody"},
     "org.varlink.service.InterfaceNotFound"),
    ("io.nobody.Hello", {}, "org.varlink.service.InterfaceNotFound"),
    ("io.egressd.Hello", {}, "org.varlink.service.MethodNotFound"),
    ("io.egressd.ListBlocked", {"source": 7}, "org.varlink.service.InvalidParameter"),
    ("io.egressd.ListBlocked", {"colour": "red"}, "org.varlink.service.InvalidParameter"),
    ("io.egressd.Explain", {"source": "192.168.0.11"}, "org.varlink.service.InvalidParameter"),
    ("io.egressd.Explain", {"source": "192.168.0.11", "destination": "many", "service": "http"},
     "org.varlink.service.InvalidParameter"),
    ("io.egressd.Monitor", {}, "org.varlink.service.ExpectedMore"),
    ("io.egressd.ListHosts", {"role": "nobody"}, "io.egressd.NoSuchRole"),
    ("io.egressd.ListBlocked", {"role": "nobody"}, "io.egressd.NoSuchRole"),
    ("io.egressd.ListBlocked", {"host": "nobody"}, "io.egressd.NoSuchHost"),
])
def test_a_call_that_cannot_be_answered_gets_a_typed_error(daemon: Daemon, method: str,
                                                           parameters: dict, error: str):
    daemon.start(POLICY)
    with daemon.connect() as connection:
        with pytest.raises(varlink.Refused) as refused:
            connection.call(method, **parameters)
        assert refused.value.name == error
        assert connection.call("GetStatus")["state"] == "enforcing"


@pytest.mark.parametrize("text", [b"{", b"[]", b"7", b"{}", b'{"method": 7}', b"\xff\xfe", b"",
                                  b'{"method": "GetStatus"}', b"[" * 100000])
def test_what_is_no_call_ends_the_connection_and_nothing_else(daemon: Daemon, text: bytes):
    daemon.start(POLICY)
    with daemon.connect() as connection:
        connection.socket.sendall(text + b"\0")
        with pytest.raises((ConnectionError, varlink.Refused)):
            while True:
                reply = connection.receive()
                assert "error" in reply
    assert daemon.status()["state"] == "enforcing"


def test_a_call_longer_than_allowed_is_refused(daemon: Daemon):
    daemon.start(POLICY)
    with daemon.connect() as connection:
        with pytest.raises((ConnectionError, OSError)):
            for _ in range(64):
                connection.socket.sendall(b" " * (1 << 16))
            while True:
                assert "error" in connection.receive()
    assert daemon.status()["state"] == "enforcing"


def test_calls_may_come_in_pieces_and_in_heaps(daemon: Daemon):
    daemon.start(POLICY)
    call = json.dumps({"method": "io.egressd.GetStatus"}).encode() + b"\0"
    with daemon.connect() as connection:
        for at in range(len(call)):
            connection.socket.sendall(call[at:at + 1])
        assert connection.receive()["parameters"]["state"] == "enforcing"
        connection.socket.sendall(call * 20)
        assert [connection.receive()["parameters"]["state"] for _ in range(20)] == [
            "enforcing"] * 20


def test_a_oneway_call_gets_no_reply(daemon: Daemon):
    daemon.start(POLICY)
    with daemon.connect() as connection:
        connection.send({"method": "io.egressd.GetStatus", "oneway": True})
        assert connection.call("org.varlink.service.GetInfo")["product"] == "egressd"


def call_as(user: int, path: str, method: str) -> str:
    """Calls as another user from a process of its own: the error's name, "" for none."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        told = "died"
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            with varlink.Connection(path) as connection:
                connection.call(method)
            told = ""
        except varlink.Refused as refused:
            told = refused.name
        except (OSError, ConnectionError) as error:
            told = type(error).__name__
        finally:
            os.write(sender, told.encode())
            os._exit(0)
    os.close(sender)
    os.waitpid(child, 0)
    with os.fdopen(receiver) as told:
        return told.read()


def test_another_user_cannot_even_connect(daemon: Daemon):
    daemon.start(POLICY)
    assert os.stat(daemon.socket).st_mode & 0o777 == 0o660
    assert call_as(NOBODY, daemon.socket, "GetStatus") == "PermissionError"


@pytest.mark.parametrize("method", ["GetStatus", "ListBlocked", "Reload",
                                    "org.varlink.service.GetInfo"])
def test_a_user_in_no_group_of_ours_is_refused_by_the_daemon_itself(daemon: Daemon, method: str):
    daemon.start(POLICY)
    os.chmod(daemon.socket, 0o666)
    assert call_as(NOBODY, daemon.socket, method) == "io.egressd.PermissionDenied"


def test_slow_and_silent_clients_keep_nobody_waiting(daemon: Daemon):
    daemon.start(POLICY)
    call = json.dumps({"method": "io.egressd.GetStatus"}).encode() + b"\0"
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(daemon.connect()) for _ in range(20)]
        slow = [stack.enter_context(daemon.connect()) for _ in range(20)]
        for connection in slow:
            connection.socket.sendall(call[:-10])
        # Each of these is answered while all of those are still to be heard to the end.
        for _ in range(3):
            assert daemon.status()["state"] == "enforcing"
        for connection in slow:
            connection.socket.sendall(call[-10:])
        for connection in silent:
            connection.socket.sendall(call)
        for connection in slow + silent:
            assert connection.receive()["parameters"]["state"] == "enforcing"


def arrive(daemon: Daemon) -> varlink.Connection:
    """One more client; it comes again when too many of them wait to be let in."""
    while True:
        try:
            return daemon.connect()
        except BlockingIOError:
            time.sleep(0.01)


def turned_away(connection: varlink.Connection) -> bool:
    """Whether the daemon has said that it serves no more clients, and has closed."""
    with contextlib.suppress(BrokenPipeError):  # it may have closed by now
        connection.send({"method": "io.egressd.GetStatus"})
    reply = connection.receive()
    if "error" not in reply:
        return False
    assert reply["error"] == "io.egressd.TooManyClients"
    with pytest.raises(ConnectionError):
        connection.receive()
    return True


def test_more_clients_than_it_serves_do_not_harm_those_it_serves(daemon: Daemon):
    daemon.start(POLICY)
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(arrive(daemon)) for _ in range(CLIENTS_MAX + 40)]
        refused = [turned_away(connection) for connection in crowd]
        assert refused == [False] * CLIENTS_MAX + [True] * 40
        for connection in crowd[:CLIENTS_MAX]:
            assert connection.call("GetStatus")["state"] == "enforcing"
        # One that leaves makes room for one more.
        crowd[0].close()
        assert wait_for(lambda: not turned_away(stack.enter_context(arrive(daemon))))


def unread(connection: varlink.Connection) -> int:
    """Bytes of replies that wait in the client's socket."""
    size = fcntl.ioctl(connection.socket, termios.FIONREAD, bytes(4))
    return int.from_bytes(size, sys.byteorder)


def is_full(connection: varlink.Connection) -> bool:
    """Whether replies wait and no more of them come: the daemon can send nothing."""
    before = unread(connection)
    time.sleep(0.3)
    return before > 10000 and unread(connection) == before


def test_a_client_that_reads_nothing_does_not_hold_the_daemon_up(clean: Lab, daemon: Daemon):
    daemon.start(CLASSIC)
    calls = 3000
    with daemon.connect() as deaf:
        call = json.dumps({"method": "io.egressd.ListHosts"}).encode() + b"\0"
        asking = threading.Thread(target=deaf.socket.sendall, args=(call * calls,))
        asking.start()
        assert wait_for(lambda: is_full(deaf), 10)
        assert daemon.status()["state"] == "enforcing"
        assert traffic.tcp(clean["desk1"], clean.world, WORLD, 25) == traffic.RESET
        assert len(daemon.blocked(1)) == 1
        daemon.write(CLASSIC.replace('"ftp", ', ""))
        daemon.call("Reload")
        # All of it was waiting, and nothing was lost.
        assert is_full(deaf)
        replies = [deaf.receive() for _ in range(calls)]
        asking.join()
    assert all("error" not in reply for reply in replies)
    assert len(json.dumps(replies)) > 4 * WAITING


def test_a_monitor_is_told_of_an_attempt_and_of_a_reload(clean: Lab, daemon: Daemon):
    daemon.start(POLICY)
    with daemon.connect(wait=5) as connection:
        events = connection.stream("Monitor")
        daemon.call("GetStatus")  # the stream is open once a later call is answered
        traffic.tcp(clean["desk1"], clean.world, WORLD, 25)
        event = next(events)
        while event["kind"] != "blocked":
            event = next(events)
        attempt = event["attempt"]
        assert (attempt["source"], attempt["port"], attempt["reason"]) == (
            clean["desk1"].ipv4, 25, "role")
        daemon.write(small('"smtp"'))
        daemon.call("Reload")
        while event["kind"] != "reload":
            event = next(events)
        assert event["text"]


@pytest.mark.parametrize("filters, count", [
    ({}, 3), ({"source": "192.168.0.11"}, 2), ({"host": "office"}, 2), ({"role": "web"}, 1),
    ({"role": "desk", "source": "192.0.2.80"}, 0), ({"since": 2**60}, 0), ({"since": 0}, 3),
])
def test_blocked_is_narrowed_down_by_every_parameter(clean: Lab, daemon: Daemon, filters: dict,
                                                     count: int):
    daemon.start(CLASSIC)
    traffic.tcp(clean["desk1"], clean.world, WORLD, 25)
    traffic.tcp(clean["desk1"], clean.world, WORLD, 26)
    traffic.tcp(clean["www1"], clean.world, WORLD, 80)
    assert len(daemon.blocked(3)) == 3
    assert len(daemon.blocked(**filters)) == count


def test_a_host_that_left_the_policy_is_known_as_long_as_its_attempts_are(clean: Lab,
                                                                          daemon: Daemon):
    daemon.start(CLASSIC)
    assert daemon.blocked(host="office") == []
    traffic.tcp(clean["desk1"], clean.world, WORLD, 25)
    assert len(daemon.blocked(1)) == 1
    daemon.write(CLASSIC.replace('"office"', '"bureau"'))
    daemon.call("Reload")
    assert len(daemon.blocked(host="office")) == 1
    assert daemon.blocked(host="bureau") == []
    assert daemon.blocked(host="") == []


def test_status_tells_which_inside_interfaces_are_missing(daemon: Daemon):
    daemon.start(POLICY)
    status = daemon.status()
    assert status["inside"] and status["missing"] == []
    daemon.write(POLICY.replace("inside = [", 'inside = [ "eth7", "ppp*", "la*",', 1))
    daemon.call("Reload")
    assert daemon.status()["missing"] == ["eth7", "ppp*"]


def test_the_socket_goes_with_the_daemon_and_a_stale_one_is_replaced(daemon: Daemon):
    daemon.start(POLICY)
    daemon.kill()
    assert os.path.exists(daemon.socket)
    daemon.start()
    assert daemon.status()["state"] == "enforcing"
    daemon.stop()
    assert not os.path.exists(daemon.socket)
