"""Times as Kafka gives them."""

from datetime import UTC, datetime
from functools import lru_cache

from services.common.errors import Reason, Reject


@lru_cache(maxsize=1_024)
def moment_of(timestamp_ms: int) -> datetime:
    """Return the time of Kafka's timestamp: producers write it, and a broker takes almost any 64 bits.

    Messages that were written together have the same one.

    Raises:
        Reject: no datetime can hold it.
    """
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        message = f"{timestamp_ms} ms is outside of the years 1 to 9999"
        raise Reject(Reason.OUT_OF_RANGE, "timestamp", message) from None
