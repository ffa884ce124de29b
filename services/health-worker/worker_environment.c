#include "worker_environment.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name that ends in '_' stands for all that begin so. */
static const char *const passed[] = {
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_",
    "TZ",
    "TMPDIR",
    "XDG_",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "CUDA_",
    "NVIDIA_",
    "NCCL_",
    "HIP_",
    "HSA_",
    "ROCR_",
    "ROCM_",
    "ONEAPI_",
    "SYCL_",
    "ZE_",
    "GGML_",
    "LLAMA_ARG_",
    "OLLAMA_",
    "VLLM_",
    "SGLANG_",
    "HF_HOME",
    "HF_HUB_",
    "TRANSFORMERS_CACHE",
    "TORCH_",
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "MALLOC_",
};

/* Of those, what may be a secret all the same. */
static const char *const secret[] = {"KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL"};

static bool is_passed(struct str name)
{
    bool is_named = false;

    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
        bool is_prefix = passed[i][strlen(passed[i]) - 1] == '_';
        is_named |= is_prefix ? str_has_prefix(name, passed[i]) : str_is(name, passed[i]);
    }
    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
        is_named &= !memmem(name.data, name.len, secret[i], strlen(secret[i]));
    return is_named;
}

static void add(struct worker_environment *e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add(struct worker_environment *e, const char *format, ...)
{
    va_list values;

    if (e->n == WORKER_ENVIRONMENT_MAX)
        return;
    va_start(values, format);
    if (vasprintf(&e->entry[e->n], format, values) < 0)
        abort();
    va_end(values);
    e->entry[++e->n] = NULL;
}

static bool has(const struct worker_environment *e, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < e->n; i++)
        if (strncmp(e->entry[i], name, length) == 0 && e->entry[i][length] == '=')
            return true;
    return false;
}

/* Unless the operator has said so already. NVML counts in the order of the bus. */
static void add_device(struct worker_environment *e, const char *device)
{
    static const char *const names[] = {"CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"};

    if (strncmp(device, "gpu", 3) != 0)
        return;
    if (!has(e, "CUDA_DEVICE_ORDER"))
        add(e, "CUDA_DEVICE_ORDER=PCI_BUS_ID");
    for (size_t i = 0; i < 2; i++)
        if (!has(e, names[i]))
            add(e, "%s=%s", names[i], device + 3);
}

void worker_environment_make(struct worker_environment *e, char *const *ours,
                             const struct worker_environment_of *of)
{
    *e = (struct worker_environment){.n = 0};
    add(e, "%s", of->tag);
    add(e, "LLM_WORKER=%s", of->name);
    add(e, "PORT=%u", (unsigned)of->port);
    for (; *ours && e->n < WORKER_ENVIRONMENT_MAX - 3; ours++) {
        struct str rest = str_from(*ours), name;
        if (str_cut(&rest, '=', &name) && is_passed(name))
            add(e, "%s", *ours);
    }
    add_device(e, of->device);
}

void worker_environment_done(struct worker_environment *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->entry[i]);
    e->n = 0;
}
