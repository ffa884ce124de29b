#include "plan.h"
#include "snapshots.h"

#define SEC USEC_PER_SEC

static const char models[] =
    "  - {name: one, targets: [{provider: a, model: x, weight: 3}, {provider: b, model: x},\n"
    "                          {provider: c, model: x}], fallback: [two, three]}\n"
    "  - {name: two, targets: [{provider: a, model: x}], fallback: [three]}\n"
    "  - {name: three, targets: [{provider: c, model: y}], aliases: [third]}\n"
    "  - {name: auto, strategy: complexity, fallback: [three, two],\n"
    "     complexity: {low: two, medium: one, high: one}}\n"
    "  - {name: other, strategy: complexity, fallback: [auto],\n"
    "     complexity: {low: three, medium: three, high: three, medium_at: 0, high_at: 0}}\n";

static const struct json_value *parse(struct arena *a, const char *text)
{
    const struct json_value *root = NULL;
    char body[512];
    size_t offset;

    snprintf(body, sizeof(body), "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}", text);
    const char *copy = arena_copy(a, str_from(body));
    CHECK_INT(json_parse(a, str_from(copy), &root, &offset), JSON_OK);
    return root;
}

static void check_plan(struct snapshots *s, const char *asked, const char *text,
                       const char *expected, const char *complexity)
{
    char names[256] = "";
    struct arena a;
    struct plan p;

    arena_init(&a, 1 << 20);
    plan_make(&p, s->snapshot, parse(&a, text), snapshots_model(s, asked));
    for (size_t i = 0; i < p.n_models; i++)
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i > 0 ? " " : "",
                 p.models[i]->name);
    CHECK_TEXT(names, expected);
    CHECK_TEXT(plan_complexity(&p), complexity);
    arena_done(&a);
}

#define EASY "What is the capital of France?"
#define HARD "Prove that sqrt(2) is irrational."

static void each_model_is_tried_once_in_the_order_given(void **state)
{
    struct snapshots s;

    (void)state;
    snapshots_init(&s, models);
    check_plan(&s, "one", EASY, "one two three", "none");
    check_plan(&s, "three", EASY, "three", "none");
    check_plan(&s, "third", EASY, "three", "none");
    snapshots_done(&s);
}

static void a_delegates_fallbacks_go_before_those_of_who_asked(void **state)
{
    struct snapshots s;

    (void)state;
    snapshots_init(&s, models);
    check_plan(&s, "auto", EASY, "two three", "low");
    check_plan(&s, "auto", HARD, "one two three", "high");
    snapshots_done(&s);
}

static void the_first_that_asks_how_hard_it_is_says_so(void **state)
{
    struct snapshots s;

    (void)state;
    snapshots_init(&s, models);
    check_plan(&s, "other", EASY, "three two", "high"); /* auto's own cut makes it low */
    snapshots_done(&s);
}

static void targets_are_described_as_they_stand(void **state)
{
    struct router_candidate c[ROUTER_MAX_TARGETS];
    struct plan_target targets[ROUTER_MAX_TARGETS];
    struct plan p = {.tokens = {.input = 1000, .output = 100}};
    struct snapshots s;

    (void)state;
    snapshots_init(&s, models);
    struct upstream_target *a = snapshots_target(&s, "one", 0), *b = snapshots_target(&s, "one", 1);
    CHECK(a == snapshots_target(&s, "two", 0)); /* the same target by two ways */
    CHECK_INT(upstream_take(a, false, SEC), UPSTREAM_OK);
    CHECK_INT(upstream_take(a, false, SEC), UPSTREAM_OK);
    CHECK_INT(upstream_take(b, false, SEC), UPSTREAM_OK);
    upstream_release(a, &(struct failure){.blame = FAILURE_NONE}, 2 * SEC, SEC);
    upstream_release(b, &(struct failure){.blame = FAILURE_OF_TARGET}, 0, SEC);
    CHECK_INT(upstream_take(a, false, SEC), UPSTREAM_OK);

    CHECK_U64(plan_describe(&p, s.snapshot, snapshots_model(&s, "one"), 2 * SEC, c, targets), 3);
    CHECK_U64(c[0].weight, 3);
    CHECK(c[0].is_available && c[0].is_full && c[0].in_flight == 2 && c[0].latency > 1.9);
    CHECK_INT(c[0].price, 1000 * 1000 + 100 * 20000); /* nano-dollars: 1 and 20 USD a million */
    CHECK(!c[1].is_available && !c[1].is_full && c[1].latency <= 0);
    CHECK_INT(targets[1].view.obstacle, STANDING_FAILING);
    CHECK_U64(targets[1].view.wait, 29 * SEC);
    CHECK(targets[1].target == b);
    CHECK(c[2].is_available && !c[2].was_tried && c[2].price == MONEY_UNKNOWN);
    CHECK_U64(c[0].affinity | c[1].affinity | c[2].affinity, 0);

    upstream_release(a, &(struct failure){.blame = FAILURE_OF_NOBODY}, 0, 2 * SEC);
    upstream_release(a, &(struct failure){.blame = FAILURE_OF_NOBODY}, 0, 2 * SEC);
    snapshots_done(&s);
}

static void an_answer_is_expected_to_be_as_long_as_it_may_or_as_its_prompt(void **state)
{
    struct prices_tokens t = plan_expect(&(struct chat_request){.prompt_tokens = 7});

    (void)state;
    CHECK(t.input == 7 && t.output == 7 && t.cache_read == 0);
    t = plan_expect(&(struct chat_request){.prompt_tokens = 7, .max_tokens = 900});
    CHECK(t.input == 7 && t.output == 900);
}

static void a_session_is_its_tenants_and_the_same_in_every_process(void **state)
{
    (void)state;
    CHECK_U64(plan_session(STR("k_1"), STR_EMPTY), 0);
    CHECK_U64(plan_session(STR("k_1"), STR("s")), plan_session(STR("k_1"), STR("s")));
    CHECK(plan_session(STR("k_1"), STR("s")) != plan_session(STR("k_2"), STR("s")));
    CHECK(plan_session(STR("k_1"), STR("s")) != plan_session(STR("k_1s"), STR("")));
    CHECK(plan_session(STR("a"), STR("bc")) != plan_session(STR("ab"), STR("c")));
    CHECK(plan_session(STR_EMPTY, STR("s")) != 0);
}

static void a_session_has_an_affinity_to_each_target_by_its_name(void **state)
{
    struct router_candidate one[ROUTER_MAX_TARGETS], two[ROUTER_MAX_TARGETS];
    struct plan p = {.session = plan_session(STR("k"), STR("s"))};
    struct snapshots s;

    (void)state;
    snapshots_init(&s, models);
    plan_describe(&p, s.snapshot, snapshots_model(&s, "one"), SEC, one, NULL);
    plan_describe(&p, s.snapshot, snapshots_model(&s, "two"), SEC, two, NULL);
    CHECK(one[0].affinity != 0 && one[0].affinity != one[1].affinity);
    CHECK_U64(one[0].affinity, two[0].affinity); /* a/x, wherever it stands */
    snapshots_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_model_is_tried_once_in_the_order_given),
        cmocka_unit_test(a_delegates_fallbacks_go_before_those_of_who_asked),
        cmocka_unit_test(the_first_that_asks_how_hard_it_is_says_so),
        cmocka_unit_test(targets_are_described_as_they_stand),
        cmocka_unit_test(an_answer_is_expected_to_be_as_long_as_it_may_or_as_its_prompt),
        cmocka_unit_test(a_session_is_its_tenants_and_the_same_in_every_process),
        cmocka_unit_test(a_session_has_an_affinity_to_each_target_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
