# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests/faults does to a daemon, steered from here."""
import enum
import mmap
import pathlib
import struct

from daemon import BUILD

_FORMAT = "=IIQQQQq"  # struct control of tests/faults/control.h
_SIZE = struct.calcsize(_FORMAT)


class Netlink(enum.IntEnum):
    """enum fault of tests/faults/netlink.c."""
    DROP = 0
    ENOBUFS = 1
    EINTR = 2
    TRUNCATE = 3
    SHORT = 4
    REORDER = 5
    REPEAT = 6
    SEND_EINTR = 7
    SEND_ENOBUFS = 8


class Faults:
    """One kind of faults ("memory", "netlink", "clock", "inotify", "helpers") for one daemon."""

    def __init__(self, kind: str, folder: pathlib.Path):
        self.library = BUILD / "tests" / "faults" / f"fault-{kind}.so"
        path = folder / f"fault-{kind}"
        path.write_bytes(bytes(mmap.PAGESIZE))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        # The sanitizer likes to be first; what stands before it hands on to it.
        self.environment = {
            "LD_PRELOAD": str(self.library),
            f"EGRESSD_{kind.upper()}_FAULTS": str(path),
            "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0:"
                            "verify_asan_link_order=0:allocator_may_return_null=1",
        }
        if kind == "memory":  # lib/policy/parser_room.h says why
            self.environment["EGRESSD_MEMORY_SPARE"] = "libconfig.so"

    def arm(self, at: int = 0, last: int = 0, kind: int = 0, value: int = 0) -> None:
        """From now on it counts, and lets that one fail (0: none), or all from it to the last."""
        struct.pack_into(_FORMAT, self._map, 0, 0, kind, 0, at, last, 0, value)
        struct.pack_into("=Q", self._map, _SIZE, 0)
        struct.pack_into("=I", self._map, 0, 1)

    def disarm(self) -> tuple[int, int]:
        """Ends it; how many there were, and how many failed."""
        struct.pack_into("=I", self._map, 0, 0)
        fields = struct.unpack_from(_FORMAT, self._map)
        return fields[2], fields[5]

    def batches(self) -> list[int]:
        """Of "readback": how many parts there were when each batch was sent."""
        count, = struct.unpack_from("=Q", self._map, _SIZE)
        return list(struct.unpack_from(f"={count}Q", self._map, _SIZE + 8))
