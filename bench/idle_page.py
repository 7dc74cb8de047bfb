"""The processor time of a page that nobody looks at, over a mart of two million transactions."""

import time

from bench.cost import processor_seconds
from bench.figures import Figures, Goal, figure
from bench.servers import Servers

ROWS = 2_000_000
SETTLE_SECONDS = 30
"""After the start, and longer than a watch goes on reading after a look."""

MEASURED_SECONDS = 60
UNIT = "% of a core"


def measure(servers: Servers, rounds: int) -> Figures:
    """Return what the page and PostgreSQL compute while the page has no visitor, in percent of a core."""
    _fill(servers)
    topics = servers.make_topics("idle")
    shares: dict[str, list[float]] = {"page": [], "postgres": []}
    assert servers.postgres.process is not None
    with servers.running("ui", topics) as page:
        pids = {"page": page.process.pid, "postgres": servers.postgres.process.pid}
        time.sleep(SETTLE_SECONDS)
        for _ in range(rounds):
            before = {name: processor_seconds(pid) for name, pid in pids.items()}
            time.sleep(MEASURED_SECONDS)
            for name, pid in pids.items():
                shares[name].append(100 * (processor_seconds(pid) - before[name]) / MEASURED_SECONDS)
            print(f"  page {shares['page'][-1]:.2f} %, PostgreSQL {shares['postgres'][-1]:.2f} %", flush=True)
    servers.empty_mart()
    return {
        "idle_page": figure("page without a visitor", shares["page"], UNIT, goal=Goal(at_most=1)),
        "idle_postgres": figure("PostgreSQL meanwhile", shares["postgres"], UNIT, goal=Goal(at_most=1)),
    }


def _fill(servers: Servers) -> None:
    """Fill the mart: one transaction in 170 is flagged, the last was scored now, 2,000 a second before it."""
    servers.empty_mart()
    with servers.connect() as connection:
        connection.execute(
            """
            insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)
            select 'idle-' || i, case when i %% 170 = 0 then 0.9 else 0.01 end, (i %% 170 = 0)::int,
                   now() - (%(rows)s - i) * interval '0.5 ms', i %% 6, i / 6
            from generate_series(1, %(rows)s) i
            """,
            {"rows": ROWS},
        )
        connection.execute(
            """
            insert into transactions
            select 'idle-' || i, timestamp '2020-01-01' + i * interval '1 s', 9.5, 'category_' || i %% 14,
                   'fraud_' || i %% 693, 'TX', 'Y', 'A|B|' || i %% 1000, i %% 6, i / 6
            from generate_series(1, %(rows)s) i
            """,
            {"rows": ROWS},
        )
        connection.execute("vacuum analyze scores, transactions")
