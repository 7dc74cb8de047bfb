"""Every sentence of the page, by name. The languages are in texts_ru.py and texts_en.py; knows no layout.

Braces name what is filled in: `{rows}` is a number already written in the reader's language, `{rows_counted}`
a number with its noun.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.sender.report import FileFault, Repair, RowFault
from ui.shell.formats import Numbers

Forms = tuple[str, str, str]
"""A noun beside 1, 2 and 5: («строка», «строки», «строк»)."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The page in one language."""

    language: str
    path: str
    numbers: Numbers
    other_language: str
    other_language_path: str

    title: str
    lead: str

    upload_heading: str
    upload_hint: str
    upload_limits: str
    file_label: str
    drop_here: str
    template_link: str
    sample_link: str
    ids_heading: str
    ids_ask: str
    ids_own: str
    ids_overwrite: str
    send_button: str
    cancel_button: str

    waiting: str
    reading: str
    reading_rows: str
    sending: str
    sending_rate: str
    sent: str
    sent_none: str
    kafka_away: str
    kafka_refuses: str
    read_tile: str
    sent_tile: str
    repaired_tile: str
    refused_tile: str
    repaired_heading: str
    refused_heading: str
    refused_first: str
    refused_line: str
    refused_field: str
    refused_reason: str
    refused_alike: str
    unknown_heading: str
    unknown_hint: str
    unknown_value: str
    cancelled: str
    cancelled_early: str
    goes_on: str
    too_many_files: str
    interrupted: str
    not_recorded: str
    twice: str
    scores_link: str
    scored_so_far: str
    scored_all: str
    scored_slowly: str
    scored_unknown: str
    unexpected_title: str
    unexpected: str
    database_failed: str
    reading_failed: str
    reading_failed_since: str

    results_heading: str
    results_hint: str
    view_button: str
    flagged_heading: str
    totals: str
    about: str
    refreshed: str
    model: str
    no_flagged: str
    database_away: str
    database_away_since: str
    column_time: str
    column_amount: str
    column_category: str
    column_merchant: str
    column_state: str
    column_score: str
    column_earlier: str
    column_id: str
    earlier_hint: str
    earlier_none: str
    earlier_unknown: str

    chart_title: str
    chart_threshold: str
    chart_x: str
    chart_y: str
    chart_below: str
    chart_above: str
    chart_bin: str

    row_forms: Forms
    upload_forms: Forms
    of_row_forms: Forms
    of_sent_row_forms: Forms
    column_forms: Forms
    transaction_forms: Forms
    payment_forms: Forms
    last_transaction_forms: Forms

    repairs: Mapping[Repair, str]
    row_refusals: Mapping[RowFault, str]
    file_refusals: Mapping[FileFault, str]
