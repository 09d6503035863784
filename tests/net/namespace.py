# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces: made, named under /run/netns, and entered by one thread at a time."""
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MS_PRIVATE_TREE = 0x40000 | 0x4000
NAMES = "/run/netns"
PRIVATE = "EGRESSD_NET_PRIVATE"

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def enter_private_tree() -> None:
    """Runs this very command again in network, mount and process namespaces of its own.

    The machine's own network is out of reach there, and whatever is left when the command ends,
    even by SIGKILL, ends with it. Returns only in the new tree.
    """
    if os.environ.get(PRIVATE) == str(os.getpid()):
        # The first process of a tree ignores signals that it does not handle.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        # Names of namespaces, sockets and files of tests live in a /run of our own.
        _check(_libc.mount(b"none", b"/", None, MS_PRIVATE_TREE, None), "mount / private")
        _check(_libc.mount(b"tmpfs", b"/run", b"tmpfs", 0, b"mode=0755"), "mount /run")
        os.mkdir(NAMES)
        return
    if os.geteuid() != 0:
        raise SystemExit("network namespaces are root's: run this as root, or through sudo")
    os.environ[PRIVATE] = "1"  # the process identifier in the new tree
    os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child",
                          "--mount-proc", sys.executable, *sys.orig_argv[1:]])


class Namespace:
    """One network namespace, alive as long as this object or its name."""

    def __init__(self, name: str):
        self.name = name
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.unshare(CLONE_NEWNET), "unshare")
            self.file = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            path = os.path.join(NAMES, name)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o444))
            _check(_libc.mount(b"/proc/thread-self/ns/net", path.encode(), None, MS_BIND, None),
                   path)
        finally:
            _check(_libc.setns(home, CLONE_NEWNET), "setns")
            os.close(home)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets opened in this block belong to the namespace, wherever they are used later."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.setns(self.file, CLONE_NEWNET), "setns")
            yield
        finally:
            _check(_libc.setns(home, CLONE_NEWNET), "setns")
            os.close(home)

    def run(self, *command: str, text: str | None = None, check: bool = True,
            **options) -> subprocess.CompletedProcess:
        """Runs a command in the namespace; its output is in the result, and in the error."""
        with self.inside():
            done = subprocess.run(command, input=text, capture_output=True, text=True,
                                  check=False, **options)
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(command)}: exit {done.returncode}\n"
                               f"{done.stdout}{done.stderr}")
        return done

    def start(self, *command: str, **options) -> subprocess.Popen:
        """Starts a command in the namespace."""
        with self.inside():
            return subprocess.Popen(command, **options)

    def ip(self, lines: str) -> None:
        """Gives ip(8) one command a line."""
        self.run("ip", "-batch", "-", text=lines)

    def nft(self, text: str) -> None:
        """Loads nft text into the namespace."""
        self.run("nft", "-f", "-", text=text)

    def sysctl(self, settings: dict[str, int]) -> None:
        """Sets net.* settings of the namespace."""
        with self.inside():
            for name, value in settings.items():
                with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
                    file.write(str(value))
