#include "turn.h"

#include "check_conversation.h"
#include "made_conversation.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#define CONVERSATIONS 100
#ifdef SANITIZED
#define SOAK 4000
#else
#define SOAK 100000
#endif
#define TURNS        8
#define RESTARTS     10 /* in a run */
#define FORGED_KEY   "0123456789abcdef"
#define SESSION      STR("s")
#define MAX_BYTES    (256U << 20)
#define OTHER_TENANT STR("somebody else")

/* What a whole run shares: the store outlives conversations. */
struct run {
    char folder[32];
    struct context_store *store;
    usec_t now;
    unsigned unchanged, condensed, too_large, epochs, stable, kept;
};

static void start_store(struct run *run)
{
    const struct context_limits limits = {.max_bytes = 64 << 20,
                                          .max_tenant_bytes = 64 << 20,
                                          .max_sessions = 500,
                                          .ttl = 1000 * USEC_PER_SEC};

    CHECK_INT(context_store_start(run->folder, &limits, &run->store), 0);
}

/* One client's conversation, and what its last turn came to. */
struct course {
    struct run *run;
    struct maker m;
    struct turn_request request;
    char tenant[24];
    struct buf before; /* what went out last */
    uint64_t epoch;    /* of it */
    uint64_t newest;   /* number of an epoch */
};

struct taken {
    struct arena arena;
    struct reader in, out;
    struct turn turn;
};

static void take(struct course *c, struct str messages, struct taken *ret)
{
    const struct turn_means means = {.store = c->run->store, .now = c->run->now};

    arena_init(&ret->arena, MAX_BYTES);
    read_messages(&ret->in, &ret->arena, messages);
    c->request.messages = ret->in.array;
    turn_take(&ret->arena, &means, &c->request, &ret->turn);
    if (ret->turn.outcome == CONDENSE_CONDENSED || ret->turn.outcome == CONDENSE_UNCHANGED)
        read_messages(&ret->out, &ret->arena, ret->turn.report.messages);
}

/* Whatever a marker or a summary names can be had back, by this tenant alone. */
static void check_keys(const struct course *c, struct taken *t)
{
    struct context_address address = {.scope = {c->request.scope.tenant, t->turn.session}};
    struct str rest = t->turn.report.messages, body;
    char key[MARKER_KEY_SIZE];

    for (const char *at; (at = memmem(rest.data, rest.len, "key=", 4)) != NULL;) {
        rest = (struct str){at + 4, (size_t)(rest.data + rest.len - at) - 4};
        address.key = (struct str){rest.data, MARKER_KEY_SIZE - 1};
        if (rest.len < MARKER_KEY_SIZE || str_has_prefix(rest, FORGED_KEY) ||
            strspn(rest.data, "0123456789abcdef") != MARKER_KEY_SIZE - 1)
            continue;
        CHECK_INT(context_store_take_block(c->run->store, &t->arena, &address, &body),
                  CONTEXT_STORE_OK);
        marker_key(body, key);
        CHECK(str_is(address.key, key));
        struct context_address foreign = address;
        foreign.scope.tenant = OTHER_TENANT;
        CHECK_INT(context_store_take_block(c->run->store, &t->arena, &foreign, &body),
                  CONTEXT_STORE_NONE);
        c->run->kept++;
    }
}

/* What the provider has read of the turn before comes first, byte by byte. */
static void check_prefix(const struct course *c, const struct turn *t)
{
    struct str whole = {c->before.data, c->before.len > 0 ? c->before.len - 1 : 0};

    if (t->is_stable && t->epoch == c->epoch && whole.len > 0)
        CHECK(t->report.messages.len >= whole.len &&
              memcmp(t->report.messages.data, whole.data, whole.len) == 0);
}

static void check_epoch(const struct course *c, const struct turn *t)
{
    CHECK(!t->has_begun || t->epoch == c->newest + 1);
    CHECK(!t->had_before || (t->has_begun && c->newest > 0));
    CHECK(t->has_begun || t->epoch <= c->newest);
    CHECK(!t->has_begun || !t->is_stable);
    CHECK(!t->is_stable || t->epoch > 0);
    CHECK(!t->wants_summary);
}

static void check_condensed(const struct course *c, struct taken *t)
{
    const struct condense_report *r = &t->turn.report;

    CHECK_U64(r->tokens_after, counter_messages(NULL, t->out.array));
    CHECK(r->tokens_after <= c->request.options.budget_tokens);
    CHECK_U64(r->tokens_before, counter_messages(NULL, t->in.array));
    check_messages(&t->in, &t->out);
    check_legal(&t->out, c->m.is_anthropic);
    CHECK(same(t->out.message[t->out.n - 1], t->in.message[t->in.n - 1]));
    check_keys(c, t);
}

static void check_taken(const struct course *c, struct taken *t, struct str messages)
{
    const struct condense_report *r = &t->turn.report;

    switch (t->turn.outcome) {
    case CONDENSE_UNCHANGED:
        CHECK(str_equal(r->messages, messages));
        CHECK(r->tokens_after == r->tokens_before &&
              r->tokens_after <= c->request.options.budget_tokens);
        CHECK_U64(t->turn.epoch, 0);
        c->run->unchanged++;
        break;
    case CONDENSE_CONDENSED:
        check_condensed(c, t);
        c->run->condensed++;
        break;
    case CONDENSE_TOO_LARGE:
        CHECK(r->tokens_after > c->request.options.budget_tokens);
        c->run->too_large++;
        break;
    case CONDENSE_INVALID:
    case CONDENSE_TOO_BIG:
        CHECK(false);
    }
    check_epoch(c, &t->turn);
    c->run->stable += t->turn.is_stable;
    c->run->epochs += t->turn.has_begun;
}

/* Asked once more, by an impatient client or after a restart, it is the same. */
static void check_again(struct course *c, const struct taken *first, struct str messages)
{
    struct taken again;

    take(c, messages, &again);
    CHECK_INT(again.turn.outcome, first->turn.outcome);
    CHECK(str_equal(again.turn.report.messages, first->turn.report.messages));
    CHECK_U64(again.turn.epoch, first->turn.epoch);
    CHECK(!again.turn.has_begun);
    arena_done(&again.arena);
}

static void restart(struct run *run)
{
    context_store_stop(&run->store);
    start_store(run);
}

/* The conversation as it stands is sent: the whole of it, as every time. */
static void send(struct course *c, bool may_restart)
{
    struct taken t;
    size_t open = c->m.text.len;

    put(&c->m, "]");
    struct str messages = buf_str(&c->m.text);
    c->run->now += USEC_PER_SEC * (1 + pick(&c->m, 20));
    take(c, messages, &t);
    check_taken(c, &t, messages);
    check_prefix(c, &t.turn);
    if (t.turn.has_begun)
        c->newest = t.turn.epoch;
    if (may_restart)
        restart(c->run);
    if (may_restart || pick(&c->m, 4) == 0)
        check_again(c, &t, messages);
    c->epoch = t.turn.epoch;
    buf_clear(&c->before);
    if (t.turn.report.messages.len > 0)
        CHECK_INT(buf_add_str(&c->before, t.turn.report.messages), BUF_OK);
    arena_done(&t.arena);
    c->m.text.len = open;
}

/* The user thinks again and says something else in place of the last messages. */
static void turn_back(struct course *c, size_t to, unsigned n)
{
    c->m.text.len = to;
    c->m.n = n;
    buf_clear(&c->before);
    c->epoch = UINT64_MAX;
}

static void run_course(struct course *c, bool may_restart)
{
    for (unsigned turn = 0; turn < TURNS; turn++) {
        size_t open = c->m.text.len;
        unsigned n = c->m.n;
        say(&c->m, "user", 30);
        send(c, may_restart && turn == TURNS / 2);
        if (n > 0 && pick(&c->m, 8) == 0) {
            turn_back(c, open, n);
            say(&c->m, "user", 30);
            send(c, false);
        }
        for (unsigned rounds = pick(&c->m, 4); rounds > 0; rounds--) {
            call_tools(&c->m);
            send(c, false);
        }
        say(&c->m, "assistant", 30);
    }
}

static void make_course(struct course *c, struct run *run, uint64_t seed)
{
    static const enum condense_mode modes[] = {CONDENSE_LOSSLESS, CONDENSE_MASK, CONDENSE_EXTRACT,
                                               CONDENSE_EXTRACT, CONDENSE_SUMMARIZE};

    *c = (struct course){.run = run, .m = {.seed = seed * 2654435761u + 1}};
    buf_init(&c->m.text, 4 << 20);
    buf_init(&c->before, 4 << 20);
    c->m.is_anthropic = pick(&c->m, 2);
    snprintf(c->tenant, sizeof(c->tenant), "tenant-%u", (unsigned)seed);
    c->request = (struct turn_request){
        .model = STR("m"),
        .options = {.dialect = c->m.is_anthropic ? STR("anthropic") : STR("openai"),
                    .mode = modes[pick(&c->m, 5)],
                    .budget_tokens = 600 + pick(&c->m, 2500),
                    .keep_last = 1 + pick(&c->m, 4),
                    .secret = STR("a secret")},
        .scope = {str_from(c->tenant), pick(&c->m, 3) ? SESSION : STR_EMPTY},
        .is_stateful = pick(&c->m, 8) > 0,
        .high_water = 0.8,
        .low_water = 0.2 + pick(&c->m, 5) / 10.0,
    };
}

static void random_turns_keep_every_promise(void **state)
{
    uint64_t n = getenv("SOAK") ? SOAK : CONVERSATIONS;
    struct run run = {.folder = "/tmp/turns-XXXXXX", .now = 1000 * USEC_PER_SEC};
    char command[64];

    (void)state;
    CHECK(mkdtemp(run.folder) != NULL);
    start_store(&run);
    for (uint64_t seed = 1; seed <= n; seed++) {
        struct course c;
        make_course(&c, &run, seed);
        run_course(&c, seed % (n / RESTARTS) == 0);
        buf_done(&c.m.text);
        buf_done(&c.before);
    }
    printf("%u unchanged, %u condensed, %u too large; %u epochs, %u stable turns, %u keys\n",
           run.unchanged, run.condensed, run.too_large, run.epochs, run.stable, run.kept);
    /* The generator reaches all of it. */
    CHECK(run.unchanged > n && run.condensed > n && run.too_large > n / 10);
    CHECK(run.epochs > n / 2 && run.stable > n && run.kept > n);
    context_store_stop(&run.store);
    snprintf(command, sizeof(command), "rm -r %s", run.folder);
    CHECK_INT(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_turns_keep_every_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
