/* host.h -- how much room has this machine left?
 */
#pragma once

enum host_pressure { HOST_PRESSURE_CPU, HOST_PRESSURE_MEMORY, HOST_PRESSURE_IO, HOST_PRESSURES };

/* NAN: the kernel does not tell. */
struct host {
    double memory_total, memory_available; /* bytes */
    double disk_total, disk_available;     /* of the file system under a path */
    /* percent of the last ten seconds in which some task waited (PSI) */
    double pressure[HOST_PRESSURES];
};

const char *host_pressure_text(enum host_pressure p);

/* `root` comes before /proc ("" is this machine); `path` is taken as it is. */
void host_read(const char *root, const char *path, struct host *ret);
