/* A libnvidia-ml.so.1 without a GPU. The file named by FAKE_NVML is looked into at every call:
 *
 *   gpus 2                          how many there are (1)
 *   mig 1                           GPU 0 is cut; of seven places, 0 and 2 are taken
 *   <function> <error code>         that function fails so
 *   <function>@1 <error code>       for GPU 1 only
 *   <function> hang                 it does not return while this line stands
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6 };
enum { INSUFFICIENT_SIZE = 7 };
#define GIB 0x40000000ULL

struct fake {
    unsigned gpu;
    int place; /* -1: the whole board */
};

struct memory {
    unsigned long long total, free, used;
};

struct memory_v2 {
    unsigned version;
    unsigned long long total, reserved, free, used;
};

struct utilization {
    unsigned gpu, memory;
};

static struct fake boards[8];
static bool is_up;

static bool find(const char *word, char *ret, size_t size)
{
    const char *path = getenv("FAKE_NVML");
    FILE *f = path ? fopen(path, "re") : NULL;
    char line[128], key[64], value[32];
    bool found = false;

    while (f && !found && fgets(line, sizeof(line), f))
        if (sscanf(line, "%63s %31s", key, value) == 2 && strcmp(key, word) == 0)
            found = snprintf(ret, size, "%s", value) < (int)size;
    if (f)
        fclose(f);
    return found;
}

static unsigned number(const char *word, unsigned otherwise)
{
    char value[32];

    return find(word, value, sizeof(value)) ? (unsigned)atoi(value) : otherwise;
}

static int answer(const char *function, const struct fake *d)
{
    char name[96], value[32];

    while (find(function, value, sizeof(value)) && strcmp(value, "hang") == 0)
        usleep(5000);
    if (find(function, value, sizeof(value)))
        return atoi(value);
    if (d) {
        snprintf(name, sizeof(name), "%s@%u", function, d->gpu);
        if (find(name, value, sizeof(value)))
            return atoi(value);
    }
    return is_up ? SUCCESS : UNINITIALIZED;
}

#define ANSWER(d)                                                                                  \
    do {                                                                                           \
        int error = answer(__func__, d);                                                           \
        if (error)                                                                                 \
            return error;                                                                          \
    } while (0)

int nvmlInit_v2(void);
int nvmlShutdown(void);
const char *nvmlErrorString(int error);
int nvmlDeviceGetCount_v2(unsigned *ret);
int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct fake **ret);
int nvmlDeviceGetUUID(struct fake *d, char *ret, unsigned size);
int nvmlDeviceGetName(struct fake *d, char *ret, unsigned size);
int nvmlDeviceGetUtilizationRates(struct fake *d, struct utilization *ret);
int nvmlDeviceGetMemoryInfo(struct fake *d, struct memory *ret);
int nvmlDeviceGetTemperature(struct fake *d, int sensor, unsigned *ret);
int nvmlDeviceGetPowerUsage(struct fake *d, unsigned *ret);

#ifndef FAKE_BROKEN
int nvmlInit_v2(void)
{
    is_up = true;
    int error = answer(__func__, NULL);
    is_up = error == SUCCESS;
    return error;
}
#endif

int nvmlShutdown(void)
{
    ANSWER(NULL);
    is_up = false;
    return SUCCESS;
}

const char *nvmlErrorString(int error)
{
    return error == 9 ? "Driver Not Loaded" : "Fake Error";
}

int nvmlDeviceGetCount_v2(unsigned *ret)
{
    ANSWER(NULL);
    *ret = number("gpus", 1);
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct fake **ret)
{
    if (index >= 8 || index >= number("gpus", 1))
        return INVALID_ARGUMENT;
    *ret = &boards[index];
    **ret = (struct fake){index, -1};
    ANSWER(*ret);
    return SUCCESS;
}

int nvmlDeviceGetUUID(struct fake *d, char *ret, unsigned size)
{
    ANSWER(d);
    if (d->place < 0)
        snprintf(ret, size, "GPU-fake-%u", d->gpu);
    else
        snprintf(ret, size, "MIG-fake-%u-%d", d->gpu, d->place);
    return SUCCESS;
}

int nvmlDeviceGetName(struct fake *d, char *ret, unsigned size)
{
    ANSWER(d);
    snprintf(ret, size, "Fake H%u00%s", d->gpu + 1, d->place < 0 ? "" : " MIG 1g.10gb");
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(struct fake *d, struct utilization *ret)
{
    ANSWER(d);
    if (number("mig", 0) && d->gpu == 0)
        return NOT_SUPPORTED;
    *ret = (struct utilization){37 + d->gpu, 5};
    return SUCCESS;
}

static unsigned long long size_of(const struct fake *d)
{
    return d->place < 0 ? 80 * GIB : 10 * GIB;
}

int nvmlDeviceGetMemoryInfo(struct fake *d, struct memory *ret)
{
    ANSWER(d);
    ret->total = size_of(d);
    ret->used = (d->gpu + 2) * GIB; /* with the driver's own part */
    ret->free = ret->total - ret->used;
    return SUCCESS;
}

int nvmlDeviceGetTemperature(struct fake *d, int sensor, unsigned *ret)
{
    ANSWER(d);
    if (sensor != 0)
        return INVALID_ARGUMENT;
    *ret = 41 + d->gpu;
    return SUCCESS;
}

int nvmlDeviceGetPowerUsage(struct fake *d, unsigned *ret)
{
    ANSWER(d);
    *ret = 250500 + d->gpu * 1000;
    return SUCCESS;
}

#ifdef FAKE_OLD
int nvmlDeviceGetComputeRunningProcesses(struct fake *d, unsigned *count, void *list);
int nvmlDeviceGetComputeRunningProcesses(struct fake *d, unsigned *count, void *list)
{
    ANSWER(d);
    (void)list;
    *count = 0;
    return SUCCESS;
}
#else
int nvmlDeviceGetMemoryInfo_v2(struct fake *d, struct memory_v2 *ret);
int nvmlDeviceGetMemoryInfo_v2(struct fake *d, struct memory_v2 *ret)
{
    ANSWER(d);
    if (ret->version != (0x02000000u | 40u))
        return INVALID_ARGUMENT;
    ret->total = size_of(d);
    ret->reserved = GIB;
    ret->used = (d->gpu + 1) * GIB;
    ret->free = ret->total - ret->used - ret->reserved;
    return SUCCESS;
}

int nvmlDeviceGetTotalEnergyConsumption(struct fake *d, unsigned long long *ret);
int nvmlDeviceGetTotalEnergyConsumption(struct fake *d, unsigned long long *ret)
{
    ANSWER(d);
    *ret = 5000500 + d->gpu;
    return SUCCESS;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(struct fake *d, unsigned long long *ret);
int nvmlDeviceGetCurrentClocksThrottleReasons(struct fake *d, unsigned long long *ret)
{
    ANSWER(d);
    *ret = d->gpu == 0 ? 0x04 | 0x40 : 0x01;
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(struct fake *d, unsigned *count, void *list);
int nvmlDeviceGetComputeRunningProcesses_v3(struct fake *d, unsigned *count, void *list)
{
    ANSWER(d);
    if (*count != 0 || list)
        return INVALID_ARGUMENT;
    *count = 3;
    return INSUFFICIENT_SIZE;
}

int nvmlDeviceGetMigMode(struct fake *d, unsigned *now, unsigned *later);
int nvmlDeviceGetMigMode(struct fake *d, unsigned *now, unsigned *later)
{
    ANSWER(d);
    if (d->gpu > 0)
        return NOT_SUPPORTED;
    *now = *later = number("mig", 0);
    return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(struct fake *d, unsigned *ret);
int nvmlDeviceGetMaxMigDeviceCount(struct fake *d, unsigned *ret)
{
    ANSWER(d);
    *ret = 7;
    return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(struct fake *d, unsigned place, struct fake **ret);
int nvmlDeviceGetMigDeviceHandleByIndex(struct fake *d, unsigned place, struct fake **ret)
{
    static struct fake parts[8];

    ANSWER(d);
    if (place != 0 && place != 2)
        return NOT_FOUND;
    *ret = &parts[place];
    **ret = (struct fake){d->gpu, (int)place};
    return SUCCESS;
}
#endif
