#include "ctl_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
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

bool ctl_file_read(const char *path, struct buf *ret)
{
    bool is_standard = !path || strcmp(path, "-") == 0;
    const char *name = is_standard ? "standard input" : path;
    FILE *f = is_standard ? stdin : fopen(path, "re");
    char piece[65536];
    size_t n;

    if (!f) {
        fprintf(stderr, "llmctl: %s: %s\n", name, strerror(errno));
        return false;
    }
    bool fits = true;
    while (fits && (n = fread(piece, 1, sizeof(piece), f)) > 0)
        fits = buf_add(ret, piece, n) == BUF_OK;
    bool is_read = fits && !ferror(f);
    if (!is_standard)
        fclose(f);
    if (!fits)
        fprintf(stderr, "llmctl: %s: longer than %zu KiB\n", name, ret->max / 1024);
    else if (!is_read)
        fprintf(stderr, "llmctl: %s: cannot be read\n", name);
    return is_read;
}
