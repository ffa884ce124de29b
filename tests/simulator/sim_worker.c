#include "sim_worker.h"

#include "base/parse.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum type { DURATION, SIZE, COUNT, FLAG, TEXT };

static const struct key {
    const char *name;
    enum type type;
    size_t offset;
    const char *help;
} keys[] = {
    {"load", DURATION, offsetof(struct sim_worker, load), "503 is the answer to GET until then"},
    {"exit", DURATION, offsetof(struct sim_worker, exits), "it ends with status 3"},
    {"crash", DURATION, offsetof(struct sim_worker, crash), "it ends by SIGABRT"},
    {"hang", DURATION, offsetof(struct sim_worker, hang), "it stops itself (SIGSTOP)"},
    {"allocate", SIZE, offsetof(struct sim_worker, allocate), "memory, once it is loaded"},
    {"forks", COUNT, offsetof(struct sim_worker, forks),
     "processes that do nothing, every other in a session of its own"},
    {"chatter", COUNT, offsetof(struct sim_worker, chatter), "lines on standard output"},
    {"deaf", FLAG, offsetof(struct sim_worker, is_deaf), "to SIGTERM"},
    {"once", TEXT, offsetof(struct sim_worker, once),
     "all that only while there is no such file; it is made"},
};

void sim_worker_print_keys(void)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        printf("  %-18s  %s\n", keys[i].name, keys[i].help);
}

static bool set(struct sim_worker *w, const struct key *k, struct str value)
{
    void *field = (char *)w + k->offset;

    switch (k->type) {
    case DURATION:
        return parse_duration(value, field);
    case SIZE:
        return parse_size(value, field);
    case COUNT:
        return parse_u64(value, field);
    case FLAG:
        *(bool *)field = true;
        return value.len == 0;
    case TEXT:
        *(const char **)field = strndup(value.data, value.len);
        return value.len > 0;
    }
    return false;
}

bool sim_worker_parse(struct sim_worker *w, struct str script, struct str *reterr)
{
    struct str item, name;

    while (str_cut(&script, ',', &item)) {
        size_t i = 0, n = sizeof(keys) / sizeof(keys[0]);
        struct str value = item;
        *reterr = item;
        str_cut(&value, '=', &name);
        while (i < n && !str_is(name, keys[i].name))
            i++;
        if (i == n || !set(w, &keys[i], value.data ? value : STR_EMPTY))
            return false;
    }
    return true;
}

static void set_status(struct sim_worker *w, int status)
{
    sim_script_init(&w->control->models.line[0]);
    w->control->models.line[0].status = status;
}

static void allocate(struct sim_worker *w)
{
    w->memory = w->allocate > 0 ? malloc(w->allocate) : NULL;
    for (uint64_t i = 0; w->memory && i < w->allocate; i += 4096)
        ((volatile char *)w->memory)[i] = 1;
}

static void on_load(void *arg)
{
    struct sim_worker *w = arg;

    set_status(w, 200);
    allocate(w);
}

static void on_exit_due(void *arg)
{
    (void)arg;
    _exit(3);
}

static void on_crash(void *arg)
{
    (void)arg;
    signal(SIGABRT, SIG_DFL);
    kill(getpid(), SIGABRT);
}

static void on_hang(void *arg)
{
    (void)arg;
    kill(getpid(), SIGSTOP);
}

static void begin_process(bool has_session)
{
    if (fork() != 0)
        return;
    if (has_session)
        setsid();
    signal(SIGTERM, SIG_IGN);
    for (;;)
        pause();
}

/* True when it was not there. */
static bool make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void start_timer(struct loop_timer *t, usec_t delay)
{
    if (delay > 0)
        loop_timer_start(t, delay);
}

void sim_worker_start(struct sim_worker *w, struct loop *l, struct sim_control *control)
{
    w->control = control;
    loop_timer_init(&w->on_load, l, on_load, w);
    loop_timer_init(&w->on_exit, l, on_exit_due, w);
    loop_timer_init(&w->on_crash, l, on_crash, w);
    loop_timer_init(&w->on_hang, l, on_hang, w);
    if (w->once && !make_file(w->once))
        return;
    for (uint64_t i = 0; i < w->forks; i++)
        begin_process(i % 2 == 1);
    for (uint64_t i = 0; i < w->chatter; i++)
        printf("line %llu of what it has to say\n", (unsigned long long)i);
    set_status(w, w->load > 0 ? 503 : 200);
    if (w->load == 0)
        allocate(w);
    start_timer(&w->on_load, w->load);
    start_timer(&w->on_exit, w->exits);
    start_timer(&w->on_crash, w->crash);
    start_timer(&w->on_hang, w->hang);
}

void sim_worker_stop(struct sim_worker *w)
{
    loop_timer_stop(&w->on_load);
    loop_timer_stop(&w->on_exit);
    loop_timer_stop(&w->on_crash);
    loop_timer_stop(&w->on_hang);
    free(w->memory);
    free((void *)w->once);
}
