#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* The load generator of the benchmark: one thread, plain epoll, HTTP/1.1 keep-alive.
 *
 *   closed   each connection sends its next request when the answer is complete
 *   open     requests are sent at fixed times, whatever the answers do; the latency counts from
 *            the time a request was due, so a stall is charged to every request it delays
 *   stream   as closed, but measured are the events: now minus the stamp in each of them; the
 *            streams begin one after the other, so that their events do not come all at once
 */

#define MAX_CONNECTIONS 8192
#define MAX_SAMPLES     ((size_t)16 << 20)
#define MAX_RESPONSE    ((size_t)8 << 20)
#define NSEC            1000000000u
#define STREAM_STARTS   2500 /* a second */

enum mode { CLOSED, OPEN, STREAM };

struct connection {
    int fd;
    bool is_busy, has_head, is_chunked;
    size_t written, body_left;
    uint64_t due; /* nanoseconds */
    int status;
    struct buf in;
    struct connection *next_idle;
};

static struct {
    enum mode mode;
    uint16_t port;
    uint64_t connections, rate, seconds;
    struct buf request;
} options = {.connections = 64, .rate = 200, .seconds = 5};

static struct {
    uint64_t requests, events, wrong_status, broken, late;
    uint32_t *samples; /* in units of 100 ns */
    size_t n_samples;
} result;

static struct connection connections[MAX_CONNECTIONS];
static size_t n_connections;
static struct connection *idle;
static int epoll_fd, timer_fd;
static uint64_t begun, end;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NSEC + (uint64_t)t.tv_nsec;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void sample(uint64_t ns)
{
    if (result.n_samples < MAX_SAMPLES)
        result.samples[result.n_samples++] = (uint32_t)(ns / 100);
}

static void open_connection(struct connection *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(options.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    int yes = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        fail("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
        fail("epoll_ctl");
    buf_clear(&c->in);
}

static void write_request(struct connection *c)
{
    const struct buf *r = &options.request;

    while (c->is_busy && c->written < r->len) {
        ssize_t n = send(c->fd, r->data + c->written, r->len - c->written, MSG_NOSIGNAL);
        if (n < 0)
            return; /* full: the next edge continues; broken: reading will tell */
        c->written += (size_t)n;
    }
}

static void start(struct connection *c, uint64_t due)
{
    c->is_busy = true;
    c->has_head = c->is_chunked = false;
    c->written = c->body_left = 0;
    c->status = 0;
    c->due = due;
    write_request(c);
}

static void finish(struct connection *c)
{
    uint64_t now = now_ns();

    c->is_busy = false;
    result.requests++;
    if (c->status != 200)
        result.wrong_status++;
    if (options.mode != STREAM)
        sample(now - c->due);
    if (options.mode == OPEN) {
        c->next_idle = idle;
        idle = c;
    } else if (now < end) {
        start(c, now);
    }
}

/* "…"content":"1234567 xxx"…": the microsecond at which the upstream made this event. */
static void take_event(struct str line)
{
    static const char key[] = "\"content\":\"";
    const char *at = memmem(line.data, line.len, key, sizeof(key) - 1);
    if (!at)
        return;

    usec_t made = strtoull(at + sizeof(key) - 1, NULL, 10), now = clock_now();
    if (made == 0)
        return;
    result.events++;
    sample(now > made ? (now - made) * 1000 : 0);
}

static void take_lines(struct connection *c)
{
    const char *from = c->in.data, *newline;
    size_t left = c->in.len;

    while (left > 0 && (newline = memchr(from, '\n', left))) {
        take_event((struct str){from, (size_t)(newline - from)});
        left -= (size_t)(newline + 1 - from);
        from = newline + 1;
    }
    buf_consume(&c->in, c->in.len - left);
}

static bool take_head(struct connection *c)
{
    static const char length[] = "\r\ncontent-length:";
    const char *head_end = memmem(c->in.data, c->in.len, "\r\n\r\n", 4);
    if (!head_end)
        return false;

    size_t n = (size_t)(head_end - c->in.data) + 4;
    c->status = c->in.len > 12 ? atoi(c->in.data + 9) : 0;
    c->is_chunked = true;
    for (const char *p = c->in.data; p < head_end; p++)
        if (*p == '\r' && strncasecmp(p, length, sizeof(length) - 1) == 0) {
            c->body_left = strtoull(p + sizeof(length) - 1, NULL, 10);
            c->is_chunked = false;
        }
    c->has_head = true;
    buf_consume(&c->in, n);
    return true;
}

/* The simulator's texts hold no CR, so the last chunk can be found by its spelling. */
static bool ends_with_last_chunk(const struct buf *in)
{
    return in->len >= 5 && memcmp(in->data + in->len - 5, "0\r\n\r\n", 5) == 0;
}

static void take_answer(struct connection *c)
{
    if (!c->has_head && !take_head(c))
        return;
    if (!c->is_chunked) {
        size_t n = c->in.len < c->body_left ? c->in.len : c->body_left;
        c->body_left -= n;
        buf_consume(&c->in, n);
        if (c->body_left == 0)
            finish(c);
        return;
    }
    bool is_last = ends_with_last_chunk(&c->in);
    if (options.mode == STREAM)
        take_lines(c);
    if (is_last) {
        buf_clear(&c->in);
        finish(c);
    }
}

static void reopen(struct connection *c)
{
    result.broken++;
    close(c->fd);
    open_connection(c);
    start(c, now_ns());
}

static void read_answers(struct connection *c)
{
    for (;;) {
        char *to = buf_reserve(&c->in, 64 << 10);
        if (!to)
            fail("an answer over 8 MiB");
        ssize_t n = read(c->fd, to, 64 << 10);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            if (now_ns() < end)
                reopen(c);
            return;
        }
        buf_commit(&c->in, (size_t)n);
        take_answer(c);
    }
}

static struct connection *next_connection(void)
{
    struct connection *c = idle;

    if (c) {
        idle = c->next_idle;
        return c;
    }
    if (n_connections == MAX_CONNECTIONS)
        return NULL;
    c = &connections[n_connections++];
    buf_init(&c->in, MAX_RESPONSE);
    open_connection(c);
    return c;
}

static void send_due_requests(void)
{
    static uint64_t sent;
    uint64_t expirations, now = now_ns();

    if (read(timer_fd, &expirations, sizeof(expirations)) < 0)
        return;
    for (;; sent++) {
        uint64_t due = begun + sent * NSEC / options.rate;
        bool is_done = options.mode == STREAM && n_connections == options.connections;
        if (due > now || due >= end || is_done)
            return;
        struct connection *c = next_connection();
        if (c)
            start(c, due);
        else
            result.late++;
    }
}

static void start_timer(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    uint64_t gap = NSEC / options.rate;
    struct itimerspec every = {
        .it_value = {.tv_sec = (time_t)(begun / NSEC), .tv_nsec = (long)(begun % NSEC)},
        .it_interval = {.tv_sec = (time_t)(gap / NSEC), .tv_nsec = (long)(gap % NSEC)}};

    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer_fd < 0 || timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &every, NULL) < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event) < 0)
        fail("timerfd");
}

static void run(void)
{
    struct epoll_event events[256];

    if (options.mode == STREAM)
        options.rate = STREAM_STARTS;
    if (options.mode != CLOSED)
        start_timer();
    else
        for (uint64_t i = 0; i < options.connections; i++)
            start(next_connection(), now_ns());
    for (uint64_t now = now_ns(); now < end; now = now_ns()) {
        int n = epoll_wait(epoll_fd, events, 256, (int)((end - now) / 1000000) + 1);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) {
                send_due_requests();
                continue;
            }
            write_request(c);
            read_answers(c);
        }
    }
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static double quantile_us(double q)
{
    if (result.n_samples == 0)
        return 0;
    return result.samples[(size_t)(q * (double)(result.n_samples - 1))] / 10.0;
}

static void print_result(void)
{
    double seconds = (double)(now_ns() - begun) / NSEC;

    qsort(result.samples, result.n_samples, sizeof(*result.samples), by_size);
    printf("{\"requests\":%lu,\"events\":%lu,\"seconds\":%.3f,\"wrong_status\":%lu,"
           "\"broken\":%lu,\"late\":%lu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
           "\"max_us\":%.1f}\n",
           result.requests, result.events, seconds, result.wrong_status, result.broken, result.late,
           quantile_us(0.5), quantile_us(0.99), quantile_us(0.999), quantile_us(1));
}

#define ADD(...)                                                                                   \
    do {                                                                                           \
        if (buf_printf(&options.request, __VA_ARGS__) != BUF_OK)                                   \
            fail("request");                                                                       \
    } while (0)

static void read_body(const char *path)
{
    static char body[4 << 20];
    FILE *f = fopen(path, "re");
    if (!f)
        fail(path);

    size_t n = fread(body, 1, sizeof(body), f);
    fclose(f);
    ADD("Content-Length: %zu\r\n\r\n", n);
    if (buf_add(&options.request, body, n) != BUF_OK)
        fail("body");
}

static bool number(const char *text, uint64_t max, uint64_t *ret)
{
    return parse_u64(str_from(text), ret) && *ret > 0 && *ret <= max;
}

static bool parse_options(int argc, char **argv)
{
    static const char *const modes[] = {"closed", "open", "stream"};
    uint64_t port = 0;
    int o;

    if (argc < 3)
        return false;
    for (size_t i = 0; i < 3; i++)
        if (strcmp(argv[1], modes[i]) == 0)
            options.mode = (enum mode)i;
    buf_init(&options.request, (size_t)8 << 20);
    ADD("POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n", argv[2]);
    while ((o = getopt(argc - 2, argv + 2, "p:c:r:s:h:b:")) != -1) {
        bool is_fine = true;
        if (o == 'p')
            is_fine = number(optarg, UINT16_MAX, &port);
        else if (o == 'c')
            is_fine = number(optarg, MAX_CONNECTIONS, &options.connections);
        else if (o == 'r')
            is_fine = number(optarg, 100000, &options.rate);
        else if (o == 's')
            is_fine = number(optarg, 3600, &options.seconds);
        else if (o == 'h')
            ADD("%s\r\n", optarg);
        else if (o == 'b')
            read_body(optarg);
        else
            is_fine = false;
        if (!is_fine)
            return false;
    }
    options.port = (uint16_t)port;
    return port > 0;
}

int main(int argc, char **argv)
{
    struct rlimit files;

    if (!parse_options(argc, argv)) {
        fprintf(stderr,
                "usage: load closed|open|stream PATH -p PORT [-c CONNECTIONS] [-r PER-SECOND] "
                "[-s SECONDS] [-h HEADER]… -b BODY-FILE (last)\n");
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    result.samples = malloc(MAX_SAMPLES * sizeof(*result.samples));
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!result.samples || epoll_fd < 0)
        fail("epoll");
    begun = now_ns();
    end = begun + options.seconds * NSEC;
    run();
    print_result();
    return 0;
}
