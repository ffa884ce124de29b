"""Leaving twice: an impatient operator, or an init system that asks again."""
import contextlib
import signal

import pytest


@pytest.mark.parametrize("name", ["llm-proxy", "context-service", "health-worker"])
def test_a_second_sigterm_does_not_kill_who_is_leaving(suite, name):
    daemon = suite[name]
    while daemon.child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            daemon.child.send_signal(signal.SIGTERM)
    assert daemon.child.returncode == 0
