"""Contracts beside the shipped one, for whatever must follow a contract."""

from services.common.contract.load import read_contract, to_contract
from services.common.settings import project_root

SHIPPED = read_contract(project_root() / "onnx")

TERMINALS = to_contract(
    {
        "format": 1,
        "name": "terminals",
        "record": {"id": "TRANSACTION_ID", "event_time": "TX_DATETIME", "key": ("CUSTOMER_ID",)},
        "fields": {
            "TX_DATETIME": "time",
            "CUSTOMER_ID": {"type": "text", "personal": True},
            "TERMINAL_ID": {"type": "text", "label": {"en": "Terminal", "ru": "Терминал"}},
            "TX_AMOUNT": {"type": "number", "required": True},
            "TIP": {"type": "number", "label": {"en": "Tip", "ru": "Чаевые"}},
        },
        "roles": {"amount": "TX_AMOUNT", "merchant": "TERMINAL_ID"},
        "derived": {
            "weekend": {"hour_between": "TX_DATETIME", "first": 0, "end": 6},
            "half": {"ratio": ["TX_AMOUNT", "TIP"]},
        },
        "features": {
            "hour": {"hour": "TX_DATETIME"},
            "amount": "TX_AMOUNT",
            "tip": {"field": "TIP"},
            "tip_share": {"ratio": ["TIP", "TX_AMOUNT"]},
            "terminal": {"code": "TERMINAL_ID"},
            "customer": {"length": "CUSTOMER_ID"},
            "count_7d": {"count": True, "within": "7d"},
            "count_24h": {"count": True, "within": "24h"},
            "sum_7d": {"sum": "TX_AMOUNT", "within": "7d"},
            "tips_30m": {"sum": "TIP", "within": "30m"},
            "tip_mean": {"mean": "TIP"},
            "tip_over_mean": {"ratio_to_mean": "TIP", "within": "30d"},
            "last_tip": {"last": "TIP"},
            "weekend_7d": {"sum": "weekend", "within": "7d"},
            "last_half": {"last": "half"},
        },
    }
)
"""A key of one personal text, no category, no state, and words for everything that cards do not have."""

LOANS = to_contract(
    {
        "format": 1,
        "name": "loans",
        "fields": {
            "income": {"type": "number", "personal": True, "label": {"en": "Income", "ru": "Доход"}},
            "purpose": {"type": "text", "values": ("car", "home"), "label": {"en": "Purpose", "ru": "Цель"}},
            "term": "integer",
            "employer": "text",
        },
        "roles": {"category": "purpose"},
        "features": {
            "income_log": {"log1p": "income", "group": "income"},
            "purpose": {"code": "purpose"},
            "term": "term",
            "purpose_text": "purpose",
            "employer": "employer",
        },
    }
)
"""Neither time nor key nor amount, and a personal number."""

CLICKS = to_contract(
    {
        "format": 1,
        "name": "clicks",
        "record": {"event_time": "at", "key": ("user",)},
        "fields": {
            "at": {"type": "time", "unit": "ms"},
            "born": {"type": "time", "unit": "s"},
            "user": {"type": "text", "required": True},
        },
        "features": {
            "hour": {"hour": "at"},
            "born_hour": {"hour": "born"},
            "count_1h": {"count": True, "within": "1h"},
        },
    }
)
"""Times as numbers: milliseconds and seconds since 1970."""
