"""The words of the queue and of a case, by language; see texts.py for what the braces mean. Knows no layout."""

from collections.abc import Mapping
from dataclasses import dataclass

from ui.review.verdicts import QueueOrder, Verdict


@dataclass(frozen=True, slots=True)
class CaseTexts:
    """Queue and case in one language."""

    queue_heading: str
    queue_hint: str
    queue_refresh: str
    queue_order: str
    orders: Mapping[QueueOrder, str]
    waiting: str
    waiting_more: str
    queue_empty: str
    open: str
    away: str
    precision: str
    precision_none: str

    heading: str
    flagged: str
    not_flagged: str
    unknown: str
    next: str
    who: str
    show_names: str
    where: str
    number: str
    scored: str

    reasons_heading: str
    reasons_missing: str
    reasons_not_flagged: str
    reasons_none: str
    reasons_by: str
    raises: str
    lowers: str

    earlier_heading: str
    earlier_table: str
    earlier_none: str
    earlier_unknown: str
    earlier_shown: str
    chart_title: str
    chart_time: str
    chart_amount: str
    chart_this: str
    chart_flagged: str
    chart_other: str
    chart_dates: str
    chart_hours: str

    verdict_heading: str
    comment: str
    comment_hint: str
    buttons: Mapping[Verdict, str]
    verdicts: Mapping[Verdict, str]
    given: str
    kept: str
    overtaken: str
    too_long: str
    keeping_unknown: str
    no_login: str
    column_verdict: str
    column_analyst: str
    column_given: str
    column_comment: str
    column_open: str


RUSSIAN = CaseTexts(
    queue_heading="Очередь на разбор",
    queue_hint="Подозрительные платежи без вердикта. Откройте платёж — увидите причины и прошлое клиента.",
    queue_refresh="Обновить очередь",
    queue_order="Порядок",
    orders={
        QueueOrder.LATEST: "Сначала новые",
        QueueOrder.SCORE: "Сначала с высокой оценкой",
        QueueOrder.AMOUNT: "Сначала крупные",
    },
    waiting="Ждут вердикта: {waiting}. Показаны первые {shown}.",
    waiting_more="Ждут вердикта: больше {waiting}. Показаны первые {shown} из последних {waiting}.",
    queue_empty="Очередь пуста: подозрительных платежей без вердикта нет.",
    open="Разобрать",
    away="База недоступна. Попробуйте ещё раз через минуту: ничего не потеряется.",
    precision="Точность по последним вердиктам: {share} — подтверждено {frauds} из {judged}. "
    "С вероятностью 95 % она между {low} и {high}.",
    precision_none="Вердиктов пока нет: после первого здесь будет точность.",
    heading="Платёж на {amount}",
    flagged="подозрительный",
    not_flagged="обычный",
    unknown="Оценки платежа {transaction_id} в базе нет.",
    next="Следующий из очереди",
    who="Клиент",
    show_names="Показать имя и адрес клиента",
    where="Место",
    number="Номер",
    scored="Оценён",
    reasons_heading="Почему",
    reasons_missing="Причины ещё не пришли.",
    reasons_not_flagged="Причины ищутся только у подозрительных платежей.",
    reasons_none="Ни одна группа признаков не выделяется.",
    reasons_by="Модель {version}, порог {threshold}. Длина полосы — вклад относительно самой сильной причины.",
    raises="повышает оценку",
    lowers="снижает оценку",
    earlier_heading="Прошлые платежи клиента",
    earlier_table="Последние из них",
    earlier_none="Это первый платёж клиента: более ранних нет.",
    earlier_unknown="Кто платил, неизвестно: в сообщении нет имени или адреса.",
    earlier_shown="В таблице последние {shown} из {count}.",
    chart_title="Суммы по времени: {payments_counted} до этого",
    chart_time="Время платежа",
    chart_amount="Сумма",
    chart_this="этот платёж",
    chart_flagged="подозрительные",
    chart_other="обычные",
    chart_dates="%d.%m.%y",
    chart_hours="%d.%m %H:%M",
    verdict_heading="Вердикт",
    comment="Комментарий",
    comment_hint="Необязательно, до {limit} знаков",
    buttons={
        Verdict.FRAUD: "Подтвердить фрод",
        Verdict.FALSE_ALARM: "Ложное срабатывание",
        Verdict.RETURNED: "Вернуть в очередь",
    },
    verdicts={
        Verdict.FRAUD: "фрод подтверждён",
        Verdict.FALSE_ALARM: "ложное срабатывание",
        Verdict.RETURNED: "возвращён в очередь",
    },
    given="Вердикты этого платежа",
    kept="Записано: {verdict}.",
    overtaken="Не записано: тем временем о платеже уже высказались. Посмотрите вердикты ниже и решите ещё раз.",
    too_long="Не записано: в комментарии {characters} знаков, а помещается {limit}.",
    keeping_unknown="База не ответила: неизвестно, записан ли вердикт. "
    "Откройте платёж ещё раз: дважды он не запишется.",
    no_login="без входа",
    column_verdict="Вердикт",
    column_analyst="Кто",
    column_given="Когда",
    column_comment="Комментарий",
    column_open="Действие",
)

ENGLISH = CaseTexts(
    queue_heading="Review queue",
    queue_hint="Suspicious payments without a verdict. Open one to see the reasons and the customer's past.",
    queue_refresh="Refresh the queue",
    queue_order="Order",
    orders={
        QueueOrder.LATEST: "Latest first",
        QueueOrder.SCORE: "Highest score first",
        QueueOrder.AMOUNT: "Largest first",
    },
    waiting="Waiting for a verdict: {waiting}. The first {shown} are shown.",
    waiting_more="Waiting for a verdict: more than {waiting}. The first {shown} of the latest {waiting} are shown.",
    queue_empty="The queue is empty: no suspicious payment is without a verdict.",
    open="Review",
    away="The database is away. Try again in a minute: nothing is lost.",
    precision="Precision by the latest verdicts: {share}, {frauds} of {judged} confirmed. "
    "With 95% confidence it is between {low} and {high}.",
    precision_none="No verdicts yet: after the first one the precision is shown here.",
    heading="Payment of {amount}",
    flagged="suspicious",
    not_flagged="ordinary",
    unknown="The database has no score of payment {transaction_id}.",
    next="Next in the queue",
    who="Customer",
    show_names="Show the customer's name and address",
    where="Place",
    number="Id",
    scored="Scored",
    reasons_heading="Why",
    reasons_missing="The reasons have not arrived yet.",
    reasons_not_flagged="Reasons are looked for in suspicious payments only.",
    reasons_none="No group of features stands out.",
    reasons_by="Model {version}, threshold {threshold}. A bar's length is its part of the strongest reason.",
    raises="raises the score",
    lowers="lowers the score",
    earlier_heading="The customer's earlier payments",
    earlier_table="The latest of them",
    earlier_none="This is the customer's first payment: there are none before it.",
    earlier_unknown="It is not known who paid: the message has no name or no address.",
    earlier_shown="The table has the latest {shown} of {count}.",
    chart_title="Amounts over time: {payments_counted} before this one",
    chart_time="Time of payment",
    chart_amount="Amount",
    chart_this="this payment",
    chart_flagged="suspicious",
    chart_other="ordinary",
    chart_dates="%Y-%m-%d",
    chart_hours="%b %d %H:%M",
    verdict_heading="Verdict",
    comment="Comment",
    comment_hint="Optional, {limit} characters at most",
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
    given="Verdicts on this payment",
    kept="Kept: {verdict}.",
    overtaken="Not kept: somebody has given a verdict meanwhile. Look at the verdicts below and decide again.",
    too_long="Not kept: the comment has {characters} characters, {limit} are possible.",
    keeping_unknown="The database did not answer, so it is not known whether the verdict is kept. Open the payment "
    "again: it will not be kept twice.",
    no_login="no login",
    column_verdict="Verdict",
    column_analyst="Who",
    column_given="When",
    column_comment="Comment",
    column_open="Action",
)

CASE_TEXTS = {"ru": RUSSIAN, "en": ENGLISH}
