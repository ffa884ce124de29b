#include "proxies.h"

#include "check.h"

static size_t note(struct proxies *p, uint64_t id, uint64_t active_requests, usec_t now)
{
    static struct load l; /* too big for the stack */

    l.proxy = id;
    l.active_requests = active_requests;
    return proxies_note(p, &l, now);
}

static void what_a_proxy_says_takes_the_place_of_what_it_said(void **state)
{
    struct proxies p = {.of[0].id = 0};

    (void)state;
    CHECK_U64(proxies_active_requests(&p, 0), 0);
    CHECK_U64(note(&p, 7, 3, 0), 0);
    CHECK_U64(note(&p, 8, 10, 0), 1);
    CHECK_U64(note(&p, 7, 5, 1), 0);
    CHECK_U64(proxies_active_requests(&p, 1), 15);
}

static void a_silent_proxy_is_gone_after_three_heartbeats(void **state)
{
    struct proxies p = {.of[0].id = 0};

    (void)state;
    size_t place = note(&p, 7, 3, 1000);
    CHECK(proxies_is_alive(&p, place, 1000 + PROXIES_PATIENCE - 1));
    CHECK(!proxies_is_alive(&p, place, 1000 + PROXIES_PATIENCE));
    CHECK_U64(proxies_active_requests(&p, 1000 + PROXIES_PATIENCE), 0);
    CHECK(!proxies_is_alive(&p, place + 1, 0)); /* nobody was there */
}

static void when_all_places_are_taken_the_longest_silent_makes_room(void **state)
{
    struct proxies p = {.of[0].id = 0};

    (void)state;
    for (size_t i = 0; i < PROXIES_MAX; i++)
        CHECK_U64(note(&p, 100 + i, 1, i == 5 ? 0 : 10), i);
    CHECK_U64(note(&p, 99, 1, 20), 5);
    CHECK_U64(note(&p, 100, 1, 20), 0);
    CHECK_U64(proxies_active_requests(&p, 20), PROXIES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_proxy_says_takes_the_place_of_what_it_said),
        cmocka_unit_test(a_silent_proxy_is_gone_after_three_heartbeats),
        cmocka_unit_test(when_all_places_are_taken_the_longest_silent_makes_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
