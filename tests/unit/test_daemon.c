#include "io/daemon.h"

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/test_daemon.XXXXXX";

static bool parse(char **argv, struct daemon_options *ret, int *ret_status)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    return daemon_parse_options(argc, argv, "tested", ret, ret_status);
}

static void options_have_defaults_and_are_read(void **state)
{
    struct daemon_options o;
    int status = -1;

    (void)state;
    CHECK(parse((char *[]){"tested", NULL}, &o, &status));
    CHECK_TEXT(o.config_path, "/etc/llm-proxy/llm-proxy.yaml");
    CHECK(!o.check_config && !o.print_config);
    CHECK(parse((char *[]){"tested", "--config", "a.yaml", "--check-config", NULL}, &o, &status));
    CHECK_TEXT(o.config_path, "a.yaml");
    CHECK(o.check_config);
    CHECK(parse((char *[]){"tested", "--config=b.yaml", "--print-config", NULL}, &o, &status));
    CHECK(o.print_config);
    CHECK_INT(status, -1);
}

static void wrong_usage_is_status_2_and_help_is_0(void **state)
{
    struct daemon_options o;
    int status = -1;

    (void)state;
    fflush(stderr);
    CHECK(!parse((char *[]){"tested", "--nonsense", NULL}, &o, &status));
    CHECK_INT(status, 2);
    CHECK(!parse((char *[]){"tested", "extra", NULL}, &o, &status));
    CHECK_INT(status, 2);
    CHECK(!parse((char *[]){"tested", "--config", NULL}, &o, &status));
    CHECK_INT(status, 2);
    CHECK(!parse((char *[]){"tested", "--version", NULL}, &o, &status));
    CHECK_INT(status, 0);
    CHECK(!parse((char *[]){"tested", "--help", NULL}, &o, &status));
    CHECK_INT(status, 0);
}

static void the_kernel_chooses_port_0_and_we_learn_which(void **state)
{
    const char *what = NULL;
    char text[64];
    int fd, again;

    (void)state;
    CHECK_INT(daemon_listen("127.0.0.1:0", true, &fd, &what), 0);
    CHECK_INT(daemon_local_address(fd, text, sizeof(text)), 0);
    CHECK(strncmp(text, "127.0.0.1:", 10) == 0 && strcmp(text, "127.0.0.1:0") != 0);
    CHECK_INT(daemon_listen(text, true, &again, &what), 0); /* shared: another thread's */
    close(again);
    CHECK_INT(daemon_listen(text, false, &again, &what), -EADDRINUSE);
    CHECK_TEXT(what, "cannot be bound");
    CHECK_INT(daemon_listen("nonsense", false, &again, &what), -EINVAL);
    CHECK_TEXT(what, "is not an address");
    close(fd);
}

static void a_unix_socket_is_for_the_group_and_replaces_an_abandoned_one(void **state)
{
    const char *what = NULL;
    char address[128];
    struct stat st;
    int fd, again;

    (void)state;
    snprintf(address, sizeof(address), "unix:%s/admin.sock", folder);
    mode_t old = umask(0077);
    CHECK_INT(daemon_listen(address, false, &fd, &what), 0);
    umask(old);
    CHECK_INT(stat(address + 5, &st), 0);
    CHECK_INT(st.st_mode & 07777, 0660);
    CHECK_INT(daemon_listen(address, false, &again, &what), -EADDRINUSE);
    close(fd);
    CHECK_INT(daemon_listen(address, false, &again, &what), 0);
    close(again);
    unlink(address + 5);
}

/* As systemd starts us: the listening socket is descriptor 3. */
static int run_inherited(int listening, const char *address)
{
    const char *what = NULL;
    char pid[32];
    struct stat mine, theirs;
    int fd;

    if (dup2(listening, 3) < 0)
        return 1;
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    if (daemon_listen(address, true, &fd, &what) != 0 || fd == 3)
        return 2;
    if (fstat(3, &theirs) < 0 || fstat(fd, &mine) < 0 || theirs.st_ino != mine.st_ino)
        return 3;
    if (!(fcntl(fd, F_GETFL) & O_NONBLOCK) || !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
        return 4;
    if (daemon_listen("127.0.0.1:0", false, &fd, &what) != 0)
        return 5;
    return fstat(fd, &mine) == 0 && theirs.st_ino != mine.st_ino ? 0 : 6;
}

static void a_socket_from_systemd_is_taken_by_its_address(void **state)
{
    const char *what = NULL;
    char address[64];
    int fd, status = -1;

    (void)state;
    CHECK_INT(daemon_listen("127.0.0.1:0", false, &fd, &what), 0);
    CHECK_INT(daemon_local_address(fd, address, sizeof(address)), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(run_inherited(fd, address));
    CHECK(child > 0);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    close(fd);
}

static int open_notify_socket(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(un.sun_path, sizeof(un.sun_path), "%s/notify", folder);
    unlink(un.sun_path);
    CHECK_INT(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    setenv("NOTIFY_SOCKET", un.sun_path, 1);
    return fd;
}

static void check_notified(int fd, const char *expected)
{
    char text[1024];
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

    assert_true(n > 0);
    text[n] = '\0';
    assert_int_equal(strncmp(text, expected, strlen(expected)), 0);
}

static void systemd_is_told_what_happens(void **state)
{
    int fd = open_notify_socket();

    (void)state;
    daemon_notify_ready("Serving\nREADY=0");
    check_notified(fd, "READY=1\nSTATUS=Serving READY=0");
    daemon_notify_reloading();
    check_notified(fd, "RELOADING=1\nMONOTONIC_USEC=");
    daemon_notify_stopping();
    check_notified(fd, "STOPPING=1\n");
    close(fd);
    unsetenv("NOTIFY_SOCKET");
}

struct count {
    struct loop *loop;
    struct loop_fd fd;
    unsigned pings;
};

static void on_ping(void *arg, unsigned ready)
{
    struct count *c = arg;

    (void)ready;
    check_notified(c->fd.fd, "WATCHDOG=1");
    if (++c->pings == 3)
        loop_stop(c->loop);
}

static void the_loop_pings_the_watchdog_at_half_its_time(void **state)
{
    struct count c = {0};
    int fd = open_notify_socket();
    char pid[32];

    (void)state;
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    setenv("WATCHDOG_USEC", "20000", 1);
    CHECK_INT(loop_new(&c.loop), 0);
    usec_t start = clock_now();
    struct daemon_watchdog *w = daemon_watchdog_new(c.loop);
    assert_non_null(w);
    loop_fd_init(&c.fd, c.loop, fd, on_ping, &c);
    CHECK_INT(loop_fd_want(&c.fd, LOOP_READ), 0);
    loop_run(c.loop);
    CHECK(clock_now() - start >= 20 * USEC_PER_MSEC);
    CHECK_U64(c.pings, 3);
    loop_fd_stop(&c.fd);
    daemon_watchdog_free(&w);
    assert_null(w);
    unsetenv("WATCHDOG_USEC");
    assert_null(daemon_watchdog_new(c.loop));
    loop_free(&c.loop);
    close(fd);
    unsetenv("NOTIFY_SOCKET");
}

static void a_hardened_process_leaves_no_core(void **state)
{
    struct rlimit limit;

    (void)state;
    daemon_harden();
    CHECK_INT(getrlimit(RLIMIT_CORE, &limit), 0);
    CHECK_U64(limit.rlim_cur, 0);
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_U64(limit.rlim_cur, limit.rlim_max);
}

static void connections_leave_descriptors_for_the_rest(void **state)
{
    static const struct {
        unsigned limit, expected;
    } cases[] = {{1064, 1000}, {1063, 999}, {256, 192}, {129, 65}, {128, 64}, {20, 10}};
    struct rlimit before, tight;

    (void)state;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tight.rlim_cur = cases[i].limit;
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &tight), 0);
        CHECK_U64(daemon_max_connections(1000, 64), cases[i].expected);
    }
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_have_defaults_and_are_read),
        cmocka_unit_test(wrong_usage_is_status_2_and_help_is_0),
        cmocka_unit_test(the_kernel_chooses_port_0_and_we_learn_which),
        cmocka_unit_test(a_unix_socket_is_for_the_group_and_replaces_an_abandoned_one),
        cmocka_unit_test(a_socket_from_systemd_is_taken_by_its_address),
        cmocka_unit_test(systemd_is_told_what_happens),
        cmocka_unit_test(the_loop_pings_the_watchdog_at_half_its_time),
        cmocka_unit_test(a_hardened_process_leaves_no_core),
        cmocka_unit_test(connections_leave_descriptors_for_the_rest),
    };

    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char path[64];
    snprintf(path, sizeof(path), "%s/notify", folder);
    unlink(path);
    rmdir(folder);
    return failed;
}
