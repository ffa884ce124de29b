/* What of a stream goes on to the caller, and what is held back: wherever it is cut. */
#include "recall_stream.h"

#include "base/buf.h"
#include "check.h"
#include "recall_text.h"

#include <string.h>

#define MAX_EVENTS 64

/* A stream as a model sends it: pieces, in order. */
struct piece {
    enum chat_event_kind kind;
    const char *text; /* of a call: its name; of logprobs: any */
    uint32_t tool;
    enum chat_finish finish;
    uint32_t choice;
};

#define TEXT(t)                                                                                    \
    {                                                                                              \
        CHAT_TEXT, t, 0, 0, 0                                                                      \
    }
#define THOUGHT(t)                                                                                 \
    {                                                                                              \
        CHAT_THINKING, t, 0, 0, 0                                                                  \
    }
#define PROOF(t)                                                                                   \
    {                                                                                              \
        CHAT_SIGNATURE, t, 0, 0, 0                                                                 \
    }
#define CALL(n, t)                                                                                 \
    {                                                                                              \
        CHAT_TOOL_CALL, t, n, 0, 0                                                                 \
    }
#define OURS(n)                                                                                    \
    {                                                                                              \
        CHAT_TOOL_CALL, RECALL_TEXT_NAME, n, 0, 0                                                  \
    }
#define ARGS(n, t)                                                                                 \
    {                                                                                              \
        CHAT_ARGUMENTS, t, n, 0, 0                                                                 \
    }
#define LOGPROBS                                                                                   \
    {                                                                                              \
        CHAT_LOGPROBS, "{}", 0, 0, 0                                                               \
    }
#define USAGE                                                                                      \
    {                                                                                              \
        CHAT_USAGE, "", 0, 0, 0                                                                    \
    }
#define FINISH(how)                                                                                \
    {                                                                                              \
        CHAT_FINISH, "", 0, CHAT_FINISH_##how, 0                                                   \
    }
#define DONE                                                                                       \
    {                                                                                              \
        CHAT_DONE, "", 0, 0, 0                                                                     \
    }
#define OTHER(t)                                                                                   \
    {                                                                                              \
        CHAT_TEXT, t, 0, 0, 1                                                                      \
    }

static const char *const letters = "SxRhpdcalfuED"; /* a sign for each kind */

/* One word an event, runs of text and arguments put together: cutting must not show. */
static void tell(struct buf *out, const struct chat_event *e, char *last)
{
    char sign = letters[e->kind];
    bool grows = e->kind == CHAT_TEXT || e->kind == CHAT_ARGUMENTS || e->kind == CHAT_THINKING;

    sign = (char)(e->choice ? 'o' : sign);
    if (!grows || *last != sign) {
        CHECK_INT(buf_printf(out, "%s%c", out->len > 0 ? " " : "", sign), BUF_OK);
        if (e->kind == CHAT_TOOL_CALL || e->kind == CHAT_ARGUMENTS)
            CHECK_INT(buf_printf(out, "%u", e->tool), BUF_OK);
        if (e->kind == CHAT_FINISH)
            CHECK_INT(buf_printf(out, "%u", e->finish), BUF_OK);
        CHECK_INT(buf_add_str(out, STR(":")), BUF_OK);
    }
    *last = grows ? sign : '\0';
    CHECK_INT(buf_add_str(out, e->kind == CHAT_TOOL_CALL ? e->name : e->text), BUF_OK);
}

static void add_piece(struct chat_events *list, const struct piece *p, size_t from, size_t to)
{
    struct chat_event *e = chat_event_add(list, p->kind);

    e->choice = p->choice;
    e->tool = p->tool;
    e->finish = p->finish;
    if (p->kind == CHAT_TOOL_CALL) {
        e->name = str_from(p->text);
        e->id = STR("id");
    } else {
        e->text = (struct str){p->text + from, to - from};
    }
}

struct scene {
    struct recall_stream stream;
    struct buf out; /* for the caller */
    char last;
};

static void open_scene(struct scene *s)
{
    recall_stream_init(&s->stream);
    recall_stream_start(&s->stream, true);
    buf_init(&s->out, 1 << 16);
    s->last = '\0';
}

static void close_scene(struct scene *s)
{
    recall_stream_done(&s->stream);
    buf_done(&s->out);
}

static void feed(struct scene *s, struct chat_events *list)
{
    recall_stream_feed(&s->stream, list);
    for (const struct chat_event *e = list->first; e; e = e->next)
        tell(&s->out, e, &s->last);
}

/* `together` events in a list, texts that may grow in steps of `step` bytes. */
static void play(struct scene *s, const struct piece *pieces, size_t together, size_t step)
{
    struct arena a;
    struct chat_events list;
    size_t n = 0;

    arena_init(&a, 1 << 20);
    chat_event_list_init(&list, &a);
    for (const struct piece *p = pieces; p->text; p++) {
        bool grows = p->kind == CHAT_TEXT || p->kind == CHAT_ARGUMENTS || p->kind == CHAT_THINKING;
        size_t len = str_from(p->text).len, width = grows && step > 0 ? step : len + 1;
        for (size_t at = 0; at == 0 || at < len; at += width) {
            add_piece(&list, p, at, at + width < len ? at + width : len);
            if (++n % together > 0)
                continue;
            feed(s, &list);
            chat_event_list_init(&list, &a);
        }
    }
    feed(s, &list);
    arena_done(&a);
}

static void read_said(const struct recall_stream *stream, struct buf *ret)
{
    struct arena a;
    struct chat_events said;
    char last = '\0';

    arena_init(&a, 1 << 20);
    chat_event_list_init(&said, &a);
    recall_stream_read(stream, &said);
    for (const struct chat_event *e = said.first; e; e = e->next)
        tell(ret, e, &last);
    arena_done(&a);
}

/* However it is cut, this goes to the caller; and `said` opens the next round, or there is none. */
static void check(const struct piece *pieces, const char *shown, const char *said)
{
    for (size_t together = 1; together <= 8; together++)
        for (size_t step = 0; step <= 5; step++) {
            struct scene s;
            struct buf kept;
            open_scene(&s);
            buf_init(&kept, 1 << 16);
            play(&s, pieces, together, step);
            CHECK(str_is(buf_str(&s.out), shown));
            CHECK(s.stream.is_round == (said != NULL));
            if (said) {
                read_said(&s.stream, &kept);
                CHECK(str_is(buf_str(&kept), said));
            }
            buf_done(&kept);
            close_scene(&s);
        }
}

#define END                                                                                        \
    {                                                                                              \
        CHAT_DONE, NULL, 0, 0, 0                                                                   \
    }

static void an_answer_without_our_calls_passes_as_it_is(void **state)
{
    static const struct piece text[] = {THOUGHT("hm"),  PROOF("p"),   TEXT("hello world"),
                                        LOGPROBS,       FINISH(STOP), USAGE,
                                        OTHER("other"), DONE,         END};
    static const struct piece calls[] = {CALL(0, "read"), ARGS(0, "{\"a\":1}"), CALL(1, "write"),
                                         ARGS(1, "{}"),   FINISH(TOOL_CALLS),   END};

    (void)state;
    check(text, "h:hm p:p x:hello world l:{} f0: u: o:other D:", NULL);
    check(calls, "c0:read a0:{\"a\":1} c1:write a1:{} f2:", NULL);
}

static void a_call_of_ours_is_held_back_and_nothing_before_it(void **state)
{
    static const struct piece pieces[] = {THOUGHT("hmm"),
                                          PROOF("p"),
                                          TEXT("a moment"),
                                          OURS(0),
                                          ARGS(0, "{\"key\":\"ab\"}"),
                                          LOGPROBS,
                                          FINISH(TOOL_CALLS),
                                          USAGE,
                                          DONE,
                                          END};

    (void)state;
    check(pieces, "h:hmm p:p x:a moment D:",
          "h:hmm p:p x:a moment c0:" RECALL_TEXT_NAME " a0:{\"key\":\"ab\"} f2:");
}

static void two_calls_that_take_turns_are_kept_apart(void **state)
{
    static const struct piece pieces[] = {OURS(0),      OURS(1),      ARGS(0, "{"),
                                          ARGS(1, "["), OURS(0),      ARGS(0, "}"),
                                          ARGS(1, "]"), FINISH(STOP), END};
    struct scene s;
    struct buf kept;

    (void)state;
    open_scene(&s);
    buf_init(&kept, 1 << 16);
    play(&s, pieces, 3, 0);
    CHECK(s.stream.is_round && s.stream.n_ours == 2 && s.out.len == 0);
    read_said(&s.stream, &kept);
    CHECK(kept.len > 0);
    buf_done(&kept);
    close_scene(&s);
}

static void the_caller_s_calls_go_on_counted_without_ours(void **state)
{
    static const struct piece first[] = {OURS(0),       ARGS(0, "{}"),      CALL(1, "read"),
                                         ARGS(1, "{}"), FINISH(TOOL_CALLS), END};
    static const struct piece between[] = {CALL(0, "read"), ARGS(0, "1"),       OURS(1),
                                           ARGS(1, "{}"),   CALL(2, "write"),   LOGPROBS,
                                           ARGS(2, "2"),    FINISH(TOOL_CALLS), END};

    (void)state;
    check(first, "c0:read a0:{} f2:", NULL);
    check(between, "c0:read a0:1 c1:write l:{} a1:2 f2:", NULL);
}

static void what_is_cut_short_is_no_round(void **state)
{
    static const struct piece length[] = {TEXT("so"), OURS(0), ARGS(0, "{\"k"), FINISH(LENGTH),
                                          END};
    static const struct piece filter[] = {OURS(0), FINISH(FILTER), END};

    (void)state;
    check(length, "x:so f1:", NULL);
    check(filter, "f3:", NULL);
}

static void calls_after_the_end_are_of_no_round(void **state)
{
    static const struct piece pieces[] = {OURS(0),         ARGS(0, "{}"), FINISH(TOOL_CALLS),
                                          CALL(1, "read"), ARGS(1, "{}"), END};

    (void)state;
    check(pieces, "", "c0:" RECALL_TEXT_NAME " a0:{} f2:");
}

static void more_calls_than_are_answered_are_none(void **state)
{
    struct piece pieces[RECALL_TEXT_MAX_CALLS + 3] = {{0}};
    size_t n = 0;

    (void)state;
    for (; n <= RECALL_TEXT_MAX_CALLS; n++)
        pieces[n] = (struct piece)OURS((uint32_t)n);
    pieces[n] = (struct piece)FINISH(TOOL_CALLS);
    check(pieces, "f0:", NULL);
}

static void after_the_last_round_calls_are_only_left_out(void **state)
{
    static const struct piece pieces[] = {TEXT("so"), OURS(0), ARGS(0, "{}"), FINISH(TOOL_CALLS),
                                          END};
    struct scene s;

    (void)state;
    open_scene(&s);
    recall_stream_start(&s.stream, false);
    play(&s, pieces, 1, 0);
    CHECK_STR(buf_str(&s.out), "x:so f0:");
    CHECK(!s.stream.is_round && s.stream.said.len == 0);
    close_scene(&s);
}

static void what_two_answers_say_are_two_paragraphs(void **state)
{
    static const struct piece first[] = {TEXT("one"), OURS(0), FINISH(TOOL_CALLS), END};
    static const struct piece silent[] = {OURS(0), FINISH(TOOL_CALLS), END};
    static const struct piece last[] = {THOUGHT("hm"), TEXT(""), TEXT("two"), FINISH(STOP), END};
    struct scene s;

    (void)state;
    open_scene(&s);
    play(&s, first, 1, 1);
    recall_stream_start(&s.stream, true);
    play(&s, silent, 1, 1);
    recall_stream_start(&s.stream, true);
    play(&s, last, 1, 1);
    CHECK_STR(buf_str(&s.out), "x:one h:hm x:\n\ntwo f0:");
    close_scene(&s);
    open_scene(&s);
    play(&s, silent, 1, 1);
    recall_stream_start(&s.stream, true);
    play(&s, last, 1, 1);
    CHECK_STR(buf_str(&s.out), "h:hm x:two f0:");
    close_scene(&s);
}

static void more_than_can_be_kept_is_no_round(void **state)
{
    static char long_text[1 << 20];
    struct scene s;
    struct arena a;
    struct chat_events list;
    static const struct piece end[] = {OURS(0), FINISH(TOOL_CALLS), END};

    (void)state;
    memset(long_text, 'x', sizeof(long_text));
    arena_init(&a, 1 << 20);
    open_scene(&s);
    for (int i = 0; i < 17; i++) {
        chat_event_list_init(&list, &a);
        chat_event_add_text(&list, CHAT_TEXT, (struct str){long_text, sizeof(long_text)});
        recall_stream_feed(&s.stream, &list);
        CHECK(list.first != NULL);
    }
    play(&s, end, 1, 0);
    CHECK(s.stream.is_lost && !s.stream.is_round);
    CHECK_STR(buf_str(&s.out), "f0:");
    close_scene(&s);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_without_our_calls_passes_as_it_is),
        cmocka_unit_test(a_call_of_ours_is_held_back_and_nothing_before_it),
        cmocka_unit_test(two_calls_that_take_turns_are_kept_apart),
        cmocka_unit_test(the_caller_s_calls_go_on_counted_without_ours),
        cmocka_unit_test(what_is_cut_short_is_no_round),
        cmocka_unit_test(calls_after_the_end_are_of_no_round),
        cmocka_unit_test(more_calls_than_are_answered_are_none),
        cmocka_unit_test(after_the_last_round_calls_are_only_left_out),
        cmocka_unit_test(what_two_answers_say_are_two_paragraphs),
        cmocka_unit_test(more_than_can_be_kept_is_no_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
