#include "worker_keeper.h"

#include "base/macro.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTROL      3
#define CHILD        4     /* the descriptor that tells of ended children */
#define KILL_AGAIN   10    /* milliseconds */
#define OOM_LIKELIER "500" /* the program goes before us when memory runs out */

struct kept {
    const struct worker_keeper *k;
    pid_t program;  /* also its session and process group */
    int status;     /* of its end */
    bool has_ended; /* and is reaped: its number may be another's by now */
};

static void report(enum worker_keeper_report_kind kind, int value)
{
    struct worker_keeper_report r = {kind, value};

    (void)!send(CONTROL, &r, sizeof(r), MSG_NOSIGNAL);
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)!write(fd, text, strlen(text));
    close(fd);
}

static void default_signals(void)
{
    for (int signo = 1; signo < NSIG; signo++)
        signal(signo, SIG_DFL);
}

/* ---- the program ---- */

static _Noreturn void become_program(const struct worker_keeper *k, pid_t keeper, int problem)
{
    sigset_t none;

    default_signals();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (getppid() != keeper)
        _exit(127); /* it died before the line above */
    if (k->cgroup_procs)
        write_file(k->cgroup_procs, "0");
    write_file("/proc/self/oom_score_adj", OOM_LIKELIER);
    execvpe(k->argv[0], k->argv, k->envp);
    int e = errno;
    (void)!write(problem, &e, sizeof(e));
    _exit(127);
}

static int run_program(struct kept *p)
{
    int problem[2], e = 0;
    pid_t keeper = getpid();

    if (pipe2(problem, O_CLOEXEC) < 0)
        return errno;
    p->program = fork();
    if (p->program < 0)
        return errno;
    if (p->program == 0)
        become_program(p->k, keeper, problem[1]);
    close(problem[1]);
    ssize_t n = read(problem[0], &e, sizeof(e));
    close(problem[0]);
    if (n == (ssize_t)sizeof(e))
        waitpid(p->program, NULL, 0);
    return n == (ssize_t)sizeof(e) ? e : 0;
}

/* ---- what is left of it ---- */

/* Whose parent died is our child now; whose did not will be, next time. */
static void kill_children(void)
{
    char text[4096];
    pid_t pid = 0;

    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, text, sizeof(text));
    close(fd);
    for (ssize_t i = 0; i < n; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            pid = pid * 10 + (text[i] - '0');
            continue;
        }
        if (pid > 0)
            kill(pid, SIGKILL);
        pid = 0;
    }
}

static void kill_all(const struct kept *p)
{
    if (p->k->cgroup_kill)
        write_file(p->k->cgroup_kill, "1");
    if (!p->has_ended)
        kill(-p->program, SIGKILL);
    kill_children();
}

/* True while there are any. */
static bool reap(struct kept *p)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != p->program || p->has_ended)
            continue;
        p->has_ended = true;
        p->status = status;
    }
    return pid == 0;
}

static _Noreturn void end(struct kept *p)
{
    while (reap(p)) {
        kill_all(p);
        poll(NULL, 0, KILL_AGAIN);
    }
    report(WORKER_KEEPER_ENDED, p->status);
    _exit(0);
}

/* ---- watching ---- */

static void obey(struct kept *p)
{
    char command;
    ssize_t n = recv(CONTROL, &command, 1, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) { /* health-worker is gone */
        kill_all(p);
        end(p);
    }
    if (command == WORKER_KEEPER_TERM)
        kill(-p->program, SIGTERM);
    else
        kill_all(p);
}

static _Noreturn void watch(struct kept *p)
{
    struct pollfd on[] = {{CONTROL, POLLIN, 0}, {CHILD, POLLIN, 0}};
    struct signalfd_siginfo info;

    for (;;) {
        if (poll(on, 2, -1) < 0)
            continue;
        if (on[1].revents)
            (void)!read(CHILD, &info, sizeof(info));
        (void)!reap(p);
        if (p->has_ended)
            end(p);
        if (on[0].revents)
            obey(p);
    }
}

/* Each at its number. They are moved out of the way first, so that none lands on another. */
static void place_descriptors(const struct worker_keeper *k)
{
    const int from[] = {k->in, k->out, k->err, k->control};
    int high[4];

    for (int i = 0; i < 4; i++)
        high[i] = fcntl(from[i], F_DUPFD, 64);
    for (int i = 0; i < 4; i++)
        dup2(high[i], i);
    close_range(4, ~0U, 0);
    fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
}

static void watch_children(void)
{
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_SETMASK, &child, NULL);
    int fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd != CHILD)
        _exit(126); /* everything above CONTROL was closed */
}

_Noreturn void worker_keeper_run(const struct worker_keeper *k)
{
    struct kept p = {.k = k};

    default_signals();
    place_descriptors(k);
    watch_children();
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    setsid();
    prctl(PR_SET_NAME, "llm-keeper");
    prctl(PR_SET_CHILD_SUBREAPER, 1);

    int e = run_program(&p);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    if (e != 0) {
        report(WORKER_KEEPER_NO_RUN, e);
        _exit(0);
    }
    report(WORKER_KEEPER_RAN, p.program);
    watch(&p);
}
