#include "settings/secret.h"

#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/test_secret.XXXXXX";
static char path[64], why[256];

static void write_file(const char *text, size_t len)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    CHECK_U64(fwrite(text, 1, len, f), len);
    CHECK_INT(fclose(f), 0);
}

static void check_value(const struct settings_secret *s, const char *expected)
{
    CLEANUP(secret_free) char *secret = NULL;

    CHECK_INT(secret_read(s, &secret, why, sizeof(why)), 0);
    CHECK_TEXT(secret, expected);
}

static void no_secret_configured_is_no_secret(void **state)
{
    char *secret = (char *)"untouched";

    (void)state;
    CHECK_INT(secret_read(&(struct settings_secret){0}, &secret, why, sizeof(why)), 0);
    assert_null(secret);
}

static void a_secret_comes_from_a_variable_a_file_or_a_credential(void **state)
{
    (void)state;
    setenv("TEST_SECRET", "from-env", 1);
    check_value(&(struct settings_secret){.env = "TEST_SECRET"}, "from-env");
    write_file("from-file\n", 10);
    check_value(&(struct settings_secret){.file = path}, "from-file");
    write_file("from-file\r\n", 11);
    check_value(&(struct settings_secret){.file = path}, "from-file");
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    write_file("from-credential", 15);
    check_value(&(struct settings_secret){.credential = "secret"}, "from-credential");
}

static void check_fails(const struct settings_secret *s, int error, const char *expected)
{
    char *secret = NULL;

    CHECK_INT(secret_read(s, &secret, why, sizeof(why)), error);
    assert_null(secret);
    assert_non_null(strstr(why, expected));
}

static void what_cannot_be_a_secret_is_refused_by_name_and_not_shown(void **state)
{
    char big[8200];

    (void)state;
    unsetenv("TEST_SECRET");
    check_fails(&(struct settings_secret){.env = "TEST_SECRET"}, -ENXIO,
                "environment variable TEST_SECRET: it is not set");
    setenv("TEST_SECRET", "", 1);
    check_fails(&(struct settings_secret){.env = "TEST_SECRET"}, -ENODATA,
                "TEST_SECRET: it is empty");
    write_file("canary\nx-header: 1\n", 19);
    check_fails(&(struct settings_secret){.file = path}, -EILSEQ, path);
    assert_null(strstr(why, "canary"));
    memset(big, 'a', sizeof(big));
    write_file(big, sizeof(big));
    check_fails(&(struct settings_secret){.file = path}, -EFBIG, path);
    check_fails(&(struct settings_secret){.file = "/nonexistent/key"}, -ENOENT, "/nonexistent/key");
    check_fails(&(struct settings_secret){.credential = ".."}, -EISDIR, "credential");
    unsetenv("CREDENTIALS_DIRECTORY");
    check_fails(&(struct settings_secret){.credential = "secret"}, -ENOENT, "credential secret");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_secret_configured_is_no_secret),
        cmocka_unit_test(a_secret_comes_from_a_variable_a_file_or_a_credential),
        cmocka_unit_test(what_cannot_be_a_secret_is_refused_by_name_and_not_shown),
    };

    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/secret", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(folder);
    return failed;
}
