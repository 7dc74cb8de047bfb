"""Slows the guessing of passwords down, by user and by address. Knows neither passwords nor requests.

Nobody is locked out for good: after some failures each further try has to wait, at most a minute. A place from which
the user has logged in before is counted apart, so that a stranger's guesses do not keep its owner out.
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
_KEPT = 10_000
"""Names and addresses remembered; the one tried longest ago makes room."""

Key = tuple[str, ...]


@dataclass(slots=True)
class _Failures:
    number: int = 0
    last_at: float = 0.0
    open_at: float = 0.0


class Throttle:
    """Counts tries that failed; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[Key, _Failures] = OrderedDict()
        self._known: OrderedDict[Key, None] = OrderedDict()

    def admit(self, name: str, address: str) -> bool:
        """Return whether a try may be made now; one that is made counts as failed until succeeded() is called.

        Tries at the same time therefore count like tries one after another.
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
        """Forget the user's failures, and of the address this one try: other users' failures still count."""
        with self._lock:
            place = (name, _network(address))
            user_key, address_key = self._limits(name, address)
            self._failures.pop(user_key, None)
            if entry := self._failures.get(address_key):
                entry.number -= 1
                entry.open_at = 0.0 if entry.number < FREE_FAILURES_OF_ADDRESS else entry.open_at
            self._known[place] = None
            self._known.move_to_end(place)
            _trim(self._known)

    def _limits(self, name: str, address: str) -> dict[Key, int]:
        """Return what a try is counted under, the user first, and how many failures are free."""
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
    """Return an IPv4 address as it is and the /64 of an IPv6 one, which is what one subscriber has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address


def _trim(table: "OrderedDict[Key, _Failures] | OrderedDict[Key, None]") -> None:
    while len(table) > _KEPT:
        table.popitem(last=False)
