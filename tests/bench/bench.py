# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures egressd against its peers in network namespaces, and writes tests/bench/README.md."""
import argparse
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "net")]

import changes  # noqa: E402
import events  # noqa: E402
import loading  # noqa: E402
import machine  # noqa: E402
import packets  # noqa: E402
import report  # noqa: E402
import revocation  # noqa: E402
import runtime  # noqa: E402
import tamper  # noqa: E402
import verdicts  # noqa: E402
from daemon import EGRESSCTL, EGRESSD  # noqa: E402
from namespace import PRIVATE, enter_private_tree  # noqa: E402
from place import GENERATOR  # noqa: E402

FOLDER = pathlib.Path("/run/egressd-bench")
OTHERS = "EGRESSD_BENCH_OTHERS"
COMMAND = "EGRESSD_BENCH_COMMAND"
# The part, and its rounds unless told.
PARTS = {"packets": (packets.run, 15), "loading": (loading.run, 3), "changes": (changes.run, 3),
         "revocation": (revocation.run, 1), "runtime": (runtime.run, 10),
         "events": (events.run, 3), "verdicts": (verdicts.run, 1),
         "tamper": (tamper.run, 5)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="quickstart bench", description=__doc__)
    parser.add_argument("--only", metavar="PART", choices=PARTS, nargs="+", default=list(PARTS),
                        help=f"measure some of it: {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, help="rounds of each measurement")
    parser.add_argument("--quick", action="store_true",
                        help="tiny sizes and two rounds, to see that it runs; writes nothing")
    return parser.parse_args()


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def _heading(load: machine.Load, rounds: int) -> list[str]:
    return [f"{time.strftime('%Y-%m-%d %H:%M')}, `{os.environ.get(COMMAND, 'bench.py')}`, "
            f"{rounds} rounds.  ",
            f"{machine.describe()}.  ",
            f"Others ran when it began: {os.environ[OTHERS]}; beside this program and what it "
            f"waited for, {load.others()} of the processor time was used meanwhile.", ""]


def main() -> None:
    """Runs the chosen parts."""
    arguments = _arguments()
    if PRIVATE not in os.environ:
        os.environ[OTHERS] = machine.busy_processes()
    enter_private_tree()
    missing = [str(path) for path in (EGRESSD, EGRESSCTL, GENERATOR) if not path.exists()]
    if missing:
        sys.exit(f"not built: {', '.join(missing)}")
    os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
    for name in arguments.only:
        part, rounds = PARTS[name]
        rounds = arguments.rounds or (2 if arguments.quick else rounds)
        _say(f"== {name}")
        load = machine.Load()
        lines = part(arguments.quick, rounds, FOLDER / name, _say)
        lines = _heading(load, rounds) + lines
        print("\n".join(lines), flush=True)
        if not arguments.quick:
            report.write(name, lines)


if __name__ == "__main__":
    main()
