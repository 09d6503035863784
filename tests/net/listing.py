# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables as nft lists them, in a form in which those that mean the same are the same."""
import re

from daemon import WHOSE, Daemon, egressctl
from namespace import Namespace


def normal(listing: str) -> list[str]:
    """A listing without what may differ: values of counters, room in sets, order of elements.

    Objects, sets and chains are put in order by name; the rules of a chain stay in theirs.
    """
    listing = WHOSE.sub(r"\1\n\2", listing)
    blocks = re.findall(r"^\t\S[^\n]* \{\n.*?^\t\}\n", listing, re.MULTILINE | re.DOTALL)
    head = [line for line in listing.splitlines() if re.match(r"\t(comment|flags) ", line)]
    rest = listing.count("\n\t}") - len(blocks)
    assert rest == 0, f"{rest} objects were not understood:\n{listing}"
    return head + [line for block in sorted(blocks) for line in _normal_block(block)]


def _normal_block(block: str) -> list[str]:
    if not re.match(r"\t(set|map) ", block):
        return re.sub(r"packets \d+ bytes \d+", "packets N bytes N", block).splitlines()
    elements = re.search(r"\t\telements = \{(.*?)\}\n", block, re.DOTALL)
    lines = re.sub(r"\t\t(elements = \{.*?\}|size \d+)\n", "", block, flags=re.DOTALL).splitlines()
    if elements and not re.search(r"\t\t(flags .*dynamic|timeout )", block):
        lines[-1:-1] = sorted("\t\t\t" + element.strip() for element in elements[1].split(","))
    return lines


def listed(place: Namespace) -> list[str]:
    """The table that is there, as nft lists it, made comparable."""
    return normal(place.run("nft", "list", "table", "inet", "egressd").stdout)


def loaded_anew(place: Namespace, daemon: Daemon) -> list[str]:
    """The table that the configuration stands for, loaded by nft into an empty place."""
    printed = egressctl("table", str(daemon.config))
    assert printed.returncode == 0, printed.stderr
    place.nft("flush ruleset")
    place.nft(printed.stdout)
    return listed(place)
