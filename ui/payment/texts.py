"""The words of the payment by hand, by language; see texts.py for what the braces mean. Knows no layout."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ByHandTexts:
    """The form and its answers in one language; `fields` names every field of a payment."""

    heading: str
    hint: str
    fields: Mapping[str, str]
    time_hint: str
    more: str
    send: str
    suspicious: str
    sending: str
    waiting: str
    bad_field: str
    away: str
    refuses: str
    no_score: str
    answer: str
    answer_flagged: str
    past: str
    past_first: str
    past_unknown: str
    latency: str
    open: str


RUSSIAN = ByHandTexts(
    heading="Проверить один платёж",
    hint="Платёж уйдёт в Kafka вместе с остальными, получит оценку и останется в базе и в прошлом этого клиента.",
    fields={
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
        "population_city": "Жителей в городе",
        "jobs": "Профессия",
        "lat": "Широта клиента",
        "lon": "Долгота клиента",
        "merchant_lat": "Широта магазина",
        "merchant_lon": "Долгота магазина",
    },
    time_hint="2020-06-21 22:14; пусто — сейчас",
    more="Остальные поля",
    send="Отправить платёж",
    suspicious="Подставить подозрительный",
    sending="Отправляем в Kafka…",
    waiting="Kafka приняла платёж за {milliseconds} мс. Ждём оценку…",
    bad_field="{field}: {reason}. Платёж не отправлен.",
    away="Kafka не отвечает: платёж, скорее всего, не отправлен. Попробуйте позже.",
    refuses="Kafka отклонила платёж: нет топика, прав на него или входа в кластер. Причина записана в журнал страницы; "
    "обратитесь к администратору.",
    no_score="Платёж в Kafka, но оценки в базе нет уже {seconds} с. Она появится, когда заработают скорер и база: "
    "номер платежа {transaction_id}.",
    answer="Оценка {score} — обычный платёж",
    answer_flagged="Оценка {score} — подозрительный платёж",
    past="Оценка учла прошлое клиента: до этого {payments_counted}.",
    past_first="Это первый платёж клиента: прошлого у оценки нет.",
    past_unknown="Оценка без прошлого: имя или адрес клиента не указаны.",
    latency="Kafka приняла платёж за {accepted} мс, ещё через {scored} мс оценка была в базе.",
    open="Открыть разбор",
)

ENGLISH = ByHandTexts(
    heading="Check one payment",
    hint="The payment goes to Kafka with all others, gets its score, and stays in database and customer's past.",
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
        "post_code": "Post code",
        "population_city": "People in the city",
        "jobs": "Occupation",
        "lat": "Customer's latitude",
        "lon": "Customer's longitude",
        "merchant_lat": "Merchant's latitude",
        "merchant_lon": "Merchant's longitude",
    },
    time_hint="2020-06-21 22:14; empty is now",
    more="Other fields",
    send="Send the payment",
    suspicious="Fill in a suspicious one",
    sending="Sending to Kafka…",
    waiting="Kafka took the payment in {milliseconds} ms. Waiting for the score…",
    bad_field="{field}: {reason}. The payment was not sent.",
    away="Kafka does not answer: most likely the payment was not sent. Try again later.",
    refuses="Kafka rejected the payment: the topic is missing, or access to it or to the cluster is denied. "
    "The cause is in the page's log; ask an administrator.",
    no_score="The payment is in Kafka, but the database has had no score for {seconds} s. It will be there when scorer "
    "and database work: the payment's id is {transaction_id}.",
    answer="Score {score}: an ordinary payment",
    answer_flagged="Score {score}: a suspicious payment",
    past="The score knew the customer's past: {payments_counted} before.",
    past_first="This is the customer's first payment: the score has no past.",
    past_unknown="The score knew no past: the customer's name or address is not given.",
    latency="Kafka took the payment in {accepted} ms, and {scored} ms later the score was in the database.",
    open="Open the case",
)

BYHAND_TEXTS = {"ru": RUSSIAN, "en": ENGLISH}
