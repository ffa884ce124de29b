"""What the counters must have moved by, given what became of each request: equalities, requests
and attempts apart."""
import collections


class Told:
    """One request: the model asked for, its status, and its tries as (provider, outcome)."""

    def __init__(self, model, status, *tries):
        self.model, self.status, self.tries = model, status, tries

    @property
    def provider(self):
        return self.tries[-1][0] if self.tries else "none"

    def moves(self):
        """(from, outcome there, to) of each try after the first."""
        return [(a[0], a[1], b[0]) for a, b in zip(self.tries, self.tries[1:])]


def expected(requests):
    """For providers with one target each: the same provider again is a retry, another a fallback."""
    want = collections.defaultdict(collections.Counter)
    for told in requests:
        want["llm_requests_total"][told.model, told.provider, told.status] += 1
        want["llm_request_duration_seconds_count"][told.model, told.provider] += 1
        for i, (provider, outcome) in enumerate(told.tries):
            if i == 0 or told.tries[i - 1][0] != provider:
                want["model_router_selections_total"][provider,] += 1
            want["llm_attempts_total"][provider, told.model, outcome] += 1
            want["llm_upstream_duration_seconds_count"][provider, told.model] += 1
            want["worker_pool_task_duration_seconds_count"][provider,] += 1
        for came_from, outcome, to in told.moves():
            if came_from == to:
                want["llm_retries_total"][to, outcome] += 1
            else:
                want["llm_fallbacks_total"][came_from, to] += 1
    return want


LABELS = {
    "llm_requests_total": ("model", "provider", "status"),
    "llm_request_duration_seconds_count": ("model", "provider"),
    "llm_attempts_total": ("provider", "model", "outcome"),
    "llm_upstream_duration_seconds_count": ("provider", "model"),
    "worker_pool_task_duration_seconds_count": ("pool",),
    "model_router_selections_total": ("provider",),
    "llm_retries_total": ("provider", "reason"),
    "llm_fallbacks_total": ("from", "to"),
}


def series(metrics, name, labels):
    found = collections.Counter()
    for (have, pairs), value in metrics.series.items():
        if have == name:
            found[tuple(dict(pairs)[label] for label in labels)] += value
    return found


def check(before, after, requests):
    """Each family moved by exactly that, and no other series of it moved at all."""
    want = expected(requests)
    for name, labels in LABELS.items():
        moved = series(after, name, labels)
        moved.subtract(series(before, name, labels))
        assert {k: v for k, v in moved.items() if v} == dict(want[name]), name
    again = sum(len(told.tries) - 1 for told in requests if told.tries)
    assert again == sum(want["llm_retries_total"].values()) + sum(
        want["llm_fallbacks_total"].values())
