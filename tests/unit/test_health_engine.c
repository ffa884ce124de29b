#include "proto/health.h"

#include "check.h"

#include <math.h>
#include <stdio.h>

static bool decodes(const char *engine)
{
    static struct health_snapshot s;
    char json[512];
    struct arena a;

    snprintf(json, sizeof(json),
             "{\"providers\":[{\"name\":\"p\",\"state\":\"healthy\",\"engine\":%s}]}", engine);
    arena_init(&a, 1 << 16);
    bool is_good = health_decode(&a, str_from(json), &s);
    CHECK_U64(s.n_providers, is_good);
    arena_done(&a);
    return is_good;
}

static void what_an_engine_does_not_say_may_be_left_out(void **state)
{
    (void)state;
    CHECK(decodes("null"));
    CHECK(decodes("{\"kind\":\"vllm\"}"));
    CHECK(decodes("{\"kind\":\"one that is not known yet\",\"requests_running\":null}"));
    CHECK(decodes("{\"models\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]}"));
}

static void an_engine_that_breaks_the_promise_is_refused(void **state)
{
    (void)state;
    CHECK(!decodes("7"));
    CHECK(!decodes("{\"kind\":7}"));
    CHECK(!decodes("{\"requests_running\":-1}"));
    CHECK(!decodes("{\"requests_waiting\":\"1\"}"));
    CHECK(!decodes("{\"context_length\":1.5}"));
    CHECK(!decodes("{\"models\":[7]}"));
    CHECK(!decodes("{\"models\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}"));
}

static void what_is_sent_is_what_is_heard(void **state)
{
    static struct health_snapshot s, again;
    struct arena a;
    struct buf text, second;

    (void)state;
    s.node = STR("n");
    s.n_providers = 1;
    s.provider[0] = (struct health_provider){
        .name = STR("p"),
        .reason = STR_EMPTY,
        .engine = {STR("vllm"), 17, 3, NAN, 0.25, 2, 8192, {STR("a"), STR("b")}, 2},
    };
    arena_init(&a, 1 << 16);
    buf_init(&text, 4096);
    buf_init(&second, 4096);
    CHECK_INT(health_encode(&s, &text), BUF_OK);
    CHECK(health_decode(&a, buf_str(&text), &again));
    CHECK(isnan(again.provider[0].engine.waiting));
    CHECK_INT(health_encode(&again, &second), BUF_OK);
    CHECK(str_equal(buf_str(&text), buf_str(&second)));
    buf_done(&text);
    buf_done(&second);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_is_what_is_heard),
        cmocka_unit_test(what_an_engine_does_not_say_may_be_left_out),
        cmocka_unit_test(an_engine_that_breaks_the_promise_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
