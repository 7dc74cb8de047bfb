"""The metrics of the sink. `python -m stack.metrics_table` lists them in docs/metrics.md."""

from prometheus_client import Counter, Gauge, Histogram

from services.common.errors import Reason
from services.common.probes import LATENCY_BUCKETS

CONSUMED = Counter("fraud_sink_messages_consumed_total", "Messages of committed batches")
WRITTEN = Counter("fraud_sink_rows_written_total", "Rows inserted or changed, by table", ["table"])
RESCORED = Counter("fraud_sink_rescored_total", "Rows of scores whose score changed")
REJECTED = Counter("fraud_sink_rejects_total", "Scores and alerts that break the contract, by reason", ["reason"])
SKIPPED = Counter(
    "fraud_sink_skipped_total", "Transactions that cannot be decoded; they are among the scorer's dead letters"
)
UNSTABLE_OFFSETS = Counter(
    "fraud_sink_unstable_offsets_total",
    "Times that a last stable offset was found not to move: a Kafka transaction has no end",
)
BATCH_SIZE = Histogram("fraud_sink_batch_size", "Messages in a batch", buckets=(1, 10, 100, 1_000, 5_000, 10_000))
COPY_SECONDS = Histogram("fraud_sink_copy_seconds", "Time of a batch's database transaction")
END_TO_END_SECONDS = Histogram(
    "fraud_sink_end_to_end_seconds",
    "Age of the oldest message of a batch at the commit of its rows, by the message's Kafka timestamp",
    buckets=LATENCY_BUCKETS,
)
OUTAGES = Counter("fraud_sink_outages_total", "Times the database was unavailable")
REJECT_SHARE = Gauge("fraud_sink_reject_share", "Share of rejects among the last 10,000 records", ["topic"])
REJECTS_IN_A_ROW = Gauge("fraud_sink_rejects_in_a_row", "Rejects since the last record that was stored", ["topic"])
REJECT_LIMIT_BROKEN = Gauge(
    "fraud_sink_reject_limit_broken", "1 for 5 minutes after a batch that exceeded the reject limit", ["topic"]
)
LAG = Gauge("fraud_sink_consumer_lag", "Messages of an owned partition still to be stored", ["topic", "partition"])
LAG_SECONDS = Gauge(
    "fraud_sink_consumer_lag_seconds",
    "Age of the oldest message of an owned partition still to be stored; 0 without any",
    ["topic", "partition"],
)
READY = Gauge("fraud_sink_ready", "1 while /readyz answers 200: partitions assigned and the database available")
SINCE_PROGRESS = Gauge(
    "fraud_sink_watchdog_age_seconds", "Time since the loop made progress; the watchdog ends a stuck process"
)

for _table in ("scores", "transactions"):
    WRITTEN.labels(_table)
for _reason in Reason:
    REJECTED.labels(_reason.value)
