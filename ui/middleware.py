"""ASGI middleware between the network and Gradio: the path behind a proxy, who may ask, what browsers are told."""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.login.access import ClientAddressMiddleware
from ui.shell.theme import SCRIPTS

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

POLICY = (
    "default-src 'self'; "
    # Gradio makes functions of the js= of its events, and Vega of its expressions; Gradio's plot cannot use Vega's
    # interpreter instead. Scripts in the document run by their hashes alone, so that markup that slips in cannot.
    "script-src 'self' 'unsafe-eval'{}; "
    # Svelte and Vega set style attributes.
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "font-src 'self' data:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Content Security Policy Level 3; the braces take the hashes of scripts."""

PUBLIC = frozenset({
    "/", "/en", "/en/", "/login", "/login/", "/logout", "/theme.css", "/gradio_api/theme.css", "/favicon.ico",
    "/manifest.json", "/robots.txt", "/healthz", "/files/template.csv", "/files/sample.csv",
    "/gradio_api/startup-events",  # called by Gradio itself, at start
})  # fmt: skip
"""Paths that need no login; in the place of the page itself stands the form to log in."""

PUBLIC_FOLDERS = ("/assets/", "/static/", "/svelte/")
"""Of Gradio's own package."""

NO_LOGIN_HELPS = frozenset({"/gradio_api/token", "/gradio_api/token/"})
"""Tells scripts the token of the session, which the cookie hides from them."""

_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script", re.DOTALL)


def app_options(root_path: str, routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Return what Gradio passes to FastAPI: the page's own routes, and its middleware, outermost first."""
    middleware = [
        Middleware(ClientAddressMiddleware),
        Middleware(RootPathMiddleware, path=urlsplit(root_path).path),
        Middleware(HeadersMiddleware, root_path=root_path),
        Middleware(AccessMiddleware),
    ]
    return {"routes": routes, "middleware": middleware, "openapi_url": None}


class RootPathMiddleware:
    """Completes the path of requests from which the proxy has stripped the root path, so that all look the same.

    ASGI (HTTP & WebSocket specification, "path" and "root_path") wants the root path in both.
    """

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._root = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "http":
            path = scope["path"]
            is_complete = path == self._root or path.startswith(self._root + "/")
            scope["root_path"], scope["path"] = self._root, path if is_complete else self._root + path
        await self._app(scope, receive, send)


class AccessMiddleware:
    """Refuses requests without a session, if a login is required, and those of other sites' pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "http":
            if _is_of_another_site(Request(scope)):
                await JSONResponse({"detail": "cross-site request"}, 403)(scope, receive, send)
                return
            if not _is_allowed(Request(scope)):
                await JSONResponse({"detail": "Not authenticated"}, 401)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_of_another_site(request: Request) -> bool:
    """Return whether a page of another origin makes the request; links from there to the page are none.

    Gradio answers pages of every origin, with credentials, unless its host name is loopback. Fetch Metadata says where
    a request comes from; browsers send it over TLS and to loopback.
    """
    if request.headers.get("Sec-Fetch-Site", "none") in {"same-origin", "none"}:
        return False
    return request.headers.get("Sec-Fetch-Mode") != "navigate" or request.method not in {"GET", "HEAD"}


def _is_allowed(request: Request) -> bool:
    """Return whether no login is required, at all or for this path, or the request has the cookie of a session."""
    app, path = request.app, request.scope["path"].removeprefix(request.scope["root_path"])
    if path in NO_LOGIN_HELPS:
        return False
    if app.auth is None or path in PUBLIC or path.startswith(PUBLIC_FOLDERS):
        return True
    return app.tokens.get(request.cookies.get(f"access-token-{app.cookie_id}")) is not None


class HeadersMiddleware:
    """Adds the security headers and makes cookies and redirects those of the root path."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root = urlsplit(root_path).path
        self._is_https = root_path.startswith("https:")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Whoever claims to have come by TLS only hardens his own cookie: no need to trust the sender.
        is_https = self._is_https or Headers(scope=scope).get("X-Forwarded-Proto", scope["scheme"]) == "https"
        start: Message = {}

        async def send_hardened(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start:
                self._harden(start, message.get("body", b""), is_https)
                await send(start)
                start = {}
            await send(message)

        await self._app(scope, receive, send_hardened)

    def _harden(self, start: Message, body: bytes, is_https: bool) -> None:
        """Complete the headers of an answer whose body, in the case of HTML, comes as a whole."""
        headers = MutableHeaders(scope=start)
        headers.update(HEADERS)
        is_html = headers.get("Content-Type", "").startswith("text/html")
        headers["Content-Security-Policy"] = POLICY.format(_hashes(_scripts(body)) if is_html else "")
        if headers.get("Location", "").startswith("/"):
            headers["Location"] = self._root + headers["Location"]
        cookies = headers.getlist("Set-Cookie")
        del headers["Set-Cookie"]
        for cookie in cookies:
            # The twin without Secure, which Gradio sets for HTTP, is not needed: see _cookie().
            if not cookie.startswith("access-token-unsecure-"):
                headers.append("Set-Cookie", self._cookie(cookie, is_https))

    def _cookie(self, cookie: str, is_https: bool) -> str:
        """Return Gradio's cookie, sent to other sites and only over TLS, as one of this page and of this scheme."""
        kept = (part for part in cookie.split("; ") if part.lower().partition("=")[0] not in _REPLACED)
        flags = f"HttpOnly; SameSite=Lax; Path={self._root or '/'}"
        return "; ".join([*kept, flags, *(["Secure"] if is_https else [])])


_REPLACED = frozenset({"httponly", "samesite", "path", "secure"})


def _scripts(html: bytes) -> Iterator[bytes]:
    """Yield the scripts of a document, and those of our own, which Gradio adds to it by a script."""
    yield from (script.encode() for script in SCRIPTS)
    yield from (found[1] for found in _INLINE_SCRIPT.finditer(html))


def _hashes(scripts: Iterable[bytes]) -> str:
    return "".join(f" 'sha256-{b64encode(sha256(script).digest()).decode()}'" for script in scripts)
