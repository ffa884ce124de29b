#include "proto/node_state.h"

#include "check.h"

#define START 100

static struct node_state node;
static usec_t now;

static int set_up(void **state)
{
    (void)state;
    now = START;
    node_state_init(&node, now);
    return 0;
}

static bool hear(uint64_t epoch, uint64_t sequence, bool is_snapshot)
{
    return node_state_hear(&node, &(struct node_message){epoch, sequence, is_snapshot}, now);
}

/* Looks as often as one should; how often the status changed on the way. */
static unsigned wait_in_silence(usec_t time)
{
    unsigned changes = 0;

    for (usec_t end = now + time; now < end;) {
        now = end - now < NODE_STATE_LOOK ? end : now + NODE_STATE_LOOK;
        changes += node_state_look(&node, now);
    }
    return changes;
}

static void a_node_that_is_never_heard_is_degraded_and_then_offline(void **state)
{
    (void)state;
    CHECK_INT(node.status, NODE_STATUS_DEGRADED);
    CHECK_U64(wait_in_silence(NODE_STATE_OFFLINE_AFTER - 1), 0);
    CHECK_INT(node.status, NODE_STATUS_DEGRADED);
    CHECK_U64(wait_in_silence(1), 1);
    CHECK_INT(node.status, NODE_STATUS_OFFLINE);
    CHECK(!node.was_heard);
}

static void one_missed_heartbeat_degrades_and_three_make_offline(void **state)
{
    (void)state;
    CHECK(hear(7, 0, true));
    CHECK_INT(node.status, NODE_STATUS_HEALTHY);
    CHECK_U64(wait_in_silence(NODE_STATE_DEGRADED_AFTER - 1), 0);
    CHECK_U64(wait_in_silence(1), 1);
    CHECK_INT(node.status, NODE_STATUS_DEGRADED);
    CHECK_U64(wait_in_silence(NODE_STATE_OFFLINE_AFTER - NODE_STATE_DEGRADED_AFTER - 1), 0);
    CHECK_U64(wait_in_silence(1), 1);
    CHECK_INT(node.status, NODE_STATUS_OFFLINE);
    CHECK_U64(wait_in_silence(1000 * NODE_STATE_OFFLINE_AFTER), 0);
    CHECK(node.silence >= 1000 * NODE_STATE_OFFLINE_AFTER);
}

static void the_next_word_heals_whatever_came_before(void **state)
{
    (void)state;
    CHECK(hear(7, 0, true));
    wait_in_silence(2 * NODE_STATE_DEGRADED_AFTER);
    CHECK_INT(node.status, NODE_STATUS_OFFLINE);
    CHECK(hear(7, 9, true));
    CHECK_INT(node.status, NODE_STATUS_HEALTHY);
    CHECK_U64(wait_in_silence(NODE_STATE_DEGRADED_AFTER - 1), 0);
}

static void heartbeats_in_time_keep_it_healthy_for_ever(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        CHECK(hear(7, i, true));
        CHECK_U64(wait_in_silence(NODE_STATE_HEARTBEAT), 0);
    }
    CHECK_INT(node.status, NODE_STATUS_HEALTHY);
    CHECK_U64(node.restarts, 0);
}

static void a_listener_that_was_held_up_does_not_take_its_own_pause_for_silence(void **state)
{
    (void)state;
    CHECK(hear(7, 0, true));
    now += 60 * USEC_PER_SEC;
    CHECK(!node_state_look(&node, now));
    CHECK_INT(node.status, NODE_STATUS_HEALTHY);
    CHECK_U64(wait_in_silence(NODE_STATE_OFFLINE_AFTER), 2);
}

static void changes_count_in_order_and_after_a_gap_the_next_snapshot_does(void **state)
{
    (void)state;
    CHECK(!hear(7, 4, false)); /* before any snapshot */
    CHECK(!hear(7, 5, false));
    CHECK(hear(7, 6, true));
    CHECK(hear(7, 7, false));
    CHECK(hear(7, 8, false));
    CHECK(!hear(7, 10, false));
    CHECK(!hear(7, 11, false));
    CHECK(hear(7, 14, true)); /* complete, whatever was missed */
    CHECK(hear(7, 15, false));
    CHECK(!hear(7, 15, false));
}

static void a_publisher_that_starts_anew_counts_from_zero_and_is_believed(void **state)
{
    (void)state;
    CHECK(hear(7, 1000, true));
    CHECK(!hear(8, 1001, false)); /* its number fits by chance */
    CHECK_U64(node.restarts, 1);
    CHECK(hear(8, 1002, true));
    CHECK(hear(3, 0, true)); /* its clock was set back */
    CHECK_U64(node.restarts, 2);
    CHECK(hear(3, 1, false));
    CHECK_INT(node.status, NODE_STATUS_HEALTHY);
}

static void every_status_has_its_word(void **state)
{
    (void)state;
    CHECK_TEXT(node_state_text(NODE_STATUS_HEALTHY), "healthy");
    CHECK_TEXT(node_state_text(NODE_STATUS_DEGRADED), "degraded");
    CHECK_TEXT(node_state_text(NODE_STATUS_OFFLINE), "offline");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(a_node_that_is_never_heard_is_degraded_and_then_offline),
        TEST(one_missed_heartbeat_degrades_and_three_make_offline),
        TEST(the_next_word_heals_whatever_came_before),
        TEST(heartbeats_in_time_keep_it_healthy_for_ever),
        TEST(a_listener_that_was_held_up_does_not_take_its_own_pause_for_silence),
        TEST(changes_count_in_order_and_after_a_gap_the_next_snapshot_does),
        TEST(a_publisher_that_starts_anew_counts_from_zero_and_is_believed),
        TEST(every_status_has_its_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
