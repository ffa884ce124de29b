#include "frames.h"
#include "inbound.h"

#include "check.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* data/translation_*.txt: what goes in and what comes out, side by side.
 *
 *     == request messages > openai | a sentence
 *     == answer anthropic > chat | …
 *     == stream openai > messages | …
 *     the text in
 *     --
 *     the text out
 *
 * A request to bedrock begins with its path, an event of its streams is "name: data" on a line.
 * Spaces between JSON tokens do not count, nor do line ends in requests and answers. A request that
 * cannot be carried over comes out as "fault FIELD: message". Every stream is cut at every width up
 * to 32 bytes and at random. */

#define MAX_CASE (64u << 10)

struct fixture {
    struct arena arena, scratch;
    char in[MAX_CASE], want[MAX_CASE], have[MAX_CASE];
    struct buf out;
};

static const struct inbound *inbound_named(const char *name)
{
    static const struct {
        const char *name;
        const struct inbound *inbound;
    } table[] = {{"chat", &inbound_chat}, {"messages", &inbound_messages}};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(name, table[i].name) == 0)
            return table[i].inbound;
    fail_msg("no API is called %s", name);
    return NULL;
}

static const struct dialect *dialect_named(const char *name)
{
    static const struct dialect *const table[] = {&dialect_openai, &dialect_anthropic,
                                                  &dialect_bedrock};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(name, table[i]->name) == 0)
            return table[i];
    fail_msg("no dialect is called %s", name);
    return NULL;
}

/* Without the spaces and line ends that stand outside of strings. */
static void squeeze(struct str text, bool keeps_lines, char *to)
{
    bool is_in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '"' && !(is_in_string && text.data[i - 1] == '\\' && text.data[i - 2] != '\\'))
            is_in_string = !is_in_string;
        if (is_in_string || !isspace((unsigned char)c) || (c == '\n' && keeps_lines))
            *to++ = c;
    }
    while (keeps_lines && to[-1] == '\n')
        to--;
    *to = '\0';
}

/* ---- requests ---- */

static void translate_request(struct fixture *f, const char *from, const char *to)
{
    const struct inbound *inbound = inbound_named(from);
    const struct json_value *root;
    struct dialect_call call = {.path = NULL};
    struct inbound_fault fault = {NULL, NULL};
    struct chat chat;
    size_t offset;

    CHECK_INT(json_parse(&f->arena, str_from(f->in), &root, &offset), JSON_OK);
    if (!inbound->read_chat(&f->arena, root, &chat, &fault)) {
        CHECK_INT(buf_printf(&f->out, "fault %s: %s", fault.param, fault.message), BUF_OK);
        return;
    }
    struct dialect_request r = {.chat = &chat, .model = "claude-opus-5"};
    struct str model;
    if (json_string(json_get(root, "model"), &f->arena, &model))
        r.model = arena_copy(&f->arena, model);
    if (dialect_named(to)->write(&f->arena, &r, &call) == DIALECT_CANNOT)
        CHECK_INT(buf_printf(&f->out, "fault %s: cannot", inbound->field_of(call.cannot)), BUF_OK);
    else if (strcmp(to, "bedrock") == 0)
        CHECK_INT(buf_printf(&f->out, "%s ", call.path), BUF_OK);
    for (size_t i = 0; i < call.n_body; i++)
        CHECK_INT(buf_add_str(&f->out, call.body[i]), BUF_OK);
}

/* ---- answers ---- */

static struct inbound_answer answer_for(bool wants_usage)
{
    static const struct chat chat;

    return (struct inbound_answer){.id = "req_1",
                                   .model = "m",
                                   .created = 7,
                                   .wants_usage = wants_usage,
                                   .prompt_tokens = 11,
                                   .chat = &chat};
}

static void translate_answer(struct fixture *f, const char *from, const char *to)
{
    struct inbound_answer answer = answer_for(true);
    struct chat_events events;

    chat_event_list_init(&events, &f->arena);
    if (!dialect_named(from)->read_answer(str_from(f->in), &events))
        CHECK_INT(buf_printf(&f->out, "no answer"), BUF_OK);
    else
        CHECK_INT(inbound_named(to)->write_answer(&answer, events.first, &f->arena, &f->out),
                  BUF_OK);
}

/* ---- streams ---- */

struct streaming {
    struct fixture *f;
    const struct dialect *dialect;
    const struct inbound *inbound;
    struct dialect_stream reader;
    struct inbound_stream writer;
    bool has_finish, is_done;
};

static void pass_on(struct streaming *s, const struct chat_event *e)
{
    s->has_finish = s->has_finish || e->kind == CHAT_FINISH;
    if (e->kind == CHAT_ERROR)
        CHECK_INT(buf_printf(&s->f->out, "error: %.*s\n", STR_ARG(e->text)), BUF_OK);
    else if (e->kind == CHAT_DONE)
        s->is_done = true;
    else if (e->kind != CHAT_START)
        CHECK_INT(s->inbound->write_event(&s->writer, e, &s->f->out), BUF_OK);
}

static bool on_frame(void *arg, struct str name, struct str data)
{
    struct streaming *s = arg;
    struct chat_events events;

    chat_event_list_init(&events, &s->f->scratch);
    bool is_valid = s->dialect->read_event(&s->reader, name, data, &events);
    if (!is_valid)
        CHECK_INT(buf_printf(&s->f->out, "invalid\n"), BUF_OK);
    for (const struct chat_event *e = events.first; is_valid && e; e = e->next)
        pass_on(s, e);
    arena_clear(&s->f->scratch);
    return is_valid && !s->is_done;
}

static void feed_lines(struct streaming *s, struct str lines)
{
    struct str line, name;

    while (str_cut(&lines, '\n', &line))
        if (str_cut(&line, ':', &name) && name.len > 0 && !on_frame(s, name, line))
            return;
}

/* Cut in pieces of `step` bytes; 0: at random. */
static void feed_bytes(struct streaming *s, struct str bytes, size_t step)
{
    struct frames frames;
    enum frames_result r = FRAMES_OK;

    frames_init(&frames, s->dialect, on_frame, s);
    for (size_t at = 0, n; at < bytes.len && r == FRAMES_OK; at += n) {
        n = step > 0 ? step : 1 + (size_t)rand() % 40;
        if (n > bytes.len - at)
            n = bytes.len - at;
        r = frames_feed(&frames, (struct str){bytes.data + at, n});
    }
    frames_done(&frames);
}

static void translate_stream(struct fixture *f, const char *from, const char *to, size_t step)
{
    struct streaming s = {.f = f, .dialect = dialect_named(from), .inbound = inbound_named(to)};
    struct inbound_answer answer = answer_for(true);

    inbound_stream_init(&s.writer, &answer);
    if (s.dialect->framing == DIALECT_EVENTSTREAM)
        feed_lines(&s, str_from(f->in));
    else
        feed_bytes(&s, str_from(f->in), step);
    if (s.is_done && s.has_finish)
        CHECK_INT(s.inbound->write_end(&s.writer, true, &f->out), BUF_OK);
    else
        CHECK_INT(buf_printf(&f->out, "cut\n"), BUF_OK);
    inbound_stream_done(&s.writer);
}

/* ---- the cases ---- */

static void check_case(struct fixture *f, const char *title, bool keeps_lines)
{
    char want[MAX_CASE];

    squeeze(str_from(f->want), keeps_lines, want);
    squeeze(buf_str(&f->out), keeps_lines, f->have);
    if (strcmp(f->have, want) != 0)
        fail_msg("%s\nwant: %s\nhave: %s", title, want, f->have);
    buf_clear(&f->out);
    arena_clear(&f->arena);
}

static void run_case(struct fixture *f, const char *title)
{
    char kind[16], from[16], to[16];

    CHECK_INT(sscanf(title, "== %15s %15s > %15s", kind, from, to), 3);
    if (strcmp(kind, "request") == 0) {
        translate_request(f, from, to);
        check_case(f, title, false);
    } else if (strcmp(kind, "answer") == 0) {
        translate_answer(f, from, to);
        check_case(f, title, false);
    } else {
        CHECK_TEXT(kind, "stream");
        for (size_t step = 0; step <= 32; step++) {
            translate_stream(f, from, to, step);
            check_case(f, title, true);
        }
    }
}

static unsigned run_file(struct fixture *f, const char *path)
{
    char line[MAX_CASE / 4], title[256] = "";
    char *to = f->in;
    unsigned n = 0;

    FILE *file = fopen(path, "re");
    CHECK(file);
    while (true) {
        bool is_line = fgets(line, sizeof(line), file);
        if (!is_line || strncmp(line, "== ", 3) == 0) {
            if (title[0] != '\0')
                run_case(f, title);
            n += title[0] != '\0';
            if (!is_line)
                break;
            str_copy(title, sizeof(title), str_from(line));
            f->in[0] = f->want[0] = '\0';
            to = f->in;
        } else if (strcmp(line, "--\n") == 0) {
            to = f->want;
        } else if (line[0] != '#') {
            strncat(to, line, MAX_CASE - strlen(to) - 1);
        }
    }
    fclose(file);
    return n;
}

static struct fixture *set_up(void)
{
    static struct fixture f;

    arena_init(&f.arena, 1 << 20);
    arena_init(&f.scratch, 1 << 20);
    buf_init(&f.out, MAX_CASE);
    return &f;
}

static void check_file(const char *path, unsigned at_least)
{
    struct fixture *f = set_up();

    CHECK(run_file(f, path) >= at_least);
    arena_done(&f->arena);
    arena_done(&f->scratch);
    buf_done(&f->out);
}

static void chats_and_messages_reach_bedrock_as_the_table_says(void **state)
{
    (void)state;
    check_file("data/translation_bedrock.txt", 20);
}

static void chats_and_messages_translate_as_the_table_says(void **state)
{
    (void)state;
    check_file("data/translation_anthropic.txt", 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chats_and_messages_translate_as_the_table_says),
        cmocka_unit_test(chats_and_messages_reach_bedrock_as_the_table_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
