"""The metrics of the scorer. `python -m stack.metrics_table` lists them in docs/metrics.md."""

import re
from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

from services.common.errors import Reason
from services.common.probes import LATENCY_BUCKETS
from services.common.reading.values import ValueRepair

CONSUMED = Counter("fraud_scorer_messages_consumed_total", "Messages of committed batches")
SCORED = Counter("fraud_scorer_scored_total", "Transactions scored, by fraud_flag", ["flag"])
REJECTED = Counter("fraud_scorer_rejects_total", "Messages written to the dead letters, by reason", ["reason"])
UNKNOWN_CATEGORY = Counter(
    "fraud_scorer_unknown_category_total", "Transactions scored with a category that the model does not know"
)
UNKNOWN_CATEGORY_VALUES = Counter(
    "fraud_scorer_unknown_category_values_total",
    "The same by category: the first 20 values, then (other)",
    ["category"],
)
REPAIRED = Counter(
    "fraud_scorer_values_repaired_total", "Values read in a spelling outside the contract, by kind", ["kind"]
)
WITHOUT_HISTORY = Counter(
    "fraud_scorer_without_history_total", "Transactions scored without history, because their key is not their customer"
)
EXPIRED_OFFSETS = Counter(
    "fraud_scorer_expired_offsets_total", "Offsets of transactions that retention removed before they were scored"
)
UNSTABLE_OFFSETS = Counter(
    "fraud_scorer_unstable_offsets_total",
    "Times that committed offsets or a history were waited for in vain, or a last stable offset was found not to move:"
    " a Kafka transaction has no end",
)
NOT_REMEMBERED = Counter(
    "fraud_scorer_not_remembered_total", "Transactions not stored in the history: duplicates and late ones"
)
CUSTOMERS = Gauge("fraud_scorer_history_customers", "Customers with a history in the owned partitions")
RESTORE_SECONDS = Histogram("fraud_scorer_restore_seconds", "Time to restore the histories of assigned partitions")
BATCH_SIZE = Histogram("fraud_scorer_batch_size", "Messages in a batch", buckets=(1, 10, 100, 1_000, 5_000, 10_000))
BATCH_SECONDS = Histogram("fraud_scorer_batch_seconds", "Time of a batch from read to commit")
INFERENCE_SECONDS = Histogram("fraud_scorer_inference_seconds", "Time of a batch in the model")
END_TO_END_SECONDS = Histogram(
    "fraud_scorer_end_to_end_seconds",
    "Age of the oldest message of a batch at the commit of its score, by the message's Kafka timestamp",
    buckets=LATENCY_BUCKETS,
)
REBUILDS = Counter("fraud_scorer_rebuilds_total", "Times the Kafka clients were recreated after an error")
REWRITTEN = Counter(
    "fraud_scorer_batches_rewritten_total", "Batches written again because a rebalance began while they were written"
)
REJECT_SHARE = Gauge("fraud_scorer_reject_share", "Share of rejects among the last 10,000 messages")
REJECTS_IN_A_ROW = Gauge("fraud_scorer_rejects_in_a_row", "Rejects since the last message that was scored")
REJECT_LIMIT_BROKEN = Gauge(
    "fraud_scorer_reject_limit_broken", "1 for 5 minutes after a batch that exceeded the reject limit"
)
LAG = Gauge("fraud_scorer_consumer_lag", "Messages of an owned partition still to be scored", ["topic", "partition"])
LAG_SECONDS = Gauge(
    "fraud_scorer_consumer_lag_seconds",
    "Age of the oldest message of an owned partition still to be scored; 0 without any",
    ["topic", "partition"],
)
READY = Gauge("fraud_scorer_ready", "1 while /readyz answers 200: partitions assigned and their histories restored")
SINCE_PROGRESS = Gauge(
    "fraud_scorer_watchdog_age_seconds", "Time since the loop made progress; the watchdog ends a stuck process"
)
MODEL = Gauge("fraud_scorer_model_info", "1 for the model in use", ["version", "sha256"])
RELOADS = Counter("fraud_scorer_model_reloads_total", "New models found in the model folder, by result", ["result"])
FAILURES = Counter(
    "fraud_scorer_model_failures_total", "Times the model in use failed; it is dropped for the one before"
)
SHADOW = Gauge("fraud_scorer_shadow_model_info", "1 for the shadow model", ["version", "sha256"])
SHADOW_RELOADS = Counter(
    "fraud_scorer_shadow_model_reloads_total", "New models found in the shadow's folder, by result", ["result"]
)
SHADOW_SCORED = Counter(
    "fraud_scorer_shadow_scored_total", "Transactions scored by both models, by their flags", ["flag", "shadow_flag"]
)
SHADOW_SHIFT = Counter("fraud_scorer_shadow_absolute_shift_total", "Sum of |shadow score - score| of the same")
SHADOW_SKIPPED = Counter("fraud_scorer_shadow_skipped_total", "Transactions that the shadow did not score")
SHADOW_CPU = Counter("fraud_scorer_shadow_cpu_seconds_total", "Processor time of the shadow")
SHADOW_FAILURES = Counter("fraud_scorer_shadow_failures_total", "Shadow models dropped because they failed")

for _result in ("swapped", "refused"):
    RELOADS.labels(_result)
    SHADOW_RELOADS.labels(_result)
for _flag in ("0", "1"):
    SCORED.labels(_flag)
for _mend in ValueRepair:
    REPAIRED.labels(_mend.value)
for _reason in Reason:
    REJECTED.labels(_reason.value)

CATEGORY_LABELS = 20
OTHER = "(other)"
_CATEGORY = re.compile(r"[^\W\d_](?:[^\W\d]|[ &/-]){0,39}")
"""Letters and what joins words: a producer's mistake must not make a label of a card number or a person's name."""
_categories: set[str] = set()


def count_values(repaired: Mapping[ValueRepair, int], unknown: Mapping[str, int]) -> None:
    """Count the messages of a batch by kind of repair, and by unknown category."""
    for repair, times in repaired.items():
        REPAIRED.labels(repair.value).inc(times)
    UNKNOWN_CATEGORY.inc(sum(unknown.values()))
    for category, times in unknown.items():
        UNKNOWN_CATEGORY_VALUES.labels(_category_label(category)).inc(times)


def _category_label(category: str) -> str:
    """Return a category, or OTHER beyond the first 20: anybody can write one, and a label is stored for ever."""
    if category in _categories:
        return category
    if len(_categories) >= CATEGORY_LABELS or not _CATEGORY.fullmatch(category):
        return OTHER
    _categories.add(category)
    return category
