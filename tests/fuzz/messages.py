"""Makes messages of `transactions` and `scores`: good ones, and those no producer should write but some do."""

from collections.abc import Callable
from random import Random

from tests.fuzz.spoil import spoil
from tests.support.contracts import DECIMAL_FIELDS, FIELDS, INTEGER_FIELDS

SEPARATOR = b"\n\x1e"
"""Between the messages of a batch; nothing in between is a message without a value."""

Json = str
"""A piece of a message as it is written, which need not be JSON."""

ODD_TIMES: tuple[Json, ...] = (
    '"2019-02-29 00:00"', '"2020-02-29 23:59"', '"1900-02-29 00:00"', '"2000-02-29 00:00"', '"2100-02-28 00:00"',
    '"1969-12-31 23:59:59"', '"1970-01-01 00:00"', '"2099-12-31 23:59:59"', '"2100-01-01 00:00"', '"0000-01-01 00:00"',
    '"9999-12-31 23:59"', '"2016-12-31 23:59:60"', '"2019-09-14 24:00"', '"2019-13-01 00:00"', '"2019-00-10 00:00"',
    '"2019-04-31 12:00"', '"2019-04-00 12:00"', '"2019-09-14T02:46"', '"2019-09-14t02:46"', '"2019-09-14 02:46Z"',
    '"2019-09-14 02:46:00Z"', '"2019-09-14 02:46+01"', '"2019-W37-6 02:46"', '"2019-09-14 2:46"', '"20190914T024600"',
    '"２０１９-09-14 02:46"', '"2019-09-14\\u00a002:46"', '"2019-09-14 02:4\\u0000"', '" 2019-09-14 02:46"',
    '"2019-09-14 02:46:0."', '"2019-09-14 -2:46"', '"2019-09-14\\ud80002:46"', "1568429160", "1568429160.5",
    '"14.09.2019 2:46"', '"9/14/2019 02:46"', '"NULL"', '"2019-09-14T02:46:30.000Z"', '"2019-09-14 02:46:30+03:00"',
    '"2019/09/14 02:46"', '"14.09.19 02:46"',
)  # fmt: skip
ODD_NUMBERS: tuple[Json, ...] = (
    "NaN", "Infinity", "-Infinity", "nan", "1e400", "-1e400", "1e-400", "5e-324", "1.7976931348623157e308", "1e309",
    "0", "-0", "-0.0", "1e12", "1000000000000.0001", "1e13", "-1e13", "9007199254740993", "9223372036854775808",
    "18446744073709551615", "18446744073709551616", "-9223372036854775809", "1" + "0" * 400, "-1" + "0" * 400,
    "0." + "3" * 800, "1" * 5_000, "01", "+1", ".5", "1.", "0x1F", "1_000", "1,000", "12e", '"25.79"', '"25,79"',
    "true", "false", '"NaN"', '"1,045"', '"1.045"', '"1,045.00"', '"1.045,5"', '"1 045"', '"333,497"', '"1_000"',

    '"NULL"', '" -"', '"1e999"', '"Infinity"', '"much"', '"12,34,567"', '"\u2212"', '"0,045"', '"-97,1"', '"333,000"',
    "1E5", "1e+2", "123456789.123456789123456789",
)  # fmt: skip
ODD_TEXTS: tuple[Json, ...] = (
    '""', '" "', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"', '"x\\udfff"', '"\\ud83d\\ude00"', '"😀"',
    '"\ufeff"', '"Ы"', '"e\u0301"', '"\u202e"', '"\\/\\b\\f"', '"\t"', '"\n"', '"\x7f"', '"a|b"', '"|"', "'single'",
    '"NULL"', '"nan"', '"Null"', '"N/A"', '"\\\\N"', '"-"', '" nan"',
    '"=1+1"', '"\'; drop table scores; --"', '"' + "x" * 3_000 + '"', '"' + "😀" * 700 + '"', '"\\x41"', '"\\u12"',
)  # fmt: skip
ODD_IDS: tuple[Json, ...] = (
    '""', '"x"', '"' + "x" * 128 + '"', '"' + "x" * 129 + '"', '"' + "😀" * 128 + '"', '"' + "x" * 10_000 + '"', "7",
    "1.5", "true", "[]", "{}", '"\\u0000"', '"\\ud800"', '"Ы"', '" "', '"\\n"', '"\\u0061"', "NaN",
)  # fmt: skip
ODD_VALUES: tuple[Json, ...] = (
    "null", "[]", "{}", "[1]", '{"a": 1}', "[" * 50 + "]" * 50, "[" * 300 + "]" * 300, '{"a":' * 40 + "1" + "}" * 40,
    "[" * 2_000, "[" * 1_500 + "]" * 1_500, "", "/* */ 1", "undefined", "None", "True",
)  # fmt: skip
ODD_SCORES: tuple[Json, ...] = ("0", "1", "-0.0", "1.0000000000000002", "-1e-300", "5e-324", "0.5e0", "2", "-1")
ODD_FLAGS: tuple[Json, ...] = ("0", "1", "2", "-1", "true", "false", "0.0", "1.0", "0.5", '"1"', "-0.0", "1e0")
TIMESTAMPS = (-1, 0, 1, 1_568_429_160_000, 253_402_300_799_999, 253_402_300_800_000, -62_135_596_800_000,
              -62_135_596_800_001, (1 << 63) - 1, -(1 << 63))  # fmt: skip


def batch(random: Random) -> bytes:
    """Return some messages of `transactions`, most of them good; in half of the batches all are text."""
    spoiled = random.choice((0.0, 0.2))
    return SEPARATOR.join(transaction(random, spoiled) for _ in range(random.choice((1, 3, 30, 60))))


def transaction(random: Random, spoiled: float = 0.2) -> bytes:
    """Return one message: half of them good, the others with odd values, and a share with odd bytes."""
    if random.random() < 0.03:
        return random.choice((b"", b" ", b"null", b"[]", b"1", b'"text"', b"NaN", b"\xef\xbb\xbf{}", b"{}", b"\0"))
    odd = random.choice((0, 0, 0, 0, 1, 1, 2, 5))
    message = _message(random, odd).encode("utf-8", "surrogatepass")
    return spoil(random, message) if random.random() < spoiled else message


def score(random: Random) -> bytes:
    """Return the timestamp (8 bytes) and the value of a message of `scores`."""
    fields = {"transaction_id": _id(random), "score": f"{random.random():.6f}", "fraud_flag": random.choice("01")}
    odd: dict[str, tuple[Json, ...]] = {
        "transaction_id": ODD_IDS, "score": ODD_SCORES + ODD_NUMBERS, "fraud_flag": ODD_FLAGS + ODD_NUMBERS
    }  # fmt: skip
    kind = random.random()
    while kind > 0.4 and random.random() < 0.6:
        name = random.choice(tuple(fields))
        fields[name] = random.choice(odd[name] if random.random() < 0.8 else ODD_VALUES)
    text = _object(random, list(fields.items()), odd=kind > 0.4)
    if random.random() < 0.2:
        text = random.choice(("[{}]", "[{},{}]", "[[{}]]", "[]", " {} ", "{}{}")).replace("{}", text)
    value = text.encode("utf-8", "surrogatepass")
    moment = random.choice(TIMESTAMPS) if random.random() < 0.3 else random.randrange(1 << 41)
    return moment.to_bytes(8, "big", signed=True) + (spoil(random, value) if kind > 0.8 else value)


def _message(random: Random, odd: int) -> Json:
    fields = {field: _value(random, field) for field in FIELDS}
    transaction_id = _id(random) if random.random() < 0.9 else None
    for _ in range(odd):
        name = random.choice((*FIELDS, "transaction_id"))
        if name != "transaction_id":
            fields[name] = random.choice(_odd(name) if random.random() < 0.7 else ODD_VALUES)
        else:
            transaction_id = random.choice(ODD_IDS)
    if odd and random.random() < 0.2:
        del fields[random.choice(FIELDS)]
    head = [] if transaction_id is None else [("transaction_id", transaction_id)]
    if random.random() < 0.5:
        return _object(random, head + list(fields.items()), odd=odd > 0)
    data = _object(random, list(fields.items()), odd=odd > 0)
    if odd and random.random() < 0.1:
        data = random.choice(ODD_VALUES + ODD_TEXTS)
    return _object(random, [*head, ("data", data)], odd=odd > 0)


def _object(random: Random, fields: list[tuple[str, Json]], *, odd: bool) -> Json:
    """Return an object; an odd one may have a field twice, unknown ones, or blanks around it."""
    if odd and random.random() < 0.3:
        random.shuffle(fields)
    if odd and random.random() < 0.15:
        name, _ = random.choice(fields)
        fields = [*fields, (name, random.choice(ODD_VALUES + ODD_NUMBERS + ODD_TEXTS))]
    if odd and random.random() < 0.15:
        fields = [*fields, (random.choice(("data", "", "extra", "\\u0061mount")), random.choice(ODD_VALUES))]
    between = random.choice((",", ", ", " ,\n\t")) if odd else ","
    return "{" + between.join(f'"{name}":{value}' for name, value in fields) + "}"


def _odd(field: str) -> tuple[Json, ...]:
    if field == "transaction_time":
        return ODD_TIMES
    return ODD_NUMBERS if field in DECIMAL_FIELDS + INTEGER_FIELDS else ODD_TEXTS


def _id(random: Random) -> Json:
    return f'"{random.getrandbits(64):016x}"'


def _value(random: Random, field: str) -> Json:
    return _GOOD[field](random)


def _choice(*texts: str) -> Callable[[Random], Json]:
    return lambda random: f'"{random.choice(texts)}"'


def _decimal(low: float, high: float, decimals: int) -> Callable[[Random], Json]:
    return lambda random: str(round(random.uniform(low, high), decimals))


def _time(random: Random) -> Json:
    day = f"{random.randint(2018, 2020)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
    clock = f"{random.randint(0, 23):02}:{random.randint(0, 59):02}"
    return f'"{day}{random.choice("  T")}{clock}{random.choice(("", "", ":07"))}"'


_GOOD: dict[str, Callable[[Random], Json]] = {
    "transaction_time": _time,
    "merch": _choice("fraud_Stokes, Christiansen and Sipes", "fraud_Thompson-Gleason", "Ёлки"),
    "cat_id": _choice("grocery_net", "shopping_net", "home", "unheard_of"),
    "amount": _decimal(0.01, 2_000, 2),
    "name_1": _choice("Ada", "Eve", "Bob"),
    "name_2": _choice("Example", "Sample"),
    "gender": _choice("F", "M", "X"),
    "street": _choice("1 Test Lane", "2 Test Lane"),
    "one_city": _choice("Nowhere", "Falconer"),
    "us_state": _choice("TX", "NY"),
    "post_code": lambda random: str(random.randint(1_000, 99_999)),
    "lat": _decimal(-90, 90, 4),
    "lon": _decimal(-180, 180, 4),
    "population_city": lambda random: str(random.randint(20, 3_000_000)),
    "jobs": _choice("Chief Operating Officer", "Engineer, civil"),
    "merchant_lat": _decimal(-90, 90, 6),
    "merchant_lon": _decimal(-180, 180, 6),
}
