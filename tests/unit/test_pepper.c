#include "io/pepper.h"

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/test-pepper-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder + sizeof(folder) - 7, "XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/pepper", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void digest_now(uint8_t ret_digest[DIGEST_SIZE])
{
    struct pepper *p = NULL;
    CHECK_INT(pepper_load(path, &p), PEPPER_OK);
    pepper_digest(p, STR("text"), ret_digest);
    pepper_free(&p);
    assert_null(p);
}

static void test_it_is_made_once_and_kept(void **state)
{
    (void)state;
    uint8_t first[DIGEST_SIZE], second[DIGEST_SIZE], other[DIGEST_SIZE];
    digest_now(first);
    digest_now(second);
    assert_memory_equal(first, second, DIGEST_SIZE);
    struct stat st;
    CHECK_INT(stat(path, &st), 0);
    CHECK_INT(st.st_mode & 0777, 0600);
    CHECK_INT(st.st_size, PEPPER_SIZE);

    unlink(path);
    digest_now(other);
    assert_memory_not_equal(first, other, DIGEST_SIZE);
}

static void test_a_file_others_may_read_is_refused(void **state)
{
    (void)state;
    struct pepper *p = NULL;
    uint8_t digest[DIGEST_SIZE];
    digest_now(digest);
    static const mode_t unsafe[] = {0640, 0604, 0620, 0601};
    for (size_t i = 0; i < sizeof(unsafe) / sizeof(*unsafe); i++) {
        CHECK_INT(chmod(path, unsafe[i]), 0);
        CHECK_INT(pepper_load(path, &p), PEPPER_UNSAFE);
    }
}

static void test_a_file_of_another_size_is_refused_and_not_replaced(void **state)
{
    (void)state;
    struct pepper *p = NULL;
    static const off_t sizes[] = {0, 1, 31, 33};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        CHECK_INT(ftruncate(fd, sizes[i]), 0);
        close(fd);
        CHECK_INT(pepper_load(path, &p), PEPPER_DAMAGED);
        struct stat st;
        CHECK_INT(stat(path, &st), 0);
        CHECK_INT(st.st_size, sizes[i]);
    }
    assert_null(p);
}

static void test_a_folder_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct pepper *p = NULL;
    CHECK_INT(pepper_load("/nowhere/pepper", &p), -ENOENT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_made_once_and_kept),
        TEST(test_a_file_others_may_read_is_refused),
        TEST(test_a_file_of_another_size_is_refused_and_not_replaced),
        TEST(test_a_folder_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
