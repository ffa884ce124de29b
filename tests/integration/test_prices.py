"""What a request costs: the installed list, overrides, a list that is wrong, models nobody prices."""
import decimal
import json
import random
import signal

from suite import wait_until

USD = decimal.Decimal(10) ** 9


def price_file(folder, text):
    path = folder / "prices.yaml"
    path.write_text(text)
    return path


def test_a_reload_with_a_wrong_list_keeps_the_old_prices(start_suite, simulator, tmp_path):
    path = price_file(tmp_path, "prices:\n  - {provider: sim, model: sim, input: 1, output: 2}\n")
    suite = start_suite(simulator, services=["llm-proxy"], config={"prices": {"file": str(path)}})
    simulator.script("chunks=1,size=4")

    def cost():
        answer = suite.chat("four")
        return decimal.Decimal(answer.headers["x-llm-cost-usd"]) if answer.status == 200 else None
    before = cost()
    assert before > 0

    path.write_text("prices:\n  - {provider: sim, model: sim, inptu: 5}\n")
    suite.proxy.signal(signal.SIGHUP)
    wait_until(lambda: f"{path}:2:" in suite.proxy.log(),
               "the refusal")
    suite.shows("config_last_reload_successful", 0)
    assert cost() == before

    path.write_text("prices:\n  - {provider: sim, model: sim, input: 10, output: 20}\n")
    suite.proxy.signal(signal.SIGHUP)
    wait_until(lambda: suite.metrics().value("config_last_reload_successful") == 1, "the reload")
    assert cost() == 10 * before
    # a price of the configuration goes before it
    suite.config["prices"]["overrides"] = [{"provider": "*", "model": "sim", "input": 0.5,
                                            "output": 1}]
    suite.write_config()
    suite.ctl("config", "reload")
    assert cost() == before / 2


def test_a_model_nobody_prices_is_null_and_counted(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"])
    answer = suite.chat()
    assert answer.status == 200 and "x-llm-cost-usd" not in answer.headers
    row, = suite.wait_ledger(1)
    assert row["cost_nano"] is None and row["tokens_out"] > 0
    suite.shows("llm_unpriced_requests_total", 1, model="small")
    assert suite.ctl_json("usage", "--by", "model")[0]["cost_usd"] is None


def test_the_ledgers_costs_are_what_decimal_says(start_suite, simulator):
    rng = random.Random(4)
    overrides = [{"provider": "sim", "model": "sim:chunks=%d" % (i + 1),
                  "input": round(rng.uniform(0, 3), 9), "output": round(rng.uniform(0, 90), 9),
                  "tiers": [{"above": 20, "input": round(rng.uniform(0, 9), 9)}]}
                 for i in range(20)]
    suite = start_suite(simulator, services=["llm-proxy"], config={
        "models": [{"name": f"m{i}", "targets": [{"provider": "sim", "model": o["model"]}]}
                   for i, o in enumerate(overrides)],
        "prices": {"overrides": overrides}})
    for i in range(20):
        for _ in range(5):
            text = "w" * rng.choice([1, 40, 79, 80, 81, 84, 85, 4000])
            assert suite.chat(text, model=f"m{i}", stream=rng.random() < 0.5).status == 200
    rows = suite.wait_ledger(100)
    for row in rows:
        price = overrides[int(row["model"][1:])]
        per_input = price["tiers"][0]["input"] if row["tokens_in"] > 20 else price["input"]
        nano = (row["tokens_in"] * decimal.Decimal(repr(per_input)) +
                row["tokens_out"] * decimal.Decimal(repr(price["output"]))) * 1000
        assert row["cost_nano"] == nano.quantize(decimal.Decimal(1), decimal.ROUND_HALF_UP), row
    assert {row["tokens_in"] > 20 for row in rows} == {True, False}
    total = sum(decimal.Decimal(row["cost_nano"]) for row in rows) / USD
    answer = suite.ctl("--json", "usage", "--by", "day").stdout
    assert sum(row["cost_usd"] for row in json.loads(answer, parse_float=decimal.Decimal)) == total


def test_prices_are_listed_and_imported(start_suite, simulator, tmp_path):
    suite = start_suite(simulator, services=["llm-proxy"], config={
        "prices": {"overrides": [{"provider": "*", "model": "house", "input": 0.5}]}})
    rows = suite.ctl_json("prices", "list")
    assert len(rows) > 80 and len({row["provider"] for row in rows}) >= 8
    assert rows[0]["origin"] == "configuration" and rows[0]["input"] == 0.5
    assert rows[0]["output"] is None
    table = suite.ctl("prices", "list").stdout
    assert "claude-opus-4-1" in table and "genai-prices" in table

    theirs, ours = tmp_path / "theirs.json", tmp_path / "ours.yaml"
    theirs.write_text(json.dumps({
        "sim/imported": {"litellm_provider": "sim", "input_cost_per_token": 2.5e-06,
                         "output_cost_per_token": 1e-05},
        "dall-e": {"litellm_provider": "openai", "output_cost_per_image": 0.04}}))
    done = suite.ctl("prices", "import", theirs, "--to", ours)
    assert "1 prices, 1 models left out" in done.stderr and "dall-e" in done.stderr
    suite.config["prices"]["file"] = str(ours)
    suite.write_config()
    suite.ctl("config", "reload")
    assert [row["model"] for row in suite.ctl_json("prices", "list")] == ["house", "imported"]
    # what cannot be read leaves the file that is there alone
    theirs.write_text("{")
    assert suite.ctl("prices", "import", theirs, "--to", ours, check=False).returncode == 1
    assert "imported" in ours.read_text()
    assert suite.ctl("prices", "import", check=False).returncode == 2


