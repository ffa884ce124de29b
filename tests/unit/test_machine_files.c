/* gpu_sysfs, host and kernel_file over trees of files made here. */
#include "gpu_sysfs.h"
#include "host.h"

#include "folder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[64];
static struct gpu_list list;

static void put(const char *name, const char *text)
{
    folder_put(root, name, text);
}

static int make_root(void **state)
{
    (void)state;
    return folder_make(root, sizeof(root)) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return folder_remove(root);
}

static void check_number(double value, double expected)
{
    if (isnan(expected))
        CHECK(isnan(value));
    else
        assert_float_equal(value, expected, 1e-9);
}

static void an_amd_card_tells_what_its_driver_has(void **state)
{
    (void)state;
    put("class/drm/card1/device/vendor", "0x1002\n");
    put("class/drm/card1/device/uevent",
        "DRIVER=amdgpu\nPCI_ID=1002:73BF\nPCI_SLOT_NAME=0000:03:00.0\n");
    put("class/drm/card1/device/unique_id", "5c88001d9a2b3c4d\n");
    put("class/drm/card1/device/gpu_busy_percent", "63\n");
    put("class/drm/card1/device/mem_info_vram_used", "1073741824\n");
    put("class/drm/card1/device/mem_info_vram_total", "17163091968\n");
    put("class/drm/card1/device/hwmon/hwmon4/temp1_input", "54000\n");
    put("class/drm/card1/device/hwmon/hwmon4/power1_average", "41500000\n");
    put("class/drm/card1-DP-1/status", "connected\n");
    put("class/drm/card2/device/vendor", "0x10de\n"); /* NVIDIA: another's business */
    CHECK(gpu_sysfs_has_any(root));
    gpu_sysfs_read(root, &list);
    CHECK_U64(list.n, 1);
    const struct gpu *g = &list.gpu[0];
    CHECK_INT(g->vendor, GPU_AMD);
    CHECK_TEXT(g->id, "1");
    CHECK_TEXT(g->uuid, "5c88001d9a2b3c4d");
    CHECK_TEXT(g->name, "amdgpu 1002:73BF");
    check_number(g->reading[GPU_UTILIZATION], 63);
    check_number(g->reading[GPU_MEMORY_USED], 1073741824);
    check_number(g->reading[GPU_MEMORY_TOTAL], 17163091968);
    check_number(g->reading[GPU_TEMPERATURE], 54);
    check_number(g->reading[GPU_POWER], 41.5);
    check_number(g->reading[GPU_ENERGY], NAN);
    check_number(g->reading[GPU_PROCESSES], NAN);
}

static void an_intel_card_has_its_place_for_a_name_and_tells_little(void **state)
{
    (void)state;
    put("class/drm/card0/device/vendor", "0x8086\n");
    put("class/drm/card0/device/uevent",
        "DRIVER=i915\nPCI_ID=8086:56A0\nPCI_SLOT_NAME=0000:00:02.0");
    put("class/drm/card0/lmem_total_bytes", "0x400000000\n");
    put("class/drm/card0/device/hwmon/hwmon2/energy1_input", "123456789\n");
    gpu_sysfs_read(root, &list);
    CHECK_U64(list.n, 1);
    CHECK_INT(list.gpu[0].vendor, GPU_INTEL);
    CHECK_TEXT(list.gpu[0].uuid, "0000:00:02.0");
    check_number(list.gpu[0].reading[GPU_MEMORY_TOTAL], 0x400000000p0);
    check_number(list.gpu[0].reading[GPU_ENERGY], 123.456789);
    check_number(list.gpu[0].reading[GPU_UTILIZATION], NAN);
    check_number(list.gpu[0].reading[GPU_TEMPERATURE], NAN);
}

static void put_table(const unsigned char *bytes, size_t len)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/class/drm/card1/device/gpu_metrics", root);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    CHECK_U64(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static void amd_s_table_of_metrics_tells_energy_and_what_slows_it(void **state)
{
    static const struct {
        uint64_t reasons;
        unsigned throttled;
    } cases[] = {
        {0, 0},
        {1, GPU_THROTTLED_POWER},
        {1ULL << 22, GPU_THROTTLED_POWER},
        {1ULL << 36, GPU_THROTTLED_HEAT},
        {1ULL << 45, GPU_THROTTLED_HEAT},
        {1ULL << 47, GPU_THROTTLED_HARDWARE},
        {1ULL << 57 | 1ULL << 12, 0},
        {1ULL << 3 | 1ULL << 35, GPU_THROTTLED_POWER | GPU_THROTTLED_HEAT},
        {UINT64_MAX, 0}, /* not supported */
    };
    unsigned char table[120] = {120, 0, 1, 3};
    const uint64_t energy = 65536 * 12 + 32768;

    (void)state;
    put("class/drm/card1/device/vendor", "0x1002\n");
    memcpy(table + 24, &energy, sizeof(energy));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memcpy(table + 112, &cases[i].reasons, sizeof(cases[i].reasons));
        put_table(table, sizeof(table));
        gpu_sysfs_read(root, &list);
        CHECK_U64(list.gpu[0].throttled, cases[i].throttled);
        check_number(list.gpu[0].reading[GPU_ENERGY], 12.5);
    }
    for (size_t len = 0; len < sizeof(table); len++) { /* cut: its size says so */
        put_table(table, len);
        gpu_sysfs_read(root, &list);
        check_number(list.gpu[0].reading[GPU_ENERGY], NAN);
    }
    for (unsigned revision = 0; revision < 8; revision++) {
        table[3] = (unsigned char)revision;
        put_table(table, sizeof(table));
        gpu_sysfs_read(root, &list);
        check_number(list.gpu[0].reading[GPU_ENERGY], revision == 3 || revision == 4 ? 12.5 : NAN);
    }
    memset(table + 24, 0xff, sizeof(energy));
    table[3] = 3;
    put_table(table, sizeof(table));
    gpu_sysfs_read(root, &list);
    check_number(list.gpu[0].reading[GPU_ENERGY], NAN);
}

static void amd_s_compute_driver_counts_its_processes(void **state)
{
    (void)state;
    put("class/drm/card0/device/vendor", "0x1002\n");
    put("class/drm/card0/device/uevent", "DRIVER=amdgpu\nPCI_SLOT_NAME=0000:03:00.0\n");
    put("class/drm/card1/device/vendor", "0x1002\n");
    put("class/drm/card1/device/uevent", "DRIVER=amdgpu\nPCI_SLOT_NAME=0001:83:00.1\n");
    put("class/kfd/kfd/topology/nodes/0/properties",
        "cpu_cores_count 8\nlocation_id 0\ndomain 0\n");
    put("class/kfd/kfd/topology/nodes/0/gpu_id", "0\n");
    put("class/kfd/kfd/topology/nodes/1/properties", "location_id 768\ndomain 0\n");
    put("class/kfd/kfd/topology/nodes/1/gpu_id", "5218\n");
    put("class/kfd/kfd/topology/nodes/2/properties", "location_id 33537\ndomain 1\n");
    put("class/kfd/kfd/topology/nodes/2/gpu_id", "777\n");
    put("class/kfd/kfd/proc/4711/vram_5218", "1048576\n");
    put("class/kfd/kfd/proc/4712/vram_5218", "4096\n");
    put("class/kfd/kfd/proc/4712/vram_777", "4096\n");
    put("class/kfd/kfd/proc/4713/vram_5218", "0\n");
    gpu_sysfs_read(root, &list);
    CHECK_U64(list.n, 2);
    check_number(list.gpu[0].reading[GPU_PROCESSES], 2);
    check_number(list.gpu[1].reading[GPU_PROCESSES], 1);
    put("class/kfd/kfd/topology/nodes/1/properties", "location_id 1024\ndomain 0\n");
    gpu_sysfs_read(root, &list);
    check_number(list.gpu[0].reading[GPU_PROCESSES], NAN);
}

static void intel_s_engines_tell_what_slows_them(void **state)
{
    (void)state;
    put("class/drm/card0/device/vendor", "0x8086\n");
    put("class/drm/card1/device/vendor", "0x8086\n");
    put("class/drm/card0/gt/gt0/throttle_reason_status", "1\n");
    put("class/drm/card0/gt/gt0/throttle_reason_pl1", "1\n");
    put("class/drm/card0/gt/gt0/throttle_reason_thermal", "0\n");
    put("class/drm/card1/device/tile0/gt0/freq0/throttle/reason_ratl", "1\n");
    put("class/drm/card1/device/tile0/gt0/freq0/throttle/reason_prochot", "1\n");
    gpu_sysfs_read(root, &list);
    CHECK_U64(list.gpu[0].throttled, GPU_THROTTLED_POWER);
    CHECK_U64(list.gpu[1].throttled, GPU_THROTTLED_HEAT | GPU_THROTTLED_HARDWARE);
}

static void what_is_no_number_is_no_reading(void **state)
{
    static const char *const texts[] = {
        "", "\n", "-1\n", "12 %\n", "0x\n", "N/A", "99999999999999999999"};

    (void)state;
    put("class/drm/card0/device/vendor", "0x1002\n");
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put("class/drm/card0/device/gpu_busy_percent", texts[i]);
        gpu_sysfs_read(root, &list);
        CHECK_U64(list.n, 1);
        check_number(list.gpu[0].reading[GPU_UTILIZATION], NAN);
    }
}

static void a_machine_without_cards_has_no_gpus(void **state)
{
    (void)state;
    CHECK(!gpu_sysfs_has_any(root));
    gpu_sysfs_read(root, &list);
    CHECK_U64(list.n, 0);
}

static void the_host_tells_memory_disk_and_pressure(void **state)
{
    struct host h;

    (void)state;
    put("proc/meminfo",
        "MemTotal:       16384256 kB\nMemFree:  1 kB\nMemAvailable:    8192000 kB\n");
    put("proc/pressure/cpu", "some avg10=1.53 avg60=0.87 avg300=0.74 total=12\n");
    put("proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=9.00 "
                                "avg60=0 avg300=0 total=0\n");
    host_read(root, root, &h);
    check_number(h.memory_total, 16384256.0 * 1024);
    check_number(h.memory_available, 8192000.0 * 1024);
    CHECK(h.disk_total > 0 && h.disk_available >= 0 && h.disk_available <= h.disk_total);
    check_number(h.pressure[HOST_PRESSURE_CPU], 1.53);
    check_number(h.pressure[HOST_PRESSURE_MEMORY], 0);
    check_number(h.pressure[HOST_PRESSURE_IO], NAN);
}

static void what_the_host_does_not_tell_is_absent(void **state)
{
    struct host h;

    (void)state;
    put("proc/meminfo", "MemTotal: many kB\n");
    host_read(root, "/no/such/folder", &h);
    check_number(h.memory_total, NAN);
    check_number(h.memory_available, NAN);
    check_number(h.disk_total, NAN);
    check_number(h.disk_available, NAN);
    check_number(h.pressure[HOST_PRESSURE_CPU], NAN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_amd_card_tells_what_its_driver_has),
        TEST(an_intel_card_has_its_place_for_a_name_and_tells_little),
        TEST(amd_s_table_of_metrics_tells_energy_and_what_slows_it),
        TEST(amd_s_compute_driver_counts_its_processes),
        TEST(intel_s_engines_tell_what_slows_them),
        TEST(what_is_no_number_is_no_reading),
        TEST(a_machine_without_cards_has_no_gpus),
        TEST(the_host_tells_memory_disk_and_pressure),
        TEST(what_the_host_does_not_tell_is_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
