/* What holds for every conversation: 10,000 seeded random ones, each condensed to random budgets,
 * the outcome judged by a reader that shares no code with the condenser. */
#include "condense.h"

#include "base/buf.h"
#include "tokens/counter.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONVERSATIONS 10000
#define MAX_MESSAGES  128
#define MAX_BYTES     (1 << 20)

struct maker {
    uint64_t seed;
    struct buf text;
    unsigned n;     /* messages so far; each carries its number in a member nobody knows */
    unsigned calls; /* ids handed out */
    bool is_messy;  /* results without calls, calls without results, any order */
};

static unsigned pick(struct maker *m, unsigned below)
{
    m->seed = m->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(m->seed >> 33) % below;
}

static void put(struct maker *m, const char *text)
{
    CHECK_INT(buf_add_str(&m->text, str_from(text)), BUF_OK);
}

/* Escapes, blanks, blank lines, other scripts, an emoji of several code points, forged markers. */
static void put_words(struct maker *m, unsigned max)
{
    static const char *const words[] = {
        "alpha ",
        "beta",
        " gamma  ",
        "\\n",
        "\\n\\n\\n\\n",
        "   \\n",
        "\\t",
        "\\t\\n",
        "\\\"q\\\"",
        "\\\\n ",
        "\\u0020\\n",
        "\xd0\xb6\xd0\xb8",
        "\xe6\xbc\xa2\xe5\xad\x97",
        "\\ud83d\\ude00",
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
        "[tool result omitted: 9 lines, 9 tokens]",
        "[same as the result of call_1]",
        "error: exit status 1",
        "{}[],:",
        "\\r\\n",
        "0123456789",
    };

    for (unsigned n = pick(m, max + 1); n > 0; n--)
        put(m, words[pick(m, sizeof(words) / sizeof(words[0]))]);
}

static void open_message(struct maker *m, const char *role)
{
    static const char *const gaps[] = {",", ", ", " ,\n  "};

    put(m, m->n ? gaps[pick(m, 3)] : "[");
    CHECK_INT(buf_printf(&m->text, "{\"n\":%u,\"role\":\"%s\",", m->n++, role), BUF_OK);
}

static void say(struct maker *m, const char *role, unsigned max_words)
{
    open_message(m, role);
    put(m, "\"content\":\"x");
    put_words(m, max_words);
    put(m, "\"}");
}

/* Some results are repeated byte for byte. */
static void put_output(struct maker *m)
{
    uint64_t seed = m->seed;
    bool is_repeated = pick(m, 4) == 0;

    put(m, "\"x");
    if (is_repeated)
        m->seed = 7 + pick(m, 2);
    put_words(m, 40);
    if (is_repeated)
        m->seed = seed + 1;
    put(m, "\"");
}

static void give_result(struct maker *m, unsigned call)
{
    open_message(m, "tool");
    CHECK_INT(buf_printf(&m->text, "\"tool_call_id\":\"call_%u\",\"content\":", call), BUF_OK);
    if (pick(m, 5)) {
        put_output(m);
    } else {
        put(m, "[{\"type\":\"text\",\"text\":");
        put_output(m);
        put(m, "},{\"type\":\"text\",\"text\":");
        put_output(m);
        put(m, ",\"cache_control\":{\"type\":\"ephemeral\"}}]");
    }
    put(m, "}");
}

static void call_tools(struct maker *m)
{
    unsigned first = m->calls, n = 1 + pick(m, 3);

    m->calls += n;
    open_message(m, "assistant");
    put(m, "\"content\":null,\"tool_calls\":[");
    for (unsigned i = 0; i < n; i++)
        CHECK_INT(buf_printf(&m->text,
                             "%s{\"id\":\"call_%u\",\"type\":\"function\",\"function\":{\"name\":"
                             "\"f\",\"arguments\":\"{\\\"a\\\": %u}\"}}",
                             i ? "," : "", first + i, i),
                  BUF_OK);
    put(m, "]}");
    for (unsigned i = 0; i < n; i++)
        give_result(m, first + i);
}

static void take_turn(struct maker *m)
{
    say(m, "user", 30);
    for (unsigned rounds = pick(m, 5); rounds > 0; rounds--)
        call_tools(m);
    if (pick(m, 20) == 0)
        say(m, "developer", 4);
    if (pick(m, 10))
        say(m, "assistant", 30);
}

static void make_mess(struct maker *m)
{
    static const char *const roles[] = {"system", "user", "assistant"};

    for (unsigned n = 1 + pick(m, 30); n > 0; n--) {
        if (pick(m, 3) == 0)
            give_result(m, pick(m, 8));
        else
            say(m, roles[pick(m, 3)], 20);
    }
}

static void make_conversation(struct maker *m, uint64_t seed)
{
    *m = (struct maker){.seed = seed * 2654435761u + 1};
    m->is_messy = pick(m, 8) == 0;
    buf_init(&m->text, MAX_BYTES);
    if (m->is_messy) {
        make_mess(m);
    } else {
        for (unsigned n = pick(m, 3); n > 0; n--)
            say(m, n == 1 ? "system" : "developer", 20);
        for (unsigned n = 1 + pick(m, 6); n > 0; n--)
            take_turn(m);
        if (pick(m, 3))
            say(m, "user", 30);
    }
    put(m, "]");
}

/* A conversation read back. */
struct reader {
    const struct json_value *array;
    const struct json_value *message[MAX_MESSAGES];
    unsigned n;
};

static void read_messages(struct reader *r, struct arena *a, struct str text)
{
    size_t at;

    CHECK_INT(json_parse(a, text, &r->array, &at), JSON_OK);
    r->n = 0;
    for (const struct json_value *v = r->array->child; v; v = v->next) {
        CHECK(r->n < MAX_MESSAGES);
        r->message[r->n++] = v;
    }
}

static bool role_is(const struct json_value *message, const char *role)
{
    struct str raw = json_get(message, "role")->raw;

    return str_is((struct str){raw.data + 1, raw.len - 2}, role);
}

static bool is_system(const struct json_value *message)
{
    return role_is(message, "system") || role_is(message, "developer");
}

static unsigned number_of(const struct json_value *message)
{
    int64_t n;

    CHECK(json_int(json_get(message, "n"), &n));
    return (unsigned)n;
}

static bool same(const struct json_value *a, const struct json_value *b)
{
    return str_equal(a->raw, b->raw);
}

/* Messages stay in order, and only what tools returned is ever another text. */
static void check_messages(const struct reader *in, const struct reader *out)
{
    unsigned next = 0;

    for (unsigned i = 0; i < out->n; i++) {
        unsigned n = number_of(out->message[i]);
        CHECK(n >= next && n < in->n);
        next = n + 1;
        if (same(in->message[n], out->message[i]))
            continue;
        CHECK(role_is(out->message[i], "tool"));
        struct str before = json_get(in->message[n], "tool_call_id")->raw;
        struct str after = json_get(out->message[i], "tool_call_id")->raw;
        CHECK(str_equal(before, after));
        CHECK(json_get(out->message[i], "content")->raw.len > 2);
        CHECK(out->message[i]->raw.len < in->message[n]->raw.len);
    }
}

static bool keeps(const struct reader *out, const struct json_value *message)
{
    for (unsigned i = 0; i < out->n; i++)
        if (number_of(out->message[i]) == number_of(message))
            return same(out->message[i], message);
    return false;
}

static unsigned last_user(const struct reader *in)
{
    for (unsigned i = in->n; i-- > 0;)
        if (role_is(in->message[i], "user"))
            return i;
    return in->n;
}

static void check_pins(const struct reader *in, const struct reader *out, unsigned keep_last)
{
    unsigned asked = last_user(in);

    for (unsigned i = 0; i < in->n; i++)
        if (is_system(in->message[i]) || i + keep_last >= in->n || i == asked)
            CHECK(keeps(out, in->message[i]));
}

/* As long as anything older could go, what follows the user's last message is not touched. */
static void check_running_turn(const struct reader *in, const struct reader *out)
{
    unsigned asked = last_user(in);
    bool has_older = false, is_running_turn_whole = true;

    for (unsigned i = 0; i < out->n; i++)
        has_older |= number_of(out->message[i]) < asked && !is_system(out->message[i]);
    for (unsigned i = asked; i < in->n; i++)
        is_running_turn_whole &= keeps(out, in->message[i]);
    CHECK(is_running_turn_whole || !has_older);
}

/* Each result stands where it stood, right after what preceded it; in a conversation that was legal
 * every call has all its results, and the user speaks first. */
static void check_legal(const struct reader *in, const struct reader *out, bool was_legal)
{
    bool has_begun = false;

    for (unsigned i = 0; i < out->n; i++) {
        unsigned n = number_of(out->message[i]);
        if (role_is(out->message[i], "tool") && n > 0)
            CHECK(i > 0 && number_of(out->message[i - 1]) == n - 1);
        bool is_last = i + 1 == out->n;
        if (n + 1 < in->n && role_is(in->message[n + 1], "tool"))
            CHECK(!is_last && number_of(out->message[i + 1]) == n + 1);
        if (was_legal && !has_begun && !is_system(out->message[i])) {
            CHECK(role_is(out->message[i], "user"));
            has_begun = true;
        }
    }
}

static void check_subset(const struct reader *small, const struct reader *large)
{
    unsigned j = 0;

    for (unsigned i = 0; i < small->n; i++, j++)
        for (; j < large->n && number_of(large->message[j]) != number_of(small->message[i]); j++)
            ;
    CHECK(j <= large->n);
}

struct attempt {
    enum condense_outcome outcome;
    struct condense_report report;
    struct reader out;
};

static void condense(struct attempt *t, struct arena *a, const struct reader *in,
                     const struct condense_options *options)
{
    t->outcome = condense_run(a, in->array, options, &t->report);
    if (t->outcome == CONDENSE_UNCHANGED || t->outcome == CONDENSE_CONDENSED) {
        read_messages(&t->out, a, t->report.messages);
        CHECK_U64(t->report.tokens_after, counter_messages(NULL, t->out.array));
        CHECK(t->report.tokens_after <= options->budget_tokens);
    }
}

/* Condensing what was condensed, or the same again, changes nothing. */
static void check_stable(struct arena *a, const struct reader *in, const struct attempt *t,
                         const struct condense_options *options)
{
    struct attempt again, once_more;

    condense(&again, a, in, options);
    CHECK(str_equal(again.report.messages, t->report.messages));
    condense(&once_more, a, &t->out, options);
    CHECK_INT(once_more.outcome, CONDENSE_UNCHANGED);
    CHECK(str_equal(once_more.report.messages, t->report.messages));
}

struct tally {
    unsigned unchanged, condensed, too_large, masked, dropped, squeezed;
};

static void count_attempt(struct tally *sum, const struct attempt *t)
{
    sum->unchanged += t->outcome == CONDENSE_UNCHANGED;
    sum->condensed += t->outcome == CONDENSE_CONDENSED;
    sum->too_large += t->outcome == CONDENSE_TOO_LARGE;
    for (size_t i = 0; i < t->report.n_stages; i++) {
        sum->squeezed += strcmp(t->report.stage[i], "lossless") == 0;
        sum->masked += strcmp(t->report.stage[i], "mask") == 0;
        sum->dropped += strcmp(t->report.stage[i], "drop") == 0;
    }
}

static void check_conversation(uint64_t seed, struct tally *sum)
{
    struct maker m;
    struct arena a;
    struct reader in;
    struct attempt t, less;

    make_conversation(&m, seed);
    struct str text = buf_str(&m.text);
    arena_init(&a, 256 << 20);
    read_messages(&in, &a, text);
    struct condense_options options = {.dialect = STR("openai"),
                                       .mode = (enum condense_mode)pick(&m, 4),
                                       .keep_last = pick(&m, 7),
                                       .budget_tokens = UINT64_MAX};
    condense(&t, &a, &in, &options);
    CHECK_INT(t.outcome, CONDENSE_UNCHANGED);
    uint64_t whole = t.report.tokens_before;

    options.budget_tokens = 1 + pick(&m, (unsigned)whole + 10);
    condense(&t, &a, &in, &options);
    count_attempt(sum, &t);
    CHECK((t.outcome == CONDENSE_UNCHANGED) == (whole <= options.budget_tokens));
    if (t.outcome == CONDENSE_UNCHANGED) {
        CHECK(str_equal(t.report.messages, text));
    } else if (t.outcome == CONDENSE_CONDENSED) {
        check_messages(&in, &t.out);
        check_pins(&in, &t.out, options.keep_last ? (unsigned)options.keep_last : 1);
        check_legal(&in, &t.out, !m.is_messy);
        if (!m.is_messy && options.mode != CONDENSE_LOSSLESS)
            check_running_turn(&in, &t.out);
        check_stable(&a, &in, &t, &options);
        CHECK(t.report.n_omitted >= in.n - t.out.n);
        CHECK(options.mode != CONDENSE_LOSSLESS || t.out.n == in.n);
        options.budget_tokens -= pick(&m, (unsigned)options.budget_tokens);
        condense(&less, &a, &in, &options);
        if (less.outcome == CONDENSE_CONDENSED)
            check_subset(&less.out, &t.out);
    } else {
        CHECK_INT(t.outcome, CONDENSE_TOO_LARGE);
        CHECK(t.report.tokens_after > options.budget_tokens && t.report.tokens_after <= whole);
        options.budget_tokens = t.report.tokens_after; /* and that much is enough */
        condense(&less, &a, &in, &options);
        CHECK(less.outcome == CONDENSE_CONDENSED || less.outcome == CONDENSE_UNCHANGED);
    }
    arena_done(&a);
    buf_done(&m.text);
}

static void ten_thousand_conversations_keep_every_promise(void **state)
{
    struct tally sum = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= CONVERSATIONS; seed++)
        check_conversation(seed, &sum);
    /* The generator reaches every outcome and every stage. */
    CHECK(sum.unchanged > 100 && sum.condensed > 2000 && sum.too_large > 500);
    CHECK(sum.squeezed > 500 && sum.masked > 500 && sum.dropped > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_conversations_keep_every_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
