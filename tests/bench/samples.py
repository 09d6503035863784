# SPDX-License-Identifier: GPL-2.0-or-later
"""Measured values of many rounds: what lies in the middle, and how far the others lie from it."""
import statistics
from collections import defaultdict
from collections.abc import Hashable


class Samples:
    """Values by name, one a round: the n-th of one belongs to the n-th of any other."""

    def __init__(self) -> None:
        self.values: dict[Hashable, list[float]] = defaultdict(list)

    def add(self, name: Hashable, value: float) -> None:
        """One more round's value."""
        self.values[name].append(value)

    def median(self, name: Hashable) -> float:
        """The value in the middle."""
        return statistics.median(self.values[name])

    def spread(self, name: Hashable) -> float:
        """Half of the range in which the middle half of the values lies."""
        values = self.values[name]
        if len(values) < 4:
            return (max(values) - min(values)) / 2
        low, _, high = statistics.quantiles(values, n=4)
        return (high - low) / 2

    def ratio(self, name: Hashable, other: Hashable) -> float:
        """The median of the ratios of each round."""
        return statistics.median(one / two for one, two in
                                 zip(self.values[name], self.values[other], strict=True))

    def text(self, name: Hashable, form: str = ".0f") -> str:
        """Median and spread for a table; a dash for what was not measured."""
        if name not in self.values:
            return "–"
        return f"{self.median(name):{form}} ± {self.spread(name):{form}}"
