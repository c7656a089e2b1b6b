"""Whether something goes back and forth: the last 21 looks, newer changes weighing more.

Source: the flap detection of Nagios: 20 changes weigh 0.8 to 1.2, two thresholds keep it steady.
"""

LOOKS = 21
_CHANGES = LOOKS - 1
_WEIGHTS = tuple(0.8 + 0.4 * place / (_CHANGES - 1) for place in range(_CHANGES))
"""Of the oldest change to that of the newest; their sum is 20."""
BEGINS_PERCENT = 30.0
ENDS_PERCENT = 20.0


class Flapping:
    """The latest looks at one condition; before there are 21 of them it does not flap."""

    __slots__ = ("_count", "_looks", "is_flapping")

    def __init__(self) -> None:
        self.is_flapping = False
        self._looks = 0
        self._count = 0

    def check(self, *, holds: bool) -> None:
        """Take one look."""
        self._looks = (self._looks << 1 | holds) & ((1 << LOOKS) - 1)
        self._count = min(self._count + 1, LOOKS)
        if not self._looks or self._looks == (1 << self._count) - 1:
            self.is_flapping = False
            return
        percent = self.percent
        self.is_flapping = percent >= (ENDS_PERCENT if self.is_flapping else BEGINS_PERCENT)

    @property
    def percent(self) -> float:
        """Return the weighted share of looks that differ from the one before."""
        if self._count < LOOKS:
            return 0.0
        changes = self._looks ^ (self._looks >> 1)
        weights = (
            _WEIGHTS[_CHANGES - 1 - place] for place in range(_CHANGES) if changes >> place & 1
        )
        return 100.0 * sum(weights) / _CHANGES
