"""One error tree, three fates.

    FraudError
    |-- Reject   this record cannot be processed: it goes to the dead letters, the batch goes on
    |-- Retry    this batch failed for a passing cause: drop it, rebuild the clients, read it again
    `-- Stop     nothing a retry could mend: the process ends with a non-zero exit code

Catch these by class. Never decide by the text of an error.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a record was rejected: a closed list, safe to use as a metric label."""

    BAD_JSON = "bad_json"
    BAD_ENCODING = "bad_encoding"
    NOT_OBJECT = "not_object"
    MISSING_FIELD = "missing_field"
    BAD_TYPE = "bad_type"
    BAD_TIME = "bad_time"
    OUT_OF_RANGE = "out_of_range"
    TOO_LARGE = "too_large"
    CRASH = "crash"
    NO_SCORE = "no_score"


class FraudError(Exception):
    """Base of every error this project raises on purpose."""


class Reject(FraudError):
    """A record that cannot be processed. `field` is empty when the record as a whole is at fault."""

    def __init__(self, reason: Reason, field: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.field = field
        self.message = message


class Retry(FraudError):
    """A passing cause: the effects of the batch are undone and it is read again."""


class Stop(FraudError):
    """A cause no retry mends: a wrong model, a wrong setting, a topic that was recreated."""


def forget_frames(error: BaseException | None) -> None:
    """Let go of all that the frames in the tracebacks of an error and of its causes hold: clients, batches.

    For errors after which the process goes on. A client that raises while this error is handled keeps it for good:
    confluent-kafka's KafkaError is an exception, which remembers its context, and never gives it free (2.16.1,
    KafkaError_dealloc).
    """
    while error:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
