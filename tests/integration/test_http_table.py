"""Every request of the table gets its verdict from the real server, however it is cut."""
import contextlib

import pytest

from http_echo import Answers, Echo, send_in_pieces, table

CUTS = {"whole": None, "byte by byte": 1, "in two-byte pieces": 2}
ROWS = list(table())


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    server = Echo(tmp_path_factory.mktemp("echo")).start()
    yield server
    server.stop()


def is_fit(data, step):
    """Oversize ones are cut whole, and at their ends: a million segments prove nothing more."""
    return step is None or len(data) < 40000


@pytest.mark.parametrize("cut", CUTS)
def test_what_is_malformed_is_refused_and_nothing_dispatched(echo, cut):
    before = echo.stats()["requests"]
    wrong = []
    for verdict, status, name, data in ROWS:
        if verdict != "refuse" or not is_fit(data, CUTS[cut]):
            continue
        with contextlib.closing(echo.connect()) as s:
            send_in_pieces(s, data, CUTS[cut])
            answers = Answers(s)
            answer = answers.read()
            if not answer or answer.status != status or not answers.is_closed():
                wrong.append((name, answer and answer.status))
    assert wrong == []
    assert echo.stats()["requests"] == before


@pytest.mark.parametrize("cut", CUTS)
def test_what_is_valid_is_answered(echo, cut):
    wrong = []
    for verdict, n, name, data in ROWS:
        if verdict != "accept" or not is_fit(data, CUTS[cut]):
            continue
        with contextlib.closing(echo.connect()) as s:
            send_in_pieces(s, data, CUTS[cut])
            answers = Answers(s)
            method = data.split()[0].decode()
            found = [answers.read(method) for _ in range(n)]
            if cut != "whole" and b"Expect:" in data and found[0] and found[0].status == 100:
                found[0] = answers.read(method)
            if any(a is None or a.status != 200 for a in found):
                wrong.append((name, [a and a.status for a in found]))
    assert wrong == []


def test_the_table_is_large_enough():
    assert sum(verdict == "refuse" for verdict, *_ in ROWS) >= 120
    assert sum(verdict == "accept" for verdict, *_ in ROWS) >= 60
