#include "audit_queue.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct audit_queue *queue;

static int make(void **state)
{
    (void)state;
    queue = malloc(sizeof(*queue));
    if (!queue)
        return -1;
    audit_queue_init(queue);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    audit_queue_done(queue);
    free(queue);
    return 0;
}

static struct audit_item item(const char *event, const char *data)
{
    return (struct audit_item){.wall = 7, .event = event, .data = str_from(data)};
}

/* What the queue holds, "event data;" each; it is empty then. */
static const char *taken(uint64_t *ret_dropped)
{
    static char text[4096];
    struct audit_item one;
    size_t at = 0, len = 0;
    struct buf list;
    buf_init(&list, AUDIT_QUEUE_MAX_BYTES);
    audit_queue_take(queue, &list, ret_dropped);
    text[0] = '\0';
    while (audit_queue_read(&list, &at, &one) && len < sizeof(text))
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %.*s;", one.event,
                                STR_ARG(one.data));
    buf_done(&list);
    return text;
}

static void test_items_come_out_as_they_went_in(void **state)
{
    (void)state;
    uint64_t dropped;
    const struct audit_item a = item("a", "{}"), b = item("b", "{\"n\":1}");
    CHECK(audit_queue_add(queue, &a));
    CHECK(audit_queue_add(queue, &b));
    CHECK_TEXT(taken(&dropped), "a {};b {\"n\":1};");
    CHECK_U64(dropped, 0);
    CHECK_TEXT(taken(&dropped), "");
    CHECK_U64(queue->n_added, 2);
}

static void test_what_has_no_room_is_counted(void **state)
{
    (void)state;
    static char big[100001];
    memset(big, 'x', sizeof(big) - 1);
    const struct audit_item a = item("a", big);
    uint64_t n = 0, dropped;
    while (audit_queue_add(queue, &a))
        n++;
    CHECK(n >= 40 && n * 100000 <= AUDIT_QUEUE_MAX_BYTES);
    CHECK(!audit_queue_add(queue, &a));
    struct buf list;
    buf_init(&list, AUDIT_QUEUE_MAX_BYTES);
    audit_queue_take(queue, &list, &dropped);
    buf_done(&list);
    CHECK_U64(dropped, 2);
    CHECK(audit_queue_add(queue, &a));
}

static void test_what_comes_again_is_told_once_a_window(void **state)
{
    (void)state;
    uint64_t dropped;
    static const char event[] = "auth.failed";
    const struct audit_item one = item(event, "{\"peer\":\"a\"}"),
                            other = item(event, "{\"peer\":\"b\"}");
    CHECK(audit_queue_repeat(queue, &one, 0));
    CHECK(audit_queue_repeat(queue, &other, 0));
    for (int i = 0; i < 5; i++)
        CHECK(!audit_queue_repeat(queue, &one, 1));
    CHECK_TEXT(taken(&dropped), "auth.failed {\"peer\":\"a\"};auth.failed {\"peer\":\"b\"};");
    audit_queue_expire(queue, 8, AUDIT_QUEUE_WINDOW - 1);
    CHECK_TEXT(taken(&dropped), "");
    audit_queue_expire(queue, 8, AUDIT_QUEUE_WINDOW);
    CHECK_TEXT(taken(&dropped), "auth.failed {\"peer\":\"a\",\"count\":5};");
    CHECK(audit_queue_repeat(queue, &other, AUDIT_QUEUE_WINDOW)); /* its window is over */
    CHECK(!audit_queue_repeat(queue, &one, AUDIT_QUEUE_WINDOW));
    audit_queue_expire(queue, 8, 2 * AUDIT_QUEUE_WINDOW);
    CHECK_TEXT(taken(&dropped),
               "auth.failed {\"peer\":\"b\"};auth.failed {\"peer\":\"a\",\"count\":1};");
}

static void test_a_flood_of_different_ones_is_told_as_one(void **state)
{
    (void)state;
    uint64_t dropped;
    for (unsigned i = 0; i < AUDIT_QUEUE_MAX_REPEATS; i++) {
        char data[32];
        snprintf(data, sizeof(data), "{\"peer\":%u}", i);
        const struct audit_item one = item("auth.failed", data);
        CHECK(audit_queue_repeat(queue, &one, 0));
    }
    (void)taken(&dropped);
    for (unsigned i = 0; i < 1000; i++) {
        char data[32];
        snprintf(data, sizeof(data), "{\"peer\":-%u}", i);
        const struct audit_item one = item("auth.failed", data);
        CHECK(audit_queue_repeat(queue, &one, 0) == (i == 0));
    }
    CHECK_TEXT(taken(&dropped), "audit.others {};");
    audit_queue_expire(queue, 8, AUDIT_QUEUE_WINDOW);
    CHECK_TEXT(taken(&dropped), "audit.others {\"count\":999};");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, clear)
    const struct CMUnitTest tests[] = {
        TEST(test_items_come_out_as_they_went_in),
        TEST(test_what_has_no_room_is_counted),
        TEST(test_what_comes_again_is_told_once_a_window),
        TEST(test_a_flood_of_different_ones_is_told_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
