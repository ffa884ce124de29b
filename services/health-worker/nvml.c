#include "nvml.h"

#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Facts of NVIDIA's interface. */
enum {
    SUCCESS = 0,
    NOT_SUPPORTED = 3,
    INSUFFICIENT_SIZE = 7,
    GPU_IS_LOST = 15,
    RESET_REQUIRED = 16,
};
#define TEMPERATURE_GPU 0
#define SLOWDOWN_POWER  (0x04u | 0x80u) /* software power cap, power brake */
#define SLOWDOWN_HEAT   (0x20u | 0x40u) /* software, hardware thermal slowdown */
#define SLOWDOWN_ANY    0x08u           /* hardware slowdown */
#define MEMORY_V2       (sizeof(struct memory_v2) | 2u << 24)
#define MAX_INSTANCES   16u

typedef struct device *device;

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

struct nvml {
    void *library;
    bool is_up;   /* between init and shutdown */
    bool is_hurt; /* a GPU was lost in this read: init once more */
    struct {
        int (*init)(void);
        int (*shutdown)(void);
        const char *(*error_text)(int);
        int (*count)(unsigned *);
        int (*handle)(unsigned, device *);
        int (*uuid)(device, char *, unsigned);
        int (*name)(device, char *, unsigned);
        int (*utilization)(device, struct utilization *);
        int (*memory)(device, struct memory *);
        int (*memory_v2)(device, struct memory_v2 *);
        int (*temperature)(device, int, unsigned *);
        int (*power)(device, unsigned *);            /* mW */
        int (*energy)(device, unsigned long long *); /* mJ */
        int (*slowdown)(device, unsigned long long *);
        int (*processes)(device, unsigned *, void *);
        int (*mig_mode)(device, unsigned *, unsigned *);
        int (*instance_count)(device, unsigned *);
        int (*instance)(device, unsigned, device *);
    } call;
};

#define AT(member) offsetof(struct nvml, call.member)

/* Of several names the first that the library has. The process lists of all three differ in their
 * entries only, and only their number is asked for. */
static const struct symbol {
    size_t at;
    bool is_needed;
    const char *names[3];
} symbols[] = {
    {AT(init), true, {"nvmlInit_v2"}},
    {AT(shutdown), true, {"nvmlShutdown"}},
    {AT(count), true, {"nvmlDeviceGetCount_v2"}},
    {AT(handle), true, {"nvmlDeviceGetHandleByIndex_v2"}},
    {AT(error_text), false, {"nvmlErrorString"}},
    {AT(uuid), false, {"nvmlDeviceGetUUID"}},
    {AT(name), false, {"nvmlDeviceGetName"}},
    {AT(utilization), false, {"nvmlDeviceGetUtilizationRates"}},
    {AT(memory), false, {"nvmlDeviceGetMemoryInfo"}},
    {AT(memory_v2), false, {"nvmlDeviceGetMemoryInfo_v2"}},
    {AT(temperature), false, {"nvmlDeviceGetTemperature"}},
    {AT(power), false, {"nvmlDeviceGetPowerUsage"}},
    {AT(energy), false, {"nvmlDeviceGetTotalEnergyConsumption"}},
    {AT(slowdown),
     false,
     {"nvmlDeviceGetCurrentClocksThrottleReasons", "nvmlDeviceGetCurrentClocksEventReasons"}},
    {AT(processes),
     false,
     {"nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2",
      "nvmlDeviceGetComputeRunningProcesses"}},
    {AT(mig_mode), false, {"nvmlDeviceGetMigMode"}},
    {AT(instance_count), false, {"nvmlDeviceGetMaxMigDeviceCount"}},
    {AT(instance), false, {"nvmlDeviceGetMigDeviceHandleByIndex"}},
};

static bool find_symbol(struct nvml *n, const struct symbol *s)
{
    for (size_t i = 0; i < sizeof(s->names) / sizeof(s->names[0]) && s->names[i]; i++) {
        void *address = dlsym(n->library, s->names[i]);
        if (!address)
            continue;
        memcpy((char *)n + s->at, &address, sizeof(address));
        return true;
    }
    return false;
}

enum nvml_open_result nvml_open(const char *path, struct nvml **ret, char *reterr,
                                size_t reterr_size)
{
    CLEANUP(nvml_free) struct nvml *n = calloc(1, sizeof(*n));

    if (!n)
        abort();
    n->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!n->library) {
        const char *why = dlerror();
        snprintf(reterr, reterr_size, "%s", why);
        return strstr(why, strerror(ENOENT)) ? NVML_OPEN_ABSENT : NVML_OPEN_UNUSABLE;
    }
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        if (find_symbol(n, &symbols[i]) || !symbols[i].is_needed)
            continue;
        snprintf(reterr, reterr_size, "it lacks %s", symbols[i].names[0]);
        return NVML_OPEN_UNUSABLE;
    }
    *ret = TAKE(n);
    return NVML_OPEN_OK;
}

static void shut_down(struct nvml *n)
{
    if (n->is_up)
        n->call.shutdown();
    n->is_up = n->is_hurt = false;
}

void nvml_free(struct nvml **n)
{
    if (!*n)
        return;
    shut_down(*n);
    if ((*n)->library)
        dlclose((*n)->library);
    free(*n);
    *n = NULL;
}

const char *nvml_error_text(const struct nvml *n, int error)
{
    const char *text = n->call.error_text ? n->call.error_text(error) : NULL;

    return text ? text : "unknown error";
}

/* ---- one device ---- */

/* What `call` answered is a reading. */
static bool is_told(struct nvml *n, int error)
{
    if (error == GPU_IS_LOST || error == RESET_REQUIRED)
        n->is_hurt = true;
    return error == SUCCESS;
}

static void read_memory(struct nvml *n, device d, struct gpu *g)
{
    struct memory_v2 fine = {.version = MEMORY_V2}; /* the driver's own part is not in `used` */
    struct memory coarse;

    if (n->call.memory_v2 && is_told(n, n->call.memory_v2(d, &fine))) {
        g->reading[GPU_MEMORY_USED] = (double)fine.used;
        g->reading[GPU_MEMORY_TOTAL] = (double)fine.total;
    } else if (n->call.memory && is_told(n, n->call.memory(d, &coarse))) {
        g->reading[GPU_MEMORY_USED] = (double)coarse.used;
        g->reading[GPU_MEMORY_TOTAL] = (double)coarse.total;
    }
}

/* Asked without room for the list, it says how long it is. */
static void read_processes(struct nvml *n, device d, struct gpu *g)
{
    unsigned count = 0;
    int error = n->call.processes ? n->call.processes(d, &count, NULL) : NOT_SUPPORTED;

    if (is_told(n, error) || error == INSUFFICIENT_SIZE)
        g->reading[GPU_PROCESSES] = count;
}

static void read_board(struct nvml *n, device d, struct gpu *g)
{
    struct utilization busy;
    unsigned number;
    unsigned long long large;

    if (n->call.utilization && is_told(n, n->call.utilization(d, &busy)))
        g->reading[GPU_UTILIZATION] = busy.gpu;
    if (n->call.temperature && is_told(n, n->call.temperature(d, TEMPERATURE_GPU, &number)))
        g->reading[GPU_TEMPERATURE] = number;
    if (n->call.power && is_told(n, n->call.power(d, &number)))
        g->reading[GPU_POWER] = number / 1e3;
    if (n->call.energy && is_told(n, n->call.energy(d, &large)))
        g->reading[GPU_ENERGY] = (double)large / 1e3;
    if (n->call.slowdown && is_told(n, n->call.slowdown(d, &large)))
        g->throttled = (large & SLOWDOWN_POWER ? GPU_THROTTLED_POWER : 0) |
                       (large & SLOWDOWN_HEAT ? GPU_THROTTLED_HEAT : 0) |
                       (large & SLOWDOWN_ANY ? GPU_THROTTLED_HARDWARE : 0);
}

static void identify(struct nvml *n, device d, struct gpu *g)
{
    if (!n->call.uuid || !is_told(n, n->call.uuid(d, g->uuid, sizeof(g->uuid))))
        g->uuid[0] = '\0';
    if (!n->call.name || !is_told(n, n->call.name(d, g->name, sizeof(g->name))))
        g->name[0] = '\0';
}

/* ---- a GPU that is cut up ---- */

static bool is_cut(struct nvml *n, device d)
{
    unsigned now = 0, later;

    return n->call.mig_mode && n->call.instance_count && n->call.instance &&
           is_told(n, n->call.mig_mode(d, &now, &later)) && now == 1;
}

/* Heat, power and energy are the board's; memory and processes are told by the instances, and not
 * twice. */
static void read_instances(struct nvml *n, device d, struct gpu *board, struct gpu_list *ret)
{
    unsigned count = 0;

    board->is_cut = true;
    if (!is_told(n, n->call.instance_count(d, &count)))
        return;
    for (unsigned i = 0; i < count && i < MAX_INSTANCES; i++) {
        device part;
        if (!is_told(n, n->call.instance(d, i, &part)))
            continue; /* places of an uncut part */
        struct gpu *g = gpu_add(ret, GPU_NVIDIA);
        if (!g)
            return;
        snprintf(g->id, sizeof(g->id), "%.10s:%u", board->id, i);
        identify(n, part, g);
        read_memory(n, part, g);
        read_processes(n, part, g);
        board->reading[GPU_MEMORY_USED] = board->reading[GPU_MEMORY_TOTAL] = NAN;
        board->reading[GPU_PROCESSES] = NAN;
    }
}

/* ---- all ---- */

static void read_gpu(struct nvml *n, unsigned index, struct gpu_list *ret)
{
    size_t before = ret->n;
    device d;
    bool was_hurt = n->is_hurt;
    struct gpu *g = NULL;

    n->is_hurt = false;
    if (is_told(n, n->call.handle(index, &d)) && (g = gpu_add(ret, GPU_NVIDIA))) {
        snprintf(g->id, sizeof(g->id), "%u", index);
        identify(n, d, g);
        read_memory(n, d, g);
        read_processes(n, d, g);
        read_board(n, d, g);
        if (is_cut(n, d))
            read_instances(n, d, g, ret);
    }
    if (n->is_hurt)
        ret->n = before; /* lost: nothing it said before is worth showing */
    n->is_hurt = n->is_hurt || was_hurt;
}

int nvml_read(struct nvml *n, struct gpu_list *ret)
{
    unsigned count = 0;
    int error = n->is_up ? SUCCESS : n->call.init();

    ret->n = 0;
    if (error)
        return error;
    n->is_up = true;
    error = n->call.count(&count);
    for (unsigned i = 0; !error && i < count && i < GPU_MAX; i++)
        read_gpu(n, i, ret);
    if (error || n->is_hurt)
        shut_down(n);
    return error;
}
