#include "settings/settings.h"

#include "base/money.h"
#include "check.h"
#include "io/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

static char why[1024];

static struct settings *load_text(const char *text)
{
    struct settings *s = NULL;

    if (settings_parse("f", str_from(text), &s, why, sizeof(why)) != 0)
        fail_msg("%s", why);
    return s;
}

static struct settings *load_file(const char *path)
{
    struct settings *s = NULL;

    if (settings_load(path, &s, why, sizeof(why)) != 0)
        fail_msg("%s", why);
    return s;
}

static void check_refused(const char *text, const char *expected)
{
    struct settings *s = NULL;

    if (settings_parse("f", str_from(text), &s, why, sizeof(why)) <= 0)
        fail_msg("accepted: %s", text);
    assert_null(s);
    if (strcmp(why, expected) != 0)
        fail_msg("\"%s\"\n  gave     %s\n  expected %s", text, why, expected);
}

static double load_ratio(const char *text)
{
    char file[64];

    snprintf(file, sizeof(file), "context: {high_water: %s}", text);
    CLEANUP(settings_free) struct settings *s = load_text(file);
    return s->context.high_water;
}

static void an_empty_file_gives_the_defaults(void **state)
{
    CLEANUP(settings_free) struct settings *s = load_text("");
    char host[65] = "";

    (void)state;
    CHECK_TEXT(s->paths.state, "/var/lib/llm-proxy");
    CHECK_U64(s->proxy.n_listen, 1);
    CHECK_TEXT(s->proxy.listen[0], "127.0.0.1:8080");
    CHECK_TEXT(s->proxy.admin_listen, "127.0.0.1:8090");
    CHECK_U64(s->proxy.threads, 0);
    CHECK(s->proxy.auth_required);
    CHECK(s->proxy.metrics_on_api);
    CHECK_U64(s->proxy.max_body, 32 << 20);
    CHECK_U64(s->proxy.header_timeout, 10 * USEC_PER_SEC);
    CHECK_U64(s->n_providers, 0);
    CHECK_TEXT(s->prices.file, "/usr/share/llm-proxy/prices.yaml");
    CHECK_U64(s->cache.l2_max, UINT64_C(1) << 30);
    CHECK_INT(s->cache.scope, CACHE_SCOPE_KEY);
    CHECK_INT(s->context.mode, CONTEXT_EXTRACT);
    CHECK(s->context.high_water == 0.8);
    CHECK(load_ratio("90%") == 0.9 && load_ratio("100%") == 1 && load_ratio("0.85") == 0.85);
    CHECK_U64(s->context.deadline, 200 * USEC_PER_MSEC);
    CHECK_INT(s->logging.level, LOG_LEVEL_INFO);
    CHECK_INT(s->logging.format, LOG_FORMAT_AUTO);
    CHECK(s->audit.enabled);
    CHECK(s->health.gpu);
    CHECK_INT(gethostname(host, sizeof(host) - 1), 0);
    CHECK_TEXT(s->health.node_id, host);
    assert_null(s->proxy.tls_key);
    assert_null(s->curve.public_key);
}

static void a_provider_may_be_on_any_node_that_is_listed_or_here(void **state)
{
    CLEANUP(settings_free)
    struct settings *s = load_text("health: {node: {id: a}, publish: '127.0.0.1:1',"
                                   " nodes: [{id: a, address: '127.0.0.1:1'},"
                                   " {id: b, address: '127.0.0.1:2'}]}\n"
                                   "providers: [{name: p, base_url: 'http://a', node: a},"
                                   " {name: q, base_url: 'http://b', node: b},"
                                   " {name: r, base_url: 'http://c'}]");

    (void)state;
    CHECK_TEXT(s->providers[0].node, "a");
    CHECK_TEXT(s->providers[1].node, "b");
    assert_null(s->providers[2].node);
    CHECK_U64(s->health.n_nodes, 2);
    assert_null(s->health.nodes[1].key);
    check_refused("health: {node: {id: a}, nodes: [{id: b, address: '[::1]:1'}]}\n"
                  "providers: [{name: p, base_url: 'http://a', node: c}]",
                  "f:2:51: no node of health.nodes is called 'c'");
    check_refused("health: {publish: 'unix:/run/x.sock'}",
                  "f:1:19: health.publish 'unix:/run/x.sock' must be a tcp address");
}

static void a_model_inherits_what_it_does_not_say_of_its_conversations(void **state)
{
    CLEANUP(settings_free)
    struct settings *s =
        load_text("context: {mode: mask, keep_last: 7, retrieval_tool: true}\n"
                  "providers: [{name: p, base_url: 'http://a'}]\n"
                  "models:\n"
                  "- {name: plain, targets: [{provider: p, model: m}]}\n"
                  "- {name: own, targets: [{provider: p, model: m}], context: {mode: off,"
                  " high_water: 90%, low_water: 0.2, keep_last: 0, retrieval_tool: false}}");
    struct settings_context_rules plain =
        settings_context_rules(s, settings_find_model(s, "plain"));
    struct settings_context_rules own = settings_context_rules(s, settings_find_model(s, "own"));
    struct settings_context_rules unknown = settings_context_rules(s, NULL);

    (void)state;
    CHECK(plain.mode == CONTEXT_MASK && plain.keep_last == 7 && plain.retrieval_tool);
    CHECK(plain.high_water == 0.8 && plain.low_water == 0.4);
    CHECK(own.mode == CONTEXT_OFF && own.keep_last == 0 && !own.retrieval_tool);
    CHECK(own.high_water == 0.9 && own.low_water == 0.2);
    CHECK(unknown.mode == CONTEXT_MASK && unknown.keep_last == 7);
}

static void every_key_of_the_contract_is_read(void **state)
{
    CLEANUP(settings_free) struct settings *s = load_file("data/every_key.yaml");
    const struct settings_provider *p = settings_find_provider(s, "openai");

    (void)state;
    CHECK_U64(s->proxy.n_listen, 2);
    CHECK_TEXT(s->proxy.tls_key, "/etc/llm-proxy/key.pem");
    CHECK_TEXT(p->base_url, "https://api.openai.com/v1");
    CHECK_TEXT(p->api_key.env, "OPENAI_API_KEY");
    CHECK_U64(p->queue.max, 256);
    CHECK_U64(p->timeouts.total, 600 * USEC_PER_SEC);
    CHECK_U64(p->retry.backoff, 200 * USEC_PER_MSEC);
    CHECK_U64(p->breaker.open_for, 30 * USEC_PER_SEC);
    CHECK_U64(p->breaker.half_open, 3);
    CHECK_TEXT(p->probe.path, "/models");
    CHECK_INT(settings_find_provider(s, "azure")->on_disconnect, ON_DISCONNECT_CANCEL);
    CHECK_TEXT(settings_find_provider(s, "azure")->api_key.file, "/etc/llm-proxy/azure.key");
    CHECK_TEXT(settings_find_provider(s, "claude")->api_key.credential, "anthropic-key");
    CHECK_INT(settings_find_provider(s, "claude")->dialect, DIALECT_ANTHROPIC);
    CHECK_INT(settings_find_provider(s, "ollama")->backend, BACKEND_LOCAL);

    const struct settings_model *smart = settings_find_model(s, "gpt-5");
    CHECK_TEXT(smart->name, "smart");
    CHECK_INT(smart->strategy, STRATEGY_WEIGHTED);
    CHECK_U64(smart->n_targets, 2);
    CHECK_U64(smart->targets[0].weight, 3);
    CHECK_TEXT(s->providers[smart->targets[1].provider_index].name, "azure");
    CHECK_TEXT(smart->fallback[0], "small");
    CHECK_TEXT(settings_find_model(s, "auto")->complexity.high, "smart");
    CHECK(settings_find_model(s, "auto")->complexity.medium_at == 0.35);
    CHECK(settings_find_model(s, "auto")->complexity.high_at == 0.7);
    CHECK_U64(settings_find_model(s, "small")->context_window, 8192);
    assert_null(settings_find_model(s, "absent"));
    CHECK_INT(s->cache.scope, CACHE_SCOPE_TEAM);
    CHECK_INT(settings_find_model(s, "small")->cache.when, CACHE_ALWAYS);
    CHECK_U64(settings_find_model(s, "small")->cache.ttl, 600 * USEC_PER_SEC);
    CHECK(settings_find_model(s, "small")->cache.tool_calls);
    CHECK_INT(smart->cache.when, CACHE_DETERMINISTIC);
    CHECK(!smart->cache.tool_calls);

    CHECK_U64(s->prices.n_overrides, 2);
    CHECK_INT(s->prices.overrides[0].input, 1250000000);
    CHECK_INT(s->prices.overrides[0].cache_read, 125000000);
    CHECK_INT(s->prices.overrides[0].cache_write, MONEY_UNKNOWN);
    CHECK_INT(s->prices.overrides[1].input, 0);
    CHECK_TEXT(s->health.node_id, "host-1");
    CHECK_U64(s->workers[0].port, 9101);
    CHECK_U64(s->workers[0].n_command, 7);
    CHECK_U64(s->workers[0].memory_limit, UINT64_C(12) << 30);
    CHECK_TEXT(s->curve.secret_file, "/etc/llm-proxy/curve.secret");
    CHECK_U64(s->curve.n_allow, 1);
    CHECK_TEXT(s->curve.allow[0], s->curve.public_key);
    CHECK_TEXT(s->health.publish, "10.0.0.1:8083");
    CHECK_U64(s->health.retention, 2 * 3600 * USEC_PER_SEC);
    CHECK_TEXT(s->health.nodes[0].id, "host-2");
    CHECK_TEXT(s->health.nodes[0].address, "10.0.0.2:8083");
    CHECK_TEXT(s->health.nodes[0].key, s->curve.public_key);
}

static void a_worker_becomes_a_local_provider(void **state)
{
    CLEANUP(settings_free) struct settings *s = load_file("data/every_key.yaml");
    const struct settings_provider *p = settings_find_provider(s, "llama-8b");

    (void)state;
    assert_non_null(p);
    CHECK_TEXT(p->base_url, "http://127.0.0.1:9101/v1");
    CHECK_INT(p->backend, BACKEND_LOCAL);
    CHECK_U64(p->timeouts.connect, 2 * USEC_PER_SEC);
    const struct settings_model *m = settings_find_model(s, "here");
    CHECK(&s->providers[m->targets[0].provider_index] == p);
}

static void the_sample_configuration_loads(void **state)
{
    CLEANUP(settings_free) struct settings *s = load_file("../../deploy/etc/llm-proxy.yaml");

    (void)state;
    CHECK_U64(s->n_models, 1);
}

static void what_is_printed_loads_again_and_prints_the_same(void **state)
{
    CLEANUP(settings_free) struct settings *s = load_file("data/every_key.yaml");
    CLEANUP(buf_done) struct buf first, second;

    (void)state;
    buf_init(&first, 1 << 20);
    buf_init(&second, 1 << 20);
    CHECK_INT(settings_print(s, &first), BUF_OK);
    CLEANUP(settings_free) struct settings *again = load_text(first.data);
    CHECK_INT(settings_print(again, &second), BUF_OK);
    CHECK_TEXT(second.data, first.data);
    CHECK_INT(again->prices.overrides[0].input, 1250000000);
    CHECK_U64(again->providers[0].timeouts.total, s->providers[0].timeouts.total);

    assert_null(strstr(first.data, "sk-canary"));
    assert_non_null(strstr(first.data, "\"--api-key\", \"<redacted>\""));
    assert_non_null(strstr(first.data, "api_key: # <redacted>"));
    assert_non_null(strstr(first.data, "max_body: 32MiB\n"));
    assert_non_null(strstr(first.data, "total: 10m\n"));
}

static void every_value_is_checked_where_it_stands(void **state)
{
    static const char *const cases[][2] = {
        {"proxyy: {}", "f:1:1: unknown key 'proxyy' at the top; allowed: paths, proxy, providers, "
                       "models, prices, limits, cache, context, health, workers, audit, logging, "
                       "tracing, bus, store"},
        {"proxy:\n  tls: {cert: x}",
         "f:2:9: unknown key 'cert' in proxy.tls; allowed: certificate, key"},
        {"providers:\n- name: a\n  base_url: http://a\n  queue: {size: 3}",
         "f:4:11: unknown key 'size' in providers[0].queue; allowed: max, timeout"},
        {"[]", "f:1:1: the file must be a map: 'key: value'"},
        {"proxy: 3", "f:1:8: proxy must be a map"},
        {"proxy: {listen: a}", "f:1:17: proxy.listen must be a list"},
        {"proxy: {listen: []}", "f:1:17: proxy.listen must have 1 to 16 items, not 0"},
        {"proxy: {listen: [\"host.example:80\"]}",
         "f:1:18: proxy.listen must be an address like 127.0.0.1:8080, [::1]:8080 or unix:/path"},
        {"proxy: {threads: 65}", "f:1:18: proxy.threads must be 1 to 64 or auto, not '65'"},
        {"proxy: {threads: 0}", "f:1:18: proxy.threads must be 1 to 64 or auto, not '0'"},
        {"proxy: {max_connections: -1}",
         "f:1:26: proxy.max_connections must be 1 to 1000000, not '-1'"},
        {"proxy: {max_body: 32mib}", "f:1:19: proxy.max_body must be 1KiB to 1GiB, not '32mib'"},
        {"proxy: {header_timeout: 10}",
         "f:1:25: proxy.header_timeout must be 10ms to 1h, not '10'"},
        {"proxy: {header_timeout: 2h}",
         "f:1:25: proxy.header_timeout must be 10ms to 1h, not '2h'"},
        {"proxy: {header_timeout: }", "f:1:25: proxy.header_timeout has no value"},
        {"proxy: {header_timeout: [1s]}",
         "f:1:25: proxy.header_timeout must be one value, not a list or map"},
        {"proxy: {auth: on}", "f:1:15: proxy.auth must be required or off, not 'on'"},
        {"context: {mode: fast}", "f:1:17: context.mode must be off, lossless, mask, extract or "
                                  "summarize, not 'fast'"},
        {"context: {high_water: 1.5}", "f:1:23: context.high_water must be 0 to 1, not '1.5'"},
        {"context: {high_water: 101%}", "f:1:23: context.high_water must be 0 to 1, not '101%'"},
        {"audit: {enabled: yes}", "f:1:18: audit.enabled must be true or false, not 'yes'"},
        {"logging: {format: text}",
         "f:1:19: logging.format must be auto, journal or json, not 'text'"},
        {"providers:\n- base_url: http://a", "f:2:3: providers[0].name is missing"},
        {"providers:\n- name: a", "f:2:3: providers[0].base_url is missing"},
        {"providers: [{name: a, base_url: 'http://a', dialect: ollama, keep_alive: long}]",
         "f:1:74: providers[0].keep_alive must be a duration of at most 366 days such as 30m, 0, "
         "or forever"},
        {"providers: [{name: a, base_url: 'http://a', keep_alive: 5m}]",
         "f:1:57: keep_alive is for providers of dialect ollama"},
        {"providers: [3]", "f:1:13: providers must hold maps: '- key: value'"},
        {"workers:\n- {name: w, port: 1}", "f:2:3: workers[0].command is missing"},
        {"workers:\n- {name: w, command: [a], port: 0}",
         "f:2:33: workers[0].port must be 1 to 65535, not '0'"},
        {"workers:\n- {name: w, command: [a], port: 1, device: gpu}",
         "f:2:44: workers[0].device must be cpu, or gpu0 to gpu63"},
        {"prices: {overrides: [{provider: a, model: m, input: 1e3}]}",
         "f:1:53: prices.overrides[0].input must be an amount like 1.25, with at most 9 decimals, "
         "not '1e3'"},
        {"prices: {overrides: [{provider: a, model: m}, {provider: a, model: m}]}",
         "f:1:68: m of a is listed twice"},
        {"prices: {overrides: [{provider: a, model: m, tiers: [{above: 9}, {above: 9}]}]}",
         "f:1:74: m of a: the tiers must be in order, each above another number of tokens"},
        {"bus: {curve: {public: short, secret_file: x}}",
         "f:1:23: bus.curve.public must be a CURVE public key of 40 characters"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_refused(cases[i][0], cases[i][1]);
}

static void what_is_not_built_yet_is_refused(void **state)
{
    (void)state;
    check_refused("cache: {l3: {redis: \"redis://h\"}}",
                  "f:1:13: cache.l3 is not built yet: leave it out");
    check_refused("store: {redis: \"redis://h\"}",
                  "f:1:16: store.redis is not built yet: leave it out");
    check_refused("tracing: {otlp_endpoint: \"http://h\"}",
                  "f:1:26: tracing.otlp_endpoint is not built yet: leave it out");

    struct settings *s = load_text("store: {redis: \"\"}\ntracing: {otlp_endpoint: \"\"}");
    settings_free(&s);
}

static void a_secret_in_the_file_is_refused_and_not_repeated(void **state)
{
    static const char *const urls[] = {"http://user:sk-canary@host/",
                                       "http://host/?key=sk-canary",
                                       "http://host/#sk-canary",
                                       "ftp://sk-canary",
                                       "http://",
                                       "http://a:0/",
                                       "http://a:99999",
                                       "http://[::1/",
                                       "http://a b/",
                                       "HTTP://a"};
    char text[256];
    struct settings *s = NULL;

    (void)state;
    check_refused("providers:\n- name: a\n  base_url: http://a\n  api_key: sk-canary",
                  "f:4:12: providers[0].api_key must not hold the secret itself: {env: NAME}, "
                  "{file: PATH} or {credential: NAME} says where it is");
    check_refused("providers: [{name: a, base_url: \"http://a\", api_key: {env: A, file: b}}]",
                  "f:1:54: providers[0].api_key must have exactly one of env, file, credential");
    check_refused("providers: [{name: a, base_url: \"http://a\", api_key: {}}]",
                  "f:1:54: providers[0].api_key must have exactly one of env, file, credential");
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        snprintf(text, sizeof(text), "providers: [{name: a, base_url: \"%s\"}]", urls[i]);
        CHECK(settings_parse("f", str_from(text), &s, why, sizeof(why)) > 0);
        CHECK_TEXT(why, "f:1:33: providers[0].base_url must be an http:// or https:// URL without "
                        "user, password, query or fragment");
    }
}

static void keys_that_disagree_are_refused_where_they_stand(void **state)
{
    static const char providers[] = "providers: [{name: p, base_url: \"http://a\"}]\n";
    static const char *const cases[][2] = {
        {"proxy:\n  listen: [\"0.0.0.0:80\"]\n  auth: off",
         "f:4:9: proxy.auth may be off only if every listen address is loopback, and '0.0.0.0:80' "
         "is not"},
        {"proxy:\n  tls: {key: a}", "f:3:14: proxy.tls needs both certificate and key"},
        {"context:\n  low_water: 0.9",
         "f:3:14: context.low_water must be below high_water, which is 0.8"},
        {"context:\n  summarize: {url: 'http://a'}",
         "f:3:20: context.summarize needs both url and model"},
        {"models:\n- {name: a, targets: [], context: {low_water: 0.8}}",
         "f:3:47: low_water of model 'a', 0.8, must be below its high_water, which is 0.8"},
        {"bus: {curve: {allow: [\"" KEY "\"]}}",
         "f:2:22: bus.curve.allow needs public and secret_file"},
        {"health: {publish: '0.0.0.0:1'}",
         "f:2:19: health.publish '0.0.0.0:1' is not loopback: it needs bus.curve"},
        {"health: {nodes: [{id: a, address: '10.0.0.1:1'}]}",
         "f:2:35: health.nodes[].address '10.0.0.1:1' is not loopback: it needs bus.curve"},
        {"health: {nodes: [{id: a, address: '127.0.0.1:1', key: \"" KEY "\"}]}",
         "f:2:55: key is for machines with a bus.curve of their own"},
        {"health: {nodes: [{id: a, address: '[::1]:1'}, {id: a, address: '[::1]:2'}]}",
         "f:2:52: node 'a' is already listed"},
        {"bus:\n  curve: {secret_file: a}", "f:3:24: bus.curve needs both public and secret_file"},
        {"models:\n- {name: a, targets: [{provider: q, model: m}]}",
         "f:3:34: no provider is called 'q'"},
        {"models:\n- {name: a}", "f:3:3: model 'a' has no targets"},
        {"models:\n- {name: a, targets: [{provider: p, model: m}]}\n"
         "- {name: b, aliases: [x, a], targets: [{provider: p, model: m}]}",
         "f:4:26: model name or alias 'a' is already used in line 3"},
        {"models:\n- {name: a, targets: [{provider: p, model: m}], fallback: [x]}",
         "f:3:60: no model is called 'x'"},
        {"models:\n- {name: a, targets: [{provider: p, model: m}], fallback: [a]}",
         "f:3:60: 'a' leads back to itself"},
        {"models:\n- {name: a, targets: [{provider: p, model: m}], fallback: [b]}\n"
         "- {name: b, targets: [{provider: p, model: m}], fallback: [a]}",
         "f:4:60: 'a' leads back to itself"},
        {"models:\n- {name: a, strategy: complexity}",
         "f:3:3: strategy complexity needs low, medium and high"},
        {"models:\n- {name: a, strategy: complexity, complexity: {low: a, medium: a, high: a}}",
         "f:3:53: 'a' is of strategy complexity itself"},
        {"models:\n- {name: b, targets: [{provider: p, model: m}], fallback: [a]}\n"
         "- {name: a, strategy: complexity, complexity: {low: b, medium: b, high: b}}",
         "f:4:53: 'b' leads back to itself"},
        {"models:\n- {name: b, targets: [{provider: p, model: m}]}\n- {name: a, strategy: "
         "complexity, "
         "complexity: {low: b, medium: b, high: b, medium_at: 0.7}}",
         "f:4:47: complexity.high_at must not be below medium_at, which is 0.7"},
        {"models:\n- {name: a, targets: [{provider: p, model: m}], complexity: {low: a}}",
         "f:3:67: complexity belongs to strategy complexity"},
        {"workers:\n- {name: a, command: [x], port: 1}\n- {name: a, command: [x], port: 2}",
         "f:4:10: worker name 'a' is already used in line 3"},
        {"workers:\n- {name: a, command: [x], port: 1}\n"
         "- {name: b, provider: a, command: [x], port: 2}",
         "f:4:23: provider 'a' belongs to worker 'a' already"},
        {"workers:\n- {name: a, command: [x], port: 1}\n- {name: b, command: [x], port: 1}",
         "f:4:33: port 1 belongs to worker 'a' already"},
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "%s%s", providers, cases[i][0]);
        check_refused(text, cases[i][1]);
    }
    check_refused("providers:\n- {name: p, base_url: \"http://a\"}\n"
                  "- {name: p, base_url: \"http://b\"}",
                  "f:3:10: provider name 'p' is already used in line 2");
}

static void auth_may_be_off_on_loopback(void **state)
{
    CLEANUP(settings_free)
    struct settings *s = load_text(
        "proxy: {auth: off, listen: [\"127.0.0.1:0\", \"[::1]:1\", \"unix:/run/x.sock\"]}");

    (void)state;
    CHECK(!s->proxy.auth_required);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void mutate(char *text, size_t *len, size_t max, uint64_t *seed)
{
    static const char alphabet[] = "\n :-{}[]\"'#&*!|>%@`,?0aA~\t\\\x01\xc3\xff";
    size_t at = next_random(seed) % *len;
    size_t from = next_random(seed) % *len;
    size_t n = 1 + next_random(seed) % 40;

    switch (next_random(seed) % 4) {
    case 0:
        text[at] = alphabet[next_random(seed) % (sizeof(alphabet) - 1)];
        break;
    case 1: /* cut out */
        n = n < *len - at ? n : *len - at;
        memmove(text + at, text + at + n, *len - at - n);
        *len -= n;
        break;
    case 2: /* repeat a part somewhere else */
        n = n < *len - from ? n : *len - from;
        if (*len + n <= max) {
            char part[41];
            memcpy(part, text + from, n);
            memmove(text + at + n, text + at, *len - at);
            memcpy(text + at, part, n);
            *len += n;
        }
        break;
    default: /* cut off */
        if (next_random(seed) % 8 == 0)
            *len = at;
    }
    if (*len == 0)
        text[(*len)++] = '\n';
}

/* A thousand broken copies: each loads, or is refused with its line and column. */
static void a_mutated_file_loads_or_is_refused_with_its_place(void **state)
{
    static char original[16384], text[32768];
    unsigned refused = 0;
    FILE *f = fopen("data/every_key.yaml", "re");

    (void)state;
    assert_non_null(f);
    size_t size = fread(original, 1, sizeof(original), f);
    fclose(f);
    CHECK(size > 1000 && size < sizeof(original));
    for (uint64_t i = 1; i <= 1000; i++) {
        uint64_t seed = i * 0x9e3779b97f4a7c15u;
        size_t len = size;
        memcpy(text, original, size);
        for (uint64_t k = 0; k < 1 + i % 8; k++)
            mutate(text, &len, sizeof(text), &seed);

        CLEANUP(settings_free) struct settings *s = NULL;
        int e = settings_parse("f", (struct str){text, len}, &s, why, sizeof(why));
        unsigned line, column;
        if (e == 0)
            continue;
        refused++;
        if (e < 0 || sscanf(why, "f:%u:%u: ", &line, &column) != 2 || line == 0 || column == 0)
            fail_msg("mutation %llu: %d %s", (unsigned long long)i, e, why);
    }
    CHECK(refused > 300 && refused < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(a_provider_may_be_on_any_node_that_is_listed_or_here),
        cmocka_unit_test(a_model_inherits_what_it_does_not_say_of_its_conversations),
        cmocka_unit_test(every_key_of_the_contract_is_read),
        cmocka_unit_test(a_worker_becomes_a_local_provider),
        cmocka_unit_test(the_sample_configuration_loads),
        cmocka_unit_test(what_is_printed_loads_again_and_prints_the_same),
        cmocka_unit_test(every_value_is_checked_where_it_stands),
        cmocka_unit_test(what_is_not_built_yet_is_refused),
        cmocka_unit_test(a_secret_in_the_file_is_refused_and_not_repeated),
        cmocka_unit_test(keys_that_disagree_are_refused_where_they_stand),
        cmocka_unit_test(auth_may_be_off_on_loopback),
        cmocka_unit_test(a_mutated_file_loads_or_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
