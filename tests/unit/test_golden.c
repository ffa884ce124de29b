/* The dialects read the golden recordings (tests/conformance/golden) as it stands beside them, and
 * streams wherever they are cut. */
#include "base/json.h"
#include "base/json_write.h"
#include "dialect.h"
#include "frames.h"

#include "check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER      "../conformance/golden"
#define SPLITS      10000 /* a dialect */
#define MAX_CHOICES 4
#define MAX_CALLS   4

static const struct {
    const char *folder;
    const struct dialect *dialect;
} dialects[] = {
    {"openai", &dialect_openai},
    {"openai-completions", &dialect_completions},
    {"openai-responses", &dialect_responses},
    {"anthropic", &dialect_anthropic},
    {"gemini", &dialect_gemini},
    {"bedrock", &dialect_bedrock},
    {"ollama", &dialect_ollama},
};
#define N_DIALECTS (sizeof(dialects) / sizeof(dialects[0]))

/* ---- what was read, in the lines of an .expect file ---- */

struct call {
    bool is_there;
    struct buf id, name, signature, arguments;
};

struct choice {
    struct buf text, thinking, signature, redacted, refusal;
    struct call calls[MAX_CALLS];
    bool has_logprobs, has_finish;
    enum chat_finish finish;
    struct buf stop;
};

struct seen {
    struct choice choices[MAX_CHOICES];
    bool has_usage, has_error;
    struct chat_usage usage;
    struct buf error;
};

static void each_buf(struct seen *s, void (*fn)(struct buf *b))
{
    fn(&s->error);
    for (size_t i = 0; i < MAX_CHOICES; i++) {
        struct choice *c = &s->choices[i];
        struct buf *const bufs[] = {&c->text,     &c->thinking, &c->signature,
                                    &c->redacted, &c->refusal,  &c->stop};
        for (size_t b = 0; b < sizeof(bufs) / sizeof(bufs[0]); b++)
            fn(bufs[b]);
        for (size_t t = 0; t < MAX_CALLS; t++) {
            fn(&c->calls[t].id);
            fn(&c->calls[t].name);
            fn(&c->calls[t].signature);
            fn(&c->calls[t].arguments);
        }
    }
}

static void start_buf(struct buf *b)
{
    buf_init(b, 1u << 20);
}

static void add(struct buf *b, struct str s)
{
    CHECK_INT(buf_add_str(b, s), BUF_OK);
}

static void see_call(struct choice *c, const struct chat_event *e)
{
    CHECK(e->tool < MAX_CALLS);
    struct call *call = &c->calls[e->tool];

    if (e->kind == CHAT_ARGUMENTS) {
        CHECK(call->is_there);
        add(&call->arguments, e->text);
        return;
    }
    call->is_there = true;
    add(&call->id, e->id);
    add(&call->name, e->name);
    add(&call->signature, e->signature);
}

static void see_finish(struct choice *c, const struct chat_event *e)
{
    CHECK(!c->has_finish);
    c->has_finish = true;
    c->finish = e->finish;
    add(&c->stop, e->text);
}

static void see(struct seen *s, const struct chat_event *e)
{
    CHECK(e->choice < MAX_CHOICES);
    struct choice *c = &s->choices[e->choice];
    struct buf *const texts[] = {
        [CHAT_TEXT] = &c->text,         [CHAT_REFUSAL] = &c->refusal,
        [CHAT_THINKING] = &c->thinking, [CHAT_SIGNATURE] = &c->signature,
        [CHAT_REDACTED] = &c->redacted, [CHAT_ERROR] = &s->error,
    };

    switch (e->kind) {
    case CHAT_TEXT:
        add(&c->signature, e->signature);
        add(texts[e->kind], e->text);
        return;
    case CHAT_REFUSAL:
    case CHAT_THINKING:
    case CHAT_SIGNATURE:
    case CHAT_REDACTED:
        add(texts[e->kind], e->text);
        return;
    case CHAT_ERROR:
        s->has_error = true;
        add(&s->error, e->text);
        return;
    case CHAT_TOOL_CALL:
    case CHAT_ARGUMENTS:
        see_call(c, e);
        return;
    case CHAT_LOGPROBS:
        c->has_logprobs = true;
        return;
    case CHAT_FINISH:
        see_finish(c, e);
        return;
    case CHAT_USAGE:
        s->has_usage = !e->usage.is_partial;
        s->usage = e->usage;
        return;
    case CHAT_START:
    case CHAT_DONE:
        return;
    }
}

static void see_all(struct seen *s, const struct chat_events *events)
{
    CHECK(!events->is_full);
    for (const struct chat_event *e = events->first; e; e = e->next)
        see(s, e);
}

#define PRINT(...) CHECK_INT(buf_printf(out, __VA_ARGS__), BUF_OK)

static void print_text(struct buf *out, const char *name, size_t choice, const struct buf *text)
{
    struct json_write w;

    if (text->len == 0)
        return;
    PRINT("%s %zu ", name, choice);
    json_write_init(&w, out);
    json_write_str(&w, buf_str(text));
    PRINT("\n");
}

static void print_member(struct buf *out, const char *name, struct str text)
{
    struct json_write w;

    PRINT(" %s=", name);
    json_write_init(&w, out);
    json_write_str(&w, text);
}

static void print_calls(struct buf *out, const struct choice *c, size_t choice, bool has_ids)
{
    for (size_t t = 0; t < MAX_CALLS; t++) {
        const struct call *call = &c->calls[t];
        if (!call->is_there)
            continue;
        CHECK(call->id.len > 0);
        PRINT("call %zu %zu", choice, t);
        print_member(out, "id", has_ids ? buf_str(&call->id) : STR("*"));
        print_member(out, "name", buf_str(&call->name));
        if (call->signature.len > 0)
            print_member(out, "signature", buf_str(&call->signature));
        print_member(out, "arguments",
                     call->arguments.len > 0 ? buf_str(&call->arguments) : STR("{}"));
        PRINT("\n");
    }
}

static void print_choice(struct buf *out, const struct choice *c, size_t choice, bool has_ids)
{
    print_text(out, "thinking", choice, &c->thinking);
    print_text(out, "signature", choice, &c->signature);
    print_text(out, "redacted", choice, &c->redacted);
    print_text(out, "refusal", choice, &c->refusal);
    print_text(out, "text", choice, &c->text);
    print_calls(out, c, choice, has_ids);
    if (c->has_logprobs)
        PRINT("logprobs %zu\n", choice);
}

static void print(struct buf *out, const struct seen *s, bool has_ids)
{
    static const char *const finishes[] = {"stop", "length", "tool_calls", "filter", "pause"};

    for (size_t i = 0; i < MAX_CHOICES; i++)
        print_choice(out, &s->choices[i], i, has_ids);
    for (size_t i = 0; i < MAX_CHOICES; i++) {
        const struct choice *c = &s->choices[i];
        if (!c->has_finish)
            continue;
        PRINT("finish %zu %s", i, finishes[c->finish]);
        if (c->stop.len > 0)
            print_member(out, "sequence", buf_str(&c->stop));
        PRINT("\n");
    }
    if (s->has_error) {
        PRINT("error");
        struct json_write w;
        PRINT(" ");
        json_write_init(&w, out);
        json_write_str(&w, buf_str(&s->error));
        PRINT("\n");
    }
    if (s->has_usage)
        PRINT("usage input=%lld output=%lld cached=%lld cache_write=%lld reasoning=%lld\n",
              (long long)s->usage.input, (long long)s->usage.output, (long long)s->usage.cached,
              (long long)s->usage.cache_write, (long long)s->usage.reasoning);
}

/* ---- files ---- */

static void read_file(const char *path, struct buf *ret)
{
    char piece[65536];
    size_t n;

    FILE *f = fopen(path, "re");
    if (!f)
        fail_msg("%s: cannot be opened", path);
    buf_clear(ret);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
        CHECK_INT(buf_add(ret, piece, n), BUF_OK);
    fclose(f);
}

struct recording {
    const struct dialect *dialect;
    char path[512];
    struct buf bytes, expected, out;
    struct arena arena;
};

typedef void (*recording_fn)(struct recording *r);

static void visit(struct recording *r, recording_fn fn)
{
    char expected[sizeof(r->path) + 8];

    snprintf(expected, sizeof(expected), "%s.expect", r->path);
    read_file(r->path, &r->bytes);
    read_file(expected, &r->expected);
    fn(r);
}

/* How many of the dialect's recordings end so. */
static size_t each(size_t dialect, const char *end, recording_fn fn)
{
    char folder[256];
    struct recording r = {.dialect = dialects[dialect].dialect};
    const struct dirent *entry;
    size_t n = 0;

    snprintf(folder, sizeof(folder), FOLDER "/%s", dialects[dialect].folder);
    DIR *dir = opendir(folder);
    CHECK(dir);
    buf_init(&r.bytes, 1u << 20);
    buf_init(&r.expected, 1u << 20);
    buf_init(&r.out, 1u << 20);
    arena_init(&r.arena, 64u << 20);
    while ((entry = readdir(dir))) {
        size_t len = strlen(entry->d_name), end_len = strlen(end);
        if (len <= end_len || strcmp(entry->d_name + len - end_len, end) != 0)
            continue;
        CHECK((size_t)snprintf(r.path, sizeof(r.path), "%s/%s", folder, entry->d_name) <
              sizeof(r.path));
        if (fn)
            visit(&r, fn);
        n++;
    }
    closedir(dir);
    buf_done(&r.bytes);
    buf_done(&r.expected);
    buf_done(&r.out);
    arena_done(&r.arena);
    return n;
}

static unsigned failures;

static void compare(struct recording *r)
{
    CHECK_INT(buf_add(&r->out, "", 1), BUF_OK);
    CHECK_INT(buf_add(&r->expected, "", 1), BUF_OK);
    if (strcmp(r->out.data, r->expected.data) == 0)
        return;
    failures++;
    print_error("%s\n--- expected\n%s--- read\n%s", r->path, r->expected.data, r->out.data);
}

static bool has_ids(const struct recording *r)
{
    return r->expected.len == 0 || !memmem(r->expected.data, r->expected.len, "id=\"*\"", 6);
}

/* ---- answers and refusals ---- */

static void check_answer(struct recording *r)
{
    struct chat_events events;
    struct seen seen = {.has_usage = false};

    arena_clear(&r->arena);
    buf_clear(&r->out);
    each_buf(&seen, start_buf);
    chat_event_list_init(&events, &r->arena);
    if (!r->dialect->read_answer(buf_str(&r->bytes), &events))
        CHECK_INT(buf_printf(&r->out, "no answer\n"), BUF_OK);
    see_all(&seen, &events);
    print(&r->out, &seen, has_ids(r));
    each_buf(&seen, buf_done);
    compare(r);
}

static void answers_are_read_as_expected(void **state)
{
    (void)state;
    failures = 0;
    for (size_t i = 0; i < N_DIALECTS; i++)
        CHECK(each(i, ".answer.json", check_answer) > 0);
    CHECK_INT(failures, 0);
}

static void check_error(struct recording *r)
{
    struct json_write w;

    arena_clear(&r->arena);
    buf_clear(&r->out);
    CHECK_INT(buf_printf(&r->out, "message "), BUF_OK);
    json_write_init(&w, &r->out);
    json_write_str(&w, r->dialect->read_error(&r->arena, buf_str(&r->bytes)));
    CHECK_INT(buf_printf(&r->out, "\n"), BUF_OK);
    compare(r);
}

static void refusals_are_in_the_providers_words(void **state)
{
    (void)state;
    failures = 0;
    for (size_t i = 0; i < N_DIALECTS; i++)
        CHECK(each(i, ".error.json", check_error) > 0);
    CHECK_INT(failures, 0);
}

/* ---- streams ---- */

struct reading {
    struct recording *recording;
    struct dialect_stream stream;
    struct seen seen;
    bool is_valid;
};

static bool on_frame(void *arg, struct str name, struct str data)
{
    struct reading *reading = arg;
    struct chat_events events;

    arena_clear(&reading->recording->arena);
    chat_event_list_init(&events, &reading->recording->arena);
    if (!reading->recording->dialect->read_event(&reading->stream, name, data, &events))
        reading->is_valid = false;
    see_all(&reading->seen, &events);
    return reading->is_valid;
}

/* The stream in pieces of the sizes that `next_size` gives; what was read goes to r->out. */
static void read_stream(struct recording *r, size_t (*next_size)(void))
{
    struct reading reading = {.recording = r, .is_valid = true};
    struct frames frames;
    size_t at = 0;

    buf_clear(&r->out);
    each_buf(&reading.seen, start_buf);
    frames_init(&frames, r->dialect, on_frame, &reading);
    while (at < r->bytes.len && reading.is_valid) {
        size_t n = next_size();
        n = n < r->bytes.len - at ? n : r->bytes.len - at;
        char *piece = malloc(n); /* alone, so that a sanitizer sees who keeps it */
        memcpy(piece, r->bytes.data + at, n);
        enum frames_result result = frames_feed(&frames, (struct str){piece, n});
        free(piece);
        if (result != FRAMES_OK)
            reading.is_valid = false;
        at += n;
    }
    if (reading.is_valid && frames_end(&frames) != FRAMES_OK)
        reading.is_valid = false;
    frames_done(&frames);
    if (!reading.is_valid)
        CHECK_INT(buf_printf(&r->out, "invalid\n"), BUF_OK);
    print(&r->out, &reading.seen, has_ids(r));
    each_buf(&reading.seen, buf_done);
}

static size_t all_at_once(void)
{
    return SIZE_MAX;
}

static size_t one_byte(void)
{
    return 1;
}

static size_t at_random(void)
{
    static uint64_t state = 0x9E3779B97F4A7C15u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return 1 + (size_t)(state % (1u << (1 + state / 65536 % 10)));
}

static void check_stream(struct recording *r)
{
    read_stream(r, all_at_once);
    compare(r);
}

static void streams_are_read_as_expected(void **state)
{
    (void)state;
    failures = 0;
    for (size_t i = 0; i < N_DIALECTS; i++)
        CHECK(each(i, ".stream", check_stream) > 0);
    CHECK_INT(failures, 0);
}

static size_t splits_a_stream;

static void check_splits(struct recording *r)
{
    struct buf whole;

    buf_init(&whole, 1u << 20);
    read_stream(r, all_at_once);
    add(&whole, buf_str(&r->out));
    for (size_t i = 0; i <= splits_a_stream; i++) {
        read_stream(r, i == 0 ? one_byte : at_random);
        if (r->out.len != whole.len || memcmp(r->out.data, whole.data, whole.len) != 0)
            fail_msg("%s: split differently it says something else:\n%.*s--- not\n%.*s", r->path,
                     STR_ARG(buf_str(&r->out)), STR_ARG(buf_str(&whole)));
    }
    buf_done(&whole);
}

static void ten_thousand_random_splits_change_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_DIALECTS; i++) {
        size_t n = each(i, ".stream", NULL);
        splits_a_stream = (SPLITS + n - 1) / n;
        CHECK(each(i, ".stream", check_splits) * splits_a_stream >= SPLITS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read_as_expected),
        cmocka_unit_test(refusals_are_in_the_providers_words),
        cmocka_unit_test(streams_are_read_as_expected),
        cmocka_unit_test(ten_thousand_random_splits_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
