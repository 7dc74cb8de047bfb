"""services.scorer.event_time: text to seconds."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.event_time import parse_times

EPOCH = datetime(1970, 1, 1)  # event times have no zone


@given(st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31)), max_size=20), st.sampled_from(" T"))
def test_every_real_time_is_read_as_the_standard_library_reads_it(times: list[datetime], separator: str) -> None:
    """Seconds since 1970 agree with datetime's, with seconds in the text and without."""
    times = [time.replace(microsecond=0) for time in times]
    seconds, valid = parse_times([time.isoformat(separator) for time in times])
    minutes, _ = parse_times([time.isoformat(separator, "minutes") for time in times])

    assert valid.all()
    assert seconds.tolist() == [(time - EPOCH) // timedelta(seconds=1) for time in times]
    assert minutes.tolist() == [second // 60 * 60 for second in seconds.tolist()]


@pytest.mark.parametrize(
    "text",
    [
        "2019-02-29 10:00", "2023-02-29 10:00", "2019-13-01 10:00", "2019-00-10 10:00", "2019-01-00 10:00",
        "2019-04-31 10:00", "2019-01-01 24:00", "2019-01-01 10:60", "2019-01-01 10:00:60", "1969-12-31 23:59",
        "2100-01-01 00:00", "2019/01/01 10:00", "2019-01-01_10:00", "2019-01-01 1:00", "01.01.2019 10:00", "",
        "２０１９-01-01 10:00", "2019-01-01 10:00Z", "2019-01-01 -1:00", "NaT", "2019-01-01T10:00:00.5",
    ],
)  # fmt: skip
def test_an_impossible_time_is_named_and_spoils_no_other(text: str) -> None:
    """It alone is invalid, its seconds are 0."""
    seconds, valid = parse_times(["2020-02-29 00:00", text, "2000-02-29T23:59:59"])

    assert valid.tolist() == [True, False, True]
    assert seconds.tolist() == [1582934400, 0, 951868799]


@given(st.lists(st.text(max_size=20), max_size=10))
def test_no_text_raises(times: list[str]) -> None:
    """Whatever the text, there is an answer for each."""
    seconds, valid = parse_times(times)

    assert seconds.shape == valid.shape == (len(times),)
    assert (seconds[~valid] == 0).all()
    assert seconds.dtype == np.int64
