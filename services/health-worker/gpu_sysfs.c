#include "gpu_sysfs.h"

#include "base/parse.h"
#include "gpu_amd.h"
#include "kernel_file.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_CARDS    64 /* /class/drm/cardN */
#define SLOT         64
#define VENDOR_AMD   0x1002
#define VENDOR_INTEL 0x8086

static bool find_vendor(const char *root, unsigned card, enum gpu_vendor *ret)
{
    double number = kernel_file_number("%s/class/drm/card%u/device/vendor", root, card);

    *ret = number == VENDOR_AMD ? GPU_AMD : GPU_INTEL;
    return number == VENDOR_AMD || number == VENDOR_INTEL;
}

bool gpu_sysfs_has_any(const char *root)
{
    enum gpu_vendor vendor;

    for (unsigned card = 0; card < MAX_CARDS; card++)
        if (find_vendor(root, card, &vendor))
            return true;
    return false;
}

/* The first hwmonN of the device, with its path; false when it has none. */
static bool find_sensors(const char *device, char *ret, size_t size)
{
    char folder[512];
    bool found = false;

    snprintf(folder, sizeof(folder), "%s/hwmon", device);
    DIR *d = opendir(folder);
    for (struct dirent *e; d && !found && (e = readdir(d));)
        if (strncmp(e->d_name, "hwmon", 5) == 0)
            found = snprintf(ret, size, "%s/%s", folder, e->d_name) < (int)size;
    if (d)
        closedir(d);
    return found;
}

static double first_told(double a, double b)
{
    return isnan(a) ? b : a;
}

static void read_sensors(const char *device, struct gpu *g)
{
    char at[1024];

    if (!find_sensors(device, at, sizeof(at)))
        return;
    g->reading[GPU_TEMPERATURE] = first_told(kernel_file_number("%s/temp1_input", at),
                                             kernel_file_number("%s/temp2_input", at)) /
                                  1e3;
    g->reading[GPU_POWER] = first_told(kernel_file_number("%s/power1_average", at),
                                       kernel_file_number("%s/power1_input", at)) /
                            1e6;
    g->reading[GPU_ENERGY] = kernel_file_number("%s/energy1_input", at) / 1e6;
}

static bool is_slowed(const char *at, const char *reason)
{
    return kernel_file_number("%s%s", at, reason) > 0;
}

/* Of the first of its engines: i915 keeps them with the card, xe with the device. */
static unsigned read_intel_reasons(const char *root, unsigned card)
{
    static const char *const power[] = {"pl1", "pl2", "pl4", "vr_tdc"};
    static const char *const heat[] = {"thermal", "ratl", "vr_thermalert"};
    char at[512];
    unsigned reasons = 0;

    snprintf(at, sizeof(at), "%s/class/drm/card%u/gt/gt0/throttle_reason_", root, card);
    if (isnan(kernel_file_number("%sstatus", at)))
        snprintf(at, sizeof(at), "%s/class/drm/card%u/device/tile0/gt0/freq0/throttle/reason_",
                 root, card);
    for (size_t i = 0; i < sizeof(power) / sizeof(power[0]); i++)
        reasons |= is_slowed(at, power[i]) ? GPU_THROTTLED_POWER : 0;
    for (size_t i = 0; i < sizeof(heat) / sizeof(heat[0]); i++)
        reasons |= is_slowed(at, heat[i]) ? GPU_THROTTLED_HEAT : 0;
    return reasons | (is_slowed(at, "prochot") ? GPU_THROTTLED_HARDWARE : 0);
}

static void read_amd(const char *root, const char *device, const char *slot, struct gpu *g)
{
    struct kernel_file f;

    if (kernel_file_read(&f, "%s/gpu_metrics", device))
        gpu_amd_read_table((struct str){f.text, f.len}, g);
    g->reading[GPU_PROCESSES] = gpu_amd_count_processes(root, slot);
}

/* By its own number where it has one, else by its place on the bus; named by driver and model. */
static void identify(const char *device, struct gpu *g, char ret_slot[SLOT])
{
    struct kernel_file f;

    ret_slot[0] = '\0';

    if (kernel_file_read(&f, "%s/uevent", device)) {
        struct str driver = kernel_file_value(&f, "DRIVER=");
        struct str model = kernel_file_value(&f, "PCI_ID=");
        (void)str_copy(ret_slot, SLOT, kernel_file_value(&f, "PCI_SLOT_NAME="));
        snprintf(g->uuid, sizeof(g->uuid), "%s", ret_slot);
        snprintf(g->name, sizeof(g->name), "%.*s %.*s", STR_ARG(driver), STR_ARG(model));
    }
    if (kernel_file_read(&f, "%s/unique_id", device) && kernel_file_line(&f).len > 0)
        (void)str_copy(g->uuid, sizeof(g->uuid), kernel_file_line(&f));
}

void gpu_sysfs_read(const char *root, struct gpu_list *ret)
{
    char device[256], slot[SLOT];
    enum gpu_vendor vendor;

    ret->n = 0;
    for (unsigned card = 0; card < MAX_CARDS; card++) {
        struct gpu *g = find_vendor(root, card, &vendor) ? gpu_add(ret, vendor) : NULL;
        if (!g)
            continue;
        snprintf(device, sizeof(device), "%s/class/drm/card%u/device", root, card);
        snprintf(g->id, sizeof(g->id), "%u", card);
        identify(device, g, slot);
        read_sensors(device, g);
        g->reading[GPU_UTILIZATION] = kernel_file_number("%s/gpu_busy_percent", device);
        g->reading[GPU_MEMORY_USED] = kernel_file_number("%s/mem_info_vram_used", device);
        g->reading[GPU_MEMORY_TOTAL] =
            first_told(kernel_file_number("%s/mem_info_vram_total", device),
                       kernel_file_number("%s/class/drm/card%u/lmem_total_bytes", root, card));
        if (vendor == GPU_AMD)
            read_amd(root, device, slot, g);
        else
            g->throttled = read_intel_reasons(root, card);
    }
}
