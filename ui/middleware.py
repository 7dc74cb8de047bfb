"""ASGI middleware between the network and Gradio: the path behind a proxy, who may ask, what browsers are told."""

import re
from base64 import b64encode
from collections.abc import Sequence
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

POLICY = (
    "default-src 'self'; "
    # Gradio makes functions of the js= of events, so that Vega's interpreter of expressions (`ast`) would gain nothing.
    # Scripts in the document run by their hashes alone: markup that slips into the page cannot run any.
    "script-src 'self' 'unsafe-eval'{}; "
    # Svelte and Vega set style attributes.
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "font-src 'self' data:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Content Security Policy Level 3; the braces take the hashes of scripts."""

HEADERS = {
    "Content-Security-Policy": POLICY.format(""),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

PAGES = frozenset({"/", "/en"})
"""Of the page, one a language. What is uploaded is HTML too, perhaps, but its scripts get no hashes."""

PUBLIC = PAGES | frozenset({
    "/en/", "/login", "/login/", "/logout", "/theme.css", "/gradio_api/theme.css", "/favicon.ico",
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


def _path_of(scope: Scope) -> str:
    """Return the path below the root path."""
    return str(scope["path"]).removeprefix(scope["root_path"]) or "/"


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
    """Return whether a page of another origin makes the request; a link followed from there is no such request.

    Gradio answers pages of every origin, with credentials, unless its host name is loopback. Fetch Metadata says where
    a request comes from; browsers send it over TLS and to loopback.
    """
    if request.headers.get("Sec-Fetch-Site", "none") in {"same-origin", "none"}:
        return False
    return request.headers.get("Sec-Fetch-Mode") != "navigate" or request.method not in {"GET", "HEAD"}


def _is_allowed(request: Request) -> bool:
    """Return whether no login is required, at all or for this path, or the request has the cookie of a session."""
    app, path = request.app, _path_of(request.scope)
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
        scheme = Headers(scope=scope).get("X-Forwarded-Proto", scope["scheme"]).partition(",")[0]
        is_https = self._is_https or scheme == "https"
        is_page, held = _path_of(scope) in PAGES, list[Message]()

        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._harden(message, is_https)
                if is_page:  # until its body, which comes as a whole, is there
                    held.append(message)
                    return
            elif held:
                start = held.pop()
                policy = POLICY.format(_hashes(message.get("body", b"")))
                MutableHeaders(scope=start)["Content-Security-Policy"] = policy
                await send(start)
            await send(message)

        await self._app(scope, receive, send_hardened)

    def _harden(self, start: Message, is_https: bool) -> None:
        """Complete the headers of an answer."""
        headers = MutableHeaders(scope=start)
        headers.update(HEADERS)
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


def _hashes(html: bytes) -> str:
    """Return the sources that let a document's scripts run, and our own, which Gradio adds to it by a script."""
    scripts = [*(script.encode() for script in SCRIPTS), *(found[1] for found in _INLINE_SCRIPT.finditer(html))]
    return "".join(f" 'sha256-{b64encode(sha256(script).digest()).decode()}'" for script in scripts)
