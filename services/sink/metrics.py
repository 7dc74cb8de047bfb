"""Everything the sink counts."""

from prometheus_client import Counter, Gauge, Histogram

from services.common.errors import Reason

WRITTEN = Counter("fraud_sink_rows_written_total", "Rows inserted or changed", ["table"])
RESCORED = Counter("fraud_sink_rescored_total", "Rows of scores that changed their score")
REJECTED = Counter("fraud_sink_rejects_total", "Scores and alerts that break the contract", ["reason"])
SKIPPED = Counter("fraud_sink_skipped_total", "Transactions that cannot be read: the scorer's dead letters hold them")
COPY_SECONDS = Histogram("fraud_sink_copy_seconds", "Seconds of the database transaction of a batch")
OUTAGES = Counter("fraud_sink_outages_total", "Times the database could not be written")
REJECT_SHARE = Gauge("fraud_sink_reject_share", "Share of rejects among the latest 10,000 records", ["topic"])
REJECTS_IN_A_ROW = Gauge("fraud_sink_rejects_in_a_row", "Rejects since the last record that was kept", ["topic"])
REJECT_LIMIT_BROKEN = Gauge(
    "fraud_sink_reject_limit_broken", "1 from a stop by the reject limit to the next batch", ["topic"]
)
LAG = Gauge("fraud_sink_consumer_lag", "Messages behind the ends of the owned partitions")

for _table in ("scores", "transactions"):
    WRITTEN.labels(_table)
for _reason in Reason:
    REJECTED.labels(_reason.value)
