"""Declaration of a time column: which features are made of its times."""

from typing import Any, Literal

from pydantic import Field, field_validator

from mtl_nas.data.parsing.calendar_parts import CALENDAR_PARTS, CalendarPart
from mtl_nas.data.parsing.instants import Unit, zone_info
from mtl_nas.errors import DataError
from mtl_nas.values import Value, first_repeated, unknown

TimeFeature = Literal[CalendarPart, "trend"]
TIME_FEATURES = (*CALENDAR_PARTS, "trend")
SHORT_FORM: tuple[TimeFeature, ...] = ("hour", "weekday", "trend")  # of columns: {at: time}


class TimeColumn(Value):
    """The features of a time column: parts of the calendar, which are categories, and its seconds, a number."""

    time: tuple[TimeFeature, ...] = Field(
        description="features of the time: trend, its seconds as a number, and parts of the calendar"
    )
    zone: str = Field("UTC", description="the zone whose clocks show the parts, such as Europe/Berlin")
    unit: Unit = Field("s", description="what numbers count since 1970-01-01 UTC; other times need no unit")

    @field_validator("time", mode="before")
    @classmethod
    def _features_exist(cls, features: Any) -> Any:
        listed = [features] if isinstance(features, str) else features
        if listed == []:
            raise ValueError(f"a time has one feature at least: {', '.join(TIME_FEATURES)}")
        for feature in listed if isinstance(listed, list | tuple) else ():
            if feature not in TIME_FEATURES:
                raise ValueError(unknown("feature", str(feature), TIME_FEATURES))
        return listed

    @field_validator("time")
    @classmethod
    def _features_differ(cls, features: tuple[TimeFeature, ...]) -> tuple[TimeFeature, ...]:
        repeated = first_repeated(features)
        if repeated is not None:
            raise ValueError(f"'{repeated}' is listed twice")
        return features

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            zone_info(zone)
        except DataError as problem:
            raise ValueError(str(problem)) from None
        return zone

    @property
    def parts(self) -> tuple[CalendarPart, ...]:
        """The features that are categories."""
        return tuple(part for part in CALENDAR_PARTS if part in self.time)

    @property
    def trend(self) -> bool:
        """Whether the seconds are a feature."""
        return "trend" in self.time
