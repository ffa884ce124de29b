#include "preview.h"
#include "snapshots.h"

#define SEC USEC_PER_SEC

static const char models[] =
    "  - {name: priority, targets: [{provider: a, model: x}, {provider: b, model: x}],\n"
    "     fallback: [last]}\n"
    "  - {name: weighted, strategy: weighted, targets: [{provider: a, model: x, weight: 3},\n"
    "     {provider: b, model: x}]}\n"
    "  - {name: latency, strategy: latency, targets: [{provider: a, model: x},\n"
    "     {provider: b, model: x}]}\n"
    "  - {name: least_busy, strategy: least_busy, targets: [{provider: a, model: x},\n"
    "     {provider: b, model: x}]}\n"
    "  - {name: cost, strategy: cost, targets: [{provider: a, model: x}, {provider: b, model: x},\n"
    "     {provider: c, model: x}]}\n"
    "  - {name: last, context_window: 3, targets: [{provider: c, model: x}]}\n"
    "  - {name: auto, strategy: complexity,\n"
    "     complexity: {low: last, medium: cost, high: cost}}\n";

static struct snapshots s;
static char answer[16384];

static int set_up(void **state)
{
    (void)state;
    snapshots_init(&s, models);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    snapshots_done(&s);
    return 0;
}

static int ask_with(const char *body, const char *session, uint64_t random)
{
    struct preview p = {
        .snapshot = s.snapshot,
        .body = str_from(body),
        .session = str_from(session),
        .now = 10 * SEC,
        .random = random,
    };
    struct buf out;

    buf_init(&out, sizeof(answer));
    int status = preview_write(&p, &out);
    CHECK(str_copy(answer, sizeof(answer), buf_str(&out)));
    buf_done(&out);
    return status;
}

static void ask(const char *model)
{
    char body[256];

    snprintf(body, sizeof(body),
             "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello to you\"}]}",
             model);
    CHECK_INT(ask_with(body, NULL, 0), 200);
}

static void check_says(const char *text)
{
    if (!strstr(answer, text))
        fail_msg("not said: %s\n%s", text, answer);
}

static void end_try(const char *model, size_t i, const struct failure *f, usec_t latency)
{
    struct upstream_target *t = snapshots_target(&s, model, i);

    CHECK_INT(upstream_take(t, false, 9 * SEC), UPSTREAM_OK);
    upstream_release(t, f, latency, 9 * SEC);
}

static void each_strategy_says_what_it_looked_at(void **state)
{
    (void)state;
    ask("priority");
    check_says("a/x is the choice of 'priority' by strategy priority: the first in order");
    ask("weighted");
    check_says("a/x has weight 3");
    check_says("b/x has weight 1");
    check_says("by strategy weighted: drawn by weight");
    ask("cost");
    check_says("a/x would cost about 0.000231000 USD");
    check_says("c/x has no known price");
    check_says("b/x is the choice of 'cost' by strategy cost: the cheapest");
    ask("least_busy");
    check_says("a/x has 0 under way, weight 1");
    check_says("by strategy least_busy: the fewest under way for its weight");
    ask("latency");
    check_says("b/x has not been timed yet");
    end_try("latency", 0, &(struct failure){.blame = FAILURE_NONE}, 2 * SEC);
    ask("latency");
    check_says("a/x takes 1.9");
    check_says("b/x is the choice of 'latency' by strategy latency: the faster of two");
    ask("auto");
    check_says("'auto' delegates low prompts to 'last'");
    check_says("\"level\":\"low\"");
}

static void a_session_is_a_reason(void **state)
{
    static const char body[] =
        "{\"model\":\"weighted\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
    char first[sizeof(answer)];

    (void)state;
    CHECK_INT(ask_with(body, "s1", 1), 200);
    check_says("by strategy weighted: where its session is at home");
    strcpy(first, answer);
    for (uint64_t random = 0; random < 50; random++) {
        CHECK_INT(ask_with(body, "s1", random * UINT64_C(0x9e3779b97f4a7c15)), 200);
        CHECK_TEXT(answer, first);
    }
}

static void what_is_in_the_way_is_named_with_its_time(void **state)
{
    struct failure limited = {.blame = FAILURE_OF_RATE, .has_rest = true, .rest = 7 * SEC};

    (void)state;
    end_try("priority", 0, &limited, 0);
    end_try("priority", 1, &(struct failure){.blame = FAILURE_OF_TARGET}, 0);
    ask("priority");
    check_says("a/x has reached a limit of the provider, for 6.0 s");
    check_says("b/x fails to answer: its breaker is open, for 29.0 s");
    check_says("c/x is the choice of 'last'");
    end_try("last", 0, &(struct failure){.blame = FAILURE_OF_CREDENTIAL}, 0);
    ask("priority");
    check_says("c/x refused our credential, which is parked, for 59.0 s");
    check_says("nothing is left to try");
    check_says("\"provider\":null");
}

static void a_provider_that_is_down_and_one_that_is_full(void **state)
{
    struct upstream_target *b = snapshots_target(&s, "priority", 1);

    (void)state;
    upstream_set_health(upstream_of(snapshots_target(&s, "priority", 0)), HEALTH_DOWN, 9 * SEC);
    CHECK_INT(upstream_take(b, false, 9 * SEC), UPSTREAM_OK);
    CHECK_INT(upstream_take(b, false, 9 * SEC), UPSTREAM_OK);
    ask("priority");
    check_says("a/x is down, says health-worker");
    check_says("b/x has no free place");
    check_says("b/x is the choice of 'priority'"); /* its line is what was asked for */
    upstream_release(b, &(struct failure){.blame = FAILURE_OF_NOBODY}, 0, 9 * SEC);
    upstream_release(b, &(struct failure){.blame = FAILURE_OF_NOBODY}, 0, 9 * SEC);
}

static void a_window_that_is_too_small_is_told(void **state)
{
    (void)state;
    ask("last");
    check_says("the prompt is longer than the window of 'last' (3 tokens): it has to be condensed");
    check_says("\"backend\":\"cloud\"");
}

static void what_it_costs_is_told_when_it_is_known(void **state)
{
    (void)state;
    CHECK_INT(ask_with("{\"model\":\"cost\",\"max_tokens\":1000,\"messages\":[{\"role\":\"user\","
                       "\"content\":\"abcdefgh\"}]}",
                       NULL, 0),
              200);
    check_says("\"estimated_cost_usd\":0.0100");
    ask("last");
    check_says("\"estimated_cost_usd\":null");
}

static void what_is_wrong_is_refused_like_a_request(void **state)
{
    (void)state;
    CHECK_INT(ask_with("{", NULL, 0), 400);
    check_says("invalid_json");
    CHECK_INT(ask_with("{\"model\":\"cost\"}", NULL, 0), 400);
    check_says("invalid_request");
    CHECK_INT(
        ask_with("{\"model\":\"nobody\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
                 NULL, 0),
        404);
    check_says("model_not_found");
}

static void a_worker_that_does_not_run_is_the_choice_only_when_nothing_else_is_left(void **state)
{
    struct upstream *a = upstream_of(snapshots_target(&s, "priority", 0));
    struct upstream *b = upstream_of(snapshots_target(&s, "priority", 1));

    (void)state;
    upstream_set_worker(a, UPSTREAM_WORKER_COLD, 1);
    ask("priority");
    check_says("a/x is a local worker that would have to be started");
    check_says("b/x is the choice of 'priority'");
    upstream_set_worker(b, UPSTREAM_WORKER_COLD, 1);
    ask("priority");
    check_says("a/x is the choice of 'priority'");
    upstream_set_worker(a, UPSTREAM_WORKER_AWAY, 1);
    ask("priority");
    check_says("a/x is a local worker that does not run");
    check_says("b/x is the choice of 'priority'");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_strategy_says_what_it_looked_at),
        TEST(a_session_is_a_reason),
        TEST(what_is_in_the_way_is_named_with_its_time),
        TEST(a_worker_that_does_not_run_is_the_choice_only_when_nothing_else_is_left),
        TEST(a_provider_that_is_down_and_one_that_is_full),
        TEST(a_window_that_is_too_small_is_told),
        TEST(what_it_costs_is_told_when_it_is_known),
        TEST(what_is_wrong_is_refused_like_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
