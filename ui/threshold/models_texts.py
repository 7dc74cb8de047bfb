"""The words of the card of models, in both languages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelsTexts:
    """The card in one language."""

    heading: str
    hint: str
    away: str
    none_yet: str
    column_model: str
    column_threshold: str
    column_since: str
    in_use: str
    shadow_heading: str
    shadow_none: str
    shadow_of: str
    agreement: str
    only_model: str
    only_shadow: str
    mean_shift: str
    mean_absolute_shift: str
    largest_shift: str
    skipped: str
    cost: str
    cost_value: str
    column_figure: str
    column_value: str


RUSSIAN = ModelsTexts(
    heading="Модель, которая считает скор",
    hint="Какая модель работает и с какого времени. Новая подхватывается из папки без перезапуска.",
    away="База данных недоступна, о моделях сейчас ничего не известно.",
    none_yet="Пока нет ни одной оценённой транзакции.",
    column_model="Модель",
    column_threshold="Порог",
    column_since="Начала работать",
    in_use="сейчас",
    shadow_heading="Теневая модель",
    shadow_none="Теневой модели нет: её папку задаёт SCORER_SHADOW_MODEL_DIR.",
    shadow_of="{shadow} рядом с {model}: {scored} за последние {hours} ч. Её скоры только сравниваются.",
    agreement="Решения совпали",
    only_model="Отметила только основная",
    only_shadow="Отметила только теневая",
    mean_shift="Средний сдвиг скора",
    mean_absolute_shift="Средний сдвиг по модулю",
    largest_shift="Наибольший сдвиг",
    skipped="Не успела или не смогла прочитать",
    cost="Процессорное время",
    cost_value="{number} мкс на транзакцию",
    column_figure="Показатель",
    column_value="Значение",
)

ENGLISH = ModelsTexts(
    heading="The model that scores",
    hint="Which model works, and since when. Another one is taken from the folder without a restart.",
    away="The database is away: nothing is known of the models now.",
    none_yet="No transaction has been scored yet.",
    column_model="Model",
    column_threshold="Threshold",
    column_since="Began",
    in_use="now",
    shadow_heading="Shadow model",
    shadow_none="There is no shadow model: SCORER_SHADOW_MODEL_DIR names its folder.",
    shadow_of="{shadow} beside {model}: {scored} in the last {hours} h. Its scores are only compared.",
    agreement="Decisions agree",
    only_model="Flagged by the model alone",
    only_shadow="Flagged by the shadow alone",
    mean_shift="Mean shift of the score",
    mean_absolute_shift="Mean size of the shift",
    largest_shift="Largest shift",
    skipped="No time for, or could not read",
    cost="Processor time",
    cost_value="{number} µs a transaction",
    column_figure="Figure",
    column_value="Value",
)

MODELS_TEXTS = {"ru": RUSSIAN, "en": ENGLISH}

FORMS = {
    "ru": ("транзакция", "транзакции", "транзакций"),
    "en": ("transaction", "transactions", "transactions"),
}
"""What is counted, by language, for `Numbers.counted`."""
