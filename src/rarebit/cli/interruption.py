"""Ctrl-C, noticed even where a library takes it for a failure of its own or lets it fall."""

from __future__ import annotations

import signal
import sys

_asked = False


def watch() -> None:
    """Remember from now on that somebody pressed Ctrl-C.

    An engine turns an interrupt in the midst of a query into an error of its own; one that comes while Python runs a
    callback is dropped by whoever called it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _note)
        sys.unraisablehook = _dropped


def asked() -> bool:
    """Whether somebody has pressed Ctrl-C."""
    return _asked


def give_way(*_reached: object) -> None:
    """A report of progress that stops the work if an interrupt was dropped on the way.

    Raises
    ------
    KeyboardInterrupt
        If somebody has pressed Ctrl-C.
    """
    if _asked:
        raise KeyboardInterrupt


def _note(*_signal: object) -> None:
    global _asked  # noqa: PLW0603 a signal is one of the process
    _asked = True
    raise KeyboardInterrupt


def _dropped(what: sys.UnraisableHookArgs) -> None:
    """Nothing is said of an interrupt that was dropped: it is noticed at the next report of progress."""
    if what.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(what)
