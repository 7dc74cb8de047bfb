"""One error tree, three fates.

    FraudError
    |-- Reject   this record cannot be processed: it becomes a dead letter, the batch goes on
    |-- Retry    this batch failed for a transient cause: undo it, recreate the clients, read it again
    `-- Stop     not retryable: the process ends with a non-zero exit code

Catch these by class; never decide by the text of an error.
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
    """Base of the errors that this project raises."""


class Reject(FraudError):
    """A record cannot be processed. `field` is empty if the record as a whole is at fault."""

    def __init__(self, reason: Reason, field: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.field = field
        self.message = message


class Retry(FraudError):
    """A transient cause: the effects of the batch are undone and it is read again."""


class Stop(FraudError):
    """A permanent cause: a wrong model, a wrong setting, a topic that was recreated."""


def forget_frames(error: BaseException | None) -> None:
    """Release what the tracebacks of an error and of its causes reference: clients, batches.

    For errors after which the process goes on. A client that raises while this error is handled would keep it for ever:
    confluent-kafka's KafkaError is an exception with a context, which is never freed (2.16.1, KafkaError_dealloc).
    """
    while error:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
