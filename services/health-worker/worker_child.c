#include "worker_child.h"

#include "worker_keeper.h"
#include "worker_output.h"
#include "worker_sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct worker_child {
    struct loop *loop;
    struct worker_child_config config;
    pid_t keeper;
    struct loop_fd control, gone;
    struct worker_output out, err;
    struct worker_child_end end;
    bool has_ended; /* the keeper said so */
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- what the keeper says ---- */

static void note(struct worker_child *c, const struct worker_keeper_report *r)
{
    switch (r->kind) {
    case WORKER_KEEPER_RAN:
        c->config.on_ran(c->config.arg, r->value);
        break;
    case WORKER_KEEPER_NO_RUN:
        c->end = (struct worker_child_end){.error = r->value};
        c->has_ended = true;
        break;
    case WORKER_KEEPER_ENDED:
        c->end = (struct worker_child_end){.status = r->value};
        c->has_ended = true;
        break;
    }
}

static void read_reports(struct worker_child *c)
{
    struct worker_keeper_report r;

    for (;;) {
        ssize_t n = recv(c->control.fd, &r, sizeof(r), MSG_DONTWAIT);
        if (n == (ssize_t)sizeof(r))
            note(c, &r);
        else if (n <= 0)
            break;
    }
}

static void on_control(void *arg, unsigned ready)
{
    struct worker_child *c = arg;
    char byte;

    (void)ready;
    read_reports(c);
    if (recv(c->control.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        loop_fd_stop(&c->control); /* the keeper ends; on_gone() says when it has */
}

/* ---- its end ---- */

static void release(struct worker_child *c)
{
    loop_fd_stop(&c->control);
    loop_fd_stop(&c->gone);
    close_fd(&c->control.fd);
    close_fd(&c->gone.fd);
    worker_output_stop(&c->out);
    worker_output_stop(&c->err);
    free(c);
}

static void on_gone(void *arg, unsigned ready)
{
    struct worker_child *c = arg;

    (void)ready;
    read_reports(c);
    if (waitpid(c->keeper, NULL, WNOHANG) == 0)
        return;
    if (!c->has_ended) /* somebody killed the keeper; the program died with it */
        worker_sweep("", c->config.tag, c->config.cgroup);
    struct worker_child_end end = c->end;
    void (*fn)(void *, const struct worker_child_end *) = c->config.on_end;
    void *fn_arg = c->config.arg;
    release(c);
    fn(fn_arg, &end);
}

/* ---- its beginning ---- */

struct ends {
    int out[2], err[2], control[2], null;
};

static void close_ends(struct ends *e)
{
    for (int i = 0; i < 2; i++) {
        close_fd(&e->out[i]);
        close_fd(&e->err[i]);
        close_fd(&e->control[i]);
    }
    close_fd(&e->null);
}

static int open_ends(struct ends *e)
{
    *e = (struct ends){{-1, -1}, {-1, -1}, {-1, -1}, -1};
    if (pipe2(e->out, O_CLOEXEC) < 0 || pipe2(e->err, O_CLOEXEC) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, e->control) < 0 ||
        (e->null = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0 ||
        fcntl(e->out[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(e->err[0], F_SETFL, O_NONBLOCK) < 0) {
        int r = -errno;
        close_ends(e);
        return r;
    }
    return 0;
}

static pid_t fork_keeper(const struct worker_child_config *config, const struct ends *e)
{
    char procs[512], kill_file[512];
    struct worker_keeper k = {
        .argv = config->argv,
        .envp = config->envp,
        .in = e->null,
        .out = e->out[1],
        .err = e->err[1],
        .control = e->control[1],
    };

    if (config->cgroup) {
        snprintf(procs, sizeof(procs), "%s/cgroup.procs", config->cgroup);
        snprintf(kill_file, sizeof(kill_file), "%s/cgroup.kill", config->cgroup);
        k.cgroup_procs = procs;
        k.cgroup_kill = kill_file;
    }
    pid_t pid = fork();
    if (pid == 0)
        worker_keeper_run(&k);
    return pid;
}

static void watch(struct worker_child *c, struct ends *e, int pidfd)
{
    worker_output_start(&c->out, c->loop, e->out[0], c->config.on_line, c->config.arg);
    worker_output_start(&c->err, c->loop, e->err[0], c->config.on_line, c->config.arg);
    loop_fd_init(&c->control, c->loop, e->control[0], on_control, c);
    loop_fd_init(&c->gone, c->loop, pidfd, on_gone, c);
    e->out[0] = e->err[0] = e->control[0] = -1;
    close_ends(e);
    if (loop_fd_want(&c->control, LOOP_READ) < 0 || loop_fd_want(&c->gone, LOOP_READ) < 0)
        abort(); /* the loop takes no descriptor any more */
}

int worker_child_start(struct loop *l, const struct worker_child_config *config,
                       struct worker_child **ret)
{
    struct ends e;

    int r = open_ends(&e);
    if (r < 0)
        return r;
    pid_t keeper = fork_keeper(config, &e);
    int pidfd = keeper > 0 ? pidfd_open(keeper, 0) : -1;
    if (pidfd < 0) {
        r = -errno;
        close_ends(&e); /* the keeper, if there is one, sees that and ends */
        if (keeper > 0)
            waitpid(keeper, NULL, 0);
        return r;
    }
    struct worker_child *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->loop = l;
    c->config = *config;
    c->keeper = keeper;
    c->end.status = -1;
    watch(c, &e, pidfd);
    *ret = c;
    return 0;
}

static void command(struct worker_child *c, char what)
{
    (void)!send(c->control.fd, &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void worker_child_term(struct worker_child *c)
{
    command(c, WORKER_KEEPER_TERM);
}

void worker_child_kill(struct worker_child *c)
{
    command(c, WORKER_KEEPER_KILL);
}

void worker_child_free(struct worker_child **c)
{
    struct worker_child *old = TAKE(*c);

    if (!old)
        return;
    pid_t keeper = old->keeper;
    release(old);
    waitpid(keeper, NULL, 0); /* it kills, and that takes no time worth mentioning */
}
