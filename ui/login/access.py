"""Authenticates users through Gradio's hooks and holds what each may do."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from services.common.logs import get_logger
from ui import metrics
from ui.login.throttle import Throttle
from ui.login.users import Role, User, may_log_in

NO_LOGIN = "local"
"""Name of the analyst where no login is required: somebody at this machine."""

_CHECKS_AT_ONCE = 2
"""A check takes 32 MiB and a quarter of a second of a core; further ones wait."""

_address: ContextVar[str] = ContextVar("address", default="")


class Requester(Protocol):
    """The user of a request; Gradio's Request has it."""

    @property
    def username(self) -> str | None:
        """The name given at login; None if no login is required."""


@dataclass
class Access:
    """Who may open the page; without users, anyone who reaches it is the analyst `local`."""

    users: Mapping[str, User] = field(default_factory=dict)
    throttle: Throttle = field(default_factory=Throttle)

    def __post_init__(self) -> None:
        self._checks = asyncio.Semaphore(_CHECKS_AT_ONCE)

    @property
    def is_required(self) -> bool:
        """Whether a login is required."""
        return bool(self.users)

    async def log_in(self, name: str, password: str) -> bool:
        """Return whether the name and password are correct; given to Gradio as `auth`.

        After some failures the answer is False for a while, whatever the password: see Throttle.
        """
        address = _address.get()
        if not self.throttle.admit(name, address):
            metrics.LOGINS.labels("throttled").inc()
            get_logger().warning("login_throttled", known=name in self.users, address=address)
            return False
        async with self._checks:
            correct = await asyncio.to_thread(may_log_in, self.users, name, password)
        if correct:
            self.throttle.succeeded(name, address)
        metrics.LOGINS.labels("succeeded" if correct else "failed").inc()
        get_logger().info("login_attempted", succeeded=correct, known=name in self.users, address=address)
        return correct

    def role(self, requester: Requester) -> Role | None:
        """Return the role of the requester; None for one who is no longer a user."""
        if not self.is_required:
            return Role.ANALYST
        user = self.users.get(requester.username or "")
        return user.role if user else None

    def analyst(self, requester: Requester) -> str | None:
        """Return the name under which the requester changes things, or None if they may only view."""
        if self.role(requester) is not Role.ANALYST:
            return None
        return (requester.username or NO_LOGIN) if self.is_required else NO_LOGIN


class Sessions(dict[str, str]):
    """Gradio's tokens of those logged in, which it never expires: here they expire after `lifetime_seconds`."""

    def __init__(self, lifetime_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._lifetime_seconds = lifetime_seconds
        self._clock = clock
        self._issued_at: dict[str, float] = {}

    def __setitem__(self, token: str, name: str) -> None:
        for old in [old for old in self if self._has_expired(old)]:
            del self[old]
        self._issued_at[token] = self._clock()
        super().__setitem__(token, name)

    def __delitem__(self, token: str) -> None:
        self._issued_at.pop(token, None)
        super().__delitem__(token)

    def get(self, token: str | None, default: Any = None) -> Any:
        """Return the user with the token, or the default if there is none or it has expired."""
        if token is None or self._has_expired(token):
            return default
        return super().get(token, default)

    def _has_expired(self, token: str) -> bool:
        issued_at = self._issued_at.get(token)
        return issued_at is None or self._clock() - issued_at > self._lifetime_seconds


class ClientAddressMiddleware:
    """Middleware that stores the client's address for log_in(), which Gradio does not pass it to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        client = scope.get("client")
        _address.set(client[0] if client else "")
        await self._app(scope, receive, send)
