"""Answers GET /healthz with the state of Kafka and the database."""

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
    """Asks the brokers whether they answer, by one client for the life of the process, made at the first call.

    Unlike BrokerQuery (services.common.kafka) it reuses a client that failed: metadata depends on no leader epoch, and
    where a connection takes longer than the second allowed here, a new client each time would never be connected.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._client: AdminClient | None = None
        self._lock = threading.Lock()
        self._refusal: KafkaError | None = None
        """Why the brokers refuse a connection, None in an outage; in both cases a request ends by its timeout."""

    def check(self, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        """Ask the brokers.

        Raises:
            Retry: none answers in time; Stop: they refuse, such as for a wrong password or certificate.
        """
        with self._lock:
            if self._client is None:
                # log_level 0: the page reports an outage, librdkafka would log a line a second.
                config = self._kafka.client_config(error_cb=self._note) | {"log_level": 0}
                self._client = AdminClient(config)
        self._client.poll(0)
        try:
            self._client.list_topics(timeout=timeout_seconds)
        except KafkaException as error:
            self._client.poll(0)  # serves error_cb: see _note
            cause = self._refusal or error.args[0]
            kind = Retry if is_outage(cause) else Stop
            raise kind(f"Kafka: {cause.name()}: {cause.str()}") from error
        self._refusal = None

    def state(self) -> str:
        """Return up, unavailable or error; a refusal, such as of a password, is an error."""
        try:
            self.check()
        except Retry:
            return "unavailable"
        except Stop:
            return "error"
        return "up"

    def _note(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # which follows a refusal as well as an outage
            self._refusal = None if is_outage(error) else error


def health_route(mart: Database, kafka: KafkaProbe) -> Route:
    """Return the route /healthz: 200 when the page can serve, with the state of what stands behind it in the body.

    Kafka or the database being unavailable does not make the page unhealthy: it is of use without them, and a restart
    would repair neither.
    """

    async def healthz(_: Request) -> JSONResponse:
        # Both end by themselves within two seconds.
        database, brokers = await asyncio.gather(asyncio.to_thread(_state, mart), asyncio.to_thread(kafka.state))
        return JSONResponse({"status": "ok", "database": database, "kafka": brokers})

    return Route("/healthz", healthz, methods=["GET", "HEAD"])


def _state(mart: Database) -> str:
    """Return up, unavailable or error; the watches of the mart log which error."""
    try:
        return "up" if mart.is_up() else "unavailable"
    except psycopg.Error:
        return "error"


def answers(host: str, port: int) -> bool:
    """Return whether the page that listens there answers in time: its process may run while the page hangs."""
    there = "127.0.0.1" if is_any(host) else host
    connection = http.client.HTTPConnection(there, port, timeout=_ANSWER_SECONDS)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("HEAD", "/healthz")
        return connection.getresponse().status == http.client.OK
    return False
