"""Waiting for what another thread does, in tests."""

import time

#: Seconds after which nothing more is hoped for, on the slowest machine.
SOON = 120.0


def until(true, seconds=SOON):
    """Wait until ``true()``."""
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, f"it did not come within {seconds:g} s"
        time.sleep(0.01)
