"""What all records of settings share: frozen, strict, and checked once."""

import math

import msgspec

from sentiment_engine.errors import BadSettings


class StageSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all settings: frozen, keyword-only, unknown names refused, numbers finite."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, float) and not math.isfinite(value):
                raise BadSettings(f"{name} is {value}: it must be a finite number")
        self.check()

    def check(self) -> None:
        """Relations between fields; raises BadSettings."""

    def positive(self, *names: str) -> None:
        for name in names:
            if getattr(self, name) <= 0:
                raise BadSettings(f"{name} is {getattr(self, name)}: it must be above 0")

    def within(self, low: float, high: float, *names: str) -> None:
        for name in names:
            if not low <= getattr(self, name) <= high:
                raise BadSettings(f"{name} is {getattr(self, name)}: it must lie in {low}..{high}")
