#include "zone_file.h"

#include <errno.h>
#include <stdio.h>

#define FOLDER    "/usr/share/zoneinfo"
#define MAX_BYTES 65536

static void close_file(FILE **f)
{
    if (*f)
        fclose(*f);
}

int zone_file_load(struct str name, struct zone **ret)
{
    char path[128], bytes[MAX_BYTES];
    if (!zone_is_name(name))
        return -EINVAL;
    snprintf(path, sizeof(path), FOLDER "/%.*s", STR_ARG(name));
    CLEANUP(close_file) FILE *f = fopen(path, "re");
    if (!f)
        return -errno;
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    enum zone_result r = zone_new(path + sizeof(FOLDER), (struct str){bytes, n}, ret);
    return r == ZONE_OK ? 0 : -EINVAL;
}
