"""Simulated transactions follow the rules of the data they imitate, and the seed decides all of them."""

import csv
import datetime
import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import structlog

from services.common.contract.ids import file_namespace, row_id
from services.common.errors import Stop
from services.common.process import StopSignal
from services.common.reading.message import open_envelope
from services.simulator import __main__ as command
from services.simulator import send as send_module
from services.simulator.cards import FIELDS, customer_key
from services.simulator.csvfile import customers_for, write_csv
from services.simulator.live import live_messages
from services.simulator.population import FRAUD_PERIOD_DAYS, World, make_world
from services.simulator.profiles import CATEGORIES, FRAUD_HABITS, HABITS, PROFILES
from services.simulator.send import Pace, Sender, SendLimits, send
from services.simulator.transactions import SimulatedTransactions, TransactionGenerator, season

SAMPLE = Path(command.__file__).with_name("sample.csv")
SPRING = datetime.date(2019, 3, 1).toordinal()
NIGHT_HOURS = [22, 23, 0, 1, 2, 3]


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(seed=11, customers=1_000)


@pytest.fixture(scope="module")
def days(world: World) -> list[SimulatedTransactions]:
    source = TransactionGenerator(world)
    return [source.day(SPRING + number) for number in range(84)]


def joined(days: list[SimulatedTransactions], name: str) -> Any:
    return np.concatenate([getattr(day, name) for day in days])


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class TestWorld:
    def test_there_are_693_shops_names_and_50_shops_a_category(self, world: World) -> None:
        """Merchants are as many as in the data, and all names begin with fraud_."""
        assert len({shop.merch for shop in world.shops}) == 693
        assert Counter(shop.cat_id for shop in world.shops) == dict.fromkeys(CATEGORIES, 50)
        assert all(shop.merch.startswith("fraud_") for shop in world.shops)

    def test_no_two_customers_share_a_key(self) -> None:
        """A customer is known by names and street, also among very many."""
        people = make_world(seed=3, customers=50_000).customers.people
        assert len({person.street.split(" Apt.")[0].split(" Suite")[0] for person in people}) == len(people)
        assert len({customer_key(person._asdict()) for person in people}) == len(people)

    def test_towns_are_rural_or_urban_as_the_profile_says(self, world: World) -> None:
        """Gender and town size of a customer are those of the profile."""
        customers = world.customers
        for number, person in zip(customers.profile, customers.people, strict=True):
            assert (person.population_city < 2_500) == PROFILES[number].rural
            assert person.gender == PROFILES[number].gender

    def test_all_states_are_lived_in(self) -> None:
        """51 state codes occur, with coordinates on their side of the globe."""
        people = make_world(seed=1, customers=5_000).customers.people
        assert len({person.us_state for person in people}) == 51
        assert all(19 < person.lat < 66 and -156 < person.lon < -67 for person in people)

    def test_habits_name_every_category(self) -> None:
        """Each table row has one figure a category."""
        for habit in (*HABITS.values(), *FRAUD_HABITS.values()):
            assert {len(habit.weights), len(habit.means), len(habit.deviations)} == {len(CATEGORIES)}


class TestTransactions:
    def test_a_thousand_customers_make_about_2500_transactions_a_day(self, days: list[SimulatedTransactions]) -> None:
        """Volume and fraud rate are those of the data."""
        target = joined(days, "target")
        assert 2_000 < len(target) / len(days) < 2_800
        assert 0.0045 < target.mean() < 0.0065

    def test_four_of_five_frauds_fall_at_night(self, days: list[SimulatedTransactions]) -> None:
        """80 % of the frauds are at 22:00-03:59, far fewer of the legitimate transactions are."""
        target, hour = joined(days, "target"), joined(days, "minute") // 60
        at_night = np.isin(hour, NIGHT_HOURS)
        assert 0.78 < at_night[target == 1].mean() < 0.90
        assert 0.20 < at_night[target == 0].mean() < 0.26

    def test_only_the_thief_pays_on_the_two_dates_of_a_fraud_window(self, days: list[SimulatedTransactions]) -> None:
        """A window is at most two dates in a row with 2 to 19 frauds, and no legitimate transaction on them."""
        fraud_dates: dict[int, list[int]] = defaultdict(list)
        honest: set[tuple[int, int]] = set()
        for date, day in enumerate(days):
            for customer, target in zip(day.customer.tolist(), day.target.tolist(), strict=True):
                if target:
                    fraud_dates[customer].append(date)
                else:
                    honest.add((customer, date))
        whole = {who: dates for who, dates in fraud_dates.items() if min(dates) > 1 and max(dates) < len(days) - 2}
        assert len(whole) > 80
        for customer, dates in whole.items():
            assert max(dates) - min(dates) <= 1
            assert 2 <= len(dates) <= 19
            assert not any((customer, date) in honest for date in dates)

    def test_every_customer_is_a_victim_once_in_the_period(self) -> None:
        """Two years hold one window for each customer, no more and no fewer."""
        world = make_world(seed=2, customers=30)
        source = TransactionGenerator(world)
        dates: dict[int, set[int]] = defaultdict(set)
        for date in range(FRAUD_PERIOD_DAYS):
            day = source.day(SPRING + date)
            for customer in day.customer[day.target == 1].tolist():
                dates[customer].add(date)
        assert set(dates) == set(range(30))
        cut_in_two = {0, FRAUD_PERIOD_DAYS - 1}
        assert all(max(found) - min(found) <= 1 or found == cut_in_two for found in dates.values())

    def test_amounts_are_those_of_the_data(self, days: list[SimulatedTransactions]) -> None:
        """Mean amounts of legitimate transactions and of frauds are near the data's, in the categories that decide."""
        target, amount = joined(days, "target"), joined(days, "amount")
        category = np.array(CATEGORIES)[joined(days, "shop") // 50]
        for name, honest, fraud in (("grocery_pos", 110.6, 309.5), ("gas_transport", 64.0, 12.1)):
            assert amount[(category == name) & (target == 0)].mean() == pytest.approx(honest, rel=0.05)
            assert amount[(category == name) & (target == 1)].mean() == pytest.approx(fraud, rel=0.15)
        assert amount[(category == "shopping_net") & (target == 1)].mean() == pytest.approx(995.7, rel=0.05)
        assert np.median(amount[(category == "shopping_net") & (target == 0)]) == pytest.approx(8.5, rel=0.1)
        assert amount.min() >= 1

    def test_some_categories_keep_to_half_of_the_day(self, days: list[SimulatedTransactions]) -> None:
        """Petrol is bought a.m., homes are furnished p.m., as in the data."""
        category = np.array(CATEGORIES)[joined(days, "shop") // 50]
        is_am = joined(days, "minute") < 720
        assert is_am[category == "gas_transport"].all()
        assert not is_am[category == "home"].any()

    def test_transactions_are_in_order_of_time(self, days: list[SimulatedTransactions]) -> None:
        """A day's transactions come out sorted by minute, frauds among the others."""
        assert all((np.diff(day.minute) >= 0).all() for day in days)

    def test_shops_are_within_a_degree_of_home(self, world: World, days: list[SimulatedTransactions]) -> None:
        """Distance is at most one degree each way and carries no signal."""
        home = world.customers.lat[joined(days, "customer")]
        assert np.abs(joined(days, "merchant_lat") - home).max() <= 1.000001

    def test_a_day_does_not_depend_on_other_days(self, world: World, days: list[SimulatedTransactions]) -> None:
        """Any day can be made on its own and comes out the same."""
        alone = TransactionGenerator(world).day(SPRING + 40)
        assert alone.amount.tolist() == days[40].amount.tolist()

    @pytest.mark.parametrize("hour", [2, 15, 23])
    def test_an_hour_on_its_own_is_like_that_hour_of_whole_days(
        self, world: World, days: list[SimulatedTransactions], hour: int
    ) -> None:
        """The live stream's hour has the volume, the categories and the frauds of the same hour in the files."""
        source = TransactionGenerator(world)
        hours = [source.day(SPRING + number, hour) for number in range(len(days))]
        of_days = [day.take(np.flatnonzero(day.minute // 60 == hour)) for day in days]
        assert set((joined(hours, "minute") // 60).tolist()) == {hour}
        assert len(joined(hours, "shop")) == pytest.approx(len(joined(of_days, "shop")), rel=0.06)
        shares = [np.bincount(joined(part, "shop") // 50, minlength=14) for part in (hours, of_days)]
        assert np.abs(shares[0] / shares[0].sum() - shares[1] / shares[1].sum()).max() < 0.02
        assert joined(hours, "target").sum() == joined(of_days, "target").sum()

    @pytest.mark.parametrize(
        ("date", "factor"),
        [((2019, 11, 29), 1.0), ((2019, 11, 30), 2.0), ((2019, 12, 31), 2.0), ((2020, 1, 1), 0.75),
         ((2020, 2, 29), 0.75), ((2020, 3, 1), 1.0), ((2019, 5, 24), 1.25), ((2019, 9, 1), 1.25), ((2019, 9, 2), 1.0)],
    )  # fmt: skip
    def test_seasons_begin_and_end_on_their_days(self, date: tuple[int, int, int], factor: float) -> None:
        """Twice before New Year, less in winter, more in summer."""
        assert season(datetime.date(*date)) == factor


class TestCsv:
    def test_the_committed_sample_is_what_the_command_makes(self, tmp_path: Path) -> None:
        """The sample's documented command gives the sample's bytes, on every Python."""
        out = tmp_path / "sample.csv"
        assert command.main(["csv", "--rows", "2000", "--seed", "4", "--out", str(out)]) == 0
        assert out.read_bytes() == SAMPLE.read_bytes()

    def test_the_sample_holds_frauds_and_histories(self, tmp_path: Path) -> None:
        """2,000 rows are enough to see frauds, of customers whose past is in the file."""
        out = tmp_path / "labelled.csv"
        write_csv(out, make_world(4, customers_for(2_000)), 2_000, labels=True)
        rows = read_rows(out)
        victims = {row["street"] for row in rows if row["target"] == "1"}
        assert sum(row["target"] == "1" for row in rows) >= 10
        assert len(victims) >= 2
        assert len({row["street"] for row in rows}) < 50

    def test_a_file_has_the_columns_of_the_competition(self, tmp_path: Path) -> None:
        """The header is the 17 columns, and target behind them only when asked for."""
        world = make_world(1, 5)
        write_csv(tmp_path / "plain.csv", world, 30)
        write_csv(tmp_path / "labelled.csv", world, 30, labels=True)
        plain, labelled = read_rows(tmp_path / "plain.csv"), read_rows(tmp_path / "labelled.csv")
        assert tuple(plain[0]) == FIELDS
        assert [{**row, "target": label["target"]} for row, label in zip(plain, labelled, strict=True)] == labelled

    def test_cells_with_commas_come_back_whole(self, tmp_path: Path) -> None:
        """Names of merchants and of jobs may hold commas; a reader gets each as one cell."""
        world = make_world(1, 30)
        write_csv(tmp_path / "file.csv", world, 500)
        rows = read_rows(tmp_path / "file.csv")
        assert any("," in row["merch"] for row in rows)
        assert {row["merch"] for row in rows} <= {shop.merch for shop in world.shops}
        assert {row["jobs"] for row in rows} <= {person.jobs for person in world.customers.people}

    def test_rows_are_in_order_of_time(self, tmp_path: Path) -> None:
        """Unless asked for otherwise, event time never goes back."""
        write_csv(tmp_path / "file.csv", make_world(1, 30), 2_000)
        times = [row["transaction_time"] for row in read_rows(tmp_path / "file.csv")]
        assert times == sorted(times)

    def test_shuffled_rows_are_the_same_rows(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Shuffling, in several piles, loses and doubles nothing, and leaves no file behind."""
        monkeypatch.setattr("services.simulator.csvfile.LINES_A_PILE", 300)
        world = make_world(1, 30)
        write_csv(tmp_path / "ordered.csv", world, 2_000)
        write_csv(tmp_path / "shuffled.csv", world, 2_000, shuffle=True)
        ordered = (tmp_path / "ordered.csv").read_text().splitlines()
        shuffled = (tmp_path / "shuffled.csv").read_text().splitlines()
        assert sorted(ordered) == sorted(shuffled)
        assert sum(one == other for one, other in zip(ordered, shuffled, strict=True)) < 50
        assert {path.name for path in tmp_path.iterdir()} == {"ordered.csv", "shuffled.csv"}

    @pytest.mark.parametrize("rows", [1, 7, 2_500])
    def test_a_file_has_as_many_rows_as_asked_for(self, tmp_path: Path, rows: int) -> None:
        """Also when the last day does not fit."""
        write_csv(tmp_path / "file.csv", make_world(1, customers_for(rows)), rows)
        assert len(read_rows(tmp_path / "file.csv")) == rows

    def test_another_seed_gives_another_file(self, tmp_path: Path) -> None:
        """The seed decides people and transactions."""
        for seed in (1, 2):
            write_csv(tmp_path / f"{seed}.csv", make_world(seed, 20), 100)
        one, two = ({row["street"] for row in read_rows(tmp_path / f"{seed}.csv")} for seed in (1, 2))
        assert not one & two

    def test_a_missing_folder_is_told_without_a_trace(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A path that cannot be written ends the command with code 1 and a sentence."""
        assert command.main(["csv", "--rows", "5", "--out", str(tmp_path / "none" / "file.csv")]) == 1
        assert capsys.readouterr().err.startswith("simulator: ")


class Clock:
    """A clock that goes on by a step at every look."""

    def __init__(self, start: datetime.datetime, step: datetime.timedelta) -> None:
        self.now, self._step = start, step

    def __call__(self) -> datetime.datetime:
        self.now += self._step
        return self.now


AFTERNOON = datetime.datetime(2026, 3, 5, 15, 59)
NAMESPACE = file_namespace(hashlib.sha256(b"8").digest())


def take(messages: Iterator[tuple[bytes, bytes]], count: int) -> list[dict[str, Any]]:
    return [orjson.loads(value)["data"] for _, value in itertools.islice(messages, count)]


class TestLive:
    def test_a_message_keeps_the_contract(self) -> None:
        """The envelope opens, the fields are the 17 with their types, the key is the customer's."""
        messages = live_messages(make_world(8, 100), NAMESPACE, Clock(AFTERNOON, datetime.timedelta(0)))
        for number in range(1, 200):
            key, value = next(messages)
            transaction_id, data = open_envelope(value)
            assert transaction_id == row_id(NAMESPACE, number)
            assert tuple(data) == FIELDS
            assert key == customer_key(data)
            assert isinstance(data["amount"], float)
            assert isinstance(data["post_code"], int)

    def test_event_times_are_the_present_minute_and_go_on(self) -> None:
        """Each message bears the minute in which it was asked for, across hours too."""
        clock = Clock(AFTERNOON, datetime.timedelta(seconds=20))
        messages = live_messages(make_world(8, 3_000), NAMESPACE, clock)
        times = []
        for _ in range(600):
            times.append(orjson.loads(next(messages)[1])["data"]["transaction_time"])
            assert times[-1] == f"{clock.now:%Y-%m-%d %H:%M}"
        assert times == sorted(times)
        assert times[-1] > "2026-03-05 18"

    def test_categories_follow_the_clock(self) -> None:
        """At 15:00 nobody buys petrol, at 04:00 a fifth of all transactions are petrol."""
        shares = []
        for hour in (15, 4):
            clock = Clock(AFTERNOON.replace(hour=hour, minute=0), datetime.timedelta(0))
            found = take(live_messages(make_world(8, 1_000), NAMESPACE, clock), 1_000)
            shares.append(sum(data["cat_id"] == "gas_transport" for data in found) / len(found))
        assert shares[0] < 0.02
        assert shares[1] > 0.15

    def test_a_new_hour_is_followed_at_once(self) -> None:
        """When noon strikes, petrol ends, however much of the hour before was prepared."""
        clock = Clock(AFTERNOON.replace(hour=11, minute=59), datetime.timedelta(seconds=1))
        found = take(live_messages(make_world(8, 20_000), NAMESPACE, clock), 600)
        late = [data["cat_id"] for data in found if data["transaction_time"][-5:] >= "12:00"]
        assert len(late) > 500
        assert late.count("gas_transport") < 15

    def test_event_time_stays_when_the_clock_is_set_back(self) -> None:
        """The end of summer time does not turn the order of events."""
        clock = Clock(AFTERNOON, datetime.timedelta(minutes=-1))
        found = take(live_messages(make_world(8, 50), NAMESPACE, clock), 90)
        times = {data["transaction_time"] for data in found}
        assert len(times) == 1

    def test_the_same_seed_gives_the_same_messages(self) -> None:
        """At the same times of the clock a stream repeats itself, byte by byte."""
        streams = [
            live_messages(make_world(8, 100), NAMESPACE, Clock(AFTERNOON, datetime.timedelta(0))) for _ in range(2)
        ]
        one, two = (list(itertools.islice(messages, 300)) for messages in streams)
        assert one == two


class FakeProducer:
    """A producer whose queue holds `room` messages and is emptied by poll; `error` is reported for each message."""

    def __init__(self, room: int = 10**9, error: Any = None, undelivered: int = 0) -> None:
        self.room, self.error, self.undelivered = room, error, undelivered
        self.queue: list[Callable[[Any, Any], None]] = []
        self.values: list[bytes] = []
        self.keys: set[tuple[str, bytes]] = set()

    def produce(self, topic: str, *, value: bytes, key: bytes, on_delivery: Callable[[Any, Any], None]) -> None:
        if len(self.queue) >= self.room:
            raise BufferError
        self.queue.append(on_delivery)
        self.values.append(value)
        self.keys.add((topic, key))

    def poll(self, timeout: float) -> int:  # noqa: ARG002  # the client's signature
        reports, self.queue = self.queue, []
        for report in reports:
            report(self.error, None)
        return len(reports)

    def flush(self, timeout: float) -> int:
        self.poll(timeout)
        return self.undelivered


class Refused:
    """Stands for a KafkaError."""

    def str(self) -> str:
        return "Broker: Topic authorization failed"


def numbered() -> Iterator[tuple[bytes, bytes]]:
    number = 0
    while True:
        number += 1
        yield b"key", str(number).encode()


class TestSend:
    def test_a_count_is_sent_exactly(self) -> None:
        """--count N sends N messages, each once and in order, also through a queue that is often full."""
        producer = FakeProducer(room=7)
        sender = Sender(producer, "transactions")
        send(numbered(), sender, SendLimits(rate=50_000, count=500), StopSignal())
        assert producer.values == [str(number).encode() for number in range(1, 501)]
        assert producer.keys == {("transactions", b"key")}
        assert sender.delivered == 500

    def test_the_pace_is_steady(self) -> None:
        """As many messages are due as the rate says, whatever the ticks; none is lost to rounding."""
        pace = Pace(rate=130.0, now=0.0)
        due = [pace.due(now) for now in np.arange(0.02, 10.0001, 0.02)]
        assert 1_298 <= sum(due) <= 1_300
        assert max(due) <= 4

    def test_a_pause_does_not_become_a_burst(self) -> None:
        """What is more than a second late is left out."""
        pace = Pace(rate=100.0, now=0.0)
        assert pace.due(60.0) == 100

    def test_slow_rates_come_in_time(self) -> None:
        """A message every five seconds is due after five seconds, not never."""
        pace = Pace(rate=0.2, now=0.0)
        assert [pace.due(now) for now in (2.0, 4.0, 5.01, 7.0, 10.02)] == [0, 0, 1, 0, 1]

    def test_a_request_to_stop_ends_the_stream(self) -> None:
        """After SIGTERM nothing more is sent, and what was sent is delivered."""
        stop = StopSignal()
        stop.request()
        sender = Sender(FakeProducer(), "transactions")
        send(numbered(), sender, SendLimits(rate=1_000), stop)
        assert sender.sent == sender.delivered == 0

    def test_a_request_to_stop_is_heard_while_the_queue_is_full(self) -> None:
        """An unavailable broker does not keep the process from stopping."""
        stop = StopSignal()

        class Full(FakeProducer):
            def poll(self, timeout: float) -> int:  # noqa: ARG002  # the client's signature
                stop.request()
                return 0

        sender = Sender(Full(room=0), "transactions")
        sender.send(b"key", b"value", stop)
        assert sender.sent == 0

    def test_seconds_end_the_stream(self) -> None:
        """--seconds T ends after that time with about T times the rate sent."""
        sender = Sender(FakeProducer(), "transactions")
        send(numbered(), sender, SendLimits(rate=1_000, seconds=0.3), StopSignal())
        assert 100 < sender.sent <= 320

    @pytest.mark.parametrize("producer", [FakeProducer(error=Refused()), FakeProducer(undelivered=3)])
    def test_an_undelivered_message_is_an_error(self, producer: FakeProducer) -> None:
        """The stream stops with a reason when the broker refuses or does not answer."""
        with pytest.raises(Stop, match="cannot send to transactions"):
            send(numbered(), Sender(producer, "transactions"), SendLimits(rate=1_000, count=20), StopSignal())

    def test_the_rate_is_told_while_sending(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A log line every few seconds says how many were sent and how fast."""
        monkeypatch.setattr(send_module, "REPORT_SECONDS", 0.1)
        with structlog.testing.capture_logs() as lines:
            send(numbered(), Sender(FakeProducer(), "transactions"), SendLimits(rate=500, seconds=0.5), StopSignal())
        assert {line["event"] for line in lines} == {"messages_sent"}
        assert len(lines) >= 2
        assert all(100 < line["per_second"] < 600 for line in lines)


@pytest.mark.parametrize(
    "arguments",
    [["csv", "--rows", "0", "--out", "x"], ["csv", "--rows", "5", "--seed", "-1", "--out", "x"],
     ["stream", "--rate", "0"], ["stream", "--rate", "nan"],
     ["stream", "--rate", "1", "--count", "1", "--seconds", "1"]],
)  # fmt: skip
def test_impossible_options_are_refused(arguments: list[str]) -> None:
    """A wrong option ends the command with a usage message before anything is made."""
    with pytest.raises(SystemExit) as error:
        command.main(arguments)
    assert error.value.code == 2
