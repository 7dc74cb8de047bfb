"""Texts of the tab for a single transaction, in both languages; see ui/shell/texts.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PaymentTexts:
    """The form and its answers in one language; `fields` names every field of a transaction."""

    heading: str = "Проверить одну транзакцию"
    hint: str = (
        "Транзакция уйдёт в Kafka вместе с остальными, получит оценку и останется в базе и в истории этого клиента."
    )
    fields: Mapping[str, str] = field(
        default_factory=lambda: {
            "amount": "Сумма",
            "cat_id": "Категория",
            "transaction_time": "Время",
            "merch": "Магазин",
            "name_1": "Имя клиента",
            "name_2": "Фамилия клиента",
            "street": "Адрес клиента",
            "gender": "Пол клиента",
            "one_city": "Город",
            "us_state": "Штат",
            "post_code": "Почтовый индекс",
            "population_city": "Население города",
            "jobs": "Профессия",
            "lat": "Широта клиента",
            "lon": "Долгота клиента",
            "merchant_lat": "Широта магазина",
            "merchant_lon": "Долгота магазина",
        }
    )
    time_hint: str = "2020-06-21 22:14; пусто — сейчас"
    more: str = "Остальные поля"
    send: str = "Отправить транзакцию"
    suspicious: str = "Подставить подозрительную"
    sending: str = "Отправляем в Kafka…"
    waiting: str = "Kafka приняла транзакцию за {milliseconds} мс. Ждём оценку…"
    bad_field: str = "{field}: {reason}. Транзакция не отправлена."
    kafka_unavailable: str = "Kafka не отвечает: транзакция, скорее всего, не отправлена. Попробуйте позже."
    kafka_refused: str = (
        "Kafka отклонила транзакцию: топика нет или доступ запрещён. "
        "Причина записана в журнал страницы; обратитесь к администратору."
    )
    no_score: str = (
        "Транзакция в Kafka, но за {seconds} с её оценка не появилась в базе. Она появится, когда заработают скорер "
        "и база. Номер транзакции: {transaction_id}."
    )
    answer: str = "Оценка {score} — обычная транзакция"
    answer_flagged: str = "Оценка {score} — подозрительная транзакция"
    history: str = "Оценка учитывает историю клиента, до этого {transactions_counted}."
    history_empty: str = "Это первая транзакция клиента: истории пока нет."
    history_unknown: str = "Оценка без истории: имя или адрес клиента не указаны."
    latency: str = "Kafka приняла транзакцию за {accepted} мс, ещё через {scored} мс оценка была в базе."
    open: str = "Открыть разбор"


PAYMENT_TEXTS = {
    "ru": PaymentTexts(),
    "en": PaymentTexts(
        heading="Check a single transaction",
        hint="The transaction is sent to Kafka like any other, scored, and stays in the database and in the customer's "
        "history.",
        fields={
            "amount": "Amount",
            "cat_id": "Category",
            "transaction_time": "Time",
            "merch": "Merchant",
            "name_1": "Customer's first name",
            "name_2": "Customer's last name",
            "street": "Customer's address",
            "gender": "Customer's gender",
            "one_city": "City",
            "us_state": "State",
            "post_code": "Postal code",
            "population_city": "City population",
            "jobs": "Occupation",
            "lat": "Customer's latitude",
            "lon": "Customer's longitude",
            "merchant_lat": "Merchant's latitude",
            "merchant_lon": "Merchant's longitude",
        },
        time_hint="2020-06-21 22:14; empty for now",
        more="Other fields",
        send="Send transaction",
        suspicious="Fill in a fraud-like example",
        sending="Sending to Kafka…",
        waiting="Kafka accepted the transaction in {milliseconds} ms. Waiting for the score…",
        bad_field="{field}: {reason}. The transaction was not sent.",
        kafka_unavailable="Kafka is not responding: the transaction was probably not sent. Try again later.",
        kafka_refused="Kafka rejected the transaction: the topic is missing or access is denied. "
        "The cause is in the page's log; ask an administrator.",
        no_score="The transaction is in Kafka, but its score was not in the database after {seconds} s. It will appear "
        "once the scorer and the database are running. Transaction ID: {transaction_id}.",
        answer="Score {score}: a normal transaction",
        answer_flagged="Score {score}: a flagged transaction",
        history="Scored with the customer's history: {transactions_counted} before this one.",
        history_empty="This is the customer's first transaction: there is no history yet.",
        history_unknown="Scored without history: the customer's name or address is missing.",
        latency="Kafka accepted the transaction in {accepted} ms; the score was in the database {scored} ms later.",
        open="Open the case",
    ),
}
