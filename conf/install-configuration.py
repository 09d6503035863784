# SPDX-License-Identifier: GPL-2.0-or-later
"""Installs the configuration where there is none, and leaves an administrator's file alone.

    install-configuration.py SOURCE SYSCONFDIR

Meson runs this script at the end of `meson install`, with DESTDIR in the environment. The files
that the script writes are not in Meson's log, so `ninja uninstall` does not delete them. Meson
shows the script's output only when the script fails.

    no file                     SOURCE becomes egressd.conf
    the same text               nothing is written; a stale egressd.conf.new is deleted
    another text                SOURCE becomes egressd.conf.new beside it
    no file, but egressd has    SOURCE becomes egressd.conf.new: the shipped policy must not take
    kept a last good policy     the place of a policy that is in force
"""
import os
import pathlib
import sys

NAME = "egressd.conf"
STATE = "var/lib/egressd"  # as in daemon/main.c
KEPT = ("last-good.conf", "last-good.1.conf")
MODE = 0o644


def beneath(root: str, path: str) -> pathlib.Path:
    """The path below DESTDIR."""
    return pathlib.Path(root + "/" + path.lstrip("/")) if root else pathlib.Path(path)


def exists(path: pathlib.Path) -> bool:
    """Whether the name is taken; a link to nowhere takes it, too."""
    return os.path.lexists(path)


def write_beside(folder: pathlib.Path, text: bytes) -> pathlib.Path:
    """The text in a temporary file, whose name no include pattern matches."""
    draft = folder / f".{NAME}.{os.getpid()}.new"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), MODE)
        os.fsync(file.fileno())
    return draft


def put(draft: pathlib.Path, target: pathlib.Path) -> bool:
    """Gives the file its name unless the name is taken; whole or not at all."""
    try:
        os.link(draft, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if exists(target):
            return False
        os.rename(draft, target)
    return True


def has_text(path: pathlib.Path, text: bytes) -> bool:
    """Whether a file, or the file that a link leads to, has that text."""
    try:
        return path.read_bytes() == text
    except OSError:
        return False


def install(source: pathlib.Path, root: str, sysconfdir: str) -> str:
    """Installs it; says what was done, or nothing when nothing was."""
    folder = beneath(root, sysconfdir) / "egressd"
    target, new = folder / NAME, folder / (NAME + ".new")
    text = source.read_bytes()
    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(0o755)  # whatever the umask: egressd has to read it

    why = "was not changed"
    if not exists(target) and any(exists(beneath(root, f"/{STATE}/{kept}")) for kept in KEPT):
        why = "is missing, but egressd keeps a policy of it (see `egressctl restore --help`)"
    elif has_text(target, text):
        new.unlink(missing_ok=True)
        return ""
    draft = write_beside(folder, text)
    try:
        if why == "was not changed" and put(draft, target):
            new.unlink(missing_ok=True)
            return f"Installing {source.name} to {folder}"
        os.rename(draft, new)
    finally:
        draft.unlink(missing_ok=True)
    return f"{target} {why}; the shipped configuration is {new}"


def main() -> int:
    """The exit status."""
    said = install(pathlib.Path(sys.argv[1]), os.environ.get("DESTDIR", ""), sys.argv[2])
    if said and "MESON_INSTALL_QUIET" not in os.environ:
        print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
