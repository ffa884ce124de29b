/* Every message against its golden vector, in both directions, and against peers that are newer,
 * older or hostile. */
#include "proto/context.h"
#include "proto/control.h"
#include "proto/health.h"
#include "proto/load.h"
#include "proto/message.h"
#include "proto/model_news.h"
#include "proto/outcome.h"
#include "proto/workers.h"

#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_health(struct fixture *f, const char *name, enum message_type type,
                         const struct health_snapshot *expected)
{
    struct vector v = load(f, name);
    static struct health_snapshot s;

    CHECK_INT(v.header.type, type);
    CHECK(health_decode(&f->arena, v.body, &s));
    check_text(s.node, expected->node);
    CHECK_U64(s.epoch, expected->epoch);
    CHECK(s.sequence == expected->sequence);
    CHECK_U64(s.active_requests, expected->active_requests);
    CHECK_U64(s.at_ms, expected->at_ms);
    CHECK_U64(s.n_providers, expected->n_providers);
    for (size_t i = 0; i < s.n_providers; i++) {
        const struct health_provider *p = &s.provider[i], *q = &expected->provider[i];
        check_text(p->name, q->name);
        CHECK_INT(p->state, q->state);
        check_text(p->reason, q->reason);
        CHECK_U64(p->since_ms, q->since_ms);
        CHECK_U64(p->last_success_ms, q->last_success_ms);
        CHECK_U64(p->consecutive_failures, q->consecutive_failures);
        CHECK(p->latency_ms == q->latency_ms);
        CHECK_U64(p->models, q->models);
    }
    CHECK_INT(health_encode(expected, &f->out), BUF_OK);
    check_text(buf_str(&f->out), v.body);
}

static void health_messages_match_their_vectors(void **state)
{
    static struct health_snapshot s;

    s.node = STR("host-1");
    s.epoch = 1700000000001;
    s.active_requests = 17;
    s.sequence = UINT64_MAX;
    s.at_ms = 1700000000123;
    s.n_providers = 2;
    s.provider[0] = (struct health_provider){
        STR("openai"),       HEALTH_HEALTHY, STR_EMPTY, 1699999990000, 1700000000000, 0, 12.5, 42,
        health_engine_none()};
    s.provider[1] = (struct health_provider){
        STR("ollama"),       HEALTH_DOWN, STR("connect"), 1699999999000, 0, 3, 0, 0,
        health_engine_none()};
    check_health(*state, "health_snapshot", MESSAGE_HEALTH_SNAPSHOT, &s);
    s.sequence = 7;
    s.active_requests = 0;
    s.at_ms = 1700000001000;
    s.n_providers = 1;
    s.provider[0] = (struct health_provider){
        STR("ollama"),
        HEALTH_RECOVERING,
        STR("timeout"),
        1700000001000,
        1700000001000,
        0,
        3.25,
        2,
        {STR("vllm"), 1700000000500, 3, 0, 0.25, 1, 8192, {STR("llama-8b")}, 1}};
    check_health(*state, "health_change", MESSAGE_HEALTH_CHANGE, &s);
}

static void an_outcome_matches_its_vector(void **state)
{
    struct fixture *f = *state;
    struct vector v = load(f, "outcome");
    struct outcome expected = {STR("openai"), STR("gpt-5"), OUTCOME_HTTP_5XX, 503, 1234567, 17, 3};
    struct outcome o;

    CHECK_INT(v.header.type, MESSAGE_OUTCOME);
    CHECK(outcome_decode(&f->arena, v.body, &o));
    check_text(o.provider, expected.provider);
    check_text(o.model, expected.model);
    CHECK_INT(o.kind, expected.kind);
    CHECK_INT(o.status, expected.status);
    CHECK_U64(o.duration_us, expected.duration_us);
    CHECK_U64(o.in_flight, expected.in_flight);
    CHECK_INT(outcome_encode(&expected, &f->out), BUF_OK);
    check_text(buf_str(&f->out), v.body);
}

static void a_control_request_matches_its_vector(void **state)
{
    struct fixture *f = *state;
    struct vector v = load(f, "control");
    struct control_request expected = {STR("check"), STR("openai")}, r;

    CHECK_INT(v.header.type, MESSAGE_CONTROL);
    CHECK_U64(v.header.correlation_id, 5);
    CHECK(control_decode(&f->arena, v.body, &r));
    check_text(r.verb, expected.verb);
    check_text(r.object, expected.object);
    CHECK_INT(control_encode(&expected, &f->out), BUF_OK);
    check_text(buf_str(&f->out), v.body);
}

static void check_worker(const struct workers_one *is, const struct workers_one *should)
{
    check_text(is->name, should->name);
    check_text(is->provider, should->provider);
    check_text(is->model, should->model);
    check_text(is->device, should->device);
    check_text(is->state, should->state);
    check_text(is->reason, should->reason);
    CHECK_INT(is->use, should->use);
    CHECK_U64(is->since_ms, should->since_ms);
    CHECK_U64(is->pid, should->pid);
    CHECK_U64(is->restarts, should->restarts);
    CHECK_U64(is->in_flight, should->in_flight);
    CHECK_U64(is->memory_bytes, should->memory_bytes);
}

static void a_list_of_workers_matches_its_vector(void **state)
{
    struct fixture *f = *state;
    struct vector v = load(f, "workers");
    static struct workers_list expected, l;

    expected =
        (struct workers_list){.node = STR("host-1"), .sequence = 9, .at_ms = 1700000000123, .n = 2};
    expected.one[0] = (struct workers_one){STR("llama-8b"),
                                           STR("llama"),
                                           STR("llama-8b"),
                                           STR("gpu0"),
                                           STR("busy"),
                                           STR_EMPTY,
                                           WORKERS_READY,
                                           1700000000000,
                                           4711,
                                           2,
                                           3,
                                           12884901888};
    expected.one[1] = (struct workers_one){STR("embedder"),
                                           STR("embedder"),
                                           STR("bge"),
                                           STR("cpu"),
                                           STR("failed"),
                                           STR("ended with status 1"),
                                           WORKERS_AWAY,
                                           1699999990000,
                                           0,
                                           5,
                                           0,
                                           0};
    CHECK_INT(v.header.type, MESSAGE_WORKERS);
    CHECK(workers_decode(&f->arena, v.body, &l));
    check_text(l.node, expected.node);
    CHECK_U64(l.sequence, 9);
    CHECK_U64(l.n, 2);
    for (size_t i = 0; i < l.n; i++)
        check_worker(&l.one[i], &expected.one[i]);
    CHECK_INT(workers_encode(&expected, &f->out), BUF_OK);
    check_text(buf_str(&f->out), v.body);
}

static void a_load_matches_its_vector(void **state)
{
    struct fixture *f = *state;
    struct vector v = load(f, "load");
    static struct load expected, l;

    expected.proxy = 0x123456789abcdef;
    expected.active_requests = 42;
    expected.node = STR("host-1");
    expected.heard = 9;
    expected.of[0].provider = STR("llama");
    expected.of[0].in_flight = 3;
    expected.of[1].provider = STR("embedder");
    expected.n = 2;
    CHECK_INT(v.header.type, MESSAGE_LOAD);
    CHECK(load_decode(&f->arena, v.body, &l));
    CHECK_U64(l.proxy, expected.proxy);
    CHECK_U64(l.active_requests, expected.active_requests);
    check_text(l.node, expected.node);
    CHECK_U64(l.heard, 9);
    CHECK_U64(l.n, 2);
    check_text(l.of[1].provider, expected.of[1].provider);
    CHECK_U64(l.of[0].in_flight, 3);
    CHECK_INT(load_encode(&expected, &f->out), BUF_OK);
    check_text(buf_str(&f->out), v.body);
}

static void news_of_a_model_match_their_vector(void **state)
{
    struct fixture *f = *state;
    struct vector v = load(f, "model_news");
    struct model_news expected = {
        STR("host-1"),
        MODEL_NEWS_PULLED,
        STR("llama-8b.gguf"),
        STR("https://example.com/llama-8b.gguf"),
        STR("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        STR_EMPTY,
        4920739232};
    struct model_news n;

    CHECK_INT(v.header.type, MESSAGE_MODEL_NEWS);
    CHECK(model_news_decode(&f->arena, v.body, &n));
    CHECK_INT(n.kind, MODEL_NEWS_PULLED);
    CHECK_U64(n.bytes, expected.bytes);
    CHECK_INT(model_news_encode(&n, &f->out), BUF_OK);
    check_text(buf_str(&f->out), v.body);
    buf_clear(&f->out);
    CHECK_INT(model_news_encode(&expected, &f->out), BUF_OK);
    check_text(buf_str(&f->out), v.body);
    CHECK(!model_news_decode(&f->arena, STR("{\"kind\":\"asked\"}"), &n));
    CHECK(!model_news_decode(&f->arena, STR("{\"kind\":\"praised\",\"model\":\"m\"}"), &n));
}

static void every_kind_and_every_state_has_its_word(void **state)
{
    struct fixture *f = *state;

    for (enum outcome_kind k = OUTCOME_OK; k <= OUTCOME_CANCELLED; k++) {
        struct outcome o = {STR("p"), STR("m"), k, 0, 0, 0, 1}, again;
        buf_clear(&f->out);
        CHECK_INT(outcome_encode(&o, &f->out), BUF_OK);
        CHECK(outcome_decode(&f->arena, buf_str(&f->out), &again));
        CHECK_INT(again.kind, k);
    }
    for (enum health_state s = HEALTH_UNKNOWN; s <= HEALTH_RECOVERING; s++) {
        enum health_state again;
        CHECK(health_state_parse(str_from(health_state_text(s)), &again));
        CHECK_INT(again, s);
    }
    enum health_state s;
    CHECK(!health_state_parse(STR("Healthy"), &s));
    CHECK(!health_state_parse(STR_EMPTY, &s));
}

static bool decodes(struct fixture *f, char kind, const char *json)
{
    static struct health_snapshot snapshot;
    static struct workers_list workers;
    static struct load load;
    struct context_request request;
    struct context_reply reply;
    struct outcome outcome;
    struct control_request control;
    struct model_news news;
    struct str text = str_from(json);

    switch (kind) {
    case 'q':
        return context_decode_request(&f->arena, text, &request);
    case 'r':
        return context_decode_reply(&f->arena, text, &reply);
    case 'h':
        return health_decode(&f->arena, text, &snapshot);
    case 'w':
        return workers_decode(&f->arena, text, &workers);
    case 'l':
        return load_decode(&f->arena, text, &load);
    case 'm':
        return model_news_decode(&f->arena, text, &news);
    case 'o':
        return outcome_decode(&f->arena, text, &outcome);
    default:
        return control_decode(&f->arena, text, &control);
    }
}

struct body {
    char kind;
    const char *json;
};

static void a_newer_peer_may_say_more_and_an_older_one_less(void **state)
{
    static const struct body bodies[] = {
        {'q', "{\"new\":{\"a\":[1]},\"model\":\"m\",\"dialect\":\"openai\",\"mode\":null}"},
        {'r', "{\"outcome\":\"unchanged\",\"new\":-1}"},
        {'h', "{\"providers\":[],\"new\":\"\"}"},
        {'h', "{\"providers\":[{\"name\":\"p\",\"state\":\"dozing\",\"new\":true}]}"},
        {'o', "{\"provider\":\"p\",\"kind\":\"ok\",\"new\":1.5}"},
        {'w', "{\"workers\":[{\"name\":\"w\",\"provider\":\"p\",\"state\":\"dozing\",\"use\":"
              "\"perhaps\"}]}"},
        {'l', "{\"proxy\":1,\"providers\":[],\"new\":[]}"},
        {'m', "{\"kind\":\"asked\",\"model\":\"m\",\"source\":null,\"new\":{}}"},
        {'c', "{\"verb\":\"check\",\"new\":[]}"},
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        if (!decodes(*state, bodies[i].kind, bodies[i].json))
            fail_msg("refused: %s", bodies[i].json);
    }
}

static void what_breaks_the_promise_is_refused(void **state)
{
    static const struct body bodies[] = {
        {'q', ""},
        {'q', "[]"},
        {'q', "{}"},
        {'q', "null"},
        {'q', "{\"model\":\"m\"}"},
        {'q', "{\"model\":\"\",\"dialect\":\"openai\"}"},
        {'q', "{\"model\":1,\"dialect\":\"openai\"}"},
        {'q', "{\"model\":\"m\",\"dialect\":\"openai\",\"budget_tokens\":-1}"},
        {'q', "{\"model\":\"m\",\"dialect\":\"openai\",\"budget_tokens\":1.5}"},
        {'q', "{\"model\":\"m\",\"dialect\":\"openai\",\"budget_tokens\":\"1\"}"},
        {'q', "{\"model\":\"m\",\"dialect\":\"openai\",\"budget_tokens\":18446744073709551616}"},
        {'q', "{\"model\":\"m\",\"dialect\":\"openai\",\"keep_last\":4294967296}"},
        {'q', "{\"model\":\"m\",\"dialect\":\"openai\",\"deadline_us\":1e3}"},
        {'q', "{\"model\":\"m\",\"dialect\":\"openai\",\"session\":[]}"},
        {'q', "{\"model\":\"m\",\"dialect\":\"openai\"} x"},
        {'r', "{}"},
        {'r', "{\"outcome\":\"\"}"},
        {'r', "{\"outcome\":\"unchanged\",\"exact\":1}"},
        {'r', "{\"outcome\":\"unchanged\",\"margin\":-0.1}"},
        {'r', "{\"outcome\":\"unchanged\",\"margin\":1e999}"},
        {'r', "{\"outcome\":\"unchanged\",\"margin\":\"0\"}"},
        {'h', "{}"},
        {'h', "{\"providers\":{}}"},
        {'h', "{\"providers\":null}"},
        {'h', "{\"providers\":[1]}"},
        {'h', "{\"providers\":[{}]}"},
        {'h', "{\"providers\":[{\"name\":\"p\"}]}"},
        {'h', "{\"providers\":[{\"name\":\"\",\"state\":\"down\"}]}"},
        {'h', "{\"providers\":[{\"name\":\"p\",\"state\":3}]}"},
        {'h', "{\"providers\":[{\"name\":\"p\",\"state\":\"down\",\"models\":4294967296}]}"},
        {'h', "{\"providers\":[{\"name\":\"p\",\"state\":\"down\",\"latency_ms\":-1}]}"},
        {'h', "{\"providers\":[],\"sequence\":-1}"},
        {'h', "{\"providers\":[],\"node\":7}"},
        {'w', "{}"},
        {'w', "{\"workers\":[1]}"},
        {'w', "{\"workers\":[{\"name\":\"w\",\"provider\":\"p\"}]}"},
        {'w', "{\"workers\":[{\"name\":\"w\",\"provider\":\"p\",\"state\":\"idle\",\"pid\":-1}]}"},
        {'w', "{\"workers\":[{\"name\":\"w\",\"provider\":\"p\",\"state\":\"idle\",\"use\":1}]}"},
        {'l', "{\"providers\":[]}"},
        {'l', "{\"proxy\":1}"},
        {'l', "{\"proxy\":1,\"providers\":[{}]}"},
        {'l', "{\"proxy\":1,\"providers\":[{\"name\":\"a\",\"in_flight\":\"1\"}]}"},
        {'h', "{\"providers\":[],\"epoch\":\"now\"}"},
        {'h', "{\"providers\":[],\"active_requests\":1.5}"},
        {'l', "{}"},
        {'l', "{\"proxy\":0,\"providers\":[]}"},
        {'l', "{\"proxy\":1,\"active_requests\":-1,\"providers\":[]}"},
        {'o', "{}"},
        {'o', "{\"provider\":\"p\"}"},
        {'o', "{\"provider\":\"p\",\"kind\":\"ok\",\"count\":0}"},
        {'o', "{\"provider\":\"\",\"kind\":\"ok\"}"},
        {'o', "{\"provider\":\"p\",\"kind\":\"fine\"}"},
        {'o', "{\"provider\":\"p\",\"kind\":0}"},
        {'o', "{\"provider\":\"p\",\"kind\":\"ok\",\"status\":1000}"},
        {'o', "{\"provider\":\"p\",\"kind\":\"ok\",\"status\":-1}"},
        {'o', "{\"provider\":\"p\",\"kind\":\"ok\",\"duration_us\":-1}"},
        {'c', "{}"},
        {'c', "{\"verb\":\"\"}"},
        {'c', "{\"verb\":[\"check\"]}"},
        {'c', "{\"verb\":\"check\",\"object\":1}"},
        {'c', "{\"verb\":\"check\",\"verb\":\"stop\"}"},
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        if (decodes(*state, bodies[i].kind, bodies[i].json))
            fail_msg("accepted as %c: %s", bodies[i].kind, bodies[i].json);
    }
}

static void a_snapshot_holds_its_ceiling_and_no_more(void **state)
{
    struct fixture *f = *state;
    static struct health_snapshot full, again;
    char names[HEALTH_MAX_PROVIDERS][8];

    arena_clear(&f->arena);
    buf_clear(&f->out);
    full.node = STR("n");
    full.n_providers = HEALTH_MAX_PROVIDERS;
    for (size_t i = 0; i < HEALTH_MAX_PROVIDERS; i++) {
        snprintf(names[i], sizeof(names[i]), "p%zu", i);
        full.provider[i] = (struct health_provider){
            .name = str_from(names[i]), .reason = STR_EMPTY, .engine = health_engine_none()};
    }
    CHECK_INT(health_encode(&full, &f->out), BUF_OK);
    CHECK(health_decode(&f->arena, buf_str(&f->out), &again));
    CHECK_U64(again.n_providers, HEALTH_MAX_PROVIDERS);
    check_text(again.provider[HEALTH_MAX_PROVIDERS - 1].name, STR("p767"));

    f->out.len -= 2; /* one more */
    CHECK_INT(buf_printf(&f->out, ",{\"name\":\"more\",\"state\":\"down\"}]}"), BUF_OK);
    CHECK(!health_decode(&f->arena, buf_str(&f->out), &again));
    CHECK_U64(again.n_providers, 0);
}

static void a_buffer_that_is_too_small_is_reported(void **state)
{
    static struct health_snapshot snapshot;
    struct context_request request = {.model = STR("m"), .dialect = STR("d")};
    struct context_reply reply = {.outcome = STR("o")};
    struct outcome outcome = {.provider = STR("p")};
    struct control_request control = {.verb = STR("v")};
    struct buf small;

    (void)state;
    buf_init(&small, 10);
    CHECK_INT(context_encode_request(&request, &small), BUF_FULL);
    CHECK_INT(context_encode_reply(&reply, &small), BUF_FULL);
    CHECK_INT(health_encode(&snapshot, &small), BUF_FULL);
    CHECK_INT(outcome_encode(&outcome, &small), BUF_FULL);
    CHECK_INT(control_encode(&control, &small), BUF_FULL);
    buf_done(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_messages_match_their_vectors),
        cmocka_unit_test(an_outcome_matches_its_vector),
        cmocka_unit_test(a_load_matches_its_vector),
        cmocka_unit_test(a_control_request_matches_its_vector),
        cmocka_unit_test(a_list_of_workers_matches_its_vector),
        cmocka_unit_test(news_of_a_model_match_their_vector),
        cmocka_unit_test(every_kind_and_every_state_has_its_word),
        cmocka_unit_test(a_newer_peer_may_say_more_and_an_older_one_less),
        cmocka_unit_test(what_breaks_the_promise_is_refused),
        cmocka_unit_test(a_snapshot_holds_its_ceiling_and_no_more),
        cmocka_unit_test(a_buffer_that_is_too_small_is_reported),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
