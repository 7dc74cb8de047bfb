"""Texts of the queue, of a case and of its reasons, in both languages; see ui/shell/texts.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ui.review.queue import QueueOrder
from ui.review.verdicts import Verdict
from ui.shell.texts import Forms


@dataclass(frozen=True, slots=True)
class CaseTexts:
    """Queue and case in one language."""

    queue_heading: str = "Очередь на разбор"
    queue_hint: str = "Подозрительные транзакции без вердикта. В разборе видны причины и история клиента."
    queue_refresh: str = "Обновить очередь"
    take_next: str = "Взять следующую"
    close: str = "К очереди"
    queue_order: str = "Порядок"
    orders: Mapping[QueueOrder, str] = field(
        default_factory=lambda: {
            QueueOrder.LATEST: "Сначала новые",
            QueueOrder.SCORE: "Сначала с высокой оценкой",
            QueueOrder.AMOUNT: "Сначала крупные",
        }
    )
    waiting: str = "Ждут вердикта: {waiting}. Показаны первые {shown}."
    waiting_more: str = "Ждут вердикта: больше {waiting}. Показаны первые {shown} из последних {waiting}."
    with_others: str = "В работе у других: {with_others}."
    queue_empty: str = "Очередь пуста: транзакций без вердикта нет."
    queue_with_others: str = "Все транзакции без вердикта сейчас в работе у других: {with_others}."
    nothing_next: str = "Больше ничего не ждёт: следующей транзакции в очереди нет."
    open: str = "Разобрать"
    unavailable: str = "База недоступна. Попробуйте ещё раз через минуту: ничего не потеряется."
    precision: str = (
        "Точность по последним вердиктам: {share} (подтверждено {frauds} из {judged}). "
        "95 %-й доверительный интервал: от {low} до {high}."
    )
    precision_none: str = "Вердиктов пока нет: точность появится после первого."
    recall: str = "Полнота по слепой выборке за {days} дн. (вердиктов {judged}): {share}, интервал от {low} до {high}."
    missed: str = "Пропущено фрода: {frauds}, интервал от {low} до {high}."
    missed_amount: str = "На сумму {amount}, интервал от {low} до {high}."
    recall_none: str = "Полнота появится после первого вердикта по слепой выборке."

    heading: str = "Транзакция на {amount}"
    plain_heading: str = "Транзакция"
    flagged: str = "подозрительная"
    not_flagged: str = "обычная"
    hidden: str = "скрыта до вердикта"
    drawn: str = "Из слепой выборки: вероятность попасть в неё — {probability}."
    unknown: str = "Оценки транзакции {transaction_id} в базе нет."
    next: str = "Следующая"
    keys: str = "Клавиши в карточке: 1 — фрод, 2 — ложное срабатывание, 3 — следующая."
    locked: str = "Транзакцию разбирает {analyst}, до {time} вердикт может вынести только этот аналитик."
    show_names: str = "Показать личные данные"
    location: str = "Место"
    id: str = "Номер"
    scored: str = "Оценена"

    reasons_heading: str = "Причины"
    reasons_missing: str = "Причины ещё не пришли."
    reasons_not_flagged: str = "Причины определяются только для подозрительных транзакций."
    reasons_hidden: str = (
        "Оценка и причины скрыты до вердикта: часть очереди — случайная выборка из транзакций, "
        "которые модель не сочла подозрительными."
    )
    reasons_none: str = "Ни одна группа признаков не выделяется."
    reasons_by: str = "Модель {version}, порог {threshold}. Длина полосы — вклад относительно самой сильной причины."
    raises: str = "повышает оценку"
    lowers: str = "снижает оценку"

    earlier_heading: str = "Предыдущие транзакции клиента"
    earlier_table: str = "Последние из них"
    earlier_none: str = "Это первая транзакция клиента: более ранних нет."
    earlier_unknown: str = "Клиент неизвестен: в сообщении нет полей, по которым его узнают."
    earlier_shown: str = "В таблице последние {shown} из {count}."
    chart_title: str = "Суммы по времени: {transactions_counted} до этой"
    chart_time: str = "Время транзакции"
    chart_amount: str = "Сумма"
    chart_this: str = "эта транзакция"
    chart_flagged: str = "подозрительные"
    chart_other: str = "обычные"
    chart_dates: str = "%d.%m.%y"
    chart_hours: str = "%d.%m %H:%M"

    verdict_heading: str = "Вердикт"
    comment: str = "Комментарий"
    comment_hint: str = "Необязательно, до {limit} символов"
    buttons: Mapping[Verdict, str] = field(
        default_factory=lambda: {
            Verdict.FRAUD: "Подтвердить фрод",
            Verdict.FALSE_ALARM: "Ложное срабатывание",
            Verdict.RETURNED: "Вернуть в очередь",
        }
    )
    verdicts: Mapping[Verdict, str] = field(
        default_factory=lambda: {
            Verdict.FRAUD: "фрод подтверждён",
            Verdict.FALSE_ALARM: "ложное срабатывание",
            Verdict.RETURNED: "возвращена в очередь",
        }
    )
    verdicts_table: str = "Вердикты по этой транзакции"
    saved: str = "Сохранено: {verdict}."
    saved_flagged: str = "Это был алерт с оценкой {score}."
    saved_drawn: str = "Это была транзакция из слепой выборки с оценкой {score}."
    reopen: str = "Открыть её снова"
    overtaken: str = "Не сохранено: вердикт уже вынес кто-то другой. Посмотрите вердикты ниже и решите ещё раз."
    too_long: str = "Не сохранено: длина комментария — {characters}, а предел — {limit} символов."
    save_unknown: str = (
        "База не ответила: неизвестно, сохранён ли вердикт. Откройте транзакцию ещё раз: дважды вердикт не сохранится."
    )
    no_login: str = "без входа"
    column_verdict: str = "Вердикт"
    column_analyst: str = "Аналитик"
    column_given: str = "Время"
    column_comment: str = "Комментарий"
    column_open: str = "Действие"


@dataclass(frozen=True, slots=True)
class ReasonTexts:
    """The phrases of reasons in one language.

    `times` is written behind a number without a space; `windows` are in seconds; `of_the_past` is by operation;
    `groups` names reasons whose values cannot be put into words.
    """

    amount: str = "сумма {amount}"
    above_mean: str = "сумма в {times} выше средней по клиенту"
    below_mean: str = "сумма в {times} ниже средней по клиенту"
    near_mean: str = "сумма близка к средней по клиенту"
    in_brackets: str = "({amount})"
    times: Forms = ("\u00a0раз", "\u00a0раза", "\u00a0раз")
    no_history: str = "история клиента неизвестна"
    number_above_mean: str = "{label}: в {times} выше среднего по клиенту"
    number_below_mean: str = "{label}: в {times} ниже среднего по клиенту"
    number_near_mean: str = "{label}: около среднего по клиенту"
    night: str = "ночь, {first}–{last} (час {hour})"
    hour: str = "день (час {hour})"
    plain_hour: str = "час {hour}"
    weekdays: tuple[str, ...] = (
        "понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье",
    )  # fmt: skip
    months: tuple[str, ...] = (
        "январь", "февраль", "март", "апрель", "май", "июнь",
        "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь",
    )  # fmt: skip
    category: str = "категория {category}"
    unknown_category: str = "категория, неизвестная модели"
    windows: Mapping[int, str] = field(
        default_factory=lambda: {3_600: "последний час", 86_400: "последние сутки", 259_200: "последние трое суток"}
    )
    other_window: str = "последние {length}"
    over_window: str = "за {window}"
    in_window: str = "за {window} {transactions_counted}"
    in_window_sum: str = "за {window} {transactions_counted} на {amount}"
    none_in_window: str = "за {window} ни одной транзакции"
    at_night: str = "ночью {count}"
    like_fraud: str = "похожи на фрод {count}"
    transaction_forms: Forms = ("транзакция", "транзакции", "транзакций")
    since_last: str = "предыдущая транзакция {time} назад"
    last_amount: str = "на {amount}"
    units: tuple[str, str, str, str] = ("с", "мин", "ч", "дн.")
    so_far: str = "до этого {transactions_counted}"
    first: str = "первая транзакция клиента"
    value: str = "{label}: {value}"
    made_of: str = "{label} ({name})"
    of_the_past: Mapping[str, str] = field(
        default_factory=lambda: {
            "sum": "{label}, всего: {value}",
            "mean": "{label}, в среднем: {value}",
            "min": "{label}, наименьшее значение: {value}",
            "max": "{label}, наибольшее значение: {value}",
            "last": "{label} в прошлый раз: {value}",
        }
    )
    groups: Mapping[str, str] = field(
        default_factory=lambda: {
            "amount": "сумма",
            "category": "категория",
            "hour": "время суток",
            "date": "день недели и месяц",
            "pace": "частота транзакций",
            "last": "предыдущая транзакция",
            "past": "история клиента",
            "customer": "клиент",
            "distance": "расстояние до продавца",
        }
    )


CASE_TEXTS = {
    "ru": CaseTexts(),
    "en": CaseTexts(
        queue_heading="Review queue",
        queue_hint="Flagged transactions without a verdict. A case shows the reasons and the customer's history.",
        queue_refresh="Refresh the queue",
        take_next="Take the next case",
        close="Back to the queue",
        queue_order="Order",
        orders={
            QueueOrder.LATEST: "Newest first",
            QueueOrder.SCORE: "Highest score first",
            QueueOrder.AMOUNT: "Largest amount first",
        },
        waiting="Awaiting a verdict: {waiting}. Showing the first {shown}.",
        waiting_more="Awaiting a verdict: more than {waiting}. Showing the first {shown} of the latest {waiting}.",
        with_others="With other analysts: {with_others}.",
        queue_empty="The queue is empty: no transaction awaits a verdict.",
        queue_with_others="Other analysts are working on all transactions that await a verdict: {with_others}.",
        nothing_next="There is no further transaction in the queue.",
        open="Review",
        unavailable="The database is unavailable. Try again in a minute: nothing is lost.",
        precision="Precision by the latest verdicts: {share} ({frauds} of {judged} confirmed). "
        "95% confidence interval: {low} to {high}.",
        precision_none="No verdicts yet: the precision appears after the first one.",
        recall="Recall by the blind sample of {days} days ({judged} verdicts): {share}, interval {low} to {high}.",
        missed="Frauds missed: {frauds}, interval {low} to {high}.",
        missed_amount="Their amount: {amount}, interval {low} to {high}.",
        recall_none="The recall appears after the first verdict on the blind sample.",
        heading="Transaction of {amount}",
        plain_heading="Transaction",
        flagged="flagged",
        not_flagged="normal",
        hidden="hidden until the verdict",
        drawn="From the blind sample: drawn with a probability of {probability}.",
        unknown="The database has no score for transaction {transaction_id}.",
        next="Next",
        keys="Keys within the case: 1 fraud, 2 false alarm, 3 next.",
        locked="{analyst} is working on this transaction; until {time} nobody else can give a verdict.",
        show_names="Show personal data",
        location="Location",
        id="ID",
        scored="Scored",
        reasons_heading="Reasons",
        reasons_missing="The reasons have not arrived yet.",
        reasons_not_flagged="Reasons are determined for flagged transactions only.",
        reasons_hidden="Score and reasons are hidden until the verdict: "
        "part of the queue is a random sample of transactions that were not flagged.",
        reasons_none="No feature group stands out.",
        reasons_by="Model {version}, threshold {threshold}. "
        "The length of a bar is the contribution relative to the strongest reason.",
        raises="raises the score",
        lowers="lowers the score",
        earlier_heading="The customer's earlier transactions",
        earlier_table="The latest of them",
        earlier_none="This is the customer's first transaction.",
        earlier_unknown="The customer is unknown: the message lacks the fields that identify one.",
        earlier_shown="The table shows the latest {shown} of {count}.",
        chart_title="Amounts over time: {transactions_counted} before this one",
        chart_time="Transaction time",
        chart_amount="Amount",
        chart_this="this transaction",
        chart_flagged="flagged",
        chart_other="normal",
        chart_dates="%Y-%m-%d",
        chart_hours="%b %d %H:%M",
        verdict_heading="Verdict",
        comment="Comment",
        comment_hint="Optional, up to {limit} characters",
        buttons={
            Verdict.FRAUD: "Confirm fraud",
            Verdict.FALSE_ALARM: "False alarm",
            Verdict.RETURNED: "Return to the queue",
        },
        verdicts={
            Verdict.FRAUD: "fraud confirmed",
            Verdict.FALSE_ALARM: "false alarm",
            Verdict.RETURNED: "returned to the queue",
        },
        verdicts_table="Verdicts on this transaction",
        saved="Saved: {verdict}.",
        saved_flagged="It was an alert with a score of {score}.",
        saved_drawn="It was a transaction of the blind sample with a score of {score}.",
        reopen="Open it again",
        overtaken="Not saved: someone else has already given a verdict. See the verdicts below and decide again.",
        too_long="Not saved: the comment has {characters} characters, the limit is {limit}.",
        save_unknown="The database did not respond, so it is unknown whether the verdict was saved. "
        "Open the transaction again: the verdict will not be saved twice.",
        no_login="no login",
        column_verdict="Verdict",
        column_analyst="Analyst",
        column_given="Time",
        column_comment="Comment",
        column_open="Action",
    ),
}

REASON_TEXTS = {
    "ru": ReasonTexts(),
    "en": ReasonTexts(
        amount="amount {amount}",
        above_mean="amount is {times} higher than the customer's mean",
        below_mean="amount is {times} lower than the customer's mean",
        near_mean="amount is close to the customer's mean",
        times=("×", "×", "×"),
        no_history="the customer's history is unknown",
        number_above_mean="{label} is {times} higher than the customer's mean",
        number_below_mean="{label} is {times} lower than the customer's mean",
        number_near_mean="{label} is close to the customer's mean",
        night="night, {first}–{last} (hour {hour})",
        hour="daytime (hour {hour})",
        plain_hour="hour {hour}",
        weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        months=(
            "January", "February", "March", "April", "May", "June",
            "July", "August", "September", "October", "November", "December",
        ),
        category="category {category}",
        unknown_category="a category unknown to the model",
        windows={3_600: "hour", 86_400: "24 hours", 259_200: "72 hours"},
        other_window="{length}",
        over_window="over the last {window}",
        in_window="{transactions_counted} in the last {window}",
        in_window_sum="{transactions_counted} totalling {amount} in the last {window}",
        none_in_window="no transactions in the last {window}",
        at_night="{count} at night",
        like_fraud="{count} similar to fraud",
        transaction_forms=("transaction", "transactions", "transactions"),
        since_last="previous transaction {time} ago",
        last_amount="for {amount}",
        units=("s", "min", "h", "days"),
        so_far="{transactions_counted} before this one",
        first="the customer's first transaction",
        value="{label}: {value}",
        made_of="{label} ({name})",
        of_the_past={
            "sum": "total {label}: {value}",
            "mean": "mean {label}: {value}",
            "min": "smallest {label}: {value}",
            "max": "largest {label}: {value}",
            "last": "previous {label}: {value}",
        },
        groups={
            "amount": "amount",
            "category": "category",
            "hour": "time of day",
            "date": "day of the week and month",
            "pace": "transaction frequency",
            "last": "previous transaction",
            "past": "the customer's history",
            "customer": "the customer",
            "distance": "distance to the merchant",
        },
    ),
}  # fmt: skip
