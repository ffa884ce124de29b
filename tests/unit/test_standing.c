#include "standing.h"

#include "check.h"

#define SEC USEC_PER_SEC

static const struct breaker_config config = {
    .failures = 3, .half_open = 1, .window = 30 * SEC, .open_for = 30 * SEC};

struct pair {
    struct standing_provider provider;
    struct standing one, two; /* targets of the same provider */
};

static void init(struct pair *p)
{
    *p = (struct pair){.one = {.provider = &p->provider}, .two = {.provider = &p->provider}};
    standing_configure(&p->provider, &config, 60 * SEC);
}

static void end_with(struct standing *s, enum failure_blame blame, usec_t now)
{
    CHECK(standing_take(s, now));
    standing_report(s, &(struct failure){.blame = blame}, now);
}

static enum standing_obstacle look(const struct standing *s, usec_t now)
{
    return standing_look(s, now, NULL);
}

static void what_is_not_the_providers_fault_never_trips_anything(void **state)
{
    static const enum failure_blame blames[] = {FAILURE_OF_REQUEST, FAILURE_OF_WINDOW,
                                                FAILURE_OF_NOBODY, FAILURE_NONE};
    struct pair p;

    (void)state;
    init(&p);
    for (int i = 0; i < 1000; i++)
        end_with(&p.one, blames[i % 4], 100 * SEC);
    CHECK_INT(look(&p.one, 100 * SEC), STANDING_CLEAR);
    CHECK_U64(p.provider.transitions[BREAKER_OPEN], 0);
}

static void a_model_that_fails_leaves_its_neighbour_alone(void **state)
{
    struct pair p;
    usec_t wait;

    (void)state;
    init(&p);
    for (int i = 0; i < 3; i++) {
        CHECK(standing_take(&p.one, 100 * SEC));
        CHECK_INT(standing_report(&p.one, &(struct failure){.blame = FAILURE_OF_TARGET}, 100 * SEC),
                  i < 2 ? STANDING_CLEAR : STANDING_FAILING); /* told once */
    }
    CHECK_INT(standing_look(&p.one, 101 * SEC, &wait), STANDING_FAILING);
    CHECK_U64(wait, 29 * SEC);
    CHECK(!standing_take(&p.one, 101 * SEC));
    CHECK_INT(look(&p.two, 101 * SEC), STANDING_CLEAR);
    CHECK_INT(standing_look_provider(&p.provider, 101 * SEC), STANDING_CLEAR);
}

static void a_provider_that_cannot_be_reached_is_so_for_all_its_models(void **state)
{
    struct pair p;

    (void)state;
    init(&p);
    end_with(&p.one, FAILURE_OF_CONNECTION, 100 * SEC);
    end_with(&p.two, FAILURE_OF_CONNECTION, 100 * SEC);
    end_with(&p.one, FAILURE_OF_CONNECTION, 100 * SEC);
    CHECK_INT(look(&p.one, 101 * SEC), STANDING_UNREACHABLE);
    CHECK_INT(look(&p.two, 101 * SEC), STANDING_UNREACHABLE);
    CHECK_INT(standing_look_provider(&p.provider, 101 * SEC), STANDING_UNREACHABLE);
    end_with(&p.two, FAILURE_OF_TARGET, 130 * SEC); /* it failed, but it was reached */
    CHECK_INT(look(&p.one, 130 * SEC), STANDING_CLEAR);
}

static void a_refused_credential_is_parked_and_tried_by_one_request(void **state)
{
    struct pair p;
    usec_t wait;

    (void)state;
    init(&p);
    end_with(&p.one, FAILURE_OF_CREDENTIAL, 100 * SEC);
    CHECK_INT(standing_look(&p.one, 101 * SEC, &wait), STANDING_PARKED);
    CHECK_U64(wait, 59 * SEC);
    CHECK_INT(look(&p.two, 101 * SEC), STANDING_PARKED);
    CHECK(standing_take(&p.one, 160 * SEC));
    CHECK(!standing_take(&p.two, 160 * SEC));
    standing_report(&p.one, &(struct failure){.blame = FAILURE_OF_CREDENTIAL}, 161 * SEC);
    CHECK(!standing_take(&p.two, 220 * SEC));
    end_with(&p.two, FAILURE_NONE, 221 * SEC);
    CHECK_INT(look(&p.one, 221 * SEC), STANDING_CLEAR);
}

static void a_permission_is_refused_for_one_model_only(void **state)
{
    struct pair p;

    (void)state;
    init(&p);
    end_with(&p.one, FAILURE_OF_PERMISSION, 100 * SEC);
    CHECK_INT(look(&p.one, 159 * SEC), STANDING_PARKED);
    CHECK_INT(look(&p.two, 159 * SEC), STANDING_CLEAR);
    CHECK_INT(look(&p.one, 160 * SEC), STANDING_CLEAR);
}

static void a_reload_forgives_the_credential_and_nothing_else(void **state)
{
    struct pair p;

    (void)state;
    init(&p);
    end_with(&p.one, FAILURE_OF_CREDENTIAL, 100 * SEC);
    standing_configure(&p.provider, &config, 60 * SEC);
    CHECK_INT(look(&p.one, 101 * SEC), STANDING_CLEAR);
    for (int i = 0; i < 3; i++)
        end_with(&p.one, FAILURE_OF_TARGET, 101 * SEC);
    standing_configure(&p.provider, &config, 60 * SEC);
    CHECK_INT(look(&p.one, 102 * SEC), STANDING_FAILING);
}

static void a_rest_is_for_everybody_and_longer_ones_win(void **state)
{
    struct pair p;
    usec_t wait;

    (void)state;
    init(&p);
    CHECK(standing_take(&p.one, 100 * SEC));
    CHECK(standing_take(&p.one, 100 * SEC));
    struct failure f = {.blame = FAILURE_OF_RATE, .has_rest = true, .rest = 20 * SEC};
    standing_report(&p.one, &f, 100 * SEC);
    f.rest = 5 * SEC;
    standing_report(&p.one, &f, 101 * SEC);
    CHECK_INT(standing_look(&p.one, 101 * SEC, &wait), STANDING_LIMITED);
    CHECK_U64(wait, 19 * SEC);
    CHECK_INT(look(&p.two, 101 * SEC), STANDING_CLEAR);
    CHECK(!standing_take(&p.one, 120 * SEC - 1));
    CHECK(standing_take(&p.one, 120 * SEC));
    f = (struct failure){.blame = FAILURE_OF_TARGET, .has_rest = true, .rest = 5 * SEC};
    standing_report(&p.one, &f, 121 * SEC);
    CHECK_INT(look(&p.one, 121 * SEC), STANDING_RESTING);
}

static void limits_that_say_when_they_end_open_no_breaker(void **state)
{
    struct failure f = {.blame = FAILURE_OF_RATE, .has_rest = true, .rest = 1};
    struct pair p;

    (void)state;
    init(&p);
    for (usec_t i = 0; i < 10; i++) {
        CHECK(standing_take(&p.one, 100 * SEC + i));
        standing_report(&p.one, &f, 100 * SEC + i);
    }
    for (usec_t i = 0; i < 3; i++)
        end_with(&p.one, FAILURE_OF_RATE, 101 * SEC);
    CHECK_INT(look(&p.one, 101 * SEC), STANDING_FAILING);
}

static void health_workers_word_and_our_own_are_one_verdict(void **state)
{
    struct pair p;

    (void)state;
    init(&p);
    p.provider.health = HEALTH_DOWN;
    p.provider.health_at = 100 * SEC;
    CHECK_INT(look(&p.one, 101 * SEC), STANDING_DOWN); /* though no try failed */
    CHECK(!standing_take(&p.one, 101 * SEC));
    CHECK_INT(look(&p.one, 100 * SEC + STANDING_HEALTH_MAX_AGE), STANDING_CLEAR); /* too old */

    p.provider.health = HEALTH_HEALTHY; /* and the other way round: probes succeed, tries fail */
    p.provider.health_at = 200 * SEC;
    for (int i = 0; i < 3; i++)
        end_with(&p.one, FAILURE_OF_TARGET, 200 * SEC);
    CHECK_INT(look(&p.one, 201 * SEC), STANDING_FAILING);
    p.provider.health = HEALTH_DEGRADED;
    CHECK_INT(look(&p.two, 201 * SEC), STANDING_CLEAR);
}

static void each_opening_in_a_row_lasts_longer(void **state)
{
    struct pair p;
    usec_t now = 1000 * SEC, wait;

    (void)state;
    init(&p);
    for (int i = 0; i < 3; i++)
        end_with(&p.one, FAILURE_OF_TARGET, now);
    for (unsigned n = 1; n <= 20; n++) {
        CHECK_INT(standing_look(&p.one, now, &wait), STANDING_FAILING);
        CHECK_U64(wait, (n < 10 ? n : 10) * 30 * SEC);
        now += wait;
        end_with(&p.one, FAILURE_OF_TARGET, now);
    }
    CHECK_INT(standing_look(&p.one, now, &wait), STANDING_FAILING);
    end_with(&p.one, FAILURE_NONE, now + wait);
    for (int i = 0; i < 3; i++)
        end_with(&p.one, FAILURE_OF_TARGET, now + wait);
    CHECK_INT(standing_look(&p.one, now + wait, &wait), STANDING_FAILING);
    CHECK_U64(wait, 30 * SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_the_providers_fault_never_trips_anything),
        cmocka_unit_test(a_model_that_fails_leaves_its_neighbour_alone),
        cmocka_unit_test(a_provider_that_cannot_be_reached_is_so_for_all_its_models),
        cmocka_unit_test(a_refused_credential_is_parked_and_tried_by_one_request),
        cmocka_unit_test(a_permission_is_refused_for_one_model_only),
        cmocka_unit_test(a_reload_forgives_the_credential_and_nothing_else),
        cmocka_unit_test(a_rest_is_for_everybody_and_longer_ones_win),
        cmocka_unit_test(limits_that_say_when_they_end_open_no_breaker),
        cmocka_unit_test(health_workers_word_and_our_own_are_one_verdict),
        cmocka_unit_test(each_opening_in_a_row_lasts_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
