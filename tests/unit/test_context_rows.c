/* Sessions, frozen prefixes and blocks in a file: found again, bounded, and gone as a whole. */
#include "context_rows.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOUR (3600 * USEC_PER_SEC)
#define NOW  (1000 * HOUR)

static const struct context_limits wide = {
    .max_bytes = 1 << 30, .max_tenant_bytes = 1 << 30, .max_sessions = 1000, .ttl = HOUR};

struct scene {
    char folder[64], path[96];
    struct arena arena;
    struct context_rows *rows;
};

static void open_rows(struct scene *s)
{
    char why[256];

    CHECK_INT(context_rows_open(s->path, &s->rows, why, sizeof(why)), DB_OK);
}

static void open_scene(struct scene *s)
{
    *s = (struct scene){.folder = "/tmp/test_context_rows.XXXXXX"};
    CHECK(mkdtemp(s->folder) != NULL);
    snprintf(s->path, sizeof(s->path), "%s/context.db", s->folder);
    arena_init(&s->arena, 64 << 20);
    open_rows(s);
}

static void close_scene(struct scene *s)
{
    static const char *const tails[] = {"", "-wal", "-shm", ".lock"};
    char name[128];

    context_rows_close(&s->rows);
    arena_done(&s->arena);
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        snprintf(name, sizeof(name), "%s%s", s->path, tails[i]);
        unlink(name);
    }
    CHECK_INT(rmdir(s->folder), 0);
}

static struct context_epoch epoch_of(uint8_t config, uint8_t digest, uint64_t n_source)
{
    struct context_epoch e = {.n_source = n_source,
                              .source_tokens = 900,
                              .frozen_tokens = 300,
                              .frozen = STR("{\"frozen\":1}"),
                              .stages = STR("mask"),
                              .summary = STR_EMPTY};

    memset(e.config, config, DIGEST_SIZE);
    memset(e.digest, digest, DIGEST_SIZE);
    memset(e.marks, digest, DIGEST_SIZE);
    return e;
}

static struct context_scope scope_of(const char *tenant, const char *session)
{
    return (struct context_scope){str_from(tenant), str_from(session)};
}

static void keep(struct scene *s, struct context_scope scope, struct context_epoch *e, usec_t now)
{
    const struct context_block block = {STR("key"), STR("the block")};
    const struct context_keep k = {.scope = scope, .epoch = e, .blocks = &block, .n_blocks = 1};

    CHECK_INT(context_rows_keep(s->rows, &k, &wide, now, &s->arena), DB_OK);
}

/* The first i + 1 messages have the digest of bytes `digests[i]`. */
static enum db_result find(struct scene *s, struct context_scope scope, const char *digests,
                           struct context_epoch *ret)
{
    uint8_t config[DIGEST_SIZE], chain[16][DIGEST_SIZE];
    const struct context_find f = {
        .scope = scope, .config = config, .chain = chain[0], .n = strlen(digests)};

    memset(config, 'c', sizeof(config));
    for (size_t i = 0; i < f.n; i++)
        memset(chain[i], digests[i], DIGEST_SIZE);
    return context_rows_find(s->rows, &f, (struct context_when){NOW, NOW - HOUR}, &s->arena, ret);
}

static enum db_result take(struct scene *s, struct context_scope scope, const char *key,
                           struct str *ret)
{
    const struct context_address a = {scope, str_from(key)};

    return context_rows_take_block(s->rows, &a, (struct context_when){NOW, NOW - HOUR}, &s->arena,
                                   ret);
}

static void the_epoch_of_the_most_messages_is_found_over_a_restart(void **state)
{
    struct context_scope mine = scope_of("t", "s");
    struct context_epoch first = epoch_of('c', 'b', 2), second = epoch_of('c', 'd', 4), found;
    struct scene s;

    (void)state;
    open_scene(&s);
    keep(&s, mine, &first, NOW);
    second.frozen = STR("{\"frozen\":2}");
    keep(&s, mine, &second, NOW);
    CHECK(first.number == 1 && second.number == 2);
    context_rows_close(&s.rows);
    open_rows(&s);

    CHECK_INT(find(&s, mine, "abcde", &found), DB_ROW);
    CHECK(found.number == 2 && found.n_source == 4 && found.source_tokens == 900);
    CHECK_STR(found.frozen, "{\"frozen\":2}");
    CHECK_STR(found.stages, "mask");
    CHECK_INT(find(&s, mine, "abxyz", &found), DB_ROW); /* edited behind the second message */
    CHECK_U64(found.number, 1);
    CHECK_INT(find(&s, mine, "axcxe", &found), DB_OK);
    CHECK_INT(find(&s, mine, "a", &found), DB_OK);
    CHECK_INT(find(&s, scope_of("t", "other"), "abcde", &found), DB_OK);
    CHECK_INT(find(&s, scope_of("other", "s"), "abcde", &found), DB_OK);
    close_scene(&s);
}

static void who_comes_second_with_the_same_messages_gets_what_is_frozen(void **state)
{
    struct context_scope mine = scope_of("t", "s");
    struct context_epoch first = epoch_of('c', 'b', 2), second = epoch_of('c', 'b', 2);
    struct context_epoch other = epoch_of('x', 'b', 2);
    struct scene s;

    (void)state;
    open_scene(&s);
    keep(&s, mine, &first, NOW);
    second.frozen = STR("{\"mine\":1}");
    keep(&s, mine, &second, NOW);
    CHECK_U64(second.number, 1);
    CHECK_STR(second.frozen, "{\"frozen\":1}");
    keep(&s, mine, &other, NOW); /* of another configuration */
    CHECK_U64(other.number, 2);
    close_scene(&s);
}

static void who_knows_what_is_frozen_may_replace_it(void **state)
{
    struct context_scope mine = scope_of("t", "s");
    struct context_epoch first = epoch_of('c', 'b', 2), second = epoch_of('c', 'b', 2), found;
    struct scene s;

    (void)state;
    open_scene(&s);
    keep(&s, mine, &first, NOW);
    second.frozen = STR("{\"less\":1}");
    second.number = first.number;
    keep(&s, mine, &second, NOW);
    CHECK_U64(second.number, 2);
    CHECK_INT(find(&s, mine, "abc", &found), DB_ROW);
    CHECK_U64(found.number, 2);
    CHECK_STR(found.frozen, "{\"less\":1}");
    first.number = 1; /* another has replaced it since */
    keep(&s, mine, &first, NOW);
    CHECK_U64(first.number, 2);
    CHECK_STR(first.frozen, "{\"less\":1}");
    close_scene(&s);
}

static void a_block_is_its_session_s_until_it_is_too_old(void **state)
{
    struct context_scope mine = scope_of("t", "s");
    struct context_epoch e = epoch_of('c', 'b', 2);
    struct scene s;
    struct str text;

    (void)state;
    open_scene(&s);
    keep(&s, mine, &e, NOW - HOUR);
    CHECK_INT(take(&s, mine, "key", &text), DB_ROW);
    CHECK_STR(text, "the block");
    CHECK_INT(take(&s, mine, "other", &text), DB_OK);
    CHECK_INT(take(&s, scope_of("t", "x"), "key", &text), DB_OK);
    CHECK_INT(take(&s, scope_of("x", "s"), "key", &text), DB_OK);
    CHECK_INT(take(&s, scope_of("", ""), "key", &text), DB_OK);

    /* a use was noted: it lives on */
    CHECK_INT(context_rows_expire(s.rows, NOW - 1), DB_OK);
    CHECK_U64(context_rows_look(s.rows).sessions, 1);
    CHECK_INT(context_rows_expire(s.rows, NOW + 1), DB_OK);
    CHECK_U64(context_rows_look(s.rows).sessions, 0);
    CHECK_U64(context_rows_look(s.rows).bytes, 0);
    CHECK_INT(take(&s, mine, "key", &text), DB_OK);
    close_scene(&s);
}

static void an_old_session_is_as_good_as_gone_before_it_is_swept(void **state)
{
    struct context_scope mine = scope_of("t", "s");
    struct context_epoch e = epoch_of('c', 'b', 2), found;
    struct context_session seen;
    struct scene s;
    struct str text;

    (void)state;
    open_scene(&s);
    keep(&s, mine, &e, NOW - HOUR - 1);
    CHECK_INT(find(&s, mine, "ab", &found), DB_OK);
    CHECK_INT(take(&s, mine, "key", &text), DB_OK);
    CHECK_INT(
        context_rows_find_session(s.rows, &mine, (struct context_when){NOW, NOW - HOUR}, &seen),
        DB_OK);
    close_scene(&s);
}

static void keep_large(struct scene *s, const char *tenant, const char *session, char key,
                       const struct context_limits *limits)
{
    static char body[10000];
    char name[2] = {key, '\0'};
    const struct context_block block = {str_from(name), {body, sizeof(body)}};
    const struct context_keep k = {
        .scope = scope_of(tenant, session), .blocks = &block, .n_blocks = 1};

    memset(body, key, sizeof(body));
    CHECK_INT(
        context_rows_keep(s->rows, &k, limits, NOW + (usec_t)key * 61 * USEC_PER_SEC, &s->arena),
        DB_OK);
}

static void nobody_may_keep_more_than_the_limits(void **state)
{
    struct context_limits limits = {
        .max_bytes = 50000, .max_tenant_bytes = 25000, .max_sessions = 3, .ttl = 100 * HOUR};
    struct scene s;
    struct str text;

    (void)state;
    open_scene(&s);
    keep_large(&s, "t", "one", 'a', &limits);
    keep_large(&s, "t", "two", 'b', &limits);
    keep_large(&s, "t", "two", 'c', &limits); /* the tenant's oldest session makes room … */
    CHECK_INT(take(&s, scope_of("t", "one"), "a", &text), DB_OK);
    CHECK_INT(take(&s, scope_of("t", "two"), "b", &text), DB_ROW);
    keep_large(&s, "t", "two", 'd', &limits); /* … and when there is none, its oldest block */
    CHECK_INT(take(&s, scope_of("t", "two"), "b", &text), DB_OK);
    CHECK_INT(take(&s, scope_of("t", "two"), "d", &text), DB_ROW);
    CHECK(context_rows_look(s.rows).bytes <= limits.max_tenant_bytes);

    keep_large(&s, "u", "three", 'e', &limits);
    keep_large(&s, "v", "four", 'f', &limits);
    CHECK_U64(context_rows_look(s.rows).sessions, 3);
    keep_large(&s, "w", "five", 'g', &limits); /* too many: whoever was not heard of for longest */
    CHECK_U64(context_rows_look(s.rows).sessions, 3);
    CHECK_INT(take(&s, scope_of("t", "two"), "d", &text), DB_OK);
    CHECK(context_rows_look(s.rows).bytes <= limits.max_bytes);
    context_rows_close(&s.rows);
    open_rows(&s);
    CHECK_U64(context_rows_look(s.rows).sessions, 3);
    close_scene(&s);
}

static void a_session_keeps_so_many_epochs(void **state)
{
    struct context_scope mine = scope_of("t", "s");
    struct context_epoch found;
    struct context_session seen;
    struct scene s;

    (void)state;
    open_scene(&s);
    for (uint8_t i = 0; i < CONTEXT_ROWS_MAX_EPOCHS + 5; i++) {
        struct context_epoch e = epoch_of('c', (uint8_t)('A' + i), 1);
        keep(&s, mine, &e, NOW);
        CHECK_U64(e.number, i + 1);
    }
    CHECK_INT(find(&s, mine, "E", &found), DB_OK);
    CHECK_INT(find(&s, mine, "F", &found), DB_ROW);
    CHECK_INT(context_rows_find_session(s.rows, &mine, (struct context_when){NOW, 0}, &seen),
              DB_ROW);
    CHECK_U64(seen.epochs, CONTEXT_ROWS_MAX_EPOCHS + 5);
    CHECK_U64(seen.blocks, 1);

    CHECK_INT(context_rows_remove_session(s.rows, &mine), DB_ROW);
    CHECK_INT(context_rows_remove_session(s.rows, &mine), DB_OK);
    CHECK_INT(find(&s, mine, "F", &found), DB_OK);
    CHECK_U64(context_rows_look(s.rows).bytes, 0);
    close_scene(&s);
}

/* One session after the other, each with an epoch and its block, and a byte for each that is kept.
 */
static void keep_for_ever(struct scene *s, int told)
{
    char name[16];

    for (unsigned i = 0;; i++) {
        struct context_epoch e = epoch_of('c', 'b', 1);
        snprintf(name, sizeof(name), "%u", i);
        keep(s, scope_of("t", name), &e, NOW);
        if (write(told, "", 1) != 1)
            _exit(1);
    }
}

/* The process is killed while it writes, somewhere behind the last one it told of. */
static unsigned keep_until_killed(struct scene *s, unsigned n)
{
    int ends[2];
    char byte;

    context_rows_close(&s->rows);
    CHECK_INT(pipe(ends), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        open_rows(s);
        keep_for_ever(s, ends[1]);
    }
    close(ends[1]);
    for (unsigned i = 0; i < n; i++)
        CHECK_INT(read(ends[0], &byte, 1), 1);
    kill(child, SIGKILL);
    while (read(ends[0], &byte, 1) == 1)
        n++;
    close(ends[0]);
    CHECK(waitpid(child, NULL, 0) == child);
    open_rows(s);
    return n;
}

static void a_crash_leaves_an_epoch_as_a_whole_or_not_at_all(void **state)
{
    (void)state;
    for (unsigned round = 1; round <= 12; round++) {
        struct context_epoch found;
        struct scene s;
        char name[16];
        struct str text;

        open_scene(&s);
        unsigned told = keep_until_killed(&s, 3 * round);
        for (unsigned i = 0; i < told + 2; i++) {
            snprintf(name, sizeof(name), "%u", i);
            enum db_result r = find(&s, scope_of("t", name), "b", &found);
            CHECK(r == DB_ROW || (r == DB_OK && i >= told));
            CHECK_INT(take(&s, scope_of("t", name), "key", &text), r);
        }
        close_scene(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_epoch_of_the_most_messages_is_found_over_a_restart),
        cmocka_unit_test(who_comes_second_with_the_same_messages_gets_what_is_frozen),
        cmocka_unit_test(who_knows_what_is_frozen_may_replace_it),
        cmocka_unit_test(a_block_is_its_session_s_until_it_is_too_old),
        cmocka_unit_test(an_old_session_is_as_good_as_gone_before_it_is_swept),
        cmocka_unit_test(nobody_may_keep_more_than_the_limits),
        cmocka_unit_test(a_session_keeps_so_many_epochs),
        cmocka_unit_test(a_crash_leaves_an_epoch_as_a_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
