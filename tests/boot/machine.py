# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway that really boots: systemd in a container, the project installed, two wires.

    desk (192.168.0.11) --- lan0  gateway  wan0 --- world (203.0.113.7)

The wires and both hosts are there before the gateway boots, as in the field.
"""
import json
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from cgroup import Group
from namespace import Namespace

DESK, WORLD = "192.168.0.11", "203.0.113.7"
DESK_GATEWAY, WORLD_GATEWAY = "192.168.0.1", "203.0.113.1"
BOOT_WAIT = 60.0  # seconds
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}

FILES = {
    "etc/hostname": "gateway\n",
    "etc/machine-id": "5f3c1d8a9b7e4c02a6d1e8f07b3c9a54\n",
    "etc/sysctl.d/90-gateway.conf": "net.ipv4.ip_forward = 1\n",
    "etc/systemd/network/10-lan.network":
        f"[Match]\nName=lan0\n[Network]\nAddress={DESK_GATEWAY}/24\nLinkLocalAddressing=no\n"
        "ConfigureWithoutCarrier=yes\n",
    "etc/systemd/network/10-wan.network":
        f"[Match]\nName=wan0\n[Network]\nAddress={WORLD_GATEWAY}/24\nLinkLocalAddressing=no\n"
        "ConfigureWithoutCarrier=yes\n",
    "etc/systemd/journald.conf.d/test.conf": "[Journal]\nStorage=volatile\nRateLimitBurst=0\n",
}
# What a gateway in a container has no use for, and would wait for.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer",
          "e2scrub_all.timer", "e2scrub_reap.service", "systemd-timesyncd.service",
          "systemd-networkd-wait-online.service", "console-getty.service")


def wait_for(condition: Callable[[], Any], wait: float = 10.0, pause: float = 0.02) -> Any:
    """The first true value of the condition, or its last one when the time is over."""
    deadline = time.monotonic() + wait
    while True:
        value = condition()
        if value or time.monotonic() >= deadline:
            return value
        time.sleep(pause)


class Wires:
    """The two hosts and the wires to the gateway, which are there before it boots."""

    def __init__(self) -> None:
        self.desk, self.world = Namespace("desk"), Namespace("world")
        for space in (self.desk, self.world):
            space.ip("link set lo up")

    def plug(self, gateway: Namespace) -> None:
        """Makes both wires; those of a gateway that is gone went with it."""
        for space, near, far, address, router in (
                (self.desk, "02:00:00:00:01:11", "02:00:00:00:01:01", DESK, DESK_GATEWAY),
                (self.world, "02:00:00:00:03:07", "02:00:00:00:03:01", WORLD, WORLD_GATEWAY)):
            name = "lan0" if space is self.desk else "wan0"
            gateway.ip(f"link add {name} address {far} type veth peer name eth0 address {near} "
                       f"netns {space.name}")
            # Neighbours are known beforehand: nothing is held back while somebody is asked.
            space.ip(f"address add {address}/24 dev eth0\nlink set eth0 up\n"
                     f"neigh replace {router} lladdr {far} nud permanent dev eth0\n"
                     f"route replace default via {router}\n")

    def unplug(self) -> None:
        """Takes both away again."""
        for space in (self.desk, self.world):
            space.run("ip", "link", "delete", "eth0", check=False)


class Machine:
    """The gateway."""

    def __init__(self, root: pathlib.Path, wires: Wires):
        self.root = root
        self.wires = wires
        self.space = Namespace(root.parent.name)
        wires.plug(self.space)
        self.process: subprocess.Popen | None = None
        self.leader = 0
        self.group = Group()
        for name, text in FILES.items():
            self.write(name, text)
        for unit in MASKED:
            self._link(f"etc/systemd/system/{unit}", "/dev/null")

    def write(self, name: str, text: str) -> pathlib.Path:
        """Writes a file of the gateway's, also while it runs."""
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def _link(self, name: str, target: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    def chroot(self, *command: str) -> None:
        """Runs a command on the tree while nothing is booted."""
        subprocess.run(["chroot", self.root, *command], check=True, env=ENVIRONMENT,
                       capture_output=True)

    def boot(self, *arguments: str, wait: bool = True) -> None:
        """Boots, with arguments that a kernel's command line would have."""
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--machine=gateway",
             "--directory", self.root, f"--network-namespace-path=/run/netns/{self.space.name}",
             "--capability=CAP_NET_ADMIN", "--console=pipe", "--boot", *arguments],
            env=os.environ | {"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=self.group.enter)
        self.console = b""
        os.set_blocking(self.process.stdout.fileno(), False)
        if not wait_for(self._find_leader, BOOT_WAIT, 0.01):
            raise RuntimeError(f"nothing boots:\n{self.read_console()}")
        if wait:
            self.await_boot()

    def read_console(self) -> str:
        """What the console showed so far."""
        while data := self.process.stdout.read(1 << 16):
            self.console += data
        return self.console.decode(errors="replace")

    def _find_leader(self) -> bool:
        self.read_console()
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        if self.process.poll() is not None:
            raise RuntimeError(f"the container ended:\n{self.read_console()}")
        for child in pathlib.Path(children).read_text(encoding="ascii").split():
            try:
                if os.readlink(f"/proc/{child}/exe").endswith("/systemd"):
                    self.leader = int(child)
                    return True
            except OSError:
                continue
        return False

    def await_boot(self) -> None:
        """Waits until systemd has started all that it is to start."""
        def state() -> str:
            self.read_console()
            return self.run("systemctl", "is-system-running", check=False).stdout.strip()

        ended = wait_for(lambda: state() in ("running", "degraded"), BOOT_WAIT, 0.1)
        assert ended, f"the boot does not end: {state()}\n{self.read_console()}"

    def command(self, *command: str, user: str | None = None) -> list[str]:
        """The command line that runs a command in the gateway."""
        become = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"] if user else []
        return ["nsenter", "--target", str(self.leader), "--mount", "--uts", "--ipc", "--net",
                "--pid", "--cgroup", "--root", "--wd=/", *become, *command]

    def run(self, *command: str, user: str | None = None, check: bool = True,
            **options: Any) -> subprocess.CompletedProcess:
        """Runs a command in the gateway."""
        done = subprocess.run(self.command(*command, user=user), env=ENVIRONMENT,
                              capture_output=True, text=True, check=False, timeout=120, **options)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n"
                               f"{done.stdout}{done.stderr}\n{self.journal()}")
        return done

    def start(self, *command: str, **options: Any) -> subprocess.Popen:
        """Starts a command in the gateway."""
        return subprocess.Popen(self.command(*command), env=ENVIRONMENT, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)

    def systemctl(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """systemctl(1)."""
        return self.run("systemctl", "--no-pager", *arguments, check=check)

    def show(self, name: str, unit: str = "egressd.service") -> str:
        """A property of a unit."""
        return self.systemctl("show", "--value", "--property", name, unit).stdout.strip()

    def pid(self) -> int:
        """The daemon's process in the gateway; 0: it does not run."""
        return int(self.show("MainPID"))

    def signal(self, number: int) -> None:
        """Sends the daemon a signal."""
        self.systemctl("kill", "--kill-who=main", f"--signal={number}", "egressd")

    def status(self) -> dict[str, Any]:
        """What the daemon says of itself."""
        return json.loads(self.run("egressctl", "--json", "status").stdout)

    def table(self) -> str:
        """The table as nft lists it; empty when there is none."""
        return self.run("nft", "list", "table", "inet", "egressd", check=False).stdout

    def journal(self, unit: str = "egressd") -> str:
        """What a unit said."""
        return self.run("journalctl", "--no-pager", "--lines=40", "--output=short-precise",
                        "--unit", unit,
                        check=False).stdout

    def stop(self) -> None:
        """Pulls the plug."""
        if self.process is None:
            return
        if self.leader:
            try:
                os.kill(self.leader, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process, self.leader = None, 0
        wait_for(self._group_is_gone)

    def _group_is_gone(self) -> bool:
        self.group.remove()
        return not any(folder.exists() for folder in self.group.folders)

    def scrap(self) -> None:
        """Stops it for good."""
        self.stop()
        self.wires.unplug()
