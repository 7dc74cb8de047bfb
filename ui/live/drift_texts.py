"""The words of the section on drift, in both languages."""

from dataclasses import dataclass

from ui.shell.texts import Forms


@dataclass(frozen=True, slots=True)
class DriftTexts:
    """The section in one language; `names` and `states` are by the codes of drift.py and drift_section.py."""

    heading: str
    lead: str
    of: str
    payment_forms: Forms
    too_few: str
    unknown: str
    away: str
    first_reading: str
    column_name: str
    column_psi: str
    column_state: str
    names: dict[str, str]
    states: dict[str, str]


DRIFT_TEXTS = {
    "ru": DriftTexts(
        heading="Похожи ли платежи на обучение",
        lead=(
            "PSI — насколько последние платежи отличаются от тех, на которых училась модель, в те же часы суток: "
            "до 0,1 — похожи, от 0,25 — сдвиг. При сдвиге оценкам можно верить меньше: проверьте источник данных, "
            "посмотрите на точность по вердиктам, подумайте о переобучении."
        ),
        of="По последним {counted}.",
        payment_forms=("платежу", "платежам", "платежам"),
        too_few="Пока мало платежей: чтобы отличить сдвиг от случайности, нужно не меньше {least}.",
        unknown="В манифесте модели нет распределений обучения: сравнить не с чем.",
        away="База недоступна: сдвиг не измерить.",
        first_reading="Измеряем…",
        column_name="Что",
        column_psi="PSI",
        column_state="Что это значит",
        names={
            "score": "Оценка",
            "amount": "Сумма",
            "category": "Категория",
            "hour": "Час",
            "past": "Прошлых платежей клиента",
        },
        states={
            "stable": "как при обучении",
            "moved": "немного иначе",
            "shift": "сдвиг",
            "past": "история клиентов короче или длиннее, чем при обучении; в начале работы это обычно",
            "hour": "нужны платежи за двое суток",
            "none": "мало данных",
        },
    ),
    "en": DriftTexts(
        heading="Are the payments like those of the training",
        lead=(
            "PSI tells how far the latest payments differ from those the model learned from, at the same hours of the "
            "day: below 0.1 they are alike, from 0.25 on they have shifted. Then scores can be trusted less: check "
            "where the data comes from, look at the precision by verdicts, think of training anew."
        ),
        of="Of the latest {counted}.",
        payment_forms=("payment", "payments", "payments"),
        too_few="Too few payments yet: to tell a shift from chance, at least {least} are needed.",
        unknown="The model's manifest holds no distributions of the training: there is nothing to compare with.",
        away="The database is away: drift cannot be measured.",
        first_reading="Measuring…",
        column_name="What",
        column_psi="PSI",
        column_state="What it means",
        names={
            "score": "Score",
            "amount": "Amount",
            "category": "Category",
            "hour": "Hour",
            "past": "Customer's earlier payments",
        },
        states={
            "stable": "as in training",
            "moved": "a little different",
            "shift": "a shift",
            "past": "customers' histories are shorter or longer than in training; usual in the first weeks",
            "hour": "needs payments of two days",
            "none": "too little data",
        },
    ),
}
