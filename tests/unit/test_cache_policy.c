#include "cache_policy.h"

#include "check.h"

static struct arena arena;
static const struct settings_model_cache usual = {.when = CACHE_DETERMINISTIC};

struct headers {
    const char *cache_control, *no_cache, *ttl;
};

static struct cache_policy decide(const struct settings_model_cache *model, const char *json,
                                  struct headers h)
{
    struct cache_policy_request r = {.model = model};
    size_t offset;

    CHECK_INT(json_parse(&arena, str_from(json), &r.body, &offset), JSON_OK);
    r.cache_control = h.cache_control ? str_from(h.cache_control) : (struct str){NULL, 0};
    r.no_cache = h.no_cache ? str_from(h.no_cache) : (struct str){NULL, 0};
    r.ttl = h.ttl ? str_from(h.ttl) : (struct str){NULL, 0};
    return cache_policy_decide(&r);
}

static bool is_cached(const struct settings_model_cache *model, const char *json, struct headers h)
{
    struct cache_policy p = decide(model, json, h);

    assert_int_equal(p.may_look, p.may_keep);
    return p.may_look;
}

#define NO_HEADERS ((struct headers){0})

static void only_temperature_zero_is_cached_unasked(void **state)
{
    (void)state;
    CHECK(is_cached(&usual, "{\"temperature\":0}", NO_HEADERS));
    CHECK(is_cached(&usual, "{\"temperature\":0.0}", NO_HEADERS));
    CHECK(!is_cached(&usual, "{\"temperature\":0.1}", NO_HEADERS));
    CHECK(!is_cached(&usual, "{\"temperature\":null}", NO_HEADERS));
    CHECK(!is_cached(&usual, "{\"temperature\":\"0\"}", NO_HEADERS));
    CHECK(!is_cached(&usual, "{}", NO_HEADERS));
}

static void a_caller_may_ask_for_it(void **state)
{
    (void)state;
    CHECK_U64(decide(&usual, "{}", (struct headers){.ttl = "90"}).ttl, 90 * USEC_PER_SEC);
    CHECK_U64(decide(&usual, "{}", (struct headers){.ttl = "2m"}).ttl, 120 * USEC_PER_SEC);
    CHECK(is_cached(&usual, "{}", (struct headers){.ttl = "2m"}));
    CHECK_U64(decide(&usual, "{}", (struct headers){.ttl = "99999999999999999"}).ttl,
              30 * 24 * 3600 * USEC_PER_SEC);
    CHECK_U64(decide(&usual, "{}", (struct headers){.ttl = "366d"}).ttl,
              30 * 24 * 3600 * USEC_PER_SEC);
    CHECK(!is_cached(&usual, "{}", (struct headers){.ttl = "soon"}));
    CHECK(!is_cached(&usual, "{}", (struct headers){.ttl = "-1"}));
    CHECK(!is_cached(&usual, "{}", (struct headers){.ttl = ""}));
}

static void a_ttl_of_zero_keeps_nothing_and_still_looks(void **state)
{
    struct cache_policy p = decide(&usual, "{\"temperature\":0}", (struct headers){.ttl = "0"});

    (void)state;
    CHECK(p.may_look && !p.may_keep);
}

static void a_caller_may_refuse(void **state)
{
    const char *body = "{\"temperature\":0}";
    struct cache_policy p = decide(&usual, body, (struct headers){.cache_control = "no-cache"});

    (void)state;
    CHECK(!p.may_look && p.may_keep);
    p = decide(&usual, body, (struct headers){.cache_control = "max-age=0 , No-Cache"});
    CHECK(!p.may_look && p.may_keep);
    CHECK(!is_cached(&usual, body, (struct headers){.cache_control = "no-store"}));
    CHECK(!is_cached(&usual, body, (struct headers){.cache_control = "no-cache, no-store"}));
    CHECK(is_cached(&usual, body, (struct headers){.cache_control = "no-cached"}));
    CHECK(!is_cached(&usual, body, (struct headers){.no_cache = "1"}));
    CHECK(!is_cached(&usual, body, (struct headers){.no_cache = ""}));
    CHECK(is_cached(&usual, body, (struct headers){.no_cache = "false"}));
    CHECK(is_cached(&usual, body, (struct headers){.no_cache = "0"}));
}

static void the_model_decides_before_the_request(void **state)
{
    static const struct settings_model_cache always = {
        .when = CACHE_ALWAYS, .ttl = 7 * USEC_PER_SEC, .tool_calls = true};
    static const struct settings_model_cache never = {.when = CACHE_NEVER};

    (void)state;
    struct cache_policy p = decide(&always, "{\"temperature\":1}", NO_HEADERS);
    CHECK(p.may_look && p.may_keep && p.may_keep_tool_calls);
    CHECK_U64(p.ttl, 7 * USEC_PER_SEC);
    CHECK_U64(decide(&always, "{}", (struct headers){.ttl = "9"}).ttl, 9 * USEC_PER_SEC);
    CHECK(!is_cached(&never, "{\"temperature\":0}", (struct headers){.ttl = "9"}));
    CHECK(!is_cached(&always, "{\"n\":2}", NO_HEADERS));
}

static void what_does_more_than_answer_is_never_cached(void **state)
{
    static const char *const bodies[] = {
        "{\"temperature\":0,\"n\":2}",
        "{\"temperature\":0,\"n\":\"1\"}",
        "{\"temperature\":0,\"store\":true}",
        "{\"temperature\":0,\"background\":true}",
        "{\"temperature\":0,\"previous_response_id\":\"r\"}",
        "{\"temperature\":0,\"conversation\":{\"id\":\"c\"}}",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        CHECK(!is_cached(&usual, bodies[i], NO_HEADERS));
    CHECK(is_cached(&usual,
                    "{\"temperature\":0,\"n\":1,\"store\":false,\"previous_response_id\":null}",
                    NO_HEADERS));
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_temperature_zero_is_cached_unasked),
        cmocka_unit_test(a_caller_may_ask_for_it),
        cmocka_unit_test(a_ttl_of_zero_keeps_nothing_and_still_looks),
        cmocka_unit_test(a_caller_may_refuse),
        cmocka_unit_test(the_model_decides_before_the_request),
        cmocka_unit_test(what_does_more_than_answer_is_never_cached),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
