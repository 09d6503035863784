# SPDX-License-Identifier: GPL-2.0-or-later
"""The office for firewalld: a zone a role with its hosts as sources, policies between zones."""
import pathlib
import subprocess
import time
from xml.sax.saxutils import quoteattr

from namespace import Namespace
from office import (INSIDE, LOGHOST, OUTSIDE, OUTSIDE_ADMIN, ROLES, TIMEHOST, Office, Ports)
from peers import Unavailable

START_WAIT = 300.0  # seconds; thousands of sources take it minutes

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def _ports(ports: Ports) -> list[str]:
    return [f'<port port="{port}" protocol="{protocol}"/>' for protocol, port in ports]


def _rule(family_match: str, protocol: str, port: int) -> str:
    return (f'<rule family="ipv4">{family_match}<port port="{port}" protocol="{protocol}"/>'
            "<accept/></rule>")


def _policy(ingress: str, egress: str, lines: list[str]) -> str:
    return "\n".join(['<?xml version="1.0" encoding="utf-8"?>', '<policy target="DROP">',
                      f"<ingress-zone name={quoteattr(ingress)}/>",
                      f"<egress-zone name={quoteattr(egress)}/>", *lines, "</policy>"])


def _zone(lines: list[str]) -> str:
    return "\n".join(['<?xml version="1.0" encoding="utf-8"?>', '<zone target="DROP">',
                      *lines, "</zone>"])


def _files(office: Office) -> dict[str, str]:
    files = {"firewalld.conf": "DefaultZone=unassigned\nCleanupOnExit=no\n"
                               "FirewallBackend=nftables\nLogDenied=off\n"
                               "FlushAllOnReload=yes\nIPv6_rpfilter=no\n",
             "zones/world.xml": _zone([f'<interface name="{OUTSIDE}"/>']),
             "zones/unassigned.xml": _zone([f'<interface name="{INSIDE}"/>'])}
    for role in ROLES:
        sources = [f'<source address="{address}"/>' for address in office.addresses[role]]
        files[f"zones/{role.name}.xml"] = _zone(sources)
        outbound, inbound = _ports(role.outbound), _ports(role.inbound)
        if role.server:
            outbound += [_rule(f'<destination address="{LOGHOST}"/>', "udp", 514),
                         _rule(f'<destination address="{TIMEHOST}"/>', "udp", 123)]
            inbound += [_rule(f'<source address="{OUTSIDE_ADMIN}"/>', "tcp", 22)]
        files[f"policies/{role.name}-out.xml"] = _policy(role.name, "world", outbound)
        files[f"policies/{role.name}-in.xml"] = _policy("world", role.name, inbound)
    return files


def _await_running(gateway: Namespace, daemon: subprocess.Popen, environment: dict[str, str],
                   log: pathlib.Path) -> None:
    deadline = time.monotonic() + START_WAIT
    while time.monotonic() < deadline:
        if daemon.poll() is not None:
            raise Unavailable(f"firewalld ended: {log.read_text(errors='replace')[-300:]}")
        state = gateway.run("firewall-cmd", "--state", env=environment, check=False)
        if state.stdout.strip() == "running":
            return
        if "failed" in state.stdout:
            raise Unavailable(f"firewalld failed: {log.read_text(errors='replace')[-300:]}")
        time.sleep(0.5)
    raise Unavailable(f"firewalld had not loaded the policy after {START_WAIT:.0f} s")


def load(office: Office, gateway: Namespace, folder: pathlib.Path) -> None:
    """Runs firewalld on a bus of its own until the policy is loaded."""
    for name, text in _files(office).items():
        path = folder / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "bus.conf").write_text(BUS.format(path=folder / "bus"), encoding="utf-8")
    environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder / 'bus'}",
                   "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    log = folder / "log"
    with log.open("wb") as output:
        bus = gateway.start("dbus-daemon", "--nofork", f"--config-file={folder / 'bus.conf'}",
                            stdout=output, stderr=output)
        daemon = gateway.start("/usr/sbin/firewalld", "--nofork", "--nopid", "--log-target",
                               "console", "--system-config", str(folder / "etc"),
                               stdout=output, stderr=output, env=environment)
    try:
        _await_running(gateway, daemon, environment, log)
    finally:
        # Killed, so that it cannot take its rules with it.
        daemon.kill()
        daemon.wait()
        bus.kill()
        bus.wait()
