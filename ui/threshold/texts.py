"""The words of the threshold's what-if, by language; see texts.py for what the braces mean. Knows no layout."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WhatIfTexts:
    """What-if in one language."""

    heading: str
    hint: str
    threshold: str
    payments_a_day: str
    payments_hint: str
    back: str
    away: str
    no_curve: str
    at: str
    now: str
    figure: str
    table: str
    alerts: str
    alerts_seen: str
    precision: str
    recall: str
    caught: str
    missed: str
    confirmed: str
    confirmed_none: str
    confirmed_below: str
    sources: str
    sources_stream: str
    chart_title: str
    chart_precision: str
    chart_recall: str
    chart_x: str
    chart_now: str
    chart_chosen: str


RUSSIAN = WhatIfTexts(
    heading="А если изменить порог?",
    hint="Двигайте порог и смотрите, что получится. Здесь ничего не меняется: модель работает со своим порогом.",
    threshold="Порог",
    payments_a_day="Платежей в день",
    payments_hint="По умолчанию — как в последних платежах",
    back="Вернуть действующий порог",
    away="База недоступна: сколько платежей приходит и что показали вердикты, пока неизвестно.",
    no_curve="У этой модели нет кривой проверки, поэтому точность, полнота и деньги неизвестны. "
    "Её пишет обучение, а для готовой модели — команда python onnx/curve.py.",
    at="При пороге {threshold}",
    now="Сейчас, {threshold}",
    figure="Показатель",
    table="Выбранный порог и действующий",
    alerts="Алертов в день, по проверочным данным",
    alerts_seen="Алертов в день, по оценкам последних платежей",
    precision="Точность: доля фрода среди алертов",
    recall="Полнота: доля пойманного фрода",
    caught="Поймано фрода в день, сумма",
    missed="Пропущено фрода в день, сумма",
    confirmed="Точность по вердиктам",
    confirmed_none="нет вердиктов",
    confirmed_below="Ниже {threshold} вердиктов нет и быть не могло: такие платежи не попадали в алерты.",
    sources="Проверочные данные: {payments_counted} клиентов, которых модель не видела; фрода {frauds} ({share}). "
    "Если у вас доля фрода другая, точность будет другой.",
    sources_stream="Последние {payments_counted} за {days} дн. по времени платежа.",
    chart_title="Точность и полнота при каждом пороге",
    chart_precision="точность",
    chart_recall="полнота",
    chart_x="Порог",
    chart_now="действующий {threshold}",
    chart_chosen="выбранный {threshold}",
)

ENGLISH = WhatIfTexts(
    heading="What if the threshold were another?",
    hint="Move the threshold and see what would come of it. Nothing is changed here: the model keeps its threshold.",
    threshold="Threshold",
    payments_a_day="Payments a day",
    payments_hint="By default as in the latest payments",
    back="Back to the threshold in use",
    away="The database is away: how many payments come and what verdicts have shown is not known for now.",
    no_curve="This model has no validation curve, so precision, recall and money are not known. "
    "Training writes it; for a model that is there, the command python onnx/curve.py does.",
    at="At threshold {threshold}",
    now="Now, {threshold}",
    figure="Figure",
    table="The chosen threshold and the one in use",
    alerts="Alerts a day, by the validation data",
    alerts_seen="Alerts a day, by the scores of the latest payments",
    precision="Precision: share of fraud among alerts",
    recall="Recall: share of fraud that is caught",
    caught="Fraud caught a day, amount",
    missed="Fraud missed a day, amount",
    confirmed="Precision by verdicts",
    confirmed_none="no verdicts",
    confirmed_below="Below {threshold} there are no verdicts and could be none: such payments were no alerts.",
    sources="Validation data: {payments_counted} of customers the model never saw, {frauds} of them fraud ({share}). "
    "Where the share of fraud is another, so is the precision.",
    sources_stream="The latest {payments_counted} on {days} days of event time.",
    chart_title="Precision and recall at each threshold",
    chart_precision="precision",
    chart_recall="recall",
    chart_x="Threshold",
    chart_now="in use {threshold}",
    chart_chosen="chosen {threshold}",
)

WHATIF_TEXTS = {"ru": RUSSIAN, "en": ENGLISH}
