#include "nvml.h"

#include "check.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct gpu_list list;
static char script[] = "/tmp/fake-nvml-XXXXXX";

static void say(const char *text)
{
    FILE *f = fopen(script, "we");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static struct nvml *open_library(const char *path)
{
    struct nvml *n = NULL;
    char why[256];

    say("");
    CHECK_INT(nvml_open(path, &n, why, sizeof(why)), NVML_OPEN_OK);
    return n;
}

static void check_reading(const struct gpu *g, enum gpu_reading r, double expected)
{
    if (isnan(expected))
        CHECK(isnan(g->reading[r]));
    else
        assert_float_equal(g->reading[r], expected, 1e-9);
}

static void without_a_library_there_is_none(void **state)
{
    struct nvml *n = NULL;
    char why[256];

    (void)state;
    CHECK_INT(nvml_open("libno-such-library.so.1", &n, why, sizeof(why)), NVML_OPEN_ABSENT);
    assert_null(n);
}

static void a_library_without_init_is_unusable_and_told_so(void **state)
{
    struct nvml *n = NULL;
    char why[256];

    (void)state;
    CHECK_INT(nvml_open(FAKE_NVML_BROKEN, &n, why, sizeof(why)), NVML_OPEN_UNUSABLE);
    CHECK_TEXT(why, "it lacks nvmlInit_v2");
    CHECK_INT(nvml_open(script, &n, why, sizeof(why)), NVML_OPEN_UNUSABLE);
    assert_null(n);
}

static void two_gpus_tell_everything(void **state)
{
    struct nvml *n = open_library(FAKE_NVML);

    (void)state;
    say("gpus 2\n");
    CHECK_INT(nvml_read(n, &list), 0);
    CHECK_U64(list.n, 2);
    for (unsigned i = 0; i < 2; i++) {
        const struct gpu *g = &list.gpu[i];
        CHECK_TEXT(g->id, i ? "1" : "0");
        CHECK_TEXT(g->uuid, i ? "GPU-fake-1" : "GPU-fake-0");
        CHECK_TEXT(g->name, i ? "Fake H200" : "Fake H100");
        check_reading(g, GPU_UTILIZATION, 37 + i);
        check_reading(g, GPU_MEMORY_USED, (i + 1) * 0x1p30);
        check_reading(g, GPU_MEMORY_TOTAL, 80 * 0x1p30);
        check_reading(g, GPU_TEMPERATURE, 41 + i);
        check_reading(g, GPU_POWER, 250.5 + i);
        check_reading(g, GPU_ENERGY, 5000.5 + i / 1e3);
        check_reading(g, GPU_PROCESSES, 3);
        CHECK(!g->is_cut);
    }
    CHECK_U64(list.gpu[0].throttled, GPU_THROTTLED_POWER | GPU_THROTTLED_HEAT);
    CHECK_U64(list.gpu[1].throttled, 0);
    nvml_free(&n);
}

static void an_old_driver_tells_what_it_can(void **state)
{
    struct nvml *n = open_library(FAKE_NVML_OLD);

    (void)state;
    CHECK_INT(nvml_read(n, &list), 0);
    CHECK_U64(list.n, 1);
    check_reading(&list.gpu[0], GPU_MEMORY_USED, 2 * 0x1p30);
    check_reading(&list.gpu[0], GPU_PROCESSES, 0);
    check_reading(&list.gpu[0], GPU_ENERGY, NAN);
    CHECK_U64(list.gpu[0].throttled, 0);
    nvml_free(&n);
}

static void
a_library_that_lacks_a_function_is_unusable_if_nothing_can_be_had_without_it(void **state)
{
    static const struct {
        const char *function;
        bool is_needed;
        int absent; /* a reading; -1: none */
    } cases[] = {
        {"Init_v2", true, -1},
        {"Shutdown", true, -1},
        {"DeviceGetCount_v2", true, -1},
        {"DeviceGetHandleByIndex_v2", true, -1},
        {"ErrorString", false, -1},
        {"DeviceGetUUID", false, -1},
        {"DeviceGetName", false, -1},
        {"DeviceGetUtilizationRates", false, GPU_UTILIZATION},
        {"DeviceGetMemoryInfo", false, -1},
        {"DeviceGetMemoryInfo_v2", false, -1},
        {"DeviceGetTemperature", false, GPU_TEMPERATURE},
        {"DeviceGetPowerUsage", false, GPU_POWER},
        {"DeviceGetTotalEnergyConsumption", false, GPU_ENERGY},
        {"DeviceGetCurrentClocksThrottleReasons", false, -1},
        {"DeviceGetComputeRunningProcesses_v3", false, GPU_PROCESSES},
        {"DeviceGetMigMode", false, -1},
        {"DeviceGetMaxMigDeviceCount", false, -1},
        {"DeviceGetMigDeviceHandleByIndex", false, -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[512], why[256], lacks[128];
        struct nvml *n = NULL;
        say("mig 1\n");
        snprintf(path, sizeof(path), FAKE_NVML_WITHOUT, cases[i].function);
        enum nvml_open_result r = nvml_open(path, &n, why, sizeof(why));
        if (cases[i].is_needed) {
            snprintf(lacks, sizeof(lacks), "it lacks nvml%s", cases[i].function);
            CHECK_INT(r, NVML_OPEN_UNUSABLE);
            CHECK_TEXT(why, lacks);
            continue;
        }
        CHECK_INT(r, NVML_OPEN_OK);
        CHECK_INT(nvml_read(n, &list), 0);
        CHECK_U64(list.n, strstr(cases[i].function, "Mig") ? 1 : 3);
        say("");
        CHECK_INT(nvml_read(n, &list), 0);
        for (int reading = 0; reading < GPU_READINGS; reading++)
            CHECK_INT(isnan(list.gpu[0].reading[reading]), reading == cases[i].absent);
        CHECK(nvml_error_text(n, 9)[0] != '\0');
        nvml_free(&n);
    }
}

/* Each reading fails with each error code: it alone is absent, and never zero. */
static void a_reading_that_fails_is_absent_and_the_others_stay(void **state)
{
    static const struct {
        const char *function;
        enum gpu_reading reading;
    } cases[] = {
        {"nvmlDeviceGetUtilizationRates", GPU_UTILIZATION},
        {"nvmlDeviceGetTemperature", GPU_TEMPERATURE},
        {"nvmlDeviceGetPowerUsage", GPU_POWER},
        {"nvmlDeviceGetTotalEnergyConsumption", GPU_ENERGY},
        {"nvmlDeviceGetComputeRunningProcesses_v3", GPU_PROCESSES},
    };
    struct nvml *n = open_library(FAKE_NVML);
    char text[96];

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int error = 1; error <= 999; error = error == 28 ? 999 : error + 1) {
            if (error == 15 || error == 16 || (error == 7 && cases[i].reading == GPU_PROCESSES))
                continue;
            snprintf(text, sizeof(text), "%s %d\n", cases[i].function, error);
            say(text);
            CHECK_INT(nvml_read(n, &list), 0);
            CHECK_U64(list.n, 1);
            for (enum gpu_reading r = 0; r < GPU_READINGS; r++)
                CHECK_INT(isnan(list.gpu[0].reading[r]), r == cases[i].reading);
        }
    nvml_free(&n);
}

static void memory_is_asked_the_old_way_when_the_new_one_fails(void **state)
{
    struct nvml *n = open_library(FAKE_NVML);

    (void)state;
    say("nvmlDeviceGetMemoryInfo_v2 25\n");
    CHECK_INT(nvml_read(n, &list), 0);
    check_reading(&list.gpu[0], GPU_MEMORY_USED, 2 * 0x1p30);
    say("nvmlDeviceGetMemoryInfo_v2 3\nnvmlDeviceGetMemoryInfo 3\n");
    CHECK_INT(nvml_read(n, &list), 0);
    check_reading(&list.gpu[0], GPU_MEMORY_USED, NAN);
    check_reading(&list.gpu[0], GPU_MEMORY_TOTAL, NAN);
    nvml_free(&n);
}

static void every_error_of_the_driver_is_passed_on_and_the_next_read_starts_anew(void **state)
{
    static const char *const functions[] = {"nvmlInit_v2", "nvmlDeviceGetCount_v2"};
    struct nvml *n = open_library(FAKE_NVML);
    char text[96];

    (void)state;
    for (unsigned i = 0; i < 2; i++)
        for (int error = 1; error <= 999; error = error == 28 ? 999 : error + 1) {
            snprintf(text, sizeof(text), "%s %d\n", functions[i], error);
            say(text);
            list.n = 5;
            CHECK_INT(nvml_read(n, &list), error);
            CHECK_U64(list.n, 0);
            say("");
            CHECK_INT(nvml_read(n, &list), 0);
            CHECK_U64(list.n, 1);
            nvml_free(&n);
            n = open_library(FAKE_NVML);
        }
    say("");
    CHECK_TEXT(nvml_error_text(n, 9), "Driver Not Loaded");
    nvml_free(&n);
}

static void a_lost_gpu_leaves_the_list_whatever_call_says_so(void **state)
{
    static const char *const functions[] = {
        "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID",    "nvmlDeviceGetMemoryInfo_v2",
        "nvmlDeviceGetPowerUsage",       "nvmlDeviceGetMigMode",
    };
    struct nvml *n = open_library(FAKE_NVML);
    char text[96];

    (void)state;
    for (unsigned i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        snprintf(text, sizeof(text), "gpus 3\n%s@1 %d\n", functions[i], i % 2 ? 16 : 15);
        say(text);
        CHECK_INT(nvml_read(n, &list), 0);
        CHECK_U64(list.n, 2);
        CHECK_TEXT(list.gpu[1].id, "2");
        say("gpus 3\n");
        CHECK_INT(nvml_read(n, &list), 0);
        CHECK_U64(list.n, 3);
    }
    nvml_free(&n);
}

static void instances_of_a_cut_gpu_tell_its_memory_and_the_board_its_heat(void **state)
{
    struct nvml *n = open_library(FAKE_NVML);

    (void)state;
    say("gpus 2\nmig 1\n");
    CHECK_INT(nvml_read(n, &list), 0);
    CHECK_U64(list.n, 4);
    const struct gpu *board = &list.gpu[0], *part = &list.gpu[2];
    CHECK(board->is_cut && !part->is_cut);
    check_reading(board, GPU_UTILIZATION, NAN);
    check_reading(board, GPU_MEMORY_TOTAL, NAN);
    check_reading(board, GPU_POWER, 250.5);
    CHECK_TEXT(part->id, "0:2");
    CHECK_TEXT(part->uuid, "MIG-fake-0-2");
    check_reading(part, GPU_MEMORY_TOTAL, 10 * 0x1p30);
    check_reading(part, GPU_POWER, NAN);
    CHECK_TEXT(list.gpu[3].id, "1");
    check_reading(&list.gpu[3], GPU_MEMORY_TOTAL, 80 * 0x1p30);
    nvml_free(&n);
}

static void no_gpu_is_an_empty_list(void **state)
{
    struct nvml *n = open_library(FAKE_NVML);

    (void)state;
    say("gpus 0\n");
    CHECK_INT(nvml_read(n, &list), 0);
    CHECK_U64(list.n, 0);
    nvml_free(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_library_there_is_none),
        cmocka_unit_test(a_library_without_init_is_unusable_and_told_so),
        cmocka_unit_test(
            a_library_that_lacks_a_function_is_unusable_if_nothing_can_be_had_without_it),
        cmocka_unit_test(two_gpus_tell_everything),
        cmocka_unit_test(an_old_driver_tells_what_it_can),
        cmocka_unit_test(a_reading_that_fails_is_absent_and_the_others_stay),
        cmocka_unit_test(memory_is_asked_the_old_way_when_the_new_one_fails),
        cmocka_unit_test(every_error_of_the_driver_is_passed_on_and_the_next_read_starts_anew),
        cmocka_unit_test(a_lost_gpu_leaves_the_list_whatever_call_says_so),
        cmocka_unit_test(instances_of_a_cut_gpu_tell_its_memory_and_the_board_its_heat),
        cmocka_unit_test(no_gpu_is_an_empty_list),
    };
    int fd = mkstemp(script);

    if (fd < 0)
        return 1;
    close(fd);
    setenv("FAKE_NVML", script, 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(script);
    return failed;
}
