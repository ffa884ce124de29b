#include "worker_memory.h"

#include "base/parse.h"
#include "kernel_file.h"

#include <dirent.h>
#include <stdio.h>

#define MAX_PROCESSES 512

struct list {
    pid_t pid[MAX_PROCESSES];
    size_t n;
};

static uint64_t kib(const struct kernel_file *f, const char *key)
{
    struct str rest = kernel_file_value(f, key), number;
    uint64_t n = 0;

    return str_cut(&rest, ' ', &number) && parse_u64(number, &n) ? n * 1024 : 0;
}

static void add_memory(const char *root, pid_t pid, struct worker_memory *m)
{
    struct kernel_file f;

    if (!kernel_file_read(&f, "%s/proc/%d/status", root, (int)pid))
        return;
    m->resident += kib(&f, "VmRSS:");
    m->own += kib(&f, "RssAnon:") + kib(&f, "RssShmem:");
}

static void add_pids(struct list *l, struct str text)
{
    struct str word;
    uint64_t pid;

    while (str_cut(&text, ' ', &word))
        if (l->n < MAX_PROCESSES && parse_u64(word, &pid))
            l->pid[l->n++] = (pid_t)pid;
}

/* Each thread has its children. */
static void add_children(const char *root, pid_t pid, struct list *l)
{
    char path[512];
    struct kernel_file f;
    const struct dirent *e;
    uint64_t thread;

    snprintf(path, sizeof(path), "%s/proc/%d/task", root, (int)pid);
    DIR *d = opendir(path);
    if (!d)
        return;
    while ((e = readdir(d)))
        if (parse_u64(str_from(e->d_name), &thread) &&
            kernel_file_read(&f, "%s/%s/children", path, e->d_name))
            add_pids(l, kernel_file_line(&f));
    closedir(d);
}

void worker_memory_read(const char *root, pid_t process, struct worker_memory *ret)
{
    struct list l = {.pid = {process}, .n = 1};

    *ret = (struct worker_memory){0, 0};
    for (size_t i = 0; i < l.n; i++) {
        add_memory(root, l.pid[i], ret);
        add_children(root, l.pid[i], &l);
    }
}
