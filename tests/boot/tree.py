# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian tree with the project installed, in which what is changed is thrown away."""
import itertools
import os
import pathlib
import subprocess

FOLDER = pathlib.Path("/run/egressd-boot")
HERE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("EGRESSD_BOOT_BUILD", HERE / "build-boot")).resolve()
BASE = pathlib.Path(os.environ.get("EGRESSD_BOOT_TREE", "/var/cache/egressd-boot/bookworm"))

_numbers = itertools.count(1)


def why_not() -> str:
    """Why nothing can be booted here; empty when it can."""
    if not BASE.is_dir():
        return f"there is no Debian tree at {BASE}: `./quickstart test` makes it"
    probe = subprocess.run(["systemd-nspawn", "--quiet", "--register=no", "--keep-unit",
                            "--private-network", "--volatile=yes", "--directory", BASE,
                            "true"], capture_output=True, text=True, check=False,
                           stdin=subprocess.DEVNULL)
    if probe.returncode != 0:
        return f"systemd-nspawn does not work here: {probe.stderr.strip()}"
    return ""


def install(target: pathlib.Path = FOLDER / "installed") -> pathlib.Path:
    """Installs the project as `meson install` does it, into a folder of its own or a machine."""
    subprocess.run(["meson", "install", "-C", BUILD, "--quiet", "--no-rebuild"], check=True,
                   env=os.environ | {"DESTDIR": str(target)}, stdout=subprocess.DEVNULL)
    return target


def uninstall(target: pathlib.Path) -> None:
    """Takes away what was installed there last."""
    subprocess.run(["ninja", "-C", BUILD, "uninstall"], check=True,
                   env=os.environ | {"DESTDIR": str(target)}, stdout=subprocess.DEVNULL)


def mount(installed: pathlib.Path) -> pathlib.Path:
    """The root of a machine: the Debian tree, the project above it, and a layer to write to."""
    folder = FOLDER / f"machine{next(_numbers)}"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", folder], check=True)
    for part in ("root", "upper", "work"):
        (folder / part).mkdir()
    subprocess.run(["mount", "-t", "overlay", "-o",
                    f"lowerdir={installed}:{BASE},upperdir={folder}/upper,workdir={folder}/work",
                    "overlay", folder / "root"], check=True)
    return folder / "root"
