"""Finds ids of a file's own column that other payments have already, so that none is overwritten without a word.

Knows how the mart holds a payment, not who asks it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Any

import orjson

from services.common.stored import decode_transaction
from services.common.values import fold
from services.sender.ids import content_ids, message_of, numbered

ASKED_AT_ONCE = 5_000

STORED = """
    select transaction_id, event_time, amount, category, merchant, state, city, customer
    from transactions where transaction_id = any(%s)
"""
"""What the mart holds of some ids."""

Message = tuple[bytes | None, bytes]
Look = Callable[[list[str]], Iterable[Sequence[Any]]]
"""Gives the rows of STORED for some ids."""


class TakenIds(StrEnum):
    """What is done with payments whose ids are taken: nothing is sent, or they overwrite, or get ids of their own."""

    ASK = "ask"
    OVERWRITE = "overwrite"
    OWN = "own"


def find_taken(messages: Iterable[Message], look: Look) -> list[str]:
    """Return the ids, in their order, that stand for another payment in the mart, or for two in the file.

    Equal content is no conflict. Memory: some 150 bytes a message.
    """
    taken: dict[str, None] = {}
    contents: dict[str, int] = {}
    remaining = iter(messages)
    while chunk := list(islice(remaining, ASKED_AT_ONCE)):
        rows = [decode_transaction(value, "", 0, 0) for _, value in chunk]
        for row in rows:
            content = hash(_content(row))
            if contents.setdefault(row[0], content) != content:
                taken[row[0]] = None
        for stored in look(list({row[0]: None for row in rows})):
            if hash(_content(stored)) != contents[stored[0]]:
                taken[stored[0]] = None
    return list(taken)


def _content(row: Sequence[Any]) -> tuple[Any, ...]:
    """Return what the mart holds of a payment, but for its id."""
    time, amount, category, *others = row[1:8]
    return time, amount, fold(category) if category else None, *others


def with_ids_of_their_own(messages: Iterable[Message], taken: Iterable[str]) -> Iterator[Message]:
    """Yield messages, those of taken ids with ids made of their content."""
    wanted, seen = frozenset(taken), Counter[bytes]()
    for key, value in messages:
        message = orjson.loads(value)
        if message["transaction_id"] not in wanted:
            yield key, value
            continue
        fields = orjson.dumps(message["data"])
        (transaction_id,), octets = content_ids([fields], [message["data"]["cat_id"]])
        yield key, numbered(message_of(transaction_id, fields), seen[octets])
        seen[octets] += 1
