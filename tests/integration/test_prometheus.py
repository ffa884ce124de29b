"""Debian's Prometheus over the running suite, with the configuration that the tree ships."""
import subprocess
import urllib.parse

import pytest

import suite as programs

SHIPPED = programs.ROOT / "monitoring/prometheus/prometheus.yml"
JOBS = ("llm-proxy", "context-service", "health-worker")


def pages(suite):
    return {"llm-proxy": suite.admin_port, "context-service": suite.context_port,
            "health-worker": suite.health_port}


@pytest.fixture
def prometheus(tmp_path):
    started = []

    def start(config):
        port = programs.free_port()
        path = tmp_path / "prometheus.yml"
        path.write_text(config)
        process = programs.Process("prometheus", [
            "prometheus", f"--config.file={path}", f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}"], tmp_path)
        process.spawn()
        started.append(process)
        return f"http://127.0.0.1:{port}"
    yield start
    for process in started:
        process.kill()


def query(url, expression):
    """Label sets and values; nothing while Prometheus is still starting."""
    try:
        answer = programs.request(f"{url}/api/v1/query?query={urllib.parse.quote(expression)}")
    except OSError:
        return []
    if answer.status != 200:
        return []
    return [(r["metric"], float(r["value"][1])) for r in answer.json["data"]["result"]]


def test_the_shipped_configuration_is_what_promtool_wants():
    subprocess.run(["promtool", "check", "config", SHIPPED], check=True, capture_output=True)


def test_every_page_is_clean_and_no_series_stands_twice(suite):
    suite.chat()
    for job, port in pages(suite).items():
        text = programs.request(f"http://127.0.0.1:{port}/metrics").body
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
        assert checked.returncode == 0, f"{job}: {checked.stderr.decode()}"
        assert programs.Metrics(text.decode()).has("process_start_time_seconds"), job


def test_prometheus_finds_all_three_up_and_reads_what_they_count(suite, prometheus):
    config = SHIPPED.read_text().replace("scrape_interval: 15s", "scrape_interval: 1s").replace(
        "scrape_timeout: 5s", "scrape_timeout: 1s")
    for job, port in zip(("8090", "8081", "8082"), pages(suite).values()):
        assert f":{job}" in config
        config = config.replace(f"127.0.0.1:{job}", f"127.0.0.1:{port}")
    for _ in range(3):
        suite.chat()
    url = prometheus(config)

    programs.wait_until(
        lambda: {(m["job"], v) for m, v in query(url, "up")} == {(job, 1.0) for job in JOBS},
        "three targets up", 30)
    assert query(url, 'sum(llm_requests_total{status="success"})')[0][1] == 3
    programs.wait_until(lambda: query(url, 'provider_status{job="health-worker"} == 1'),
                        "the provider's health", 30)
    refused = query(url, "sum(prometheus_target_scrapes_sample_duplicate_timestamp_total)")
    assert not refused or refused[0][1] == 0


# Names of the forerunners whose source moves in a suite that answered one chat.
FORERUNNERS = ("api_gateway_requests_total", "api_gateway_request_duration_seconds",
               "api_gateway_requests_in_progress", "api_gateway_health",
               "api_gateway_routing_latency_seconds", "ai_cluster_http_requests_total",
               "ai_cluster_inference_duration_seconds_bucket", "ai_cluster_tokens_generated_total",
               "ai_cluster_api_key_requests_total", "rbee_hive_memory_available_bytes",
               "rbee_hive_disk_total_bytes", 'up{job="queen-rbee"}', 'up{job="rbee-hive"}')


def test_every_rule_is_evaluated_over_the_suite_and_a_service_that_dies_is_told(suite, prometheus):
    config = SHIPPED.read_text().replace("15s", "1s").replace("5s", "1s")
    for name in ("recording", "alerts", "compat"):
        config = config.replace(f"- {name}.rules.yml", f"- {SHIPPED.parent}/{name}.rules.yml")
    config = config.replace("global:", "global:\n  evaluation_interval: 1s")
    for job, port in zip(("8090", "8081", "8082"), pages(suite).values()):
        config = config.replace(f"127.0.0.1:{job}", f"127.0.0.1:{port}")
    suite.chat()
    url = prometheus(config)

    programs.wait_until(lambda: all(query(url, name) for name in FORERUNNERS),
                        "the names of the forerunners", 60)

    def unwell():
        groups = programs.request(f"{url}/api/v1/rules").json["data"]["groups"]
        assert groups
        return [(rule["name"], rule["health"], rule.get("lastError"))
                for group in groups for rule in group["rules"] if rule["health"] != "ok"]
    programs.wait_until(lambda: not unwell(), "every rule's first evaluation", 60)
    # Before its first scrape a target is absent; of this machine's load and disk other alerts may
    # well be pending.
    programs.wait_until(lambda: not query(url, 'ALERTS{alertname=~".*Down"}'), "all is well", 60)

    suite.processes["context-service"].kill()
    programs.wait_until(lambda: query(url, 'ALERTS{alertname="ContextServiceDown"}'),
                        "the alert", 60)
