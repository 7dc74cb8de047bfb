"""Everything the sink counts. docs/metrics.md lists it: `python -m stack.metrics_table` writes the list."""

from prometheus_client import Counter, Gauge, Histogram

from services.common.errors import Reason
from services.common.probes import LATENCY_BUCKETS

CONSUMED = Counter("fraud_sink_messages_consumed_total", "Messages whose batch was committed")
WRITTEN = Counter("fraud_sink_rows_written_total", "Rows inserted or changed", ["table"])
RESCORED = Counter("fraud_sink_rescored_total", "Rows of scores that changed their score")
REJECTED = Counter("fraud_sink_rejects_total", "Scores and alerts that break the contract", ["reason"])
SKIPPED = Counter("fraud_sink_skipped_total", "Transactions that cannot be read: the scorer's dead letters hold them")
BATCH_SIZE = Histogram("fraud_sink_batch_size", "Messages in a batch", buckets=(1, 10, 100, 1_000, 5_000, 10_000))
COPY_SECONDS = Histogram("fraud_sink_copy_seconds", "Seconds of the database transaction of a batch")
END_TO_END_SECONDS = Histogram(
    "fraud_sink_end_to_end_seconds",
    "Age of the oldest message of a batch when its rows are committed, by the message's Kafka timestamp",
    buckets=LATENCY_BUCKETS,
)
OUTAGES = Counter("fraud_sink_outages_total", "Times the database could not be written")
REJECT_SHARE = Gauge("fraud_sink_reject_share", "Share of rejects among the latest 10,000 records", ["topic"])
REJECTS_IN_A_ROW = Gauge("fraud_sink_rejects_in_a_row", "Rejects since the last record that was kept", ["topic"])
REJECT_LIMIT_BROKEN = Gauge(
    "fraud_sink_reject_limit_broken", "1 for 5 minutes after a batch with which too much is rejected", ["topic"]
)
LAG = Gauge("fraud_sink_consumer_lag", "Messages of an owned partition that are not kept", ["topic", "partition"])
LAG_SECONDS = Gauge(
    "fraud_sink_consumer_lag_seconds",
    "Age of the oldest message of an owned partition that is not kept, 0 if there is none",
    ["topic", "partition"],
)
READY = Gauge("fraud_sink_ready", "1 while /readyz says so: partitions assigned, the database written")
SINCE_PROGRESS = Gauge(
    "fraud_sink_watchdog_age_seconds", "Seconds since the loop last got on; the watchdog ends a stuck process"
)

for _table in ("scores", "transactions"):
    WRITTEN.labels(_table)
for _reason in Reason:
    REJECTED.labels(_reason.value)
