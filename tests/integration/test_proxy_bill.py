"""kill -9 under load, and the books beside the provider's own bill: equal to the nano-dollar."""
import collections
import decimal
import json
import random
import re

from load import Load
from suite import SLOW, SOAK, Stream, Suite, wait_until

KILLS = 200 if SOAK else 10
PRICE_IN, PRICE_OUT = decimal.Decimal("1.234567891"), decimal.Decimal("7.777777777")


class MarkedLoad(Load):
    """Every request has a number of its own: in its text."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.rng = random.Random(1)
        self.numbers = iter(range(10 ** 9))

    def _ask(self, ask):
        number = next(self.numbers)
        ask.number = number
        body = {"model": "small", "stream": ask.is_stream, "messages": [
            {"role": "user", "content": f"<{number}>" + "x" * self.rng.randrange(200)}]}
        try:
            s = Stream(self.suite.port, body,
                       self.suite.headers(), timeout=self.timeout)
            s.read_all()
            if s.received:
                ask.status, ask.request_id = s.status, s.headers.get("x-request-id")
            ask.is_whole = s.has_ended_well and (not ask.is_stream or
                                                 s.body.endswith(b"data: [DONE]\n\n"))
            s.close()
        except OSError as error:
            ask.error = error.with_traceback(None)  # which would keep the socket
        return ask


def bill(records):
    """{number: nano-dollars} of what the provider answered, by its own rule: a token for every four
    bytes begun of the texts; the answer has 32 bytes."""
    amounts = {}
    for record in records:
        body = json.loads(record["body"])
        text = body["messages"][0]["content"]
        number = re.match(r"<(\d+)>", text).group(1)
        tokens_in, tokens_out = (len(text) + 3) // 4, 8
        nano = (tokens_in * PRICE_IN + tokens_out * PRICE_OUT) * 1000
        amounts[int(number)] = int(nano.quantize(decimal.Decimal(1),
                                                     decimal.ROUND_HALF_UP))
    return amounts


def test_the_books_and_the_providers_bill_are_equal_after_kills(start_suite, start_simulator):
    provider = start_simulator("--records", "200000")
    suite = start_suite(provider, services=["llm-proxy"], config={
        "providers": [Suite.provider(provider, max_parallel=1000)],
        "prices": {"overrides": [{"provider": "*", "model": "sim", "input": float(PRICE_IN),
                                  "output": float(PRICE_OUT)}]}})
    provider.script("chunks=4,size=32,interval=1ms")
    ready = []
    with MarkedLoad(suite, clients=8) as load:
        for _ in range(KILLS):
            load.wait_for(60)
            suite.proxy.kill()
            ready.append(suite.proxy.start_and_wait_ready())
        load.wait_for(60)
    numbers = {ask.request_id: ask.number for ask in load.asks if ask.status == 200}
    whole = {ask.request_id for ask in load.asks if ask.status == 200 and ask.is_whole}
    wait_until(lambda: whole <= {row["request_id"] for row in suite.ledger()}, "all rows")
    rows = suite.wait_ledger(len(whole))
    by_id = {row["request_id"]: row for row in rows}
    assert len(by_id) == len(rows)  # one row each
    assert whole <= by_id.keys()

    charged = bill(provider.records())
    settled = {i: row for i, row in by_id.items() if row["status"] == "success"}
    for i in settled.keys() & numbers.keys():
        assert settled[i]["cost_nano"] == charged.pop(numbers[i]), json.dumps(settled[i])
    # settled, and killed before the client heard the first byte
    unheard = collections.Counter(settled[i]["cost_nano"] for i in settled.keys() - numbers.keys())
    assert not unheard - collections.Counter(charged.values())
    assert unheard.total() <= 8 * KILLS
    # what was in flight is unknown, never zero and never lost
    for i in whole - settled.keys():
        assert by_id[i]["status"] == "unknown" and by_id[i]["cost_nano"] is None
    assert len(whole - settled.keys()) <= 8 * KILLS
    assert not [row for row in rows if row["status"] == "pending"]
    # the sums of hours and days say the same
    total = suite.ledger("SELECT sum(requests) AS n, sum(cost_nano) AS nano FROM usage_days")[0]
    assert total == {"n": len(rows), "nano": sum(row["cost_nano"] or 0 for row in rows)}
    print(f"{KILLS} kills, {len(whole)} whole answers, {len(rows)} rows, "
          f"{len(whole - settled.keys())} whole but unknown, {total['nano']} nano-dollars, "
          f"READY at most {max(ready):.3f} s")
    assert sorted(ready)[len(ready) // 2] < 1.0 * SLOW  # the longest is the machine's load
