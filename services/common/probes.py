"""Serves /livez, /readyz and /metrics, for an orchestrator and for Prometheus."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from services import __version__
from services.common.errors import Stop

LATENCY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0)
"""Buckets of the histograms of a message's age, in seconds: from a single message to half an hour of backlog."""


BUILD = Gauge("fraud_build_info", "1 for the version that runs", ["version"])
BUILD.labels(__version__).set(1)


def serve_probes(host: str, port: int, *, live: Callable[[], bool], ready: Callable[[], bool]) -> ThreadingHTTPServer:
    """Serve probes in daemon threads: 200 while `live()` or `ready()`, else 503; port 0 means a free one.

    Raises:
        Stop: the port is in use.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, generate_latest(), CONTENT_TYPE_PLAIN_0_0_4)
            elif self.path in {"/livez", "/readyz"}:
                good = live() if self.path == "/livez" else ready()
                self._answer(200 if good else 503, b"ok\n" if good else b"not yet\n", "text/plain")
            else:
                self._answer(404, b"/livez /readyz /metrics\n", "text/plain")

        do_HEAD = do_GET  # noqa: N815  # the name http.server looks for

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
            """Keep probes out of the log."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise Stop(f"cannot serve probes on {host}:{port}: {error.strerror}") from error
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server
