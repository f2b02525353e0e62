"""How much work there is left for what is told of several values together."""

from typing import Final

SHARE: Final = 256
"""For the arguments of a call, and as much for its result: both together stay well under a millisecond."""


_RESERVE: Final = 64
"""Beyond it, for the types and shapes of what comes after something that took all."""


class Allowance:
    """What is left, in units of about a microsecond: a number takes one, an array ten.

    It counts what is asked for and looks at no clock, so that the same values are always told alike.
    """

    __slots__ = ("_reserve", "left")

    def __init__(self, left: int = SHARE) -> None:
        self.left = left
        self._reserve = _RESERVE

    def take(self, units: int) -> bool:
        """Whether there is as much; if so, it is gone."""
        if units > self.left:
            return False
        self.left -= units
        return True

    def take_for_view(self, units: int) -> bool:
        """The same, from the reserve where too little is left."""
        if self.take(units):
            return True
        if units > self._reserve:
            return False
        self._reserve -= units
        return True
