"""Throttles login attempts by user and by address.

Nobody is locked out permanently: after some failures each further attempt has to wait, at most a minute. Addresses from
which the user has logged in before are counted separately, so that a stranger's guesses do not lock the user out.
"""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE_FAILURES_OF_USER = 5
FREE_FAILURES_OF_ADDRESS = 20
LONGEST_WAIT_SECONDS = 60.0
FORGOTTEN_AFTER_SECONDS = 3600.0
_ENTRIES_MAX = 10_000
"""Names and addresses counted; the least recently tried one is evicted."""

Key = tuple[str, ...]


@dataclass(slots=True)
class _Failures:
    number: int = 0
    last_at: float = 0.0
    open_at: float = 0.0


class Throttle:
    """Counts failed attempts; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[Key, _Failures] = OrderedDict()
        self._known: OrderedDict[Key, None] = OrderedDict()

    def admit(self, name: str, address: str) -> bool:
        """Return whether an attempt may be made now; it counts as failed until succeeded() is called.

        Concurrent attempts therefore count like successive ones.
        """
        with self._lock:
            now, limits = self._clock(), self._limits(name, address)
            entries = [self._entry(key, now) for key in limits]
            if any(entry.open_at > now for entry in entries):
                return False
            for entry, free in zip(entries, limits.values(), strict=True):
                entry.number += 1
                entry.last_at = now
                beyond = entry.number - free
                entry.open_at = now + min(LONGEST_WAIT_SECONDS, 2.0 ** min(beyond, 10)) if beyond >= 0 else 0.0
            return True

    def succeeded(self, name: str, address: str) -> None:
        """Reset the user's failures, and this one attempt of the address: other users' failures still count."""
        with self._lock:
            origin = (name, _network(address))
            user_key, address_key = self._limits(name, address)
            self._failures.pop(user_key, None)
            if entry := self._failures.get(address_key):
                entry.number -= 1
                entry.open_at = 0.0 if entry.number < FREE_FAILURES_OF_ADDRESS else entry.open_at
            self._known[origin] = None
            self._known.move_to_end(origin)
            _trim(self._known)

    def _limits(self, name: str, address: str) -> dict[Key, int]:
        """Return the keys an attempt is counted under, the user first -> failures without a wait."""
        network = _network(address)
        user = ("user", name, network) if (name, network) in self._known else ("user", name)
        return {user: FREE_FAILURES_OF_USER, ("address", network): FREE_FAILURES_OF_ADDRESS}

    def _entry(self, key: Key, now: float) -> _Failures:
        entry = self._failures.get(key)
        if entry is None or now - entry.last_at > FORGOTTEN_AFTER_SECONDS:
            entry = self._failures[key] = _Failures()
        self._failures.move_to_end(key)
        _trim(self._failures)
        return entry


def _network(address: str) -> str:
    """Return an IPv4 address unchanged and the /64 network of an IPv6 one, as one subscriber has a whole /64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address


def _trim(table: "OrderedDict[Key, _Failures] | OrderedDict[Key, None]") -> None:
    while len(table) > _ENTRIES_MAX:
        table.popitem(last=False)
