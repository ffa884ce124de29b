#include "ctl_file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int ctl_file_write(const char *path, struct str bytes)
{
    char beside[4096];

    if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
        return -ENAMETOOLONG;
    FILE *f = fopen(beside, "we");
    if (!f)
        return -errno;
    errno = 0;
    bool is_written =
        fwrite(bytes.data, 1, bytes.len, f) == bytes.len && fflush(f) == 0 && fsync(fileno(f)) == 0;
    if ((fclose(f) == 0) & is_written && rename(beside, path) == 0)
        return 0;
    int r = -(errno ? errno : EIO);
    unlink(beside);
    return r;
}
