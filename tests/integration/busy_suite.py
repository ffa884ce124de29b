"""A suite in which everything that is counted happens: for whatever reads its metrics.

Four providers: `ollama` on this machine, `cloud` for money, `narrow` with one place, and `flaky`,
whose models `broken` and `slow` are. The entry `auto` chooses between the models of the first two;
`gold` costs a dollar and more a request; `own` is a worker of health-worker; one key meets its rate
limit and one has a budget; machines have GPUs.
"""
import json
import threading

import suite as programs

PROMPTS = ("What is the capital of France?", "Prove that sqrt(2) is irrational.")
FAKE_GPUS = programs.BUILD / "tests/nvml"


class BusySuite:
    """Started; traffic flows from go_on() to stop()."""

    def __init__(self, start_suite, folder, config=None):
        self.local = programs.Simulator(folder, "ollama").start()
        self.cloud = programs.Simulator(folder, "cloud").start()
        gpus = folder / "gpus"
        gpus.write_text("")
        self.suite = start_suite(
            env={"FAKE_NVML": str(gpus), "LD_LIBRARY_PATH": str(FAKE_GPUS)},
            config={**self._config(), **(config or {})})
        self.limited = self.suite.create_key("limited", "--rpm", "1")["key"]
        self.budgeted = self.suite.create_key("budgeted", "--budget", "1000")["key"]
        self._end = threading.Event()
        self._threads = []

    def _config(self):
        quick = {"probe": {"interval": "500ms"}, "retry": {"max": 0}}
        return {
            "providers": [
                {"name": "ollama", "dialect": "ollama", "backend": "local",
                 "base_url": self.local.url, **quick},
                {"name": "cloud", "dialect": "openai", "backend": "cloud",
                 "base_url": f"{self.cloud.url}/v1", **quick},
                {"name": "flaky", "dialect": "openai", "backend": "cloud",
                 "base_url": f"{self.cloud.url}/v1", **quick, "breaker": {"failures": 1000},
                 "retry": {"max": 1, "backoff": "1ms"}},
                {"name": "narrow", "dialect": "openai", "backend": "cloud", "max_parallel": 1,
                 "base_url": f"{self.cloud.url}/v1", **quick}],
            "models": [
                {"name": "small", "targets": [{"provider": "ollama", "model": "sim"}],
                 "cache": {"when": "never"}},
                {"name": "big", "targets": [{"provider": "cloud", "model": "sim"}],
                 "cache": {"when": "always"}},
                {"name": "broken", "targets": [{"provider": "flaky", "model": "sim:status=500"}]},
                {"name": "healed", "targets": [{"provider": "flaky", "model": "sim:status=500"},
                                               {"provider": "cloud", "model": "sim"}]},
                {"name": "paced", "targets": [
                    {"provider": "narrow", "model": "sim:chunks=4,interval=5ms"}]},
                {"name": "own", "targets": [{"provider": "engine", "model": "engine"}]},
                {"name": "slow", "targets": [{"provider": "flaky", "model": "sim:delay=12s"}]},
                {"name": "gold", "targets": [{"provider": "cloud", "model": "gold"}]},
                {"name": "auto", "strategy": "complexity",
                 "complexity": {"low": "small", "medium": "small", "high": "big"}}],
            "prices": {"overrides": [
                {"provider": "cloud", "model": "sim", "input": 10, "output": 20},
                {"provider": "cloud", "model": "gold", "input": 100_000, "output": 200_000},
                {"provider": "ollama", "model": "sim", "input": 0, "output": 0}]},
            "workers": [{"name": "engine", "port": programs.free_port(), "device": "gpu0",
                         "command": [str(programs.PROGRAMS["simulator"]), "--port", "{port}",
                                     "--worker", "load=100ms"]}],
            "health": {"interval": "500ms"},
        }

    def round(self, number):
        """One of everything; what is refused or fails is meant to."""
        suite = self.suite
        for prompt in PROMPTS:
            suite.chat(f"{prompt} {number}", model="auto")
        suite.chat("the same again", model="big")
        suite.chat("of a local worker", model="own")
        suite.stream(f"a stream {number}").read_all()
        waiting = [suite.stream(f"one of two {number}", model="paced") for _ in range(2)]
        for stream in waiting:
            stream.read_all()
        if number % 25 == 0:
            suite.chat("an error", model="broken")
            suite.chat("an error that another provider makes good", model="healed")
        for key in (self.limited, self.budgeted):
            suite.chat("a key", headers={"Authorization": f"Bearer {key}"})
        programs.request(f"http://127.0.0.1:{suite.context_port}/v1/condense", "POST", json.dumps({
            "model": "small", "mode": "mask", "budget_tokens": 30,
            "messages": [{"role": "user", "content": f"word {i} " * 20} for i in range(8)],
        }).encode())

    def go_on(self, pause=0.2):
        """Rounds in a thread, until stop(); a service that a test killed is no failure here."""
        def work():
            number = 0
            while not self._end.wait(pause):
                number += 1
                try:
                    self.round(number)
                except (OSError, AssertionError, programs.http.client.HTTPException):
                    pass
        self._threads.append(threading.Thread(target=work, daemon=True))
        self._threads[-1].start()

    def stop(self):
        self._end.set()
        for thread in self._threads:
            thread.join(60)
        for simulator in (self.local, self.cloud):
            simulator.stop()
