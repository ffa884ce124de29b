#include "worker_sweep.h"

#include "base/parse.h"
#include "base/str.h"
#include "worker_cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ENVIRONMENT (256u << 10)
#define MAX_PASSES      20 /* what is killed may have begun others meanwhile */

static bool has_entry(const char *environment, size_t n, const char *tag)
{
    size_t length = strlen(tag);
    struct str rest = {environment, n}, entry;

    while (str_cut(&rest, '\0', &entry))
        if (entry.len == length && memcmp(entry.data, tag, length) == 0)
            return true;
    return false;
}

/* Of another user it cannot be read, and then it is none of ours. */
static bool has_tag(const char *root, const char *pid, const char *tag, char *space)
{
    char path[512];
    size_t n = 0;
    ssize_t got = 1;

    snprintf(path, sizeof(path), "%s/proc/%s/environ", root, pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while (n < MAX_ENVIRONMENT && (got = read(fd, space + n, MAX_ENVIRONMENT - n)) > 0)
        n += (size_t)got;
    close(fd);
    return has_entry(space, n, tag);
}

static unsigned kill_tagged(const char *root, const char *tag, char *space)
{
    char path[512];
    const struct dirent *e;
    unsigned n = 0;
    uint64_t pid;

    snprintf(path, sizeof(path), "%s/proc", root);
    DIR *d = opendir(path);
    if (!d)
        return 0;
    while ((e = readdir(d))) {
        if (!parse_u64(str_from(e->d_name), &pid) || !has_tag(root, e->d_name, tag, space))
            continue;
        n++;
        kill((pid_t)pid, SIGKILL);
    }
    closedir(d);
    return n;
}

unsigned worker_sweep(const char *root, const char *tag, const char *cgroup)
{
    char *space = malloc(MAX_ENVIRONMENT);
    unsigned met = 0;

    if (!space)
        abort();
    if (cgroup)
        worker_cgroup_kill(cgroup);
    for (unsigned pass = 0; pass < MAX_PASSES; pass++) {
        unsigned n = kill_tagged(root, tag, space);
        if (n == 0)
            break;
        met += n;
    }
    free(space);
    return met;
}
