"""Everything the scorer counts. docs/metrics.md lists it: `python -m stack.metrics_table` writes the list."""

from prometheus_client import Counter, Gauge, Histogram

from services.common.errors import Reason
from services.common.probes import LATENCY_BUCKETS
from services.common.values import ValueRepair

CONSUMED = Counter("fraud_scorer_messages_consumed_total", "Messages whose batch was committed")
SCORED = Counter("fraud_scorer_scored_total", "Transactions scored", ["flag"])
REJECTED = Counter("fraud_scorer_dlq_total", "Messages sent to the dead letters", ["reason"])
UNKNOWN_CATEGORY = Counter("fraud_scorer_unknown_category_total", "Transactions scored as category other")
UNKNOWN_CATEGORY_VALUES = Counter(
    "fraud_scorer_unknown_category_values_total",
    "Those by the category as it was written: the first 20 values, (other) for all after them",
    ["category"],
)
MENDED = Counter(
    "fraud_scorer_values_mended_total", "Values read in another spelling than the contract's, by what it was", ["kind"]
)
WITHOUT_HISTORY = Counter(
    "fraud_scorer_unkeyed_total", "Transactions scored without history: their key is not their customer"
)
EXPIRED_OFFSETS = Counter(
    "fraud_scorer_gone_total", "Offsets of transactions that retention removed before they were scored"
)
NOT_REMEMBERED = Counter("fraud_scorer_not_remembered_total", "Transactions not remembered: repeated, or too late")
CUSTOMERS = Gauge("fraud_scorer_history_customers", "Customers remembered in the owned partitions")
RESTORE_SECONDS = Histogram("fraud_scorer_restore_seconds", "Seconds to restore the history of assigned partitions")
BATCH_SIZE = Histogram("fraud_scorer_batch_size", "Messages in a batch", buckets=(1, 10, 100, 1_000, 5_000, 10_000))
BATCH_SECONDS = Histogram("fraud_scorer_batch_seconds", "Seconds from read to committed")
INFERENCE_SECONDS = Histogram("fraud_scorer_inference_seconds", "Seconds of a batch in the model")
END_TO_END_SECONDS = Histogram(
    "fraud_scorer_end_to_end_seconds",
    "Age of the oldest message of a batch when its score is committed, by the message's Kafka timestamp",
    buckets=LATENCY_BUCKETS,
)
REBUILDS = Counter("fraud_scorer_rebuilds_total", "Times the Kafka clients were made anew")
REJECT_SHARE = Gauge("fraud_scorer_reject_share", "Share of rejects among the latest 10,000 messages")
REJECTS_IN_A_ROW = Gauge("fraud_scorer_rejects_in_a_row", "Rejects since the last message that could be scored")
REJECT_LIMIT_BROKEN = Gauge(
    "fraud_scorer_reject_limit_broken", "1 for 5 minutes after a batch with which too much is rejected"
)
LAG = Gauge("fraud_scorer_consumer_lag", "Messages of an owned partition that are not scored", ["topic", "partition"])
LAG_SECONDS = Gauge(
    "fraud_scorer_consumer_lag_seconds",
    "Age of the oldest message of an owned partition that is not scored, 0 if there is none",
    ["topic", "partition"],
)
READY = Gauge("fraud_scorer_ready", "1 while /readyz says so: partitions assigned, their history restored")
SINCE_PROGRESS = Gauge(
    "fraud_scorer_watchdog_age_seconds", "Seconds since the loop last got on; the watchdog ends a stuck process"
)
MODEL = Gauge("fraud_scorer_model_info", "1 for the model in use", ["version", "sha256"])
RELOADS = Counter("fraud_scorer_model_reloads_total", "Models found in the folder while running", ["result"])
FAILURES = Counter(
    "fraud_scorer_model_failures_total", "Times the model in use failed; it is dropped for the one before"
)
SHADOW = Gauge("fraud_scorer_shadow_model_info", "1 for the shadow model", ["version", "sha256"])
SHADOW_RELOADS = Counter("fraud_scorer_shadow_model_reloads_total", "Models found in the shadow's folder", ["result"])
SHADOW_SCORED = Counter(
    "fraud_scorer_shadow_scored_total", "Transactions that both models scored", ["flag", "shadow_flag"]
)
SHADOW_SHIFT = Counter("fraud_scorer_shadow_absolute_shift_total", "Sum of |shadow score - score| of those")
SHADOW_SKIPPED = Counter("fraud_scorer_shadow_skipped_total", "Transactions that the shadow did not score")
SHADOW_CPU = Counter("fraud_scorer_shadow_cpu_seconds_total", "Processor time that the shadow has used")
SHADOW_FAILURES = Counter("fraud_scorer_shadow_failures_total", "Shadow models that failed and were dropped")

for _result in ("swapped", "refused"):
    RELOADS.labels(_result)
    SHADOW_RELOADS.labels(_result)
for _flag in ("0", "1"):
    SCORED.labels(_flag)
for _mend in ValueRepair:
    MENDED.labels(_mend.value)
for _reason in Reason:
    REJECTED.labels(_reason.value)
