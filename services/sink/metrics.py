"""Everything the sink counts."""

from prometheus_client import Counter, Gauge, Histogram

from services.common.errors import Reason

WRITTEN = Counter("fraud_sink_rows_written_total", "Rows inserted or changed", ["table"])
RESCORED = Counter("fraud_sink_rescored_total", "Rows of scores that changed their score")
REJECTED = Counter("fraud_sink_rejects_total", "Scores that break the contract", ["reason"])
SKIPPED = Counter("fraud_sink_skipped_total", "Transactions that cannot be read: the scorer's dead letters hold them")
COPY_SECONDS = Histogram("fraud_sink_copy_seconds", "Seconds of the database transaction of a batch")
OUTAGES = Counter("fraud_sink_outages_total", "Times the database could not be written")
LAG = Gauge("fraud_sink_consumer_lag", "Messages behind the ends of the owned partitions")

for _table in ("scores", "transactions"):
    WRITTEN.labels(_table)
for _reason in Reason:
    REJECTED.labels(_reason.value)
