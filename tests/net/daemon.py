# SPDX-License-Identifier: GPL-2.0-or-later
"""egressd and egressctl of the build under test, run in the gateway."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import varlink
from namespace import Namespace

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("EGRESSD_BUILD", ROOT / "build")).resolve()
EGRESSD = BUILD / "daemon" / "egressd"
PROCESSES = BUILD / "daemon" / "processes" / "egressd-processes"
EGRESSCTL = BUILD / "daemon" / "egressctl" / "egressctl"

START_WAIT = 20.0  # seconds for a start or a reload under sanitizers on a busy machine
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0",
              "UBSAN_OPTIONS": "print_stacktrace=1"}
# What nft says of an owner, and of an orphan, whose flag nft 1.0.6 does not know.
WHOSE = re.compile(r"^(table inet egressd \{)(?: # progname \S+)?\n"
                   r"\tflags (?:owner)?,?(?:persist)?\n(\tcomment .*\n)?\n")
SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "runtime error:")


def boot_id() -> str:
    """Which boot of the machine this is."""
    return pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(
        encoding="ascii").strip().replace("-", "")


def wait_for(condition: Callable[[], Any], wait: float = 3.0, pause: float = 0.01) -> Any:
    """The first true value of the condition, or its last one when the time is over."""
    deadline = time.monotonic() + wait
    while True:
        value = condition()
        if value or time.monotonic() >= deadline:
            return value
        time.sleep(pause)


def egressctl(*arguments: str, **options) -> subprocess.CompletedProcess:
    """Runs egressctl; for verbs that need no daemon."""
    return subprocess.run([EGRESSCTL, *arguments], capture_output=True, text=True, check=False,
                          env=os.environ | SANITIZERS, timeout=60, **options)


class Daemon:
    """A configuration on disk and, once started, the daemon that enforces it."""

    def __init__(self, gateway: Namespace, folder: pathlib.Path):
        self.gateway = gateway
        self.folder = folder
        self.program = EGRESSD
        self.config = folder / "etc" / "egressd.conf"
        self.socket = str(folder / "io.egressd")
        self.state = folder / "state"
        self.processes = folder / "processes"
        self.log_path = folder / "log"
        self.environment: dict[str, str] = {}  # beside the sanitizers' and systemd's
        self.process: subprocess.Popen | None = None
        self.notices: list[str] = []
        (folder / "etc").mkdir()
        self.state.mkdir()
        # As if a policy had been in force in this boot already: else the start would pick up
        # older connections.
        (self.state / "boot-id").write_text(boot_id() + "\n", encoding="ascii")
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(folder / "notify"))
        # Read at once, as systemd does: a full socket would hold the daemon up.
        threading.Thread(target=self._listen, daemon=True).start()

    def write(self, text: str, name: str = "egressd.conf") -> pathlib.Path:
        """Writes a configuration file, in place."""
        path = self.config.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def command(self, *more: str) -> list[str]:
        """The daemon's command line."""
        return [str(self.program), "--config", str(self.config), "--socket", self.socket,
                "--state", str(self.state), "--processes", str(self.processes), *more]

    def start(self, config: str | None = None, ready: bool = True) -> "Daemon":
        """Starts the daemon and waits for its READY=1."""
        if config is not None:
            self.write(config)
        self.notices.clear()
        environment = (os.environ | SANITIZERS | {"NOTIFY_SOCKET": str(self.folder / "notify")}
                       | self.environment)
        with open(self.log_path, "ab") as log:
            self.process = self.gateway.start(*self.command(), stdout=log, stderr=log,
                                              stdin=subprocess.DEVNULL, env=environment)
        if ready:
            self.await_notice("READY=1")
        return self

    def _listen(self) -> None:
        while True:
            notice = self._notify.recv(4096).decode()
            if not notice:
                return
            self.notices.append(notice)

    def await_notice(self, line: str, wait: float = START_WAIT) -> str:
        """Waits for a notice that systemd would get, and gives it; those before it are dropped."""
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            if self.notices:
                notice = self.notices.pop(0)
                if line in notice.splitlines():
                    return notice
            elif self.process.poll() is not None:
                break
            else:
                time.sleep(0.002)
        raise AssertionError(f"no {line} from egressd (exit status {self.process.poll()}), "
                             f"log:\n{self.log()}")

    def log(self) -> str:
        """What the daemon said so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def signal(self, number: int) -> None:
        """Sends the daemon a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Ends the daemon the hard way."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ends the daemon by SIGTERM; its exit status."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=START_WAIT)
        except subprocess.TimeoutExpired:
            self.kill()  # or it would be in the way of every test that follows
            raise

    def remove_table(self) -> subprocess.CompletedProcess:
        """egressd --remove."""
        return self.gateway.run(*self.command("--remove"), check=False,
                                env=os.environ | SANITIZERS)

    def connect(self, **options) -> varlink.Connection:
        """A connection to the control socket."""
        return varlink.Connection(self.socket, **options)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One call on a connection of its own."""
        with self.connect() as connection:
            return connection.call(method, **parameters)

    def ctl(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        """Runs egressctl against this daemon."""
        return egressctl("--socket", self.socket, *arguments, **options)

    def json(self, *arguments: str) -> dict[str, Any]:
        """The reply that egressctl --json prints."""
        done = self.ctl("--json", *arguments)
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def status(self) -> dict[str, Any]:
        """GetStatus."""
        return self.call("GetStatus")

    def blocked(self, attempts: int | None = None, wait: float = 3.0,
                **filters: Any) -> list[dict[str, Any]]:
        """ListBlocked, once it tells of that many attempts (or the time is over)."""
        def listed() -> list[dict[str, Any]]:
            return self.call("ListBlocked", **filters)["blocked"]

        if attempts is None:
            return listed()
        wait_for(lambda: sum(line["attempts"] for line in listed()) >= attempts, wait)
        return listed()

    def count(self, role: str) -> tuple[int, int]:
        """Packets permitted to and blocked for a role."""
        line = next(line for line in self.status()["roles"] if line["role"] == role)
        return line["permitted"]["packets"], line["blocked"]["packets"]

    def reason_packets(self) -> dict[str, int]:
        """Blocked packets by reason, those without any left out."""
        reasons = self.status()["reasons"]
        return {line["reason"]: line["packets"] for line in reasons if line["packets"]}

    def table(self) -> str:
        """The table as nft lists it, without whose it is; empty when there is none."""
        return WHOSE.sub(r"\1\n\2", self.gateway.run("nft", "list", "table", "inet", "egressd",
                                              check=False).stdout)

    def finish(self) -> None:
        """Stops what still runs, and complains about anything a sanitizer found."""
        if self.process:
            self.stop()
        self._notify.shutdown(socket.SHUT_RD)  # the thread reads an empty notice and ends
        found = [line for line in self.log().splitlines()
                 if any(word in line for word in SANITIZER_WORDS)]
        assert not found, f"sanitizers: {found}\n{self.log()}"
