"""Lets people in and says what they may do, through Gradio's own hooks. Knows no hashes: see login.py."""

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
"""Who gave a verdict where no login is asked for: somebody at this machine."""

_CHECKS_AT_ONCE = 2
"""A check takes 32 MiB and a quarter of a second of a core; further ones wait."""

_address: ContextVar[str] = ContextVar("address", default="")


class Asker(Protocol):
    """What of a request says who asks; Gradio's Request has it."""

    @property
    def username(self) -> str | None:
        """The name given at login; None if no login is asked for."""


@dataclass
class Access:
    """Who may open the page; without users, whoever reaches it is an analyst called `local`."""

    users: Mapping[str, User] = field(default_factory=dict)
    throttle: Throttle = field(default_factory=Throttle)

    def __post_init__(self) -> None:
        self._checks = asyncio.Semaphore(_CHECKS_AT_ONCE)

    @property
    def is_asked(self) -> bool:
        """Whether a login is asked for."""
        return bool(self.users)

    async def log_in(self, name: str, password: str) -> bool:
        """Return whether the name and password are right; given to Gradio as `auth`.

        After some failures the answer is no for a while, whatever the password: see Throttle.
        """
        address = _address.get()
        if not self.throttle.admit(name, address):
            metrics.LOGINS.labels("throttled").inc()
            get_logger().warning("login_throttled", known=name in self.users, address=address)
            return False
        async with self._checks:
            right = await asyncio.to_thread(may_log_in, self.users, name, password)
        if right:
            self.throttle.succeeded(name, address)
        metrics.LOGINS.labels("succeeded" if right else "failed").inc()
        get_logger().info("login_attempted", succeeded=right, known=name in self.users, address=address)
        return right

    def role(self, asker: Asker) -> Role | None:
        """Return what the asker may do; None for one who is no user any more."""
        if not self.is_asked:
            return Role.ANALYST
        user = self.users.get(asker.username or "")
        return user.role if user else None

    def analyst(self, asker: Asker) -> str | None:
        """Return the name under which the asker changes things, or None if it may only look."""
        if self.role(asker) is not Role.ANALYST:
            return None
        return (asker.username or NO_LOGIN) if self.is_asked else NO_LOGIN


class Sessions(dict[str, str]):
    """The tokens of who is logged in, which Gradio keeps for ever: here they end after so many seconds."""

    def __init__(self, last_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._last_seconds = last_seconds
        self._clock = clock
        self._begun: dict[str, float] = {}

    def __setitem__(self, token: str, name: str) -> None:
        for old in [old for old in self if self._is_over(old)]:
            del self[old]
        self._begun[token] = self._clock()
        super().__setitem__(token, name)

    def __delitem__(self, token: str) -> None:
        self._begun.pop(token, None)
        super().__delitem__(token)

    def get(self, token: str | None, default: Any = None) -> Any:
        """Return who has the token, or the default if nobody has, or not any more."""
        if token is None or self._is_over(token):
            return default
        return super().get(token, default)

    def _is_over(self, token: str) -> bool:
        begun = self._begun.get(token)
        return begun is None or self._clock() - begun > self._last_seconds


class ClientAddressMiddleware:
    """Middleware: notes the address a request comes from, for Gradio does not tell it to who checks the password."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        client = scope.get("client")
        _address.set(client[0] if client else "")
        await self._app(scope, receive, send)
