/* log_files: what is added is in the files once they are closed, whoever renamed them meanwhile. */
#include "io/log_files.h"

#include "io/log.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static const char *path(const char *name)
{
    static char text[2][128];
    static int at;

    at = !at;
    snprintf(text[at], sizeof(text[at]), "%s/%s", folder, name);
    return text[at];
}

static int make(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/log-files-XXXXXX");
    log_init("test", LOG_LEVEL_ERROR, LOG_FORMAT_JSON); /* warnings are not this test's to show */
    return mkdtemp(folder) ? 0 : -1;
}

static int drop(void **state)
{
    static const char *const names[] = {"combined.log", "error.log", "combined.log.1"};

    (void)state;
    log_files_configure(NULL);
    for (size_t i = 0; i < 3; i++)
        unlink(path(names[i]));
    return rmdir(folder);
}

static void add(const char *line, bool is_error)
{
    log_files_add(line, strlen(line), is_error);
}

static void check_file(const char *name, const char *want)
{
    char text[4096] = "";
    FILE *f = fopen(path(name), "re");

    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(text, want);
}

static void test_every_line_is_in_the_one_file_and_errors_in_the_other_too(void **state)
{
    (void)state;
    log_files_configure(folder);
    add("{\"a\":1}\n", false);
    add("{\"b\":2}\n", true);
    log_files_configure(NULL);
    add("nobody wants it\n", true);
    check_file("combined.log", "{\"a\":1}\n{\"b\":2}\n");
    check_file("error.log", "{\"b\":2}\n");
    CHECK(!log_files_is_on());
}

static void test_a_file_that_was_renamed_is_made_anew_and_one_that_is_there_goes_on(void **state)
{
    (void)state;
    log_files_configure(folder);
    add("one\n", false);
    log_files_configure(NULL);
    CHECK_INT(rename(path("combined.log"), path("combined.log.1")), 0);
    log_files_configure(folder);
    add("two\n", false);
    log_files_configure(NULL);
    log_files_configure(folder);
    add("three\n", false);
    log_files_configure(NULL);
    check_file("combined.log.1", "one\n");
    check_file("combined.log", "two\nthree\n");
}

static void test_what_cannot_be_written_is_counted_and_holds_nobody_up(void **state)
{
    uint64_t before = log_files_dropped();

    (void)state;
    CHECK_INT(mkdir(path("combined.log"), 0700), 0);
    log_files_configure(folder);
    add("one\n", false);
    add("two\n", true);
    log_files_configure(NULL);
    CHECK_U64(log_files_dropped() - before, 2);
    check_file("error.log", "two\n");
    CHECK_INT(rmdir(path("combined.log")), 0);
}

static void test_a_line_for_which_there_is_no_room_is_counted(void **state)
{
    static char huge[(256 << 10) + 1];
    uint64_t before = log_files_dropped();

    (void)state;
    memset(huge, 'x', sizeof(huge));
    log_files_configure(folder);
    log_files_add(huge, sizeof(huge), false);
    log_files_configure(NULL);
    CHECK_U64(log_files_dropped() - before, 1);
}

static void test_another_folder_takes_effect_at_once(void **state)
{
    char first[sizeof(folder)], second[] = "/tmp/log-files-XXXXXX";

    (void)state;
    strcpy(first, folder);
    assert_non_null(mkdtemp(second));
    log_files_configure(folder);
    add("one\n", false);
    log_files_configure(second);
    check_file("combined.log", "one\n");
    add("two\n", false);
    log_files_configure(second);
    add("three\n", false);
    log_files_configure(NULL);
    check_file("combined.log", "one\n");
    strcpy(folder, second);
    check_file("combined.log", "two\nthree\n");
    unlink(path("combined.log"));
    rmdir(second);
    strcpy(folder, first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_every_line_is_in_the_one_file_and_errors_in_the_other_too, make, drop),
        cmocka_unit_test_setup_teardown(
            test_a_file_that_was_renamed_is_made_anew_and_one_that_is_there_goes_on, make, drop),
        cmocka_unit_test_setup_teardown(test_another_folder_takes_effect_at_once, make, drop),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_written_is_counted_and_holds_nobody_up,
                                        make, drop),
        cmocka_unit_test_setup_teardown(test_a_line_for_which_there_is_no_room_is_counted, make,
                                        drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
