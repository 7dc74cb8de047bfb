"""Texts of the tab for a single transaction, in both languages; see ui/shell/texts.py."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaymentTexts:
    """The form and its answers in one language; the contract names the fields."""

    heading: str = "Проверить одну транзакцию"
    hint: str = (
        "Транзакция уйдёт в Kafka вместе с остальными, получит оценку и останется в базе. "
        "Поля со звёздочкой обязательны."
    )
    hint_history: str = "Она останется и в истории этого клиента."
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
    history_unknown: str = "Оценка без истории: поля, по которым узнают клиента, не заполнены."
    latency: str = "Kafka приняла транзакцию за {accepted} мс, ещё через {scored} мс оценка была в базе."
    open: str = "Открыть разбор"


PAYMENT_TEXTS = {
    "ru": PaymentTexts(),
    "en": PaymentTexts(
        heading="Check a single transaction",
        hint="The transaction is sent to Kafka like any other, scored, and stays in the database. "
        "Fields marked with an asterisk are required.",
        hint_history="It also stays in the customer's history.",
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
        history_unknown="Scored without history: a field that identifies the customer is empty.",
        latency="Kafka accepted the transaction in {accepted} ms; the score was in the database {scored} ms later.",
        open="Open the case",
    ),
}
