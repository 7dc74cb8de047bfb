"""The words of the live view, in both languages."""

from dataclasses import dataclass

from ui.shell.texts import Forms


@dataclass(frozen=True, slots=True)
class LiveTexts:
    """The live view in one language; `ago_*` are filled in by the browser."""

    heading: str
    window_heading: str
    ago_seconds: str
    ago_minutes: str
    ago_hours: str
    no_answer: str
    first_reading: str
    database_away: str
    database_away_since: str
    kafka_away: str
    kafka_failed: str
    refresh: str
    latest_score: str

    lag: str
    lag_forms: Forms
    lag_none: str
    lag_waiting: str
    lag_at_least: str
    lag_unknown: str
    rate: str
    per_second: str
    rate_of: str
    flagged_share: str
    delta: str
    delta_same: str
    delta_none: str
    of_latest: str
    model: str
    model_threshold: str
    model_unknown: str

    timeline: str
    timeline_peak: str
    timeline_flagged: str

    filter_state: str
    filter_category: str
    filter_merchant: str
    filter_score: str
    filter_clear: str
    filter_any: str
    filter_none: str

    by_category: str
    category_count: str
    no_category: str
    density: str
    density_threshold: str
    density_scale: str
    density_bin: str
    window_of: str
    window_filtered: str
    window_none: str

    flagged_heading: str
    flagged_fit: str
    flagged_shown: str
    flagged_none: str
    flagged_none_of: str
    nothing_yet: str
    column_scored: str
    column_customer: str
    show_names: str
    names_refused: str


LIVE_TEXTS = {
    "ru": LiveTexts(
        heading="Поток платежей",
        window_heading="Картина последних платежей",
        ago_seconds="обновлено {n} с назад",
        ago_minutes="обновлено {n} мин назад",
        ago_hours="обновлено {n} ч назад",
        no_answer="Страница не отвечает: показано последнее, что она прислала.",
        first_reading="Читаем базу…",
        database_away="База недоступна. Как только она ответит, данные появятся сами: оценки не потеряются.",
        database_away_since="База недоступна: показаны последние известные данные.",
        kafka_away="Kafka не отвечает",
        kafka_failed="Kafka ответила ошибкой",
        refresh="Обновлять автоматически",
        latest_score="последняя оценка в {time}",
        lag="Очередь",
        lag_forms=("платёж", "платежа", "платежей"),
        lag_none="всё оценено и записано",
        lag_waiting="ждут до {duration}",
        lag_at_least="ждут не меньше {duration}",
        lag_unknown="—",
        rate="Скорость",
        per_second="{number}/с",
        rate_of="среднее за {duration}",
        flagged_share="Подозрительных",
        delta="{sign}{points} п. п. к предыдущим {before}",
        delta_same="столько же, сколько в предыдущих {before}",
        delta_none="сравнить пока не с чем",
        of_latest="из последних {scored_counted}",
        model="Модель",
        model_threshold="порог {threshold}",
        model_unknown="манифест не читается",
        timeline="Оценено в секунду, последние 15 минут",
        timeline_peak="наибольшая: {number}/с",
        timeline_flagged="подозрительные",
        filter_state="Штат",
        filter_category="Категория",
        filter_merchant="Магазин",
        filter_score="Оценка от",
        filter_clear="Сбросить",
        filter_any="любые",
        filter_none="Ничего не подходит под фильтры.",
        by_category="Доля подозрительных по категориям",
        category_count="{flagged} из {scored}",
        no_category="без категории",
        density="Плотность оценок",
        density_threshold="порог {threshold}",
        density_scale="логарифмическая шкала",
        density_bin="{low}–{high}: {counted}",
        window_of="Из последних {counted}",
        window_none="Появится с первыми оценками.",
        window_filtered="По фильтрам: {shown} из последних {counted}",
        flagged_heading="Подозрительные, новые сверху",
        flagged_fit="Под фильтры подходят {found} из последних {seen}.",
        flagged_shown="Показаны {shown} самых новых.",
        flagged_none="Пока нет транзакций с fraud_flag = 1.",
        flagged_none_of="Среди последних {seen_counted} под фильтры не подходит ни одна.",
        nothing_yet="Пока ничего не оценено. Отправьте CSV на вкладке «Проверка» — здесь всё появится само.",
        column_scored="Оценена",
        column_customer="Клиент",
        show_names="Показать, кто платит",
        names_refused="Имена видит только аналитик.",
    ),
    "en": LiveTexts(
        heading="Stream of payments",
        window_heading="The latest payments at a glance",
        ago_seconds="updated {n} s ago",
        ago_minutes="updated {n} min ago",
        ago_hours="updated {n} h ago",
        no_answer="The page does not answer: this is the last it sent.",
        first_reading="Reading the database…",
        database_away="The database is away. As soon as it answers, the figures will appear: no score is lost.",
        database_away_since="The database is away: these are the last figures known.",
        kafka_away="Kafka does not answer",
        kafka_failed="Kafka returned an error",
        refresh="Refresh automatically",
        latest_score="latest score at {time}",
        lag="Queue",
        lag_forms=("payment", "payments", "payments"),
        lag_none="everything is scored and stored",
        lag_waiting="waiting up to {duration}",
        lag_at_least="waiting at least {duration}",
        lag_unknown="—",
        rate="Rate",
        per_second="{number}/s",
        rate_of="mean of {duration}",
        flagged_share="Flagged",
        delta="{sign}{points} pp against the {before} before",
        delta_same="the same as in the {before} before",
        delta_none="nothing to compare with yet",
        of_latest="of the latest {scored_counted}",
        model="Model",
        model_threshold="threshold {threshold}",
        model_unknown="the manifest cannot be read",
        timeline="Scored per second, last 15 minutes",
        timeline_peak="highest: {number}/s",
        timeline_flagged="flagged",
        filter_state="State",
        filter_category="Category",
        filter_merchant="Merchant",
        filter_score="Score from",
        filter_clear="Clear",
        filter_any="any",
        filter_none="Nothing fits the filters.",
        by_category="Share of flagged by category",
        category_count="{flagged} of {scored}",
        no_category="no category",
        density="Density of scores",
        density_threshold="threshold {threshold}",
        density_scale="logarithmic scale",
        density_bin="{low}–{high}: {counted}",
        window_of="Of the latest {counted}",
        window_none="Will be here with the first scores.",
        window_filtered="Within the filters: {shown} of the latest {counted}",
        flagged_heading="Flagged, newest first",
        flagged_fit="{found} of the latest {seen} fit the filters.",
        flagged_shown="The newest {shown} are shown.",
        flagged_none="No transaction with fraud_flag = 1 yet.",
        flagged_none_of="Of the latest {seen_counted} none fits the filters.",
        nothing_yet="Nothing is scored yet. Send a CSV in the tab “Check”: everything will appear here by itself.",
        column_scored="Scored",
        column_customer="Customer",
        show_names="Show who pays",
        names_refused="Only an analyst sees names.",
    ),
}
