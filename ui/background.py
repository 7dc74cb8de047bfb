"""Runs a call beside the caller, in a thread that never keeps the process from ending. Knows nothing of the call."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_background(call: Callable[[], T], name: str) -> Future[T]:
    """Start the call and return its future.

    A ThreadPoolExecutor would do the same, but the interpreter waits for its threads at exit: a database or a broker
    that is frozen would keep the page from stopping.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # whatever it is, it is the caller's
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
