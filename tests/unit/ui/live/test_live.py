"""The live view: its figures and how they are shown."""

from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import KafkaError, KafkaException

from services.common.kafka.lag import GroupOffsets, GroupPosition, Lag, LagEstimator
from services.common.kafka.offsets import Partition
from services.common.settings import KafkaSettings
from tests.support.other_contracts import SHIPPED
from ui.live import charts, render
from ui.live import filter as live_filter
from ui.live.filter import CategoryShare, Filter
from ui.live.queries import BUCKET, FlaggedShare, LiveRow, NewRows
from ui.live.reading import LiveReading
from ui.live.texts import LIVE_TEXTS
from ui.live.timeline import BUCKETS, ScoreCounter
from ui.shell.render import customer_name, unread
from ui.shell.roles import with_roles
from ui.shell.texts import ENGLISH, RUSSIAN
from ui.threshold.models import ScoringModel
from ui.watch import Observation

NOW = datetime(2026, 11, 24, 9, 0, 2, tzinfo=UTC)
LAST_BUCKET = datetime(2026, 11, 24, 8, 59, 55, tzinfo=UTC)
RU, EN = LIVE_TEXTS["ru"], LIVE_TEXTS["en"]
MODEL = ScoringModel("v-1", 0.37)


def row(score: float = 0.9, **changes: object) -> LiveRow:
    fields = {
        "transaction_id": "id-1", "score": score, "fraud_flag": int(score >= 0.4), "scored_at": NOW, "arrival": 1,
        "event_time": datetime(2020, 6, 21, 22, 14), "amount": 1995.7, "category": "shopping_net",
        "merchant": "fraud_Kilback LLC", "state": "TX", "city": "Nowhere", "customer": "Ada|Example|1 Test Lane",
    }  # fmt: skip
    return LiveRow(**fields | changes)  # type: ignore[arg-type]


def found(
    settled: dict[datetime, tuple[int, int]], unsettled: dict[datetime, tuple[int, int]], truncated: bool = False
) -> NewRows:
    return NewRows(settled, unsettled, truncated)


def test_rows_that_may_still_grow_are_counted_once() -> None:
    """Rows that are new at one reading are counted for good at the next, late ones with them."""
    counter = ScoreCounter()
    counter.add(found({}, {LAST_BUCKET: (10, 1)}), newest=10)
    assert (counter.after, counter.settled) == (-1, 10)
    assert counter.timeline(NOW).scored[-1] == 10
    counter.add(found({LAST_BUCKET: (12, 1)}, {LAST_BUCKET: (3, 0)}), newest=15)
    assert (counter.after, counter.settled) == (10, 15)
    assert (counter.timeline(NOW).scored[-1], counter.timeline(NOW).flagged[-1]) == (15, 1)


def test_the_rate_is_of_whole_buckets() -> None:
    """The five seconds under way do not lower it."""
    counter = ScoreCounter()
    counter.add(found({LAST_BUCKET - BUCKET: (20, 0), LAST_BUCKET: (30, 0), LAST_BUCKET + BUCKET: (1, 0)}, {}), 51)
    timeline = counter.timeline(NOW)
    assert timeline.rate == 5.0
    assert len(timeline.scored) == BUCKETS
    assert sum(timeline.scored) == 50


def test_what_was_not_counted_is_not_called_zero() -> None:
    """Where more rows were new than are counted at once, the line begins after them."""
    counter = ScoreCounter()
    counter.add(found({}, {LAST_BUCKET - BUCKET: (5, 0), LAST_BUCKET: (5, 0)}, truncated=True), newest=10)
    assert counter.timeline(NOW).since == BUCKETS - 1
    drawn = render.timeline(counter.timeline(NOW), RUSSIAN, RU, 180)
    assert 'class="unknown"' in drawn
    assert RU.timeline_unknown in drawn


def test_the_line_goes_on_after_a_rest() -> None:
    """What was scored between two readings far apart is counted; only what was too much for one is not."""
    counter, before, lately = ScoreCounter(), LAST_BUCKET - 100 * BUCKET, LAST_BUCKET - BUCKET
    counter.add(found({}, {before: (5, 1)}), newest=5)
    counter.add(found({before: (5, 1)}, {lately: (3, 0)}), newest=8)
    timeline = counter.timeline(NOW)
    assert (sum(timeline.scored), sum(timeline.flagged), timeline.since) == (8, 1, 0)
    assert RU.timeline_unknown not in render.timeline(timeline, RUSSIAN, RU, 180)
    counter.add(found({}, {lately: (3, 0), LAST_BUCKET: (9, 0)}, truncated=True), newest=30)
    assert counter.timeline(NOW).since == BUCKETS - 1


def test_old_buckets_are_forgotten() -> None:
    """Memory does not grow with the days a page is open."""
    counter = ScoreCounter()
    counter.add(found({NOW - timedelta(hours=2): (5, 0)}, {}), newest=5)
    counter.timeline(NOW)
    assert counter._counts == {}


def position(
    end: int, committed: int | None, low: int = 0, place: Partition = ("t", 0)
) -> dict[Partition, GroupPosition]:
    return {place: GroupPosition(low, end, committed)}


def test_lag_is_counted_and_timed() -> None:
    """The oldest waiting message arrived when the end first lay behind it."""
    moments = iter([0.0, 2.0, 4.0, 6.0])
    waiting = LagEstimator(clock=lambda: next(moments))
    assert waiting.lag(position(10, 10)) == Lag(0, 0.0)
    assert waiting.lag(position(15, 10)) == Lag(5, 0.0)
    assert waiting.lag(position(20, 12)) == Lag(8, 2.0)
    assert waiting.lag(position(20, 20)) == Lag(0, 0.0)


def test_a_queue_older_than_the_page_waits_at_least_so_long() -> None:
    """How long is not known, only since when somebody looks."""
    moments = iter([0.0, 30.0])
    waiting = LagEstimator(clock=lambda: next(moments))
    assert waiting.lag(position(10, 3)) == Lag(7, 0.0, exact=False)
    assert waiting.lag(position(10, 3)) == Lag(7, 30.0, exact=False)


def test_what_retention_removed_and_markers_do_not_wait() -> None:
    """Neither is a message: below the low watermark, and the marker that ends a Kafka transaction."""
    assert LagEstimator().lag(position(100, 10, low=90)).messages == 10
    assert LagEstimator().lag(position(100, 99), transactional=["t"]).messages == 0
    assert LagEstimator().lag(position(100, None, low=95)).messages == 5


def test_a_recreated_topic_is_timed_from_the_start() -> None:
    """Its offsets begin at 0 again: times of the old one say nothing."""
    moments = iter([0.0, 50.0])
    waiting = LagEstimator(clock=lambda: next(moments))
    waiting.lag(position(1000, 1000))
    assert waiting.lag(position(10, 0)) == Lag(10, 0.0, exact=False)


def test_filters_leave_what_matches_all_of_them() -> None:
    """Without a filter, everything."""
    rows = [row(0.9), row(0.1, state="NY"), row(0.5, state="NY", category="home"), row(0.6, merchant=None)]
    assert Filter().apply(rows) == rows
    assert Filter(states=frozenset({"NY"})).apply(rows) == rows[1:3]
    assert Filter(states=frozenset({"NY", "TX"}), score_from=0.5).apply(rows) == [rows[0], rows[2], rows[3]]
    assert Filter(merchants=frozenset({"fraud_Kilback LLC"}), categories=frozenset({"home"})).apply(rows) == [rows[2]]


def test_categories_come_with_the_largest_share_first() -> None:
    """Equal ones by name; a missing category is one too."""
    rows = [row(0.1), row(0.9, category="b"), row(0.1, category="b"), row(0.1, category="a"), row(0.1, category=None)]
    assert live_filter.by_category(rows) == [
        CategoryShare("b", 2, 1), CategoryShare("a", 1, 0), CategoryShare("shopping_net", 1, 0),
        CategoryShare(None, 1, 0),
    ]  # fmt: skip


def test_scores_fall_into_fifty_bins() -> None:
    """An edge belongs to the bin it begins; 1 to the last."""
    counts = live_filter.density([row(0.0), row(0.02), row(0.58), row(1.0)])
    assert [place for place, count in enumerate(counts) if count] == [0, 1, 29, 49]


def test_a_logarithmic_axis_is_marked_at_powers_of_ten() -> None:
    """0 at the foot, the highest bar at the top."""
    axis = charts.logarithmic(995)
    assert axis.marks == (0, 1, 10, 100)
    assert (axis.height(0), axis.height(995)) == (0, 1)
    assert charts.logarithmic(0).marks == (0, 1)


@pytest.mark.parametrize(("most", "top"), [(0, 1), (0.4, 1), (3, 5), (60, 100), (100, 100), (1001, 2000)])
def test_axes_end_with_a_round_number(most: float, top: float) -> None:
    """1, 2 or 5 times a power of ten."""
    assert charts.nice_top(most) == top


def test_the_logarithmic_scale_shows_a_bar_of_one() -> None:
    """Beside one of a thousand it is lost on the linear one."""
    heights = {}
    for logarithmic in (True, False):
        axis = charts.logarithmic(1000) if logarithmic else charts.linear(1000)
        drawn = charts.density([1000, 1], 0.4, ["a", "b"], axis, "x")
        heights[logarithmic] = [float(part.split('"')[0]) for part in drawn.split('height="')[1:]]
    assert heights[True][1] > 10
    assert heights[False][1] < 1


def reading(rows: list[LiveRow], share: FlaggedShare) -> LiveReading:
    return LiveReading(rows, [one for one in rows if one.fraud_flag], share, ScoreCounter().timeline(NOW), NOW)


def tiles(share: FlaggedShare, lag: Observation[Lag], model: ScoringModel | None = MODEL) -> str:
    return render.tiles(reading([row()], share), lag, model, RUSSIAN, RU, 180)


IDLE = Observation(Lag(0, 0.0), 0.0, fresh=True, tried=True)


def test_the_share_is_shown_with_its_change() -> None:
    """In points, against as many before; without a comparison where there are too few."""
    assert "0,60\u00a0%" in tiles(FlaggedShare(10_000, 60, 10_000, 50), IDLE)
    assert "+0,10 п. п. к предыдущим 10\u00a0000" in tiles(FlaggedShare(10_000, 60, 10_000, 50), IDLE)
    assert "−0,10 п. п." in tiles(FlaggedShare(10_000, 50, 10_000, 60), IDLE)
    assert "столько же" in tiles(FlaggedShare(10_000, 50, 10_000, 50), IDLE)
    assert "из последних 800" in tiles(FlaggedShare(800, 50, 0, 0), IDLE)


def test_the_queue_is_shown_in_messages_and_time() -> None:
    """What is counted stands above; red when it waits for minutes; not as empty when Kafka is unavailable."""
    share = FlaggedShare(0, 0, 0, 0)
    assert "всё оценено и записано" in tiles(share, IDLE)
    waiting = tiles(share, Observation(Lag(21, 12.0), 0.0, fresh=True, tried=True))
    assert "<dt>Транзакций в очереди</dt><dd>21<" in waiting
    assert "ждут до 12\u00a0с" in waiting
    assert "alarm" not in waiting
    late = tiles(share, Observation(Lag(5, 300.0, exact=False), 0.0, fresh=True, tried=True))
    assert "ждут не меньше 5\u00a0мин" in late
    assert "alarm" in late
    assert "Kafka не отвечает" in tiles(share, Observation(Lag(5, 300.0), 60.0, fresh=False, tried=True))


def test_a_missing_manifest_is_reported() -> None:
    """The figures do without it."""
    assert "манифест не читается" in tiles(FlaggedShare(1, 0, 0, 0), IDLE, model=None)


def test_an_outage_says_whether_anything_is_known() -> None:
    """What was last read is shown as old; if nothing was, that is said."""
    known = Observation(reading([row()], FlaggedShare(1, 1, 0, 0)), 90.0, fresh=False, tried=True)
    texts = (RU.database_unavailable, RU.database_unavailable_since, RUSSIAN)
    assert RU.database_unavailable_since in unread(known, *texts)
    assert RU.database_unavailable in unread(Observation(None, 0.0, fresh=False, tried=True), *texts)
    assert unread(Observation(None, 0.0, fresh=False, tried=False), *texts) == ""
    assert unread(Observation(1, 0.0, fresh=True, tried=True), *texts) == ""
    assert "stale" in render.freshness(known, "1", RU)


def test_an_error_is_not_reported_as_an_outage() -> None:
    """Neither of the database nor of Kafka; for the cause the reader is sent to the log."""
    texts = (RU.database_unavailable, RU.database_unavailable_since, RUSSIAN)
    assert RUSSIAN.reading_failed in unread(Observation(None, 0.0, fresh=False, tried=True, failed=True), *texts)
    assert RUSSIAN.reading_failed_since in unread(Observation(1, 0.0, fresh=False, tried=True, failed=True), *texts)
    refused = tiles(FlaggedShare(1, 0, 0, 0), Observation(Lag(5, 300.0), 60.0, fresh=False, tried=True, failed=True))
    assert "Kafka ответила ошибкой" in refused
    assert "не отвечает" not in refused


def test_brokers_that_refuse_are_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A right that is missing is raised, and so reported; a timeout is an outage."""
    offsets, code = GroupOffsets(KafkaSettings(), {}), KafkaError._TIMED_OUT

    def refuse() -> None:
        raise KafkaException(KafkaError(code))

    monkeypatch.setattr(offsets, "_read", refuse)
    assert offsets.read() is None
    code = KafkaError.GROUP_AUTHORIZATION_FAILED
    with pytest.raises(KafkaException, match="GROUP_AUTHORIZATION_FAILED"):
        offsets.read()


def test_customers_are_masked_until_names_are_asked_for() -> None:
    """Initials alone; name, street and city on demand."""
    texts = with_roles(RUSSIAN, SHIPPED)
    masked = render.flagged_table([row()], 1, texts, RU, 180, names=False)
    assert "A••• E•••" in masked
    assert not any(word in masked for word in ("Ada", "Example", "Test Lane", "Nowhere"))
    assert "Ada Example, 1 Test Lane, Nowhere" in render.flagged_table([row()], 1, texts, RU, 180, names=True)
    assert customer_name(None, texts.key, "Nowhere", names=True) == "—"


def test_an_empty_list_says_why() -> None:
    """Nothing flagged at all, or nothing within the filters."""
    assert RU.flagged_none in render.flagged_table([], 0, RUSSIAN, RU, 0, names=False)
    none_fits = render.flagged_table([], 21, RUSSIAN, RU, 0, names=False)
    assert "Среди последних 21\u00a0транзакции под фильтры не подходит ни одна." in none_fits


def test_english_writes_its_own_numbers() -> None:
    """Decimal point, commas, no space before the percent sign."""
    html = render.tiles(
        reading([row()], FlaggedShare(10_000, 60, 10_000, 50)), IDLE, ScoringModel("v", 0.37), ENGLISH, EN, 0
    )
    assert "0.60%" in html
    assert "+0.10 pp vs. the previous 10,000" in html
    assert "threshold 0.37" in html
