"""Answers GET /healthz, and knows whether Kafka and the database can be reached. Knows nothing of the page."""

import asyncio
import contextlib
import http.client
import threading

import psycopg
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.common.errors import Retry, Stop
from services.common.outages import is_outage
from services.common.settings import KafkaSettings
from ui.database import Database
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
        self._refusal: KafkaError | None = None
        """Why no connection comes about, if it is no outage; a question then ends by its timeout as in an outage."""

    def check(self, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        """Ask the brokers.

        Raises:
            Retry: none answers in time; Stop: they refuse, such as for a wrong password or certificate.
        """
        with self._lock:
            if self._client is None:
                # log_level 0: an outage is told in words on the page, not by a line of librdkafka a second.
                config = self._kafka.client_config(error_cb=self._note) | {"log_level": 0}
                self._client = AdminClient(config)
        self._client.poll(0)
        try:
            self._client.list_topics(timeout=timeout_seconds)
        except KafkaException as error:
            self._client.poll(0)  # lets the client tell why: see _note
            cause = self._refusal or error.args[0]
            kind = Retry if is_outage(cause) else Stop
            raise kind(f"Kafka: {cause.name()}: {cause.str()}") from error
        self._refusal = None

    def state(self) -> str:
        """Return up, away or refuses."""
        try:
            self.check()
        except Retry:
            return "away"
        except Stop:
            return "refuses"
        return "up"

    def _note(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # which follows a refusal as well as an outage
            self._refusal = None if is_outage(error) else error


def health_route(mart: Database, kafka: KafkaProbe) -> Route:
    """Return the route /healthz: 200 when the page can serve, with the state of what stands behind it in the body.

    The page is of use while Kafka or the database is away, so neither makes it unhealthy:
    a restart of the page would mend neither.
    """

    async def healthz(_: Request) -> JSONResponse:
        # Both questions end by themselves within two seconds.
        database, brokers = await asyncio.gather(asyncio.to_thread(_state, mart), asyncio.to_thread(kafka.state))
        return JSONResponse({"status": "ok", "database": database, "kafka": brokers})

    return Route("/healthz", healthz, methods=["GET", "HEAD"])


def _state(mart: Database) -> str:
    """Return up, away or fails; why it fails is logged by what watches the mart."""
    try:
        return "up" if mart.is_up() else "away"
    except psycopg.Error:
        return "fails"


def answers(host: str, port: int) -> bool:
    """Return whether the page that listens there answers in time: a process may live whose page hangs."""
    there = "127.0.0.1" if is_any(host) else host
    connection = http.client.HTTPConnection(there, port, timeout=_ANSWER_SECONDS)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("HEAD", "/healthz")
        return connection.getresponse().status == http.client.OK
    return False
