"""Texts of the live tab and of its section on data drift, in both languages; see ui/shell/texts.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LiveTexts:
    """The live view in one language; the braces of `ago_*` are filled in by the browser."""

    heading: str = "Поток транзакций"
    window_heading: str = "Обзор последних транзакций"
    ago_seconds: str = "обновлено {n} с назад"
    ago_minutes: str = "обновлено {n} мин назад"
    ago_hours: str = "обновлено {n} ч назад"
    not_responding: str = "Страница не отвечает: показаны последние полученные данные."
    first_reading: str = "Загрузка…"
    database_unavailable: str = "База недоступна. Данные появятся, как только она ответит; оценки не потеряются."
    database_unavailable_since: str = "База недоступна: показаны последние известные данные."
    kafka_unavailable: str = "Kafka не отвечает"
    kafka_failed: str = "Kafka ответила ошибкой"
    refresh: str = "Обновлять автоматически"
    latest_score: str = "последняя оценка в {time}"

    lag: str = "Транзакций в очереди"
    lag_none: str = "всё оценено и записано"
    lag_waiting: str = "ждут до {duration}"
    lag_at_least: str = "ждут не меньше {duration}"
    rate: str = "Скорость"
    per_second: str = "{number}/с"
    rate_of: str = "в среднем за {duration}"
    flagged_share: str = "Подозрительных"
    delta: str = "{sign}{points} п. п. к предыдущим {before}"
    delta_same: str = "столько же, сколько в предыдущих {before}"
    delta_none: str = "сравнить пока не с чем"
    of_latest: str = "из последних {scored_counted}"
    model: str = "Модель"
    threshold: str = "порог {threshold}"
    model_unknown: str = "манифест не читается"

    timeline: str = "Оценено в секунду за последние 15 минут"
    timeline_peak: str = "максимум: {number}/с"
    timeline_flagged: str = "подозрительные"
    timeline_unknown: str = "не подсчитано"

    filter_score: str = "Оценка от"
    filter_clear: str = "Сбросить"
    filter_any: str = "любые"
    filter_none: str = "Под фильтры ничего не подходит."

    by_category: str = "Доля подозрительных по категориям"
    category_count: str = "{flagged} из {scored}"
    no_category: str = "без категории"
    density: str = "Распределение оценок"
    density_bin: str = "{low}–{high}: {counted}"
    window_of: str = "По данным последних {counted}"
    window_filtered: str = "По фильтрам: {shown} из последних {counted}"
    window_none: str = "Появится с первыми оценками."

    flagged_heading: str = "Подозрительные транзакции, сначала новые"
    flagged_matching: str = "Под фильтры подходят {found} из последних {seen}."
    flagged_shown: str = "Показаны {shown} самых новых."
    flagged_none: str = "Подозрительных транзакций (fraud_flag = 1) пока нет."
    flagged_none_of: str = "Среди последних {seen_counted} под фильтры не подходит ни одна."
    nothing_yet: str = (
        "Пока ничего не оценено. Отправьте CSV на вкладке «Проверка»: результаты появятся здесь автоматически."
    )
    show_names: str = "Показать личные данные"
    names_refused: str = "Личные данные доступны только аналитику."


@dataclass(frozen=True, slots=True)
class DriftTexts:
    """The section on drift in one language; `names` by the names of drift.py, `states` by the codes of render.py."""

    heading: str = "Дрейф данных"
    lead: str = (
        "Индекс PSI показывает, насколько последние транзакции отличаются от обучающих данных в те же часы суток: "
        "до 0,1 — отличий нет, от 0,25 — дрейф. При дрейфе оценки менее надёжны: проверьте источник данных "
        "и точность по вердиктам; возможно, модель пора переобучить."
    )
    measured_on: str = "По данным последних {counted}."
    too_few: str = "Данных пока мало: нужно не меньше {minimum} транзакций."
    no_reference: str = "В манифесте модели нет распределений обучающих данных: сравнивать не с чем."
    unavailable: str = "База недоступна: дрейф не измерить."
    first_reading: str = "Измеряем…"
    column_name: str = "Показатель"
    column_psi: str = "PSI"
    column_state: str = "Вывод"
    names: Mapping[str, str] = field(
        default_factory=lambda: {
            "score": "Оценка",
            "hour": "Час",
            "past": "Длина истории клиента",
        }
    )
    states: Mapping[str, str] = field(
        default_factory=lambda: {
            "stable": "как при обучении",
            "moved": "небольшое отличие",
            "shift": "дрейф",
            "past": "история клиентов короче или длиннее, чем при обучении; в начале работы это нормально",
            "hour": "нужны данные за двое суток",
            "none": "мало данных",
        }
    )


LIVE_TEXTS = {
    "ru": LiveTexts(),
    "en": LiveTexts(
        heading="Transaction stream",
        window_heading="Latest transactions at a glance",
        ago_seconds="updated {n} s ago",
        ago_minutes="updated {n} min ago",
        ago_hours="updated {n} h ago",
        not_responding="The page is not responding. Showing the last data received.",
        first_reading="Loading…",
        database_unavailable="The database is unavailable. Data will appear as soon as it responds; no score is lost.",
        database_unavailable_since="The database is unavailable. Showing the last known data.",
        kafka_unavailable="Kafka is not responding",
        kafka_failed="Kafka returned an error",
        refresh="Refresh automatically",
        latest_score="latest score at {time}",
        lag="Queued transactions",
        lag_none="everything is scored and stored",
        lag_waiting="waiting up to {duration}",
        lag_at_least="waiting at least {duration}",
        rate="Rate",
        per_second="{number}/s",
        rate_of="average over {duration}",
        flagged_share="Flagged",
        delta="{sign}{points} pp vs. the previous {before}",
        delta_same="same as the previous {before}",
        delta_none="nothing to compare with yet",
        of_latest="of the latest {scored_counted}",
        model="Model",
        threshold="threshold {threshold}",
        model_unknown="the manifest cannot be read",
        timeline="Scored per second, last 15 minutes",
        timeline_peak="peak: {number}/s",
        timeline_flagged="flagged",
        timeline_unknown="not counted",
        filter_score="Minimum score",
        filter_clear="Clear",
        filter_any="any",
        filter_none="No transactions match the filters.",
        by_category="Flagged share by category",
        category_count="{flagged} of {scored}",
        no_category="no category",
        density="Score distribution",
        window_of="Latest {counted}",
        window_filtered="Filtered: {shown} of the latest {counted}",
        window_none="Appears with the first scores.",
        flagged_heading="Flagged transactions, newest first",
        flagged_matching="{found} of the latest {seen} match the filters.",
        flagged_shown="Showing the newest {shown}.",
        flagged_none="No flagged transactions (fraud_flag = 1) yet.",
        flagged_none_of="None of the latest {seen_counted} matches the filters.",
        nothing_yet="Nothing has been scored yet. Send a CSV in the “Check” tab: results appear here automatically.",
        show_names="Show personal data",
        names_refused="Personal data is available to analysts only.",
    ),
}

DRIFT_TEXTS = {
    "ru": DriftTexts(),
    "en": DriftTexts(
        heading="Data drift",
        lead=(
            "The PSI shows how far the latest transactions differ from the training data at the same hours of the day: "
            "below 0.1 is stable, 0.25 and above is drift. Drift makes scores less reliable: check the data source "
            "and the precision by verdicts, and consider retraining."
        ),
        measured_on="Measured on the latest {counted}.",
        too_few="Not enough data yet: at least {minimum} transactions are needed.",
        no_reference="The model's manifest has no training distributions to compare with.",
        unavailable="The database is unavailable: drift cannot be measured.",
        first_reading="Measuring…",
        column_name="Measure",
        column_state="Assessment",
        names={
            "score": "Score",
            "hour": "Hour",
            "past": "Length of the customer's history",
        },
        states={
            "stable": "as in training",
            "moved": "slightly different",
            "shift": "drift",
            "past": "customers' histories are shorter or longer than in training; normal in the first weeks",
            "hour": "needs data of two days",
            "none": "not enough data",
        },
    ),
}
