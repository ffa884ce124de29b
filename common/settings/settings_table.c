#include "settings/settings_table.h"

#include "settings/settings_text.h"

#include <stddef.h>

/* Where in OWNER a value goes; each table says which struct OWNER is. */
#define FIELD(f) .offset = offsetof(struct OWNER, f), .size = sizeof(((struct OWNER *)0)->f)

#define TEXT(key, f, may, initial, text)                                                           \
    {                                                                                              \
        .name = (key), .type = SETTINGS_TEXT, FIELD(f), .check = settings_text_check_##may,        \
        .fallback = (initial), .help = (text)                                                      \
    }
#define NEEDED(key, f, may, text)                                                                  \
    {                                                                                              \
        .name = (key), .type = SETTINGS_TEXT, FIELD(f), .check = settings_text_check_##may,        \
        .is_required = true, .help = (text)                                                        \
    }
#define NUMBER(kind, key, f, initial, low, high, text)                                             \
    {                                                                                              \
        .name = (key), .type = SETTINGS_##kind, FIELD(f), .fallback = (initial), .min = (low),     \
        .max = (high), .help = (text)                                                              \
    }
#define WORD(key, f, set, initial, text)                                                           \
    {                                                                                              \
        .name = (key), .type = SETTINGS_WORD, FIELD(f), .words = settings_words_##set,             \
        .fallback = (initial), .help = (text)                                                      \
    }
#define PRICE(key, f, text)                                                                        \
    {                                                                                              \
        .name = (key), .type = SETTINGS_PRICE, FIELD(f), .help = (text)                            \
    }
#define MAP(key, table, text)                                                                      \
    {                                                                                              \
        .name = (key), .type = SETTINGS_MAP, .rows = (table), .help = (text)                       \
    }
#define TEXTS(key, f, count, may, limit, text)                                                     \
    {                                                                                              \
        .name = (key), .type = SETTINGS_TEXTS, FIELD(f),                                           \
        .count_offset = offsetof(struct OWNER, count), .max = (limit),                             \
        .check = settings_text_check_##may, .help = (text)                                         \
    }
#define LIST(key, f, count, table, limit, text)                                                    \
    {                                                                                              \
        .name = (key), .type = SETTINGS_LIST, .offset = offsetof(struct OWNER, f),                 \
        .count_offset = offsetof(struct OWNER, count),                                             \
        .item_size = sizeof(*((struct OWNER *)0)->f), .rows = (table), .max = (limit),             \
        .help = (text)                                                                             \
    }
#define LATER(key, harmless, text)                                                                 \
    {                                                                                              \
        .name = (key), .type = SETTINGS_LATER, .fallback = (harmless), .help = (text)              \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

#define MSEC USEC_PER_MSEC
#define SEC  USEC_PER_SEC
#define HOUR (3600 * USEC_PER_SEC)
#define DAY  (24 * HOUR)
#define KIB  (UINT64_C(1) << 10)
#define GIB  (UINT64_C(1) << 30)
#define TIB  (UINT64_C(1) << 40)

#define OWNER settings_secret

static const struct settings_row secret[] = {
    TEXT("env", env, variable, NULL, "Name of an environment variable"),
    TEXT("file", file, file, NULL, "Path of a file"),
    TEXT("credential", credential, name, NULL, "Name of a systemd credential"),
    END,
};

#undef OWNER
#define OWNER settings

static const struct settings_row paths[] = {
    TEXT("state", paths.state, file, "/var/lib/llm-proxy", "Databases, spool, admin token"),
    TEXT("runtime", paths.runtime, runtime, "/run/llm-proxy", "Sockets of the bus and admin.sock"),
    TEXT("logs", paths.logs, file, "/var/log/llm-proxy", "The audit trail"),
    TEXT("data", paths.data, file, "/usr/share/llm-proxy", "Files that come with the suite"),
    TEXT("models", paths.models, file, NULL,
         "Where `llmctl models pull` puts files; default: models below paths.state"),
    END,
};

static const struct settings_row tls[] = {
    TEXT("certificate", proxy.tls_certificate, file, NULL, "PEM file: the chain"),
    TEXT("key", proxy.tls_key, file, NULL, "PEM file: the private key"),
    END,
};

static const struct settings_row proxy[] = {
    {.name = "listen",
     .type = SETTINGS_TEXTS,
     FIELD(proxy.listen),
     .count_offset = offsetof(struct settings, proxy.n_listen),
     .fallback = "127.0.0.1:8080",
     .min = 1,
     .max = 16,
     .check = settings_text_check_address,
     .help = "Addresses of the API"},
    TEXT("admin_listen", proxy.admin_listen, address_or_off, "127.0.0.1:8090",
         "Address of the admin API and metrics; \"\" turns it off, admin.sock is always there"),
    {.name = "threads",
     .type = SETTINGS_COUNT,
     FIELD(proxy.threads),
     .fallback = "auto",
     .min = 1,
     .max = 64,
     .words = settings_words_threads,
     .help = "Worker threads; auto is one per core"},
    WORD("auth", proxy.auth_required, auth, "required",
         "Whether callers need a key; off is refused unless every listen address is loopback"),
    WORD("metrics_on_api", proxy.metrics_on_api, metrics_on_api, "loopback",
         "Whether the API listener serves /metrics to loopback peers"),
    NUMBER(COUNT, "max_connections", proxy.max_connections, "10000", 1, 1000000,
           "Open client connections; more are refused"),
    NUMBER(SIZE, "max_body", proxy.max_body, "32MiB", KIB, GIB, "Largest request body"),
    NUMBER(SIZE, "max_header", proxy.max_header, "32KiB", KIB, 1024 * KIB, "Largest request head"),
    NUMBER(DURATION, "header_timeout", proxy.header_timeout, "10s", 10 * MSEC, HOUR,
           "Time for a whole request head"),
    NUMBER(DURATION, "body_timeout", proxy.body_timeout, "60s", 10 * MSEC, HOUR,
           "Time for a whole request body"),
    NUMBER(DURATION, "idle_timeout", proxy.idle_timeout, "75s", 10 * MSEC, HOUR,
           "How long a connection may wait for its next request"),
    NUMBER(DURATION, "drain_timeout", proxy.drain_timeout, "30s", 0, HOUR,
           "How long requests may go on after SIGTERM"),
    NUMBER(DURATION, "keepalive_comment", proxy.keepalive_comment, "15s", 0, HOUR,
           "SSE comment while the upstream thinks; 0 sends none"),
    MAP("tls", tls, "Both files, or neither for clear text"),
    END,
};

static const struct settings_row limits_default[] = {
    NUMBER(COUNT, "rpm", default_limits.rpm, "0", 0, 1000000000, "Requests a minute"),
    NUMBER(COUNT, "tpm", default_limits.tpm, "0", 0, 1000000000000, "Tokens a minute"),
    NUMBER(COUNT, "parallel", default_limits.parallel, "0", 0, 1000000, "Requests at a time"),
    END,
};

static const struct settings_row limits[] = {
    MAP("default", limits_default, "For keys without limits of their own; 0 is unlimited"),
    WORD("unpriced", refuses_unpriced, unpriced, "allow",
         "Models without a price, for keys without a word of their own; no budget counts them"),
    END,
};

static const struct settings_row cache_l1[] = {
    NUMBER(SIZE, "max", cache.l1_max, "64MiB", 0, TIB, "Memory; 0 turns it off"),
    NUMBER(DURATION, "ttl", cache.l1_ttl, "5m", 0, 366 * DAY,
           "How long an answer stays there; without l2, how long it is good"),
    END,
};

static const struct settings_row cache_l2[] = {
    NUMBER(SIZE, "max", cache.l2_max, "1GiB", 0, TIB, "Disk; 0 turns it off"),
    NUMBER(DURATION, "ttl", cache.l2_ttl, "1h", 0, 366 * DAY, "How long an answer is good"),
    END,
};

static const struct settings_row cache[] = {
    WORD("scope", cache.scope, cache_scope, "key",
         "Who gets an answer again: callers with the same key, or keys of the same team"),
    MAP("l1", cache_l1, "Responses kept in memory"),
    MAP("l2", cache_l2, "Responses kept on disk, over restarts"),
    LATER("l3", NULL, "Responses shared over Redis: not built yet"),
    END,
};

static const struct settings_row context_store[] = {
    NUMBER(SIZE, "max", context.store.max, "1GiB", 1024 * KIB, TIB, "Disk for all of them"),
    NUMBER(SIZE, "max_per_tenant", context.store.max_per_tenant, "256MiB", 1024 * KIB, TIB,
           "Disk for those of one key"),
    NUMBER(COUNT, "max_sessions", context.store.max_sessions, "10000", 1, 10000000,
           "Sessions kept; those unused for longest go first"),
    NUMBER(DURATION, "ttl", context.store.ttl, "24h", SEC, 366 * DAY,
           "How long a session and its blocks are kept without use"),
    END,
};

static const struct settings_row summarize[] = {
    TEXT("url", context.summarize.url, url, NULL,
         "An OpenAI-compatible API, normally llm-proxy itself: http://127.0.0.1:8080/v1"),
    TEXT("model", context.summarize.model, printable, NULL, "Which model to ask there"),
    {.name = "api_key",
     .type = SETTINGS_SECRET,
     FIELD(context.summarize.api_key),
     .rows = secret,
     .help = "Where the key for it is kept: one of env, file or credential"},
    NUMBER(DURATION, "timeout", context.summarize.timeout, "20s", 10 * MSEC, 600 * SEC,
           "How long it may take, beside context.deadline"),
    END,
};

static const struct settings_row context[] = {
    TEXT("listen", context.listen, address, "127.0.0.1:8081", "Address of context-service"),
    WORD("mode", context.mode, context_mode, "extract", "How a conversation that is too long fits"),
    NUMBER(RATIO, "high_water", context.high_water, "0.8", 0, 1,
           "Share of the model's window above which a conversation is condensed"),
    NUMBER(RATIO, "low_water", context.low_water, "0.4", 0, 1,
           "Share of the window it is condensed to; below high_water"),
    NUMBER(COUNT, "keep_last", context.keep_last, "4", 0, 1000, "Last messages never touched"),
    NUMBER(DURATION, "deadline", context.deadline, "200ms", MSEC, 600 * SEC,
           "How long the proxy waits for context-service"),
    WORD("on_failure", context.on_failure, on_failure, "forward",
         "What becomes of the request when context-service does not answer"),
    WORD("retrieval_tool", context.retrieval_tool, bool, "false",
         "Whether the model may call a tool that gives it back what was omitted"),
    MAP("store", context_store, "Sessions and omitted blocks, kept in context.db"),
    MAP("summarize", summarize, "The model that mode summarize asks; without url: extracts"),
    END,
};

#undef OWNER
#define OWNER settings_node

static const struct settings_row health_nodes[] = {
    NEEDED("id", id, name, "Its health.node.id"),
    NEEDED("address", address, address, "Its health.publish, as seen from here"),
    TEXT("key", key, curve, NULL, "Its bus.curve.public, where it has a pair of its own"),
    END,
};

#undef OWNER
#define OWNER settings_download

static const struct settings_row downloads[] = {
    NEEDED("url", url, url, "Where models need a token: it goes to addresses below this one only"),
    {.name = "token",
     .type = SETTINGS_SECRET,
     FIELD(token),
     .rows = secret,
     .help = "Where it is kept: one of env, file or credential"},
    END,
};

#undef OWNER
#define OWNER settings

static const struct settings_row health_node[] = {
    TEXT("id", health.node_id, name, NULL, "Name of this machine; default: its host name"),
    END,
};

static const struct settings_row health[] = {
    TEXT("listen", health.listen, address, "127.0.0.1:8082", "Address of health-worker"),
    NUMBER(DURATION, "interval", health.interval, "15s", 100 * MSEC, HOUR,
           "How often the machine is looked at"),
    WORD("gpu", health.gpu, gpu, "auto", "Whether GPUs are looked at"),
    NUMBER(SIZE, "worker_memory", health.worker_memory, "0", 0, 1024 * TIB,
           "What the limits.memory of all workers that run may add up to; 0: no bound"),
    NUMBER(SIZE, "disk_reserve", health.disk_reserve, "1GiB", 0, 1024 * TIB,
           "What downloads of models leave free on their disk"),
    LIST("downloads", health.downloads, health.n_downloads, downloads, 64,
         "Tokens of models that are not public"),
    MAP("node", health_node, "This machine"),
    TEXT("publish", health.publish, address_or_off, "",
         "Address at which other machines hear of this one's health; needs bus.curve"),
    LIST("nodes", health.nodes, health.n_nodes, health_nodes, 64,
         "Machines whose health is heard here; this one among them does no harm"),
    NUMBER(DURATION, "retention", health.retention, "1h", SEC, 366 * DAY,
           "How long a node that is offline is still counted and shown"),
    END,
};

static const struct settings_row audit[] = {
    WORD("enabled", audit.enabled, bool, "true", "Whether the audit trail is written"),
    NUMBER(COUNT, "retention_days", audit.retention_days, "90", 1, 36500, "Days until deletion"),
    NUMBER(COUNT, "compress_days", audit.compress_days, "30", 1, 36500, "Days until compression"),
    END,
};

static const struct settings_row logging[] = {
    WORD("level", logging.level, log_level, "info", "The least serious entries written"),
    WORD("format", logging.format, log_format, "auto",
         "auto is the journal under systemd and JSON lines on stderr elsewhere"),
    WORD("files", logging.files, bool, "false",
         "Whether paths.logs/combined.log gets every entry, too, and error.log the errors"),
    END,
};

static const struct settings_row tracing[] = {
    LATER("otlp_endpoint", "", "Collector for traces: not built yet"),
    END,
};

static const struct settings_row bus_curve[] = {
    TEXT("public", curve.public_key, curve, NULL, "Public key, 40 characters"),
    TEXT("secret_file", curve.secret_file, file, NULL, "File with the secret key"),
    TEXTS("allow", curve.allow, curve.n_allow, curve, 64,
          "Public keys of the peers that are let in; default: who holds this pair"),
    END,
};

static const struct settings_row bus[] = {
    MAP("curve", bus_curve, "Key pair for the bus between machines"),
    END,
};

static const struct settings_row store[] = {
    LATER("redis", "", "Limits and budgets shared by several proxies: not built yet"),
    END,
};

#undef OWNER
#define OWNER settings_provider

static const struct settings_row queue[] = {
    NUMBER(COUNT, "max", queue.max, "256", 0, 1000000, "Requests that may wait"),
    NUMBER(DURATION, "timeout", queue.timeout, "10s", 0, HOUR, "How long one may wait"),
    END,
};

static const struct settings_row timeouts[] = {
    NUMBER(DURATION, "connect", timeouts.connect, "2s", MSEC, HOUR, "Name, TCP and TLS"),
    NUMBER(DURATION, "first_byte", timeouts.first_byte, "60s", MSEC, HOUR,
           "Until the answer begins"),
    NUMBER(DURATION, "idle", timeouts.idle, "30s", MSEC, HOUR, "Silence within an answer"),
    NUMBER(DURATION, "total", timeouts.total, "600s", MSEC, DAY, "The whole attempt"),
    END,
};

static const struct settings_row retry[] = {
    NUMBER(COUNT, "max", retry.max, "2", 0, 10, "Further tries at this provider"),
    NUMBER(DURATION, "backoff", retry.backoff, "200ms", 0, HOUR, "Wait before the first of them"),
    NUMBER(DURATION, "max_backoff", retry.max_backoff, "5s", 0, HOUR, "Longest wait"),
    NUMBER(RATIO, "budget", retry.budget, "0.2", 0, 1,
           "Repeated tries as a share of requests; a few are always allowed, none at 0"),
    END,
};

static const struct settings_row breaker[] = {
    NUMBER(COUNT, "failures", breaker.failures, "5", 1, 1000, "Failures in a row that open it"),
    NUMBER(DURATION, "window", breaker.window, "30s", MSEC, HOUR, "Time they must fall in"),
    NUMBER(DURATION, "open", breaker.open_for, "30s", MSEC, HOUR, "How long it stays open"),
    NUMBER(COUNT, "half_open", breaker.half_open, "3", 1, 1000,
           "Tries that must succeed to close it"),
    NUMBER(DURATION, "park", park, "60s", MSEC, DAY,
           "How long a refused credential is not used (401, 402, 403, no quota left)"),
    END,
};

static const struct settings_row probe_paid[] = {
    TEXT("model", probe.paid.model, model, NULL,
         "What is asked, for money: an entry of models that leads to this provider only"),
    {.name = "api_key",
     .type = SETTINGS_SECRET,
     FIELD(probe.paid.api_key),
     .rows = secret,
     .help = "Where the key for it is kept, of llm-proxy: its budget is the probes' budget"},
    NUMBER(DURATION, "interval", probe.paid.interval, "1h", SEC, 30 * DAY, "How often"),
    TEXT("url", probe.paid.url, url, NULL,
         "Where llm-proxy is asked; default: the first of proxy.listen"),
    END,
};

static const struct settings_row probe[] = {
    TEXT("path", probe.path, route, NULL, "What is asked for; default: free of charge, by dialect"),
    NUMBER(DURATION, "interval", probe.interval, "15s", 100 * MSEC, DAY, "How often"),
    NUMBER(DURATION, "timeout", probe.timeout, "5s", 10 * MSEC, HOUR,
           "How long an answer may take"),
    MAP("paid", probe_paid, "A real request now and then; none without a model"),
    END,
};

static const struct settings_row providers[] = {
    NEEDED("name", name, name, "Its name in models, logs and metrics"),
    WORD("dialect", dialect, dialect, "openai", "The API it speaks"),
    WORD("variant", variant, variant, "auto",
         "Dialect openai: whose it is, for its peculiarities; auto: by the host of base_url"),
    TEXT("api_version", api_version, name, NULL,
         "Variant azure with a base_url that does not end in /v1; default: 2024-10-21"),
    NEEDED("base_url", base_url, url, "Where its API begins; requests never go elsewhere"),
    TEXT("ca_file", ca_file, file, NULL, "PEM file of trusted roots; default: the system's"),
    {.name = "api_key",
     .type = SETTINGS_SECRET,
     FIELD(api_key),
     .rows = secret,
     .help = "Where its key is kept: one of env, file or credential"},
    TEXT("region", region, name, NULL,
         "The AWS region that requests are signed for; default: as in base_url"),
    WORD("backend", backend, backend, "cloud", "Whether it costs money or is our own machine"),
    NUMBER(COUNT, "max_parallel", max_parallel, "64", 1, 100000, "Requests at a time"),
    MAP("queue", queue, "Requests that wait for a place"),
    MAP("timeouts", timeouts, "How long an attempt may take"),
    MAP("retry", retry, "Another try after a failure"),
    MAP("breaker", breaker, "A pause after repeated failures"),
    MAP("probe", probe, "How health-worker asks whether it is well"),
    WORD("on_disconnect", on_disconnect, on_disconnect, "cancel",
         "What becomes of its answer when the caller has left (drain: not built yet)"),
    WORD("pass_errors", pass_errors, bool, "false", "Whether callers may read its error texts"),
    TEXT("node", node, name, NULL,
         "The machine it runs on: its health-worker speaks for it; default: this one's does"),
    TEXT("keep_alive", keep_alive, keep_alive, NULL,
         "Dialect ollama: how long a model stays loaded; default: the server's own"),
    END,
};

#undef OWNER
#define OWNER settings_target

static const struct settings_row targets[] = {
    NEEDED("provider", provider, name, "A provider of this file, or a worker's"),
    NEEDED("model", model, printable, "The model's name there"),
    NUMBER(COUNT, "weight", weight, "1", 1, 10000, "Its share, for strategy weighted"),
    END,
};

#undef OWNER
#define OWNER settings_model

static const struct settings_row complexity[] = {
    TEXT("low", complexity.low, model, NULL, "Entry for easy prompts"),
    TEXT("medium", complexity.medium, model, NULL, "Entry for those between"),
    TEXT("high", complexity.high, model, NULL, "Entry for hard prompts"),
    NUMBER(RATIO, "medium_at", complexity.medium_at, "0.35", 0, 1,
           "Score from which a prompt is no longer easy"),
    NUMBER(RATIO, "high_at", complexity.high_at, "0.65", 0, 1,
           "Score from which it is hard; not below medium_at"),
    END,
};

static const struct settings_row model_cache[] = {
    WORD("when", cache.when, cache_when, "deterministic",
         "Which answers are kept; deterministic: at temperature 0, or with x-llm-cache-ttl"),
    NUMBER(DURATION, "ttl", cache.ttl, "0s", 0, 366 * DAY,
           "How long an answer is good; 0: as the cache's layers say"),
    WORD("tool_calls", cache.tool_calls, bool, "false",
         "Whether answers that call tools are kept too"),
    END,
};

static const struct settings_row model_context[] = {
    WORD("mode", context.mode, model_context_mode, "inherit", "As context.mode"),
    NUMBER(RATIO, "high_water", context.high_water, "0", 0, 1, "0: as context.high_water"),
    NUMBER(RATIO, "low_water", context.low_water, "0", 0, 1, "0: as context.low_water"),
    {.name = "keep_last",
     .type = SETTINGS_COUNT,
     FIELD(context.keep_last),
     .fallback = "inherit",
     .min = 0,
     .max = 1000,
     .words = settings_words_inherit,
     .help = "As context.keep_last"},
    WORD("retrieval_tool", context.retrieval_tool, bool_or_inherit, "inherit",
         "As context.retrieval_tool"),
    END,
};

static const struct settings_row models[] = {
    NEEDED("name", name, model, "What callers ask for"),
    WORD("strategy", strategy, strategy, "priority",
         "How a target is chosen; priority is the order given"),
    LIST("targets", targets, n_targets, targets, 64, "Who can answer"),
    TEXTS("fallback", fallback, n_fallback, model, 16,
          "Other entries, tried before the first byte"),
    TEXTS("aliases", aliases, n_aliases, model, 64, "Other names of this entry"),
    MAP("complexity", complexity, "Entries strategy complexity delegates to"),
    NUMBER(COUNT, "context_window", context_window, "0", 0, 1000000000, "Tokens; 0 is unknown"),
    NUMBER(COUNT, "max_output", max_output, "0", 0, 1000000000, "Tokens; 0 is unknown"),
    MAP("cache", model_cache, "Answers given again"),
    MAP("context", model_context, "Conversations with this model that are too long"),
    END,
};

#undef OWNER
#define OWNER settings_price_tier

static const struct settings_row tiers[] = {
    {.name = "above",
     .type = SETTINGS_COUNT,
     FIELD(above),
     .is_required = true,
     .min = 1,
     .max = 1000000000,
     .unit = "tokens",
     .help = "The tier holds for prompts of more tokens, cached ones included"},
    PRICE("input", input, "Each as in the row, whose price it replaces"),
    PRICE("output", output, ""),
    PRICE("cache_read", cache_read, ""),
    PRICE("cache_write", cache_write, ""),
    PRICE("reasoning", reasoning, ""),
    END,
};

#undef OWNER
#define OWNER settings_price

const struct settings_row settings_table_price[] = {
    NEEDED("provider", provider, price_name, "A provider, or \"*\" for any"),
    NEEDED("model", model, printable, "The model's name there"),
    PRICE("input", input, "Prompt tokens"),
    PRICE("output", output, "Answer tokens"),
    PRICE("cache_read", cache_read, "Prompt tokens read from the provider's cache"),
    PRICE("cache_write", cache_write, "Prompt tokens written to it"),
    PRICE("reasoning", reasoning, "Reasoning tokens, where they are billed apart"),
    LIST("tiers", tiers, n_tiers, tiers, 8, "Other prices for long prompts, shortest first"),
    TEXT("source", source, printable, NULL, "Where the price was published"),
    TEXT("date", date, date, NULL, "When, as 2026-11-21"),
    END,
};

#undef OWNER
#define OWNER settings

static const struct settings_row prices[] = {
    TEXT("file", prices.file, file, NULL,
         "Prices known to the suite; default: prices.yaml below paths.data"),
    LIST("overrides", prices.overrides, prices.n_overrides, settings_table_price, 4096,
         "Prices that go before those of the file; USD per million tokens"),
    END,
};

#undef OWNER
#define OWNER settings_worker

static const struct settings_row worker_limits[] = {
    NUMBER(SIZE, "memory", memory_limit, "0", 0, 1024 * TIB,
           "Memory of all its processes, which must be free when it starts; 0: none"),
    NUMBER(SIZE, "vram", vram, "0", 0, 1024 * TIB,
           "Memory of its GPU, which must be free when it starts; 0: not looked at"),
    NUMBER(SIZE, "disk", disk, "0", 0, 1024 * TIB,
           "Space below paths.state, which must be free when it starts; 0: not looked at"),
    END,
};

static const struct settings_row restart[] = {
    NUMBER(COUNT, "max", restart.max, "5", 0, 1000, "Restarts within the window"),
    NUMBER(DURATION, "window", restart.window, "5m", SEC, DAY, "The window"),
    NUMBER(DURATION, "backoff", restart.backoff, "1s", 0, HOUR, "Wait before the first of them"),
    NUMBER(DURATION, "max_backoff", restart.max_backoff, "60s", 0, DAY, "Longest wait"),
    END,
};

static const struct settings_row workers[] = {
    NEEDED("name", name, name, "Its name in logs and metrics"),
    {.name = "command",
     .type = SETTINGS_TEXTS,
     FIELD(command),
     .count_offset = offsetof(struct settings_worker, n_command),
     .min = 1,
     .max = 256,
     .check = settings_text_check_printable,
     .is_required = true,
     .help = "Program and arguments; {port} stands for the port"},
    {.name = "port",
     .type = SETTINGS_COUNT,
     FIELD(port),
     .min = 1,
     .max = 65535,
     .is_required = true,
     .help = "The loopback port it is to listen on"},
    TEXT("health", health, route, "/health", "What is asked for to see whether it is well"),
    TEXT("provider", provider, name, NULL, "Becomes a provider of this name; default: its name"),
    TEXT("model", model, printable, NULL, "The model it serves; default: its name"),
    TEXT("device", device, device, "cpu", "Where it computes"),
    MAP("limits", worker_limits, "What it may use"),
    MAP("restart", restart, "What follows when it dies"),
    NUMBER(DURATION, "idle_stop", idle_stop, "0s", 0, 30 * DAY,
           "Started by the first request, stopped after so long without one; 0: always runs"),
    NUMBER(DURATION, "load_timeout", load_timeout, "10m", SEC, DAY,
           "It must be well so long after its start"),
    TEXT("drain", drain, route, NULL, "POSTed to it before SIGTERM; default: nothing"),
    NUMBER(DURATION, "stop_timeout", stop_timeout, "30s", 0, HOUR,
           "From SIGTERM to SIGKILL, and before it for requests under way"),
    END,
};

#undef OWNER
#define OWNER settings

const struct settings_row settings_table[] = {
    MAP("paths", paths, "Where files are."),
    MAP("proxy", proxy, "llm-proxy's listeners."),
    LIST("providers", providers, n_providers, providers, 512, "Who answers."),
    LIST("models", models, n_models, models, 1024, "What callers may ask for."),
    MAP("prices", prices, "What tokens cost."),
    MAP("limits", limits, "What a key may spend."),
    MAP("cache", cache, "Answers given again."),
    MAP("context", context, "context-service: conversations that are too long."),
    MAP("health", health, "health-worker: who is well."),
    LIST("workers", workers, n_workers, workers, 256, "Inference servers that health-worker runs."),
    MAP("audit", audit, "The audit trail."),
    MAP("logging", logging, "What is logged, and how."),
    MAP("tracing", tracing, "OpenTelemetry."),
    MAP("bus", bus, "Messages between the daemons."),
    MAP("store", store, "State outside this machine."),
    END,
};
