#include "worker_cgroup.h"

#include "base/parse.h"
#include "base/str.h"
#include "kernel_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OURS   "daemon"
#define PREFIX "worker-"

static bool write_file(const char *folder, const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t n = strlen(text);
    bool is_written = write(fd, text, n) == (ssize_t)n;
    close(fd);
    return is_written;
}

static bool has_word(const char *folder, const char *name, const char *word)
{
    struct kernel_file f;
    struct str rest, one;

    if (!kernel_file_read(&f, "%s/%s", folder, name))
        return false;
    rest = kernel_file_line(&f);
    while (str_cut(&rest, ' ', &one))
        if (str_is(one, word))
            return true;
    return false;
}

static void remove_leftovers(const char *folder)
{
    char path[640];
    const struct dirent *e;

    DIR *d = opendir(folder);
    if (!d)
        return;
    while ((e = readdir(d))) {
        if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        worker_cgroup_kill(path);
        worker_cgroup_remove(path);
    }
    closedir(d);
}

/* "0::/system.slice/health-worker.service"; of the root nobody has given us anything. A process
 * that was killed meanwhile left us in its leaf. */
static bool find_own(const char *fs, const char *own, char *ret, size_t size)
{
    struct kernel_file f;

    if (!kernel_file_read(&f, "%s", own))
        return false;
    struct str path = kernel_file_value(&f, "0::");
    const char *leaf = "/" OURS;
    if (path.len > strlen(leaf) &&
        memcmp(path.data + path.len - strlen(leaf), leaf, strlen(leaf)) == 0)
        path.len -= strlen(leaf);
    return path.len > 1 && (size_t)snprintf(ret, size, "%s%.*s", fs, STR_ARG(path)) < size - 128;
}

void worker_cgroup_open(const char *fs, const char *own, struct worker_cgroup_tree *ret)
{
    char leaf[512];

    *ret = (struct worker_cgroup_tree){.path = ""};
    if (!find_own(fs, own, ret->path, sizeof(ret->path))) {
        ret->path[0] = '\0';
        return;
    }
    snprintf(leaf, sizeof(leaf), "%s/" OURS, ret->path);
    if ((mkdir(leaf, 0755) < 0 && errno != EEXIST) || !write_file(leaf, "cgroup.procs", "0")) {
        rmdir(leaf);
        ret->path[0] = '\0';
        return;
    }
    remove_leftovers(ret->path);
    ret->has_memory = has_word(ret->path, "cgroup.controllers", "memory") &&
                      write_file(ret->path, "cgroup.subtree_control", "+memory");
}

bool worker_cgroup_make(const struct worker_cgroup_tree *t, const char *name, uint64_t memory_limit,
                        char *ret_path, size_t size)
{
    char limit[32];

    if (t->path[0] == '\0' ||
        (size_t)snprintf(ret_path, size, "%s/" PREFIX "%s", t->path, name) >= size)
        return false;
    if (mkdir(ret_path, 0755) < 0 && errno != EEXIST)
        return false;
    if (!t->has_memory || memory_limit == 0)
        return true;
    snprintf(limit, sizeof(limit), "%llu", (unsigned long long)memory_limit);
    /* all of it goes, or who survives would wait for who does not */
    bool is_limited =
        write_file(ret_path, "memory.max", limit) && write_file(ret_path, "memory.oom.group", "1");
    write_file(ret_path, "memory.swap.max", "0"); /* a machine without swap has no such file */
    if (!is_limited)
        rmdir(ret_path);
    return is_limited;
}

void worker_cgroup_kill(const char *path)
{
    write_file(path, "cgroup.kill", "1");
}

bool worker_cgroup_remove(const char *path)
{
    return rmdir(path) == 0 || errno == ENOENT;
}

bool worker_cgroup_was_out_of_memory(const char *path)
{
    struct kernel_file f;
    uint64_t n = 0;

    return kernel_file_read(&f, "%s/memory.events", path) &&
           parse_u64(kernel_file_value(&f, "oom_kill "), &n) && n > 0;
}
