"""A simulator and suites that are stopped, and judged, when the test ends."""
import pytest

import suite as programs


@pytest.fixture
def simulator(tmp_path):
    sim = programs.Simulator(tmp_path).start()
    yield sim
    sim.stop()


@pytest.fixture
def start_simulator(tmp_path):
    """start_simulator(*args): one more upstream."""
    started = []

    def start(*args):
        started.append(programs.Simulator(tmp_path, f"simulator{len(started) + 2}", *args).start())
        return started[-1]
    yield start
    for sim in started:
        sim.stop()


@pytest.fixture
def start_suite():
    """start_suite(upstream, config={…}): the three daemons, ready, with a key."""
    started = []

    def start(*args, **options):
        started.append(programs.Suite(*args, **options))
        return started[-1].start()
    yield start
    for one in reversed(started):
        one.stop()


@pytest.fixture
def suite(start_suite, simulator):
    """The three daemons in front of one simulator, with the model `small`."""
    return start_suite(simulator)
