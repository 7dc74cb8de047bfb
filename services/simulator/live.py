"""Simulated transactions as messages of the topic, stamped with the present time.

A thousand customers pay about twice a minute; a stream at a higher rate has to hurry. It sends the present hour of one
simulated day after another, each transaction stamped with the present time: so hour, categories, amounts and share of
frauds fit together as they do at this hour of a real day.
"""

import datetime
import itertools
import uuid
from collections.abc import Callable, Collection, Iterator

import orjson

from services.common.contract.ids import row_id
from services.simulator.cards import customer_key
from services.simulator.drift import DriftingSource, DriftKind
from services.simulator.population import Person, World
from services.simulator.transactions import TransactionGenerator

FIRST_DAY = datetime.date(2019, 1, 1).toordinal()
DAYS = datetime.date.max.toordinal() - FIRST_DAY


def customers_for_rate(rate: float) -> int:
    """Return how many customers a stream should have: each pays once an hour, as far as 1,000 to 100,000 allow."""
    return min(max(round(rate * 3_600), 1_000), 100_000)


def live_messages(
    world: World, namespace: uuid.UUID, now: Callable[[], datetime.datetime], drifts: Collection[DriftKind] = ()
) -> Iterator[tuple[bytes, bytes]]:
    """Return keys and values without end, each created when it is asked for; event times are `now()` and never go back.

    Ids are the namespace's rows 1, 2, 3 and so on.
    """
    people = [_known(person) for person in world.customers.people]
    return _messages(DriftingSource(world, drifts), people, namespace, now)


def _messages(
    source: TransactionGenerator,
    people: list[tuple[bytes, dict[str, object]]],
    namespace: uuid.UUID,
    now: Callable[[], datetime.datetime],
) -> Iterator[tuple[bytes, bytes]]:
    number = 0
    moment = now()
    for passed in itertools.count():
        hour = moment.hour
        transactions = source.day(FIRST_DAY + passed % DAYS, hour)
        columns = [
            transactions.shop,
            transactions.amount,
            transactions.customer,
            transactions.merchant_lat,
            transactions.merchant_lon,
        ]
        for shop, amount, customer, lat, lon in zip(*(column.tolist() for column in columns), strict=True):
            number += 1
            key, person = people[customer]
            merch, cat_id = source.world.shops[shop]
            data = {
                "transaction_time": f"{moment:%Y-%m-%d %H:%M}",
                "merch": merch,
                "cat_id": cat_id,
                "amount": amount,
                **person,
                "merchant_lat": lat,
                "merchant_lon": lon,
            }
            yield key, orjson.dumps({"transaction_id": row_id(namespace, number), "data": data})
            moment = max(moment, now())
            if moment.hour != hour:
                break


def _known(person: Person) -> tuple[bytes, dict[str, object]]:
    """Return a customer's key and fields."""
    data = person._asdict()
    return customer_key(data), data
