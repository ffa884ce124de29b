#include "condense.h"

#include "base/digest.h"
#include "check_conversation.h"
#include "made_conversation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#define CONVERSATIONS 1000
#ifdef SANITIZED
#define SOAK 20000
#else
#define SOAK 100000
#endif
#define EPOCHS     50
#define FORGED_KEY "0123456789abcdef"
#define SECRET     STR("a secret of the session")

static bool keeps(const struct reader *out, const struct json_value *message)
{
    for (unsigned i = 0; i < out->n; i++)
        if (!is_made(out->message[i]) && number_of(out->message[i]) == number_of(message))
            return same(out->message[i], message);
    return false;
}

static unsigned last_user(const struct reader *in)
{
    for (unsigned i = in->n; i-- > 0;)
        if (role_is(in->message[i], "user") && !has_results(in->message[i]))
            return i;
    return in->n;
}

static void check_pins(const struct reader *in, const struct reader *out, unsigned keep_last)
{
    unsigned asked = last_user(in);

    for (unsigned i = 0; i < in->n; i++)
        if (is_system(in->message[i]) || i + keep_last >= in->n || i == asked)
            CHECK(keeps(out, in->message[i]));
    /* What the system said first stays first. */
    for (unsigned i = 0; i < in->n && is_system(in->message[i]); i++)
        CHECK(same(out->message[i], in->message[i]));
}

/* Every key that the answer names is that of a block that is listed. */
static void check_keys(const struct condense_report *r)
{
    uint8_t digest[DIGEST_SIZE];
    char key[MARKER_KEY_SIZE];
    struct str rest = r->messages;

    for (size_t i = 0; i < r->n_omitted; i++) {
        digest_sha256(r->omitted[i].bytes, digest);
        digest_hex(digest, (MARKER_KEY_SIZE - 1) / 2, key);
        CHECK_TEXT(r->omitted[i].key, key);
    }
    for (const char *at; (at = memmem(rest.data, rest.len, "key=", 4)) != NULL;) {
        rest = (struct str){at + 4, (size_t)(rest.data + rest.len - at) - 4};
        bool is_known = strspn(rest.data, "0123456789abcdef") < sizeof(FORGED_KEY) - 1 ||
                        str_has_prefix(rest, FORGED_KEY); /* the generator's */
        for (size_t i = 0; i < r->n_omitted; i++)
            is_known |= str_has_prefix(rest, r->omitted[i].key);
        CHECK(is_known);
    }
}

/* No sign of several code points is cut. */
static void check_signs(struct str text)
{
    static const char *const torn[] = {
        "\xe2\x80\x8d\"",           "\xe2\x80\x8d\\n", "\"\xe2\x80\x8d", "\\n\xe2\x80\x8d",
        "\xe2\x80\x8d\xe2\x80\xa6", "\"\xcc\xa7",      "\\n\xcc\x81",    "\\n\xf0\x9f\x92\xbb",
    };

    for (unsigned i = 0; i < sizeof(torn) / sizeof(torn[0]); i++)
        CHECK(!holds(text, torn[i]));
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

/* A unique word of the conversation, by number. */
static bool says_word(struct str text, unsigned n)
{
    char word[24];

    snprintf(word, sizeof(word), "w%uw", n);
    return holds(text, word);
}

static void check_larger_budget(const struct attempt *less, const struct attempt *more,
                                unsigned words)
{
    for (unsigned i = 0; i < words; i++)
        if (says_word(less->report.messages, i))
            CHECK(says_word(more->report.messages, i));
}

static bool is_running_turn_whole(const struct reader *in, const struct reader *out)
{
    for (unsigned i = last_user(in); i < in->n; i++)
        if (!keeps(out, in->message[i]))
            return false;
    return true;
}

/* As long as anything older could go, what follows the user's last message is not touched. */
static void check_running_turn(const struct reader *in, const struct reader *out)
{
    unsigned asked = last_user(in);
    bool has_older = false;

    for (unsigned i = 0; i < out->n; i++)
        has_older |= !is_made(out->message[i]) && number_of(out->message[i]) < asked &&
                     !is_system(out->message[i]);
    CHECK(is_running_turn_whole(in, out) || !has_older);
}

struct tally {
    unsigned unchanged, condensed, too_large, squeezed, masked, extracted, folded, dropped;
};

static void count_attempt(struct tally *sum, const struct attempt *t)
{
    sum->unchanged += t->outcome == CONDENSE_UNCHANGED;
    sum->condensed += t->outcome == CONDENSE_CONDENSED;
    sum->too_large += t->outcome == CONDENSE_TOO_LARGE;
    for (size_t i = 0; t->outcome == CONDENSE_CONDENSED && i < t->report.n_stages; i++) {
        sum->squeezed += strcmp(t->report.stage[i], "lossless") == 0;
        sum->masked += strcmp(t->report.stage[i], "mask") == 0;
        sum->extracted += strcmp(t->report.stage[i], "extract") == 0;
        sum->folded += strcmp(t->report.stage[i], "fold") == 0;
        sum->dropped += strcmp(t->report.stage[i], "drop") == 0;
    }
}

static const struct json_value *make_pins(struct maker *m, struct arena *a)
{
    const struct json_value *pins;
    size_t at;
    char *text = arena_printf(a, "[%u,\"w1w\"]", pick(m, 40));

    CHECK_INT(json_parse(a, str_from(text), &pins, &at), JSON_OK);
    return pins;
}

static struct condense_options choose_options(struct maker *m, struct arena *a, uint64_t whole)
{
    struct condense_options o = {.dialect = m->is_anthropic ? STR("anthropic") : STR("openai"),
                                 .mode = (enum condense_mode)pick(m, 4),
                                 .keep_last = pick(m, 7),
                                 .budget_tokens = 1 + pick(m, (unsigned)whole + 10)};

    if (pick(m, 3) == 0)
        o.target_tokens = 1 + o.budget_tokens / (1 + pick(m, 3));
    if (pick(m, 2))
        o.query = STR("alpha error 0123456789");
    if (pick(m, 2))
        o.secret = SECRET;
    if (pick(m, 3) == 0)
        o.pin = make_pins(m, a);
    return o;
}

static void check_condensed(const struct maker *m, struct arena *a, const struct reader *in,
                            const struct attempt *t, const struct condense_options *options)
{
    check_messages(in, &t->out);
    check_pins(in, &t->out, options->keep_last ? (unsigned)options->keep_last : 1);
    int64_t pinned;
    if (options->pin && json_int(options->pin->child, &pinned) && pinned < in->n)
        CHECK(keeps(&t->out, in->message[pinned]));
    if (!m->is_messy) {
        check_legal(&t->out, m->is_anthropic);
        if (options->mode == CONDENSE_MASK && !options->pin)
            check_running_turn(in, &t->out);
    }
    check_keys(&t->report);
    check_signs(t->report.messages);
    check_stable(a, in, t, options);
    CHECK(options->mode != CONDENSE_LOSSLESS || t->out.n == in->n);
}

static void check_conversation(uint64_t seed, struct tally *sum)
{
    struct maker m;
    struct arena a;
    struct reader in;
    struct attempt t, other;

    make_conversation(&m, seed);
    arena_init(&a, 256 << 20);
    read_messages(&in, &a, buf_str(&m.text));
    struct condense_options options = {.dialect = m.is_anthropic ? STR("anthropic") : STR("openai"),
                                       .budget_tokens = UINT64_MAX};
    condense(&t, &a, &in, &options);
    CHECK_INT(t.outcome, CONDENSE_UNCHANGED);
    CHECK(str_equal(t.report.messages, buf_str(&m.text)));
    uint64_t whole = t.report.tokens_before;

    options = choose_options(&m, &a, whole);
    condense(&t, &a, &in, &options);
    count_attempt(sum, &t);
    CHECK((t.outcome == CONDENSE_UNCHANGED) == (whole <= options.budget_tokens));
    if (t.outcome == CONDENSE_CONDENSED) {
        check_condensed(&m, &a, &in, &t, &options);
        options.budget_tokens -= pick(&m, (unsigned)options.budget_tokens);
        condense(&other, &a, &in, &options);
    } else if (t.outcome == CONDENSE_TOO_LARGE) {
        /* A message between neighbours may cost more than the little that was dropped. */
        CHECK(t.report.tokens_after > options.budget_tokens && t.report.tokens_after <= whole + 64);
        options.budget_tokens = t.report.tokens_after; /* and that much is enough */
        condense(&other, &a, &in, &options);
        CHECK(other.outcome == CONDENSE_CONDENSED || other.outcome == CONDENSE_UNCHANGED);
    }
    arena_done(&a);
    buf_done(&m.text);
}

static void random_conversations_keep_every_promise(void **state)
{
    struct tally sum = {0};
    uint64_t n = getenv("SOAK") ? SOAK : CONVERSATIONS;

    (void)state;
    for (uint64_t seed = 1; seed <= n; seed++)
        check_conversation(seed, &sum);
    printf("%u unchanged, %u condensed, %u too large; %u lossless, %u mask, %u extract, %u fold, "
           "%u drop\n",
           sum.unchanged, sum.condensed, sum.too_large, sum.squeezed, sum.masked, sum.extracted,
           sum.folded, sum.dropped);
    /* The generator reaches every outcome and every stage. */
    CHECK(sum.unchanged > n / 500 && sum.condensed > n / 5 && sum.too_large > n / 20);
    CHECK(sum.squeezed > n / 20 && sum.masked > n / 20 && sum.dropped > n / 100);
    CHECK(sum.extracted > n / 20 && sum.folded > n / 20);
}

/* The same was open to both. */
static bool is_alike(const struct reader *in, const struct attempt *a, const struct attempt *b)
{
    return b->outcome == CONDENSE_UNCHANGED ||
           is_running_turn_whole(in, &a->out) == is_running_turn_whole(in, &b->out);
}

static void a_larger_budget_keeps_what_a_smaller_one_keeps(void **state)
{
    uint64_t n = getenv("SOAK") ? SOAK / 10 : CONVERSATIONS / 10;

    (void)state;
    for (uint64_t seed = 1; seed <= n; seed++) {
        struct maker m;
        struct arena a;
        struct reader in;
        struct attempt less, more;
        make_conversation(&m, seed);
        arena_init(&a, 256 << 20);
        read_messages(&in, &a, buf_str(&m.text));
        struct condense_options o = {.dialect = m.is_anthropic ? STR("anthropic") : STR("openai"),
                                     .mode = CONDENSE_EXTRACT,
                                     .keep_last = 1,
                                     .query = STR("alpha error"),
                                     .budget_tokens = 50 + pick(&m, 2000)};
        condense(&less, &a, &in, &o);
        o.budget_tokens += o.budget_tokens / 10;
        condense(&more, &a, &in, &o);
        if (less.outcome == CONDENSE_CONDENSED && is_alike(&in, &less, &more))
            check_larger_budget(&less, &more, m.words);
        arena_done(&a);
        buf_done(&m.text);
    }
}

/* What was condensed goes on and is condensed again, and again. */
static void check_epochs(uint64_t seed)
{
    struct maker m;
    struct buf text;
    struct condense_options o = {.mode = CONDENSE_EXTRACT, .keep_last = 2, .secret = SECRET};
    unsigned condensed = 0;

    make_conversation(&m, seed);
    m.is_messy = false;
    buf_init(&text, 4 << 20);
    o.dialect = m.is_anthropic ? STR("anthropic") : STR("openai");
    buf_clear(&m.text);
    m.n = 0;
    take_turn(&m);
    for (unsigned epoch = 0; epoch < EPOCHS; epoch++) {
        struct arena a;
        struct reader in;
        struct attempt t;
        unsigned turns = 1 + pick(&m, 3);
        while (turns-- > 0)
            take_turn(&m);
        say(&m, "user", 10);
        arena_init(&a, 256 << 20);
        size_t whole = m.text.len;
        put(&m, "]");
        read_messages(&in, &a, buf_str(&m.text));
        m.text.len = whole;
        o.budget_tokens = 1200 + pick(&m, 400);
        o.target_tokens = 700;
        condense(&t, &a, &in, &o);
        if (t.outcome == CONDENSE_CONDENSED) {
            condensed++;
            check_legal(&t.out, m.is_anthropic);
            unsigned summaries = 0;
            for (unsigned i = 0; i < t.out.n; i++)
                summaries +=
                    str_has_prefix(json_get(t.out.message[i], "content")->raw, "\"" SUMMARY);
            CHECK(summaries <= 1); /* the one before is part of it */
            buf_clear(&m.text);
            CHECK_INT(buf_add(&m.text, t.report.messages.data, t.report.messages.len - 1), BUF_OK);
        }
        if (m.is_anthropic) /* the user has spoken: the assistant's turn */
            say(&m, "assistant", 10);
        arena_done(&a);
    }
    CHECK(condensed > 3);
    buf_done(&text);
    buf_done(&m.text);
}

static void fifty_epochs_leave_a_legal_conversation(void **state)
{
    unsigned n = getenv("SOAK") ? 400 : 4;

    (void)state;
    for (uint64_t seed = 1; seed <= n; seed++)
        check_epochs(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_conversations_keep_every_promise),
        cmocka_unit_test(a_larger_budget_keeps_what_a_smaller_one_keeps),
        cmocka_unit_test(fifty_epochs_leave_a_legal_conversation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
