#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each room includes only what lies below it (design: rooms). Prints every line that does not."""
import pathlib
import re
import sys

FLOORS = {
    "base": set(),
    "policy": {"base"},
    "ruleset": {"base", "policy"},
    "kernel": {"base", "ruleset"},
    "track": {"base"},
    "control": {"base"},
}
LIBRARIES = {
    "libconfig.h": {"policy"},
    "libmnl/": {"kernel"},
    "libnftnl/": {"kernel"},
    "jansson.h": {"control", "egressctl", "daemon", "processes"},
    "systemd/": {"daemon", "processes"},
}

# Programs of their own, and what of the rooms each of them must do without.
PROGRAMS = {
    "egressctl": {"kernel", "track"},
    "processes": {"policy", "ruleset", "track", "control"},
}

root = pathlib.Path(sys.argv[1])
wrong = 0


def complain(path, number, text):
    global wrong
    wrong += 1
    print(f"{path}:{number}: {text}")


for path in sorted([*root.glob("lib/*/*.[ch]"), *root.glob("daemon/**/*.[ch]")]):
    parts = path.relative_to(root).parts
    room = parts[1] if parts[0] == "lib" or parts[1] in PROGRAMS else "daemon"
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        include = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if not include:
            continue
        quoted, target = include.group(1) == '"', include.group(2)
        owner = target.split("/")[0]
        if quoted and owner in FLOORS and room in FLOORS:
            if owner != room and owner not in FLOORS[room]:
                complain(path, number, f"{room} may not include {target}")
        if quoted and owner in PROGRAMS.get(room, set()):
            complain(path, number, f"{room} may not include {target}")
        for library, rooms in LIBRARIES.items():
            if target.startswith(library) and room not in rooms:
                complain(path, number, f"{room} may not include {target}")
sys.exit(1 if wrong else 0)
