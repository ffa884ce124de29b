"""Debian's Prometheus over the running suite, with the configuration that the tree ships."""
import subprocess

import pytest

import suite as programs
from monitoring_stack import PROMETHEUS, Prometheus

JOBS = ("llm-proxy", "context-service", "health-worker")


def pages(suite):
    return {"llm-proxy": suite.admin_port, "context-service": suite.context_port,
            "health-worker": suite.health_port}


@pytest.fixture
def start_prometheus(tmp_path):
    """start_prometheus(suite, jobs=…)"""
    started = []

    def start(suite, **options):
        started.append(Prometheus(suite, tmp_path, **options))
        started[-1].spawn()
        return started[-1]
    yield start
    for process in started:
        process.kill()


def test_the_shipped_configuration_is_what_promtool_wants():
    subprocess.run(["promtool", "check", "config", PROMETHEUS], check=True, capture_output=True)


def test_every_page_is_clean_and_no_series_stands_twice(suite):
    suite.chat()
    for job, port in pages(suite).items():
        text = programs.request(f"http://127.0.0.1:{port}/metrics").body
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
        assert checked.returncode == 0, f"{job}: {checked.stderr.decode()}"
        assert programs.Metrics(text.decode()).has("process_start_time_seconds"), job


def test_prometheus_finds_all_three_up_and_reads_what_they_count(suite, start_prometheus):
    for _ in range(3):
        suite.chat()
    prometheus = start_prometheus(suite, jobs=JOBS)
    query = prometheus.query

    prometheus.wait_all_up(JOBS)
    programs.wait_until(lambda: [v for _, v in query('sum(llm_requests_total{status="success"})')]
                        == [3], "three requests", 30)
    programs.wait_until(lambda: query('provider_status{job="health-worker"} == 1'),
                        "the provider's health", 30)
    refused = query("sum(prometheus_target_scrapes_sample_duplicate_timestamp_total)")
    assert not refused or refused[0][1] == 0


# Names of the forerunners whose source moves in a suite that answered one chat.
FORERUNNERS = ("api_gateway_requests_total", "api_gateway_request_duration_seconds",
               "api_gateway_requests_in_progress", "api_gateway_health",
               "api_gateway_routing_latency_seconds", "ai_cluster_http_requests_total",
               "ai_cluster_inference_duration_seconds_bucket", "ai_cluster_tokens_generated_total",
               "ai_cluster_api_key_requests_total", "rbee_hive_memory_available_bytes",
               "rbee_hive_disk_total_bytes", 'up{job="queen-rbee"}', 'up{job="rbee-hive"}',
               'up{job="ollama"}')


def test_every_rule_is_evaluated_over_the_suite_and_a_service_that_dies_is_told(suite,
                                                                               start_prometheus):
    suite.chat()
    prometheus = start_prometheus(suite)
    query = prometheus.query

    programs.wait_until(lambda: all(query(name) for name in FORERUNNERS),
                        "the names of the forerunners", 60)
    programs.wait_until(lambda: prometheus.unwell_rules() == [], "every rule's first evaluation",
                        60)
    # Before its first scrape a target is absent; of this machine's load and disk other alerts may
    # well be pending.
    programs.wait_until(lambda: not query('ALERTS{alertname=~".*Down"}'), "all is well", 60)
    # The other names of a process count nothing a second time.
    assert [v for _, v in query("sum(llm_requests_total)")] == [1]

    suite.processes["context-service"].kill()
    programs.wait_until(lambda: query('ALERTS{alertname="ContextServiceDown"}'), "the alert", 60)


def test_a_provider_is_a_target_of_its_own_that_is_up_while_it_is(start_suite, simulator,
                                                                 start_prometheus):
    local, cloud = simulator, programs.Simulator(simulator.folder, "cloud").start()
    quick = {"probe": {"interval": "200ms"}, "retry": {"max": 0}}
    suite = start_suite(config={
        "providers": [programs.Suite.provider(local, "here", **quick),
                      programs.Suite.provider(cloud, "there", **{**quick, "backend": "cloud"})],
        "models": [{"name": "small", "targets": [{"provider": "here", "model": "sim"}]}]})
    prometheus = start_prometheus(suite, jobs=("ollama", "providers"))

    prometheus.wait_all_up()
    assert set(prometheus.targets()) == {("ollama", "here"), ("providers", "there")}
    programs.wait_until(lambda: [v for _, v in prometheus.query("sum(probe_success)")] == [2],
                        "both probed")
    cloud.kill()
    programs.wait_until(lambda: prometheus.targets().get(("providers", "there")), "its end", 30)
    assert "503" in prometheus.targets()["providers", "there"]
    assert prometheus.targets()["ollama", "here"] == ""


def test_of_a_provider_that_nobody_configured_there_is_no_page(suite):
    assert programs.request(f"http://127.0.0.1:{suite.health_port}/scrape/none").code == "not_found"
