#include "host.h"

#include "base/parse.h"
#include "kernel_file.h"

#include <math.h>
#include <sys/statvfs.h>

const char *host_pressure_text(enum host_pressure p)
{
    static const char *const texts[] = {
        [HOST_PRESSURE_CPU] = "cpu", [HOST_PRESSURE_MEMORY] = "memory", [HOST_PRESSURE_IO] = "io"};

    return texts[p];
}

/* "  16384 kB" */
static double read_kib(const struct kernel_file *f, const char *key)
{
    struct str rest = kernel_file_value(f, key), number;
    uint64_t n;

    if (!str_cut(&rest, ' ', &number) || !parse_u64(number, &n))
        return NAN;
    return (double)n * 1024;
}

/* "some avg10=1.53 avg60=0.87 avg300=0.74 total=12" */
static double read_pressure(const char *root, enum host_pressure p)
{
    struct kernel_file f;
    struct str rest, number;
    double percent;

    if (!kernel_file_read(&f, "%s/proc/pressure/%s", root, host_pressure_text(p)))
        return NAN;
    rest = kernel_file_value(&f, "some avg10=");
    return str_cut(&rest, ' ', &number) && parse_double(number, &percent) ? percent : NAN;
}

void host_read(const char *root, const char *path, struct host *ret)
{
    struct kernel_file f;
    struct statvfs disk;

    *ret = (struct host){NAN, NAN, NAN, NAN, {0}};
    if (kernel_file_read(&f, "%s/proc/meminfo", root)) {
        ret->memory_total = read_kib(&f, "MemTotal:");
        ret->memory_available = read_kib(&f, "MemAvailable:");
    }
    if (statvfs(path, &disk) == 0) {
        ret->disk_total = (double)disk.f_blocks * (double)disk.f_frsize;
        ret->disk_available = (double)disk.f_bavail * (double)disk.f_frsize;
    }
    for (enum host_pressure p = 0; p < HOST_PRESSURES; p++)
        ret->pressure[p] = read_pressure(root, p);
}
