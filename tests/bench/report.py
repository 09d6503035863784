# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables in Markdown, and the file they are written to."""
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

PATH = pathlib.Path(__file__).with_name("README.md")


@dataclass(frozen=True)
class Target:
    """Something that is to be reached, and what was measured."""
    text: str
    limit: float
    measured: float | None
    unit: str = ""
    at_least: bool = False

    def row(self) -> list[str]:
        """For a table of targets."""
        bound = f"{'≥' if self.at_least else '≤'} {self.limit:g}{self.unit}"
        if self.measured is None:
            return [self.text, bound, "–", "not measured"]
        met = self.measured >= self.limit if self.at_least else self.measured <= self.limit
        return [self.text, bound, f"{self.measured:.3g}{self.unit}", "yes" if met else "**no**"]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table; columns but the first are right-aligned."""
    return ["| " + " | ".join(header) + " |",
            "|" + "|".join(["---"] + ["---:"] * (len(header) - 1)) + "|",
            *("| " + " | ".join(row) + " |" for row in rows)]


def targets(rows: Sequence[Target]) -> list[str]:
    """The table of what is to be reached."""
    return table(["target", "limit", "measured", "reached"], [row.row() for row in rows])


def write(part: str, lines: Sequence[str], path: pathlib.Path = PATH) -> None:
    """Puts a part's lines between its markers."""
    begin, end = f"<!-- begin {part} -->", f"<!-- end {part} -->"
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    path.write_text(before + "\n".join([begin, *lines, end]) + after, encoding="utf-8")
