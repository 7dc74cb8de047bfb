"""Answers GET /healthz, and knows whether Kafka and the database can be reached. Knows nothing of the page."""

import asyncio
import contextlib
import http.client
import threading

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.common.settings import KafkaSettings
from ui.results import Mart
from ui.settings import is_any

_TIMEOUT_SECONDS = 1.0
_ANSWER_SECONDS = 4.0


class KafkaProbe:
    """Asks the brokers whether they are there; one client for the life of the process, made at the first question.

    Unlike services.common.broker_query it keeps a client that failed: metadata rests on no leader epoch, and where a
    connection takes longer than the second allowed here, a new client each time would never be connected.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._client: AdminClient | None = None
        self._lock = threading.Lock()

    def is_up(self, timeout_seconds: float = _TIMEOUT_SECONDS) -> bool:
        """Return whether a broker answers in time."""
        with self._lock:
            if self._client is None:
                # log_level 0: an outage is told in words on the page, not by a line of librdkafka a second.
                self._client = AdminClient(self._kafka.client_config() | {"log_level": 0})
        try:
            self._client.list_topics(timeout=timeout_seconds)
        except KafkaException:
            return False
        return True


def health_route(mart: Mart, kafka: KafkaProbe) -> Route:
    """Return the route /healthz: 200 when the page can serve, with the state of what stands behind it in the body.

    The page is of use while Kafka or the database is away, so neither makes it unhealthy:
    a restart of the page would mend neither.
    """

    async def healthz(_: Request) -> JSONResponse:
        # Both questions end by themselves within two seconds.
        database_up, kafka_up = await asyncio.gather(asyncio.to_thread(mart.is_up), asyncio.to_thread(kafka.is_up))
        state = {True: "up", False: "away"}
        return JSONResponse({"status": "ok", "database": state[database_up], "kafka": state[kafka_up]})

    return Route("/healthz", healthz, methods=["GET", "HEAD"])


def answers(host: str, port: int) -> bool:
    """Return whether the page that listens there answers in time: a process may live whose page hangs."""
    there = "127.0.0.1" if is_any(host) else host
    connection = http.client.HTTPConnection(there, port, timeout=_ANSWER_SECONDS)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("HEAD", "/healthz")
        return connection.getresponse().status == http.client.OK
    return False
