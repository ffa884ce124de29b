#include "chat_event.h"

#include "event_text.h"

static struct chat_event *add(struct chat_events *e, enum chat_event_kind kind, uint32_t choice,
                              uint32_t tool)
{
    struct chat_event *event = chat_event_add(e, kind);

    event->choice = choice;
    event->tool = tool;
    return event;
}

static void check(const struct chat_events *events, const char *text)
{
    struct buf out;

    buf_init(&out, 4096);
    CHECK_INT(buf_add(&out, "", 0), BUF_OK);
    event_add_all(&out, events);
    CHECK_TEXT(out.len > 0 ? out.data : "", text);
    buf_done(&out);
}

static void calls_from_a_number_on_are_left_out_in_every_choice(void **state)
{
    struct arena a;
    struct chat_events e;

    (void)state;
    arena_init(&a, 1 << 16);
    chat_event_list_init(&e, &a);
    add(&e, CHAT_TOOL_CALL, 0, 1);
    add(&e, CHAT_TEXT, 0, 0)->text = STR("a");
    add(&e, CHAT_TOOL_CALL, 0, 0);
    add(&e, CHAT_ARGUMENTS, 0, 1)->text = STR("{}");
    add(&e, CHAT_ARGUMENTS, 0, 0)->text = STR("{}");
    add(&e, CHAT_TOOL_CALL, 1, 0);
    add(&e, CHAT_TOOL_CALL, 1, 2);
    chat_event_drop_calls(&e, 1);
    check(&e, "text a\ncall 0  \narguments 0 {}\n1: call 0  \n");
    add(&e, CHAT_DONE, 0, 0);
    check(&e, "text a\ncall 0  \narguments 0 {}\n1: call 0  \ndone\n");
    arena_done(&a);
}

static void a_list_may_be_empty_afterwards(void **state)
{
    struct arena a;
    struct chat_events e;

    (void)state;
    arena_init(&a, 1 << 16);
    chat_event_list_init(&e, &a);
    add(&e, CHAT_TOOL_CALL, 0, 1);
    chat_event_drop_calls(&e, 1);
    check(&e, "");
    add(&e, CHAT_DONE, 0, 0);
    check(&e, "done\n");
    arena_done(&a);
}

static void a_full_arena_is_remembered_and_nothing_breaks(void **state)
{
    struct arena a;
    struct chat_events e;

    (void)state;
    arena_init(&a, sizeof(struct chat_event) + 16);
    chat_event_list_init(&e, &a);
    chat_event_add_text(&e, CHAT_TEXT, STR("a"));
    CHECK(!e.is_full);
    CHECK(chat_event_add_text(&e, CHAT_TEXT, STR("b")) != NULL);
    CHECK(e.is_full && e.first == e.last);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_from_a_number_on_are_left_out_in_every_choice),
        cmocka_unit_test(a_list_may_be_empty_afterwards),
        cmocka_unit_test(a_full_arena_is_remembered_and_nothing_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
