"""The environment of the processes that the stack starts."""

import os

OURS = (
    "DATABASE_URL",
    "FRAUD_",
    "GRADIO_",
    "KAFKA_",
    "PG",
    "POSTGRES_",
    "RETENTION_",
    "SCORER_",
    "SINK_",
    "STACK_",
    "TOPIC_",
    "UI_",
)
"""Prefixes of settings and secrets, also of libpq: the stack's own servers need none of them."""

ELSEWHERE = ("DATABASE_URL", "PG")
"""Prefixes of variables that would connect a service to another database than the stack's."""


def for_services() -> dict[str, str]:
    """Return our own environment for a service of this project."""
    local = ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1", "localhost")))
    return _without(ELSEWHERE) | {"PYTHONUNBUFFERED": "1", "NO_PROXY": local, "no_proxy": local}


def for_tools() -> dict[str, str]:
    """Return our own environment for a program of others: neither settings nor secrets are its business."""
    return _without(OURS)


def _without(beginnings: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(beginnings)}
