"""Datestamps: when a record last changed, to the second or to the day, in UTC (§3.3).

Within the program a datestamp is a whole number of seconds since 1970-01-01T00:00:00Z, so
that no fraction, offset or zone can ever slip into a response.
"""

import enum
import re
import time
from datetime import UTC, datetime
from functools import lru_cache

DAY = 86_400
"""Seconds in a day of UTC, as the protocol counts: it knows no leap seconds."""


class Granularity(enum.Enum):
    """How finely a datestamp is written; the value is what Identify prints (§4.2)."""

    DAY = "YYYY-MM-DD"
    SECOND = "YYYY-MM-DDThh:mm:ssZ"


_PATTERN = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)Z)?", re.ASCII)


def read(text: str) -> tuple[int, Granularity]:
    """Return the first second of the moment or day that *text* names, and its granularity.

    Raises ValueError for all that §3.3.1 does not allow: fractions, offsets, a missing or
    lower-case zone, other lengths, days that no calendar has.
    """
    # strptime and fromisoformat also take "2024-5-6", offsets and full-width digits.
    match = _PATTERN.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a date of the protocol")
    parts = [int(part) for part in match.groups() if part is not None]
    moment = datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]
    return int(moment.timestamp()), Granularity.DAY if len(parts) == 3 else Granularity.SECOND  # noqa: PLR2004


@lru_cache(maxsize=1 << 10)  # what is published together has one datestamp
def write(seconds: int, granularity: Granularity = Granularity.SECOND) -> str:
    """Return *seconds* as *granularity* writes them."""
    year, month, day, hour, minute, second, *_ = time.gmtime(seconds)
    date = f"{year:04}-{month:02}-{day:02}"
    return date if granularity is Granularity.DAY else f"{date}T{hour:02}:{minute:02}:{second:02}Z"


def last_second(seconds: int, granularity: Granularity) -> int:
    """Return the last second that an ``until`` of *granularity* takes in: it is inclusive (§2.7.1)."""
    return seconds + DAY - 1 if granularity is Granularity.DAY else seconds
