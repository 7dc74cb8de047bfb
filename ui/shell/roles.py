"""What the page shows of a transaction, as the contract's roles say. Pure."""

from dataclasses import replace

from services.common.contract.model import Contract
from ui.shell.texts import Texts


def with_roles(texts: Texts, contract: Contract) -> Texts:
    """Return the texts with a column for each role that the contract has, named by the label of its field."""
    record, roles = contract.record, contract.roles
    fields = {"time": record.event_time} | dict(roles)
    labels = {role: contract.fields[field].label for role, field in fields.items() if field}
    columns = {
        role: getattr(label, texts.language) if (label := labels.get(role)) else name
        for role, name in texts.columns.items()
        if role in labels or (role == "customer" and record.key)
    }
    personal = frozenset(role for role, field in fields.items() if field and contract.fields[field].personal)
    return replace(texts, columns=columns, personal=personal, key=tuple(contract.fields[field] for field in record.key))
