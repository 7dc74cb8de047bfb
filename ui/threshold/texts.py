"""Texts of the threshold tab: the what-if table and the section on models, in both languages; see ui/shell/texts.py."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WhatIfTexts:
    """What-if in one language."""

    heading: str = "Что, если изменить порог?"
    hint: str = (
        "Передвиньте порог или задайте, сколько алертов вы успеваете разобрать за день. Порог самой модели "
        "при этом не меняется."
    )
    threshold: str = "Порог"
    budget: str = "Алертов в день, не больше"
    budget_hint: str = "Порог подбирается по последним оценкам"
    reset: str = "Вернуть действующий порог"
    unavailable: str = "База недоступна: какие приходят оценки и что показали вердикты, неизвестно."
    no_curve: str = (
        "У этой модели нет валидационной кривой, поэтому точность и полнота на размеченных данных неизвестны. "
        "Кривую создаёт обучение, а для готовой модели — команда python onnx/curve.py."
    )
    chosen: str = "При пороге {threshold}"
    current: str = "Действующий, {threshold}"
    column_figure: str = "Показатель"
    table: str = "Выбранный и действующий пороги"
    alerts: str = "Алертов в день"
    caught: str = "Фрода среди них, ожидаемое число"
    expected_precision: str = "Точность: ожидаемая доля фрода среди алертов"
    caught_amount: str = "Поймано фрода в день, сумма"
    missed_amount: str = "Пропущено фрода в день, сумма"
    precision: str = "Точность на валидационных данных"
    recall: str = "Полнота на валидационных данных: доля пойманного фрода"
    confirmed: str = "Точность по вердиктам"
    confirmed_none: str = "нет вердиктов"
    confirmed_below: str = "Ниже {threshold} вердиктов нет: такие транзакции не попадали в алерты."
    sources: str = (
        "Валидационные данные: {transactions_counted} клиентов, которых модель не видела; фрода {frauds} ({share}). "
        "При другой доле фрода точность будет другой."
    )
    sources_latest: str = (
        "Показатели за день — по последним оценкам от {lowest}: {transactions_counted} за {days} дн. по времени "
        "транзакции. "
        "Калиброванная оценка — вероятность фрода, сумма вероятностей — ожидаемое число; "
        "в скобках — 95-процентный интервал. "
        "Фрод с меньшей оценкой не учтён."
    )
    chart_title: str = "Точность и полнота при каждом пороге"
    chart_precision: str = "точность"
    chart_recall: str = "полнота"
    chart_x: str = "Порог"
    chart_current: str = "действующий {threshold}"
    chart_chosen: str = "выбранный {threshold}"


@dataclass(frozen=True, slots=True)
class ModelsTexts:
    """The section on models in one language."""

    heading: str = "Модель, которая оценивает транзакции"
    hint: str = "Какая модель работает и с какого времени. Новая загружается из папки без перезапуска."
    unavailable: str = "База недоступна: о моделях сейчас ничего не известно."
    none_yet: str = "Пока не оценено ни одной транзакции."
    column_model: str = "Модель"
    column_threshold: str = "Порог"
    column_since: str = "Работает с"
    in_use: str = "сейчас"
    shadow_heading: str = "Теневая модель"
    shadow_none: str = "Теневой модели нет: её папку задаёт SCORER_SHADOW_MODEL_DIR."
    shadow_of: str = "{shadow} рядом с {model}: {scored_counted} за последние {hours} ч. Её оценки только сравниваются."
    agreement: str = "Решения совпали"
    only_model: str = "Подозрительные только для основной модели"
    only_shadow: str = "Подозрительные только для теневой модели"
    mean_shift: str = "Средняя разность оценок"
    mean_absolute_shift: str = "Средняя разность по модулю"
    largest_shift: str = "Наибольшая разность по модулю"
    skipped: str = "Пропущено: не хватило времени или не прочитано"
    cost: str = "Процессорное время"
    cost_value: str = "{number} мкс на транзакцию"
    column_figure: str = "Показатель"
    column_value: str = "Значение"


WHATIF_TEXTS = {
    "ru": WhatIfTexts(),
    "en": WhatIfTexts(
        heading="What if the threshold were different?",
        hint="Move the threshold, or say how many alerts you can read in a day. The model itself keeps its threshold.",
        threshold="Threshold",
        budget="Alerts per day, at most",
        budget_hint="Sets the threshold by the latest scores",
        reset="Reset to the current threshold",
        unavailable="The database is unavailable: the scores and the verdicts are unknown.",
        no_curve="This model has no validation curve, so precision and recall on labelled data are unknown. "
        "Training creates the curve; for an existing model, run python onnx/curve.py.",
        chosen="At threshold {threshold}",
        current="Current, {threshold}",
        column_figure="Figure",
        table="The chosen and the current threshold",
        alerts="Alerts per day",
        caught="Frauds among them, expected",
        expected_precision="Precision: expected share of fraud among alerts",
        caught_amount="Fraud caught per day, amount",
        missed_amount="Fraud missed per day, amount",
        precision="Precision on validation data",
        recall="Recall on validation data: share of fraud that is caught",
        confirmed="Precision by verdicts",
        confirmed_none="no verdicts",
        confirmed_below="There are no verdicts below {threshold}: such transactions raised no alerts.",
        sources="Validation data: {transactions_counted} of customers not seen in training, {frauds} of them fraud "
        "({share}). With a different share of fraud, precision differs too.",
        sources_latest="Figures per day: the latest {transactions_counted} with a score of at least {lowest}, "
        "on {days} d of event time. A calibrated score is a probability of fraud, and these add up to expected frauds; "
        "95% intervals in parentheses. Fraud with a lower score is not counted.",
        chart_title="Precision and recall at each threshold",
        chart_precision="precision",
        chart_recall="recall",
        chart_x="Threshold",
        chart_current="current {threshold}",
        chart_chosen="chosen {threshold}",
    ),
}

MODELS_TEXTS = {
    "ru": ModelsTexts(),
    "en": ModelsTexts(
        heading="Scoring model",
        hint="Which model is in use and since when. A new one is loaded from its folder without a restart.",
        unavailable="The database is unavailable: nothing is known about the models.",
        none_yet="No transaction has been scored yet.",
        column_model="Model",
        column_threshold="Threshold",
        column_since="In use since",
        in_use="current",
        shadow_heading="Shadow model",
        shadow_none="There is no shadow model: SCORER_SHADOW_MODEL_DIR sets its folder.",
        shadow_of="{shadow} beside {model}: {scored_counted} in the last {hours} h. "
        "Its scores are used for comparison only.",
        agreement="Decisions agree",
        only_model="Flagged by the main model only",
        only_shadow="Flagged by the shadow model only",
        mean_shift="Mean score difference",
        mean_absolute_shift="Mean absolute difference",
        largest_shift="Largest absolute difference",
        skipped="Skipped: no time or unreadable",
        cost="CPU time",
        cost_value="{number} µs per transaction",
        column_figure="Figure",
        column_value="Value",
    ),
}
