"""`booted`: a machine that has started the suite; shared, so tests leave it as they found it."""
import pytest

import machine as machines


def pytest_sessionstart(session):
    session.config.why_not = machines.why_not()


@pytest.fixture(scope="module")
def start_machine(request):
    """start_machine(config=…, units=…)"""
    if request.config.why_not:
        pytest.skip(request.config.why_not)
    started = []

    def start(**options):
        started.append(machines.Machine(**options))
        return started[-1].start()
    yield start
    for one in started:
        one.stop()
