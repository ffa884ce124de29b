#include "io/trail_prune.h"
#include "io/trail_verify.h"
#include "io/trail_write.h"

#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t key[CHAIN_KEY_SIZE] = "the key of this trail";

#define DAY  (UINT64_C(86400) * USEC_PER_SEC)
#define NOON (UINT64_C(1795132800) * USEC_PER_SEC + DAY / 2) /* of 2026-11-20 */

static char folder[64], head[96];
static struct trail_write *trail;
static struct trail_write_resumed resumed;
static struct trail_verify_report report;

static int make(void **state)
{
    (void)state;
    if (!folder_make(folder, sizeof(folder)))
        return -1;
    snprintf(head, sizeof(head), "%s/head", folder);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    trail_write_close(&trail);
    return folder_remove(folder);
}

static void open_trail(void)
{
    CHECK_INT(trail_write_open(folder, head, key, &trail, &resumed), 0);
}

static void add(usec_t wall, const char *text)
{
    char data[128];
    snprintf(data, sizeof(data), "{\"text\":\"%s\"}", text);
    CHECK_INT(trail_write_append(trail, wall, STR("test.event"), str_from(data)), 0);
}

/* Four records a day for `n_days`, on the disk. */
static void write_days(unsigned n_days)
{
    open_trail();
    for (unsigned i = 0; i < 4 * n_days; i++) {
        char text[16];
        snprintf(text, sizeof(text), "n%u", i + 1);
        add(NOON + i / 4 * DAY + i % 4 * USEC_PER_SEC, text);
    }
    trail_write_close(&trail);
}

static int verify(void)
{
    const struct trail_verify_config c = {.folder = folder, .head_path = head, .key = key};
    return trail_verify_all(&c, &report);
}

static void check_whole(uint64_t n_records)
{
    CHECK_INT(verify(), TRAIL_VERIFY_OK);
    CHECK_U64(report.n_records, n_records);
}

static void check_broken(const char *file, uint64_t line, const char *what)
{
    CHECK_INT(verify(), TRAIL_VERIFY_BROKEN);
    CHECK_TEXT(report.file, file);
    CHECK_U64(report.line, line);
    if (!strstr(report.what, what))
        CHECK_TEXT(report.what, what);
}

/* ---- what a hand may do to a file ---- */

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static size_t read_file(const char *name, char *to, size_t size)
{
    FILE *f = fopen(path_of(name), "r");
    CHECK(f != NULL);
    size_t n = fread(to, 1, size - 1, f);
    to[n] = '\0';
    fclose(f);
    return n;
}

static void write_file(const char *name, const char *text, size_t len)
{
    FILE *f = fopen(path_of(name), "w");
    CHECK(f != NULL);
    CHECK_U64(fwrite(text, 1, len, f), len);
    fclose(f);
}

/* The file again, of these lines (from 1, in this order; 0 ends). */
static void keep_lines(const char *name, const unsigned *order)
{
    static char text[65536], out[65536];
    struct str lines[16], rest = {text, read_file(name, text, sizeof(text))};
    size_t n = 0, len = 0;
    while (n < 16 && str_cut(&rest, '\n', &lines[n]))
        n++;
    for (; *order; order++)
        len += (size_t)snprintf(out + len, sizeof(out) - len, "%.*s\n", STR_ARG(lines[*order - 1]));
    write_file(name, out, len);
}

#define LINES(...) ((const unsigned[]){__VA_ARGS__, 0})

static const char first[] = "2026-11-20.ndjson", second[] = "2026-11-21.ndjson",
                  third[] = "2026-11-22.ndjson";

static void test_a_trail_over_days_and_restarts_is_whole(void **state)
{
    (void)state;
    write_days(3);
    check_whole(12);
    CHECK_U64(report.n_files, 3);
    open_trail();
    CHECK_TEXT(resumed.broken, "");
    add(NOON + 2 * DAY + DAY / 4, "later that day");
    add(NOON - DAY, "the clock was set back");
    add(NOON + 5 * DAY, "another day");
    CHECK_INT(trail_write_flush(trail, false), 0);
    check_whole(15); /* while it is written to */
    CHECK_U64(report.n_files, 4);
    trail_write_close(&trail);
    check_whole(15);
}

static void test_an_edit_is_found_and_named(void **state)
{
    (void)state;
    static char text[65536];
    write_days(3);
    size_t n = read_file(second, text, sizeof(text));
    memcpy(strstr(text, "n7"), "n9", 2);
    write_file(second, text, n);
    check_broken(second, 3, "edited");
}

static void test_an_inserted_line_is_found_and_named(void **state)
{
    (void)state;
    static char text[65536];
    write_days(2);
    size_t n = read_file(first, text, sizeof(text));
    memcpy(text + n, "{\"seq\":5,\"event\":\"forged\"}\n", 27);
    write_file(first, text, n + 27);
    check_broken(first, 5, "inserted");
    keep_lines(first, LINES(1, 2, 3, 4));
    check_whole(8);
    keep_lines(first, LINES(1, 2, 2, 3, 4)); /* a record of its own, once more */
    check_broken(first, 3, "repeated");
}

static void test_deleted_lines_are_found_and_named(void **state)
{
    (void)state;
    write_days(3);
    keep_lines(second, LINES(1, 4));
    check_broken(second, 2, "records 6 to 7 before it are missing");
}

static void test_lines_in_another_order_are_found_and_named(void **state)
{
    (void)state;
    write_days(2);
    keep_lines(first, LINES(1, 3, 2, 4));
    check_broken(first, 2, "reordered: record 2");
}

static void test_a_truncated_end_is_found_and_named(void **state)
{
    (void)state;
    write_days(3);
    keep_lines(third, LINES(1, 2));
    check_broken(third, 0, "truncated: records 11 to 12");
    unlink(path_of(third));
    check_broken(second, 0, "truncated: records 9 to 12");
    unlink(path_of(first));
    unlink(path_of(second));
    check_broken("", 0, "truncated: records 1 to 12");
}

static void test_a_file_that_is_gone_is_found_and_named(void **state)
{
    (void)state;
    write_days(3);
    char aside[128];
    snprintf(aside, sizeof(aside), "%s/aside", folder);
    CHECK_INT(rename(path_of(second), aside), 0);
    check_broken(third, 1, "records 5 to 8 before it are missing");
    CHECK_INT(rename(aside, path_of(second)), 0);
    unlink(path_of(first));
    check_broken(second, 1, "none says they were pruned");
}

static void test_without_its_head_the_end_is_not_believed(void **state)
{
    (void)state;
    write_days(1);
    static char text[4096];
    size_t n = read_file("head", text, sizeof(text));
    memset(text, '0', n);
    write_file("head", text, n);
    check_broken(first, 0, "head");
    open_trail();
    CHECK(strstr(resumed.broken, "head") != NULL);
}

static void test_a_cut_end_is_told_at_the_next_start_and_stays_visible(void **state)
{
    (void)state;
    write_days(1);
    keep_lines(first, LINES(1, 2));
    open_trail();
    CHECK(strstr(resumed.broken, "records 3 to 4") != NULL);
    add(NOON, "after that");
    trail_write_close(&trail);
    check_broken(first, 3, "records 3 to 4 before it are missing");
}

static void test_an_edited_last_record_is_told_at_the_next_start(void **state)
{
    (void)state;
    static char text[65536];
    write_days(1);
    size_t n = read_file(first, text, sizeof(text));
    memcpy(strstr(text, "n4"), "n5", 2);
    write_file(first, text, n);
    open_trail();
    CHECK(strstr(resumed.broken, "edited") != NULL);
    add(NOON, "after that");
    trail_write_close(&trail);
    check_broken(first, 4, "edited");
}

static void test_a_line_that_a_crash_cut_short_is_taken_off(void **state)
{
    (void)state;
    static char text[65536];
    write_days(1);
    size_t n = read_file(first, text, sizeof(text));
    memcpy(text + n, text, 100);
    write_file(first, text, n + 100);
    check_whole(4);
    CHECK(report.is_torn);
    open_trail();
    CHECK_U64(resumed.torn_bytes, 100);
    CHECK_TEXT(resumed.broken, "");
    add(NOON, "goes on");
    trail_write_close(&trail);
    check_whole(5);
    CHECK(!report.is_torn);
}

static void test_a_crash_before_the_head_was_written_loses_nothing(void **state)
{
    (void)state;
    static char old[4096];
    write_days(1);
    size_t n = read_file("head", old, sizeof(old));
    open_trail();
    add(NOON, "in the file, not in the head");
    trail_write_close(&trail);
    write_file("head", old, n);
    check_whole(5);
    open_trail();
    CHECK_TEXT(resumed.broken, "");
    trail_write_close(&trail);
    check_whole(5);
}

static void test_a_second_writer_is_refused(void **state)
{
    (void)state;
    struct trail_write *other = NULL;
    struct trail_write_resumed r;
    open_trail();
    CHECK_INT(trail_write_open(folder, head, key, &other, &r), -EWOULDBLOCK);
}

static bool announce(void *arg, struct str data)
{
    (void)arg;
    return trail_write_append(trail, NOON + 5 * DAY, STR("audit.pruned"), data) == 0 &&
           trail_write_flush(trail, true) == 0;
}

static void prune(unsigned compress_days, unsigned retention_days, unsigned packed,
                  unsigned deleted)
{
    struct trail_prune p = {.folder = folder,
                            .wall = NOON + 5 * DAY,
                            .compress_days = compress_days,
                            .retention_days = retention_days,
                            .announce = announce};
    CHECK_INT(trail_prune_run(&p), 0);
    CHECK_U64(p.n_packed, packed);
    CHECK_U64(p.n_deleted, deleted);
}

static void test_packed_and_pruned_it_is_whole(void **state)
{
    (void)state;
    write_days(6); /* ages 5 … 0 */
    open_trail();
    prune(3, 100, 3, 0);
    CHECK_INT(access(path_of("2026-11-22.ndjson.gz"), F_OK), 0);
    CHECK_INT(access(path_of("2026-11-22.ndjson"), F_OK), -1);
    check_whole(24);
    prune(3, 100, 0, 0);
    prune(2, 4, 1, 2);
    CHECK_INT(access(path_of("2026-11-20.ndjson.gz"), F_OK), -1);
    check_whole(16 + 2);
    CHECK_U64(report.first_seq, 9);
    prune(1, 1, 0, 3);
    check_whole(4 + 2 + 3);
    trail_write_close(&trail);
    check_whole(9);
    open_trail();
    CHECK_TEXT(resumed.broken, "");
}

static void test_an_edit_in_a_packed_file_is_found(void **state)
{
    (void)state;
    write_days(6);
    open_trail();
    prune(3, 100, 3, 0);
    trail_write_close(&trail);
    static char text[65536];
    size_t n = read_file("2026-11-21.ndjson.gz", text, sizeof(text));
    text[n / 2] ^= 1;
    write_file("2026-11-21.ndjson.gz", text, n);
    CHECK_INT(verify(), TRAIL_VERIFY_BROKEN);
    CHECK_TEXT(report.file, "2026-11-21.ndjson.gz");
}

static bool refuse(void *arg, struct str data)
{
    (void)arg;
    (void)data;
    return false;
}

static void test_a_file_whose_account_cannot_be_written_stays(void **state)
{
    (void)state;
    write_days(6);
    struct trail_prune p = {.folder = folder,
                            .wall = NOON + 5 * DAY,
                            .compress_days = 30,
                            .retention_days = 2,
                            .announce = refuse};
    CHECK_INT(trail_prune_run(&p), -EAGAIN);
    CHECK_U64(p.n_deleted, 0);
    CHECK_TEXT(p.failed, first);
    check_whole(24);
}

static void test_the_tail_is_the_newest_records(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 1 << 20);
    CHECK_INT(trail_files_tail(folder, 5, &out), 0);
    CHECK_TEXT(out.data, "[]");
    write_days(2);
    buf_clear(&out);
    CHECK_INT(trail_files_tail(folder, 5, &out), 0);
    CHECK(strncmp(out.data, "[{\"seq\":4,", 10) == 0);
    CHECK(strstr(out.data, "},{\"seq\":5,") && strstr(out.data, "},{\"seq\":8,"));
    buf_clear(&out);
    CHECK_INT(trail_files_tail(folder, 1000, &out), 0);
    CHECK(strncmp(out.data, "[{\"seq\":1,", 10) == 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, clear)
    const struct CMUnitTest tests[] = {
        TEST(test_a_trail_over_days_and_restarts_is_whole),
        TEST(test_an_edit_is_found_and_named),
        TEST(test_an_inserted_line_is_found_and_named),
        TEST(test_deleted_lines_are_found_and_named),
        TEST(test_lines_in_another_order_are_found_and_named),
        TEST(test_a_truncated_end_is_found_and_named),
        TEST(test_a_file_that_is_gone_is_found_and_named),
        TEST(test_without_its_head_the_end_is_not_believed),
        TEST(test_a_cut_end_is_told_at_the_next_start_and_stays_visible),
        TEST(test_an_edited_last_record_is_told_at_the_next_start),
        TEST(test_a_line_that_a_crash_cut_short_is_taken_off),
        TEST(test_a_crash_before_the_head_was_written_loses_nothing),
        TEST(test_a_second_writer_is_refused),
        TEST(test_packed_and_pruned_it_is_whole),
        TEST(test_an_edit_in_a_packed_file_is_found),
        TEST(test_a_file_whose_account_cannot_be_written_stays),
        TEST(test_the_tail_is_the_newest_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
