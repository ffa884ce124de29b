#include "spool.h"

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static char folder[] = "/tmp/test-spool-XXXXXX";
static char path[64];
static struct spool_wake wake;

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder + sizeof(folder) - 7, "XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/a.ring", folder);
    wake = (struct spool_wake){.fd = eventfd(0, EFD_NONBLOCK)};
    return wake.fd < 0;
}

static int remove_folder(void **state)
{
    (void)state;
    close(wake.fd);
    unlink(path);
    return rmdir(folder);
}

static struct spool *open_ring(uint32_t n_slots)
{
    struct spool *s = NULL;
    CHECK_INT(spool_open(path, n_slots, &s), SPOOL_OK);
    return s;
}

static struct spool *open_fresh(uint32_t n_slots)
{
    struct spool *s = open_ring(n_slots);
    CHECK_INT(spool_prepare(s, 0, 0, &wake), SPOOL_OK);
    return s;
}

static void put_promised(struct spool *s, uint64_t value)
{
    memcpy(spool_reserve(s), &value, sizeof(value));
    spool_publish(s, sizeof(value));
}

static bool put(struct spool *s, uint64_t value)
{
    if (spool_promise(s, 1) != SPOOL_OK)
        return false;
    put_promised(s, value);
    return true;
}

/* 0: nothing there */
static uint64_t get(struct spool *s)
{
    size_t len;
    uint64_t value = 0;
    const void *bytes = spool_next(s, &len);
    if (bytes)
        memcpy(&value, bytes, sizeof(value));
    return value;
}

/* A copy of the file as a killed process would leave it: whatever is mapped is in it. */
static void overwrite(off_t at, const void *bytes, size_t n)
{
    int fd = open(path, O_WRONLY);
    CHECK_INT(pwrite(fd, bytes, n, at), (ssize_t)n);
    close(fd);
}

static off_t slot_at(uint32_t slot)
{
    return 4096 + (off_t)slot * SPOOL_SLOT_SIZE;
}

static void test_records_come_out_once_and_in_order(void **state)
{
    (void)state;
    struct spool *s = open_fresh(8);
    uint64_t next = 1, expected = 1;
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 1 + round % 5; i++)
            CHECK(put(s, next++));
        for (uint64_t got; (got = get(s));)
            CHECK_U64(got, expected++);
        spool_advance(s, spool_position(s));
    }
    CHECK_U64(expected, next);
    spool_close(&s);
}

static void test_a_ring_that_never_empties_wraps(void **state)
{
    (void)state;
    struct spool *s = open_fresh(4);
    uint64_t next = 1, expected = 1;
    CHECK(put(s, next++));
    for (int round = 0; round < 50; round++) {
        CHECK(put(s, next++));
        CHECK_U64(get(s), expected++);
        spool_advance(s, spool_position(s));
        CHECK_U64(spool_pending(s), 1);
    }
    spool_close(&s);
}

static void test_full_is_an_outcome_and_what_was_promised_still_fits(void **state)
{
    (void)state;
    struct spool *s = open_fresh(8);
    CHECK_INT(spool_promise(s, 3), SPOOL_OK);
    for (uint64_t i = 1; i <= 5; i++)
        CHECK(put(s, i));
    CHECK(!put(s, 6));
    for (uint64_t i = 6; i <= 8; i++)
        put_promised(s, i);
    CHECK_INT(spool_promise(s, 1), SPOOL_FULL);

    for (uint64_t i = 1; i <= 8; i++)
        CHECK_U64(get(s), i);
    CHECK_INT(spool_promise(s, 1), SPOOL_FULL); /* read is not yet safe */
    spool_advance(s, spool_position(s));
    CHECK_INT(spool_promise(s, 8), SPOOL_OK);
    spool_release(s, 8);
    spool_close(&s);
}

static void test_a_rewound_batch_is_read_again(void **state)
{
    (void)state;
    struct spool *s = open_fresh(8);
    CHECK(put(s, 1));
    CHECK_U64(get(s), 1);
    spool_advance(s, spool_position(s)); /* empty: the next record starts again at the first slot */
    CHECK(put(s, 2));
    CHECK(put(s, 3));
    for (int i = 0; i < 3; i++) {
        CHECK_U64(get(s), 2);
        CHECK_U64(get(s), 3);
        CHECK_U64(get(s), 0);
        spool_rewind(s);
    }
    spool_close(&s);
}

static void test_what_a_killed_process_left_is_read_first(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 20; n++) {
        struct spool *s = open_fresh(8);
        for (uint64_t i = 1; i <= n; i++) { /* consumes all but the last few */
            CHECK(put(s, i));
            if (i + 3 < n) {
                CHECK_U64(get(s), i);
                spool_advance(s, spool_position(s));
            }
        }
        uint64_t position = spool_position(s);
        int64_t identity = spool_identity(s);
        spool_close(&s);

        s = open_ring(8);
        CHECK_INT(spool_identity(s), identity);
        spool_skip_to(s, position);
        CHECK_U64(spool_lost(s), 0);
        for (uint64_t i = n > 3 ? n - 3 : 1; i <= n; i++)
            CHECK_U64(get(s), i);
        CHECK_U64(get(s), 0);
        spool_advance(s, spool_position(s));
        CHECK_INT(spool_prepare(s, 0, 0, &wake), SPOOL_OK);
        CHECK(put(s, 77));
        CHECK_U64(get(s), 77);
        CHECK_U64(get(s), 0);
        spool_close(&s);
        unlink(path);
    }
}

static void test_a_position_that_is_ahead_of_the_file_wins(void **state)
{
    (void)state;
    struct spool *s = open_fresh(8);
    for (uint64_t i = 1; i <= 3; i++)
        CHECK(put(s, i));
    spool_close(&s);

    /* committed, but killed before the ring was advanced */
    s = open_ring(8);
    spool_skip_to(s, 3);
    CHECK_U64(get(s), 3);
    CHECK_U64(get(s), 0);
    spool_close(&s);

    s = open_ring(8);
    spool_skip_to(s, 100);
    CHECK_U64(get(s), 0);
    spool_advance(s, spool_position(s));
    CHECK_INT(spool_prepare(s, 0, 0, &wake), SPOOL_OK);
    CHECK(put(s, 4));
    CHECK_U64(get(s), 4);
    CHECK_U64(spool_position(s), 101);
    spool_close(&s);
}

static void test_a_torn_record_is_skipped_and_counted(void **state)
{
    (void)state;
    struct spool *s = open_fresh(8);
    for (uint64_t i = 1; i <= 4; i++)
        CHECK(put(s, i));
    spool_close(&s);

    overwrite(slot_at(1) + 16, "torn", 4);
    s = open_ring(8);
    spool_skip_to(s, 0);
    CHECK_U64(spool_lost(s), 1);
    CHECK_U64(get(s), 1);
    CHECK_U64(get(s), 3);
    CHECK_U64(get(s), 4);
    CHECK_U64(get(s), 0);
    spool_close(&s);
}

static void test_a_record_that_was_not_published_is_not_there(void **state)
{
    (void)state;
    struct spool *s = open_fresh(8);
    CHECK(put(s, 1));
    CHECK_INT(spool_promise(s, 1), SPOOL_OK);
    memset(spool_reserve(s), 'x', SPOOL_MAX_PAYLOAD);
    spool_close(&s);

    s = open_ring(8);
    CHECK_U64(get(s), 1);
    CHECK_U64(get(s), 0);
    CHECK_U64(spool_lost(s), 0);
    spool_close(&s);
}

static void test_a_file_that_is_no_spool_is_refused(void **state)
{
    (void)state;
    struct spool *s = open_fresh(8);
    spool_close(&s);

    overwrite(8, "\0\1\0\0", 4); /* the size of a slot */
    CHECK_INT(spool_open(path, 8, &s), SPOOL_DAMAGED);
    overwrite(8, "\0\2\0\0", 4);
    CHECK_INT(truncate(path, slot_at(7)), 0);
    CHECK_INT(spool_open(path, 8, &s), SPOOL_DAMAGED);
    overwrite(0, "SQLite f", 8);
    CHECK_INT(spool_open(path, 8, &s), SPOOL_DAMAGED);
    CHECK_INT(spool_open("/nowhere/a.ring", 8, &s), -ENOENT);
}

static void test_a_file_keeps_its_own_size(void **state)
{
    (void)state;
    struct spool *s = open_fresh(8);
    spool_close(&s);
    s = open_fresh(16);
    CHECK_U64(spool_slots(s), 8);
    spool_close(&s);
}

static void test_stamps_rise_even_when_the_clock_falls(void **state)
{
    (void)state;
    struct spool *s = open_ring(8);
    CHECK_INT(spool_prepare(s, 5, (INT64_C(1000) << 8) + 200, &wake), SPOOL_OK);
    int64_t a = spool_stamp(s, 900), b = spool_stamp(s, 2000), c = spool_stamp(s, 2000);
    CHECK_INT(a, 1001 << 8 | 5);
    CHECK_INT(b, 2000 << 8 | 5);
    CHECK_INT(c, 2001 << 8 | 5);
    spool_close(&s);
}

static void test_only_a_sleeping_reader_is_woken_and_only_once(void **state)
{
    (void)state;
    struct spool *s = open_fresh(8);
    uint64_t count;
    CHECK(put(s, 1));
    CHECK_INT(read(wake.fd, &count, sizeof(count)), -1);
    wake.is_asleep = true;
    CHECK(put(s, 2));
    CHECK(put(s, 3));
    CHECK_INT(read(wake.fd, &count, sizeof(count)), sizeof(count));
    CHECK_U64(count, 1);
    spool_close(&s);
}

/* KiB of the ring's file in this process */
static unsigned long resident(void)
{
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[256];
    bool is_ring = false;
    unsigned long kib = 0;
    while (fgets(line, sizeof(line), f)) {
        if (strstr(line, path))
            is_ring = true;
        else if (is_ring && sscanf(line, "Rss: %lu kB", &kib) == 1)
            break;
    }
    fclose(f);
    return kib;
}

static void test_a_drained_burst_gives_its_memory_back(void **state)
{
    (void)state;
    struct spool *s = open_fresh(16384);
    CHECK(resident() < 256);
    for (uint64_t i = 1; i <= 10000; i++)
        CHECK(put(s, i));
    CHECK(resident() > 4096);
    CHECK(!spool_is_large(s));
    for (uint64_t i = 1; i <= 10000; i++)
        CHECK_U64(get(s), i);
    spool_advance(s, spool_position(s));
    CHECK(spool_is_large(s));
    spool_trim(s);
    CHECK(!spool_is_large(s));
    CHECK(resident() < 256);

    CHECK(put(s, 7));
    spool_close(&s);
    s = open_ring(16384);
    CHECK(resident() < 256);
    CHECK_U64(get(s), 7);
    CHECK_U64(get(s), 0);
    spool_close(&s);
}

#define N_RECORDS 200000

static void *write_many(void *arg)
{
    struct spool *s = arg;
    for (uint64_t i = 1; i <= N_RECORDS;)
        if (put(s, i))
            i++;
    return NULL;
}

static void test_two_threads_need_no_lock(void **state)
{
    (void)state;
    struct spool *s = open_fresh(64);
    pthread_t writer;
    CHECK_INT(pthread_create(&writer, NULL, write_many, s), 0);
    for (uint64_t expected = 1; expected <= N_RECORDS;) {
        uint64_t got;
        unsigned n = 0;
        while (n++ < 7 && (got = get(s)))
            assert_int_equal(got, expected++);
        spool_advance(s, spool_position(s));
    }
    pthread_join(writer, NULL);
    CHECK_U64(get(s), 0);
    spool_close(&s);
}

/* What is not advanced over stays, wherever in the ring it lies, and new records follow it. */
static void test_what_could_not_be_advanced_over_is_read_before_what_is_new(void **state)
{
    (void)state;
    for (uint64_t first = 0; first < 8; first++) {
        uint64_t n = 1;
        struct spool *s = open_fresh(8);
        size_t len;
        CHECK(put(s, 0)); /* one stays, so that the ring does not begin again */
        for (; n <= first; n++) {
            CHECK(put(s, n));
            CHECK(spool_next(s, &len) != NULL);
            spool_advance(s, spool_position(s));
        }
        for (uint64_t i = 0; i < 4; i++)
            CHECK(put(s, n++));
        spool_close(&s);

        s = open_ring(8);
        CHECK_INT(spool_prepare(s, 0, 0, &wake), SPOOL_OK);
        CHECK(put(s, n++));
        CHECK(put(s, n++));
        CHECK(put(s, n++));
        CHECK(!put(s, n)); /* 5 + 3 of 8 */
        for (uint64_t expected = first; expected < n; expected++) {
            const uint64_t *value = spool_next(s, &len);
            CHECK(value != NULL);
            CHECK_U64(*value, expected);
        }
        CHECK(spool_next(s, &len) == NULL);
        spool_advance(s, spool_position(s));
        CHECK(put(s, n));
        spool_close(&s);
        unlink(path);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(test_what_could_not_be_advanced_over_is_read_before_what_is_new),
        TEST(test_records_come_out_once_and_in_order),
        TEST(test_a_ring_that_never_empties_wraps),
        TEST(test_full_is_an_outcome_and_what_was_promised_still_fits),
        TEST(test_a_rewound_batch_is_read_again),
        TEST(test_what_a_killed_process_left_is_read_first),
        TEST(test_a_position_that_is_ahead_of_the_file_wins),
        TEST(test_a_torn_record_is_skipped_and_counted),
        TEST(test_a_record_that_was_not_published_is_not_there),
        TEST(test_a_file_that_is_no_spool_is_refused),
        TEST(test_a_file_keeps_its_own_size),
        TEST(test_stamps_rise_even_when_the_clock_falls),
        TEST(test_only_a_sleeping_reader_is_woken_and_only_once),
        TEST(test_a_drained_burst_gives_its_memory_back),
        TEST(test_two_threads_need_no_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
