# SPDX-License-Identifier: GPL-2.0-or-later
"""What `meson install` and `ninja uninstall` do to files that an administrator edits."""
import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHIPPED = SOURCE / "conf/egressd.conf"
SCRIPT = SOURCE / "conf/install-configuration.py"
BUILD = pathlib.Path(os.environ.get("EGRESSD_RELEASE_BUILD", SOURCE / "build-boot")).resolve()
MINE = b"# the administrator's\n"


class Root:
    """A folder that is installed into, as DESTDIR."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.etc = folder / "etc/egressd"
        self.file, self.new = self.etc / "egressd.conf", self.etc / "egressd.conf.new"

    def script(self, source: pathlib.Path = SHIPPED) -> str:
        """Runs the script that the installation runs; what it says."""
        return subprocess.run(["python3", SCRIPT, source, "/etc"], check=True, text=True,
                              env=os.environ | {"DESTDIR": str(self.folder)},
                              capture_output=True).stdout

    def meson(self, *command: str) -> str:
        """Runs the real commands; what they say."""
        return subprocess.run(command, check=True, text=True, capture_output=True,
                              env=os.environ | {"DESTDIR": str(self.folder)}).stdout

    def install(self) -> str:
        """`meson install` of what was built."""
        if not (BUILD / "build.ninja").exists():
            pytest.skip(f"nothing was built in {BUILD}: `./quickstart test` builds it")
        return self.meson("meson", "install", "-C", str(BUILD), "--no-rebuild")

    def names(self) -> set[str]:
        """What is in /etc/egressd."""
        return {path.name for path in self.etc.iterdir()}


@pytest.fixture
def root(tmp_path: pathlib.Path) -> Iterator[Root]:
    """A machine on which nothing is installed."""
    umask = os.umask(0o077)
    yield Root(tmp_path)
    os.umask(umask)


def test_a_first_install_writes_the_configuration_for_all_to_read(root: Root):
    assert str(root.etc) in root.script()
    assert root.file.read_bytes() == SHIPPED.read_bytes()
    assert (root.file.stat().st_mode & 0o777, root.etc.stat().st_mode & 0o777) == (0o644, 0o755)
    assert root.names() == {"egressd.conf"}


def test_an_edited_configuration_stays_and_the_shipped_one_is_beside_it(root: Root):
    root.script()
    root.file.write_bytes(MINE)
    before = root.file.stat()
    said = root.script()
    assert root.file.read_bytes() == MINE and root.file.stat() == before
    assert root.new.read_bytes() == SHIPPED.read_bytes()
    assert str(root.file) in said and "was not changed" in said and str(root.new) in said
    assert root.names() == {"egressd.conf", "egressd.conf.new"}


def test_the_next_install_replaces_what_is_beside_it(root: Root, tmp_path: pathlib.Path):
    root.etc.mkdir(parents=True)
    root.file.write_bytes(MINE)
    root.new.write_bytes(b"an older version\n")
    root.script()
    assert root.new.read_bytes() == SHIPPED.read_bytes()


def test_what_is_beside_it_goes_once_it_is_the_same(root: Root):
    root.script()
    root.new.write_bytes(b"an older version\n")
    assert root.script() == ""
    assert root.names() == {"egressd.conf"}


def test_a_link_is_not_replaced_even_when_it_leads_nowhere(root: Root):
    root.etc.mkdir(parents=True)
    root.file.symlink_to("gateway.conf")
    root.script()
    assert os.readlink(root.file) == "gateway.conf"
    assert root.names() == {"egressd.conf", "egressd.conf.new"}
    (root.etc / "gateway.conf").write_bytes(MINE)
    root.script()
    assert (root.etc / "gateway.conf").read_bytes() == MINE


@pytest.mark.parametrize("kept", ["last-good.conf", "last-good.1.conf"])
def test_a_missing_file_of_a_gateway_in_use_is_not_replaced(root: Root, kept: str):
    """The daemon there goes by its last good policy; a shipped file would take its place."""
    root.etc.mkdir(parents=True)
    state = root.folder / "var/lib/egressd"
    state.mkdir(parents=True)
    (state / kept).write_bytes(b"egressd configuration 1\n")
    said = root.script()
    assert root.names() == {"egressd.conf.new"}
    assert "is missing" in said


def test_an_uninstall_leaves_what_the_administrator_wrote_and_nothing_else(root: Root):
    root.install()
    assert root.file.read_bytes() == SHIPPED.read_bytes()
    shipped = {path for path in root.folder.rglob("*") if path.is_file()} - {root.file}
    root.file.write_bytes(MINE)
    mine = [root.file, root.etc / "roles.d/desk.conf", root.etc / "hosts.d/lan.conf",
            root.etc / "lists/drop.txt",
            root.folder / "etc/systemd/system/egressd.service.d/mine.conf",
            root.folder / "etc/systemd/system/egressd-alarm@.service.d/override.conf",
            root.folder / "etc/polkit-1/rules.d/egressd.rules",
            root.folder / "etc/sysusers.d/egressd.conf",
            root.folder / "etc/tmpfiles.d/egressd.conf",
            root.folder / "var/lib/egressd/last-good.conf",
            root.folder / "var/lib/egressd/requests.json"]
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(MINE)
    root.install()
    assert all(path.read_bytes() == MINE for path in mine)
    root.meson("ninja", "-C", str(BUILD), "uninstall")
    assert all(path.read_bytes() == MINE for path in mine)
    left = {path for path in root.folder.rglob("*") if path.is_file()}
    assert left == {*mine, root.new} and not left & shipped


def test_nothing_that_is_installed_lies_where_administrators_write(root: Root):
    """A file of Meson's log is overwritten by an install, and deleted by an uninstall."""
    root.install()
    installed = {path.relative_to(root.folder) for path in root.folder.rglob("*")
                 if path.is_file()}
    assert len(installed) > 15
    assert {path for path in installed if path.parts[0] != "usr"} == {
        pathlib.Path("etc/egressd/egressd.conf")}
