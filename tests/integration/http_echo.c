/* A server made of nothing but http_server: what its tests talk to.
 *
 * usage: http_echo [name=value ...]   times in milliseconds, sizes in bytes, certificate and key
 * Says "port N" when it listens; SIGTERM drains it, a second one ends it; SIGHUP reads the
 * certificate and the key again.
 */
#include "io/http_server.h"
#include "io/http_tls.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 1000 };

struct echo {
    struct loop *loop;
    struct http_server *server;
    struct http_server_config config;
    const char *certificate, *key;
    struct http_tls *tls;
    unsigned n_requests, n_gone, n_finished, n_499;
    usec_t gone_at; /* the last one */
    bool is_draining;
};

/* What a request that is answered later needs; in the request's arena. */
struct later {
    struct http_request *request;
    struct loop_timer timer;
    unsigned n_left; /* pieces of a stream; 0 with an unlimited one is never reached */
};

static char hello[1024];

static void answer_text(struct http_request *r, int status, const char *text)
{
    struct http_header type = {STR("Content-Type"), STR("text/plain")};

    http_response_send(r, status, &type, 1, str_from(text));
}

static void answer_stats(struct echo *e, struct http_request *r)
{
    char text[512];

    snprintf(text, sizeof(text),
             "{\"requests\":%u,\"gone\":%u,\"gone_at\":%llu,\"finished\":%u,\"status_499\":%u,"
             "\"connections\":%u,\"in_flight\":%u}",
             e->n_requests, e->n_gone, (unsigned long long)e->gone_at, e->n_finished, e->n_499,
             http_server_connections(e->server), http_server_in_flight(e->server));
    answer_text(r, 200, text);
}

static void answer_echo(struct http_request *r)
{
    struct str body = http_request_body(r);
    struct str trailer = http_request_header(r, "x-echo");
    struct http_header headers[] = {
        {STR("X-Method"), http_request_method(r)},
        {STR("X-Path"), http_request_path(r)},
        {STR("X-Query"), http_request_query(r)},
        {STR("X-Peer"), http_request_peer(r)},
        {STR("X-Authorization"), http_request_header(r, "authorization")},
        {STR("X-Echo"), trailer.data ? trailer : STR_EMPTY},
    };
    if (!headers[4].value.data)
        headers[4].value = STR_EMPTY;
    http_response_send(r, 200, headers, sizeof(headers) / sizeof(*headers), body);
}

static unsigned number_in(struct http_request *r, const char *name, unsigned otherwise)
{
    struct str rest = http_request_query(r), part;
    char text[32];

    while (str_cut(&rest, '&', &part)) {
        if (str_has_prefix(part, name) && part.data[strlen(name)] == '=' &&
            str_copy(text, sizeof(text), part))
            return (unsigned)atoi(text + strlen(name) + 1);
    }
    return otherwise;
}

static void answer_late(void *arg)
{
    struct later *l = arg;

    answer_echo(l->request);
}

static struct later *later_of(struct echo *e, struct http_request *r, loop_fn fn)
{
    struct later *l = arena_alloc(http_request_arena(r), sizeof(*l));

    l->request = r;
    loop_timer_init(&l->timer, e->loop, fn, l);
    http_request_set_data(r, l);
    return l;
}

static void write_on(struct later *l)
{
    static char piece[PIECE];

    memset(piece, 'x', sizeof(piece));
    while (l->n_left > 0 && !http_response_is_full(l->request)) {
        l->n_left--;
        http_response_write(l->request, (struct str){piece, sizeof(piece)});
    }
    if (l->n_left == 0)
        http_response_end(l->request);
}

static void cut_off(void *arg)
{
    struct later *l = arg;

    http_response_abort(l->request);
}

static void answer_stream(struct echo *e, struct http_request *r)
{
    struct later *l = later_of(e, r, cut_off);

    l->n_left = number_in(r, "n", 10);
    http_response_begin(r, 200, NULL, 0);
    write_on(l);
}

static void answer_abort(struct echo *e, struct http_request *r)
{
    struct later *l = later_of(e, r, cut_off);

    http_response_begin(r, 200, NULL, 0);
    http_response_write(r, STR("half"));
    loop_timer_start(&l->timer, number_in(r, "ms", 0) * USEC_PER_MSEC);
}

static void on_head(void *arg, struct http_request *r)
{
    struct str path = http_request_path(r);

    (void)arg;
    if (str_is(path, "/early"))
        answer_text(r, 401, "no");
    else if (str_is(path, "/small"))
        http_request_set_max_body(r, 10);
}

static void on_request(void *arg, struct http_request *r)
{
    struct echo *e = arg;
    struct str path = http_request_path(r);

    if (str_is(path, "/stats")) {
        answer_stats(e, r);
        return;
    }
    e->n_requests++;
    if (str_is(path, "/hello")) {
        http_response_send(r, 200, NULL, 0, (struct str){hello, sizeof(hello)});
    } else if (str_is(path, "/never")) {
        http_request_set_route(r, "/never");
    } else if (str_is(path, "/open")) {
        http_response_begin(r, 200, NULL, 0);
        http_response_write(r, STR("open"));
    } else if (str_is(path, "/late")) {
        struct later *l = later_of(e, r, answer_late);
        loop_timer_start(&l->timer, number_in(r, "ms", 1) * USEC_PER_MSEC);
    } else if (str_is(path, "/stream")) {
        answer_stream(e, r);
    } else if (str_is(path, "/abort")) {
        answer_abort(e, r);
    } else if (str_is(path, "/empty")) {
        http_response_send(r, 204, NULL, 0, STR_EMPTY);
    } else if (str_is(path, "/split")) {
        struct http_header bad = {STR("X-Bad"), STR("a\r\nX-Worse: b")};
        http_response_send(r, 200, &bad, 1, STR("whole"));
    } else {
        answer_echo(r);
    }
}

static void on_gone(void *arg, struct http_request *r)
{
    struct echo *e = arg;
    struct later *l = http_request_data(r);

    e->n_gone++;
    e->gone_at = clock_now();
    if (l)
        loop_timer_stop(&l->timer);
}

static void on_writable(void *arg, struct http_request *r)
{
    (void)arg;
    write_on(http_request_data(r));
}

static void on_finished(void *arg, const struct http_request *r, int status, usec_t duration)
{
    struct echo *e = arg;

    (void)r;
    (void)duration;
    e->n_finished++;
    e->n_499 += status == 499;
}

static void on_stop(void *arg)
{
    struct echo *e = arg;

    if (e->is_draining || http_server_connections(e->server) == 0)
        loop_stop(e->loop);
    else
        http_server_drain(e->server);
    e->is_draining = true;
}

static bool load_tls(struct echo *e)
{
    struct http_tls *old = e->tls, *fresh = NULL;
    enum http_tls_result r = http_tls_new(e->certificate, e->key, &fresh);

    if (r != HTTP_TLS_OK) {
        fprintf(stderr, "http_echo: %s\n", http_tls_result_text(r));
        return false;
    }
    e->tls = fresh;
    http_server_set_tls(e->server, fresh);
    http_tls_free(&old);
    return true;
}

static void on_reload(void *arg)
{
    (void)load_tls(arg);
}

static bool set(struct echo *e, const char *name, const char *value)
{
    unsigned long long n = strtoull(value, NULL, 10);
    const struct {
        const char *name;
        usec_t *place;
    } times[] = {{"header_timeout=", &e->config.header_timeout},
                 {"body_timeout=", &e->config.body_timeout},
                 {"idle_timeout=", &e->config.idle_timeout},
                 {"write_timeout=", &e->config.write_timeout}};

    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        if (strncmp(name, times[i].name, strlen(times[i].name)) == 0) {
            *times[i].place = n * USEC_PER_MSEC;
            return true;
        }
    }
    if (strncmp(name, "max_connections=", 16) == 0)
        e->config.max_connections = (unsigned)n;
    else if (strncmp(name, "max_body=", 9) == 0)
        e->config.max_body = n;
    else if (strncmp(name, "high_water=", 11) == 0)
        e->config.high_water = n;
    else if (strncmp(name, "certificate=", 12) == 0)
        e->certificate = value;
    else if (strncmp(name, "key=", 4) == 0)
        e->key = value;
    else
        return false;
    return true;
}

/* Any port of loopback; -1 with errno. */
static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -1;
    printf("port %u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    static const struct http_server_handler handler = {on_head, on_request, on_gone, on_writable,
                                                       on_finished};
    struct echo e = {.config = {.max_header = 32 << 10,
                                .max_body = 1 << 20,
                                .max_fields = 100,
                                .max_connections = 12000,
                                .header_timeout = 10 * USEC_PER_SEC,
                                .body_timeout = 10 * USEC_PER_SEC,
                                .idle_timeout = 60 * USEC_PER_SEC,
                                .write_timeout = 10 * USEC_PER_SEC,
                                .high_water = 65536}};

    for (int i = 1; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        if (!equals || !set(&e, argv[i], equals + 1)) {
            fprintf(stderr, "http_echo: %s is nothing to set\n", argv[i]);
            return 2;
        }
    }
    memset(hello, 'h', sizeof(hello));
    if (loop_new(&e.loop) < 0 || http_server_new(e.loop, &e.config, &handler, &e, &e.server) < 0 ||
        loop_on_signal(e.loop, SIGTERM, on_stop, &e) < 0)
        return 1;
    if (e.certificate && (!load_tls(&e) || loop_on_signal(e.loop, SIGHUP, on_reload, &e) < 0))
        return 1;
    int fd = listen_somewhere();
    if (fd < 0 || (e.tls ? http_server_listen_tls : http_server_listen)(e.server, fd, 7) < 0) {
        perror("http_echo");
        return 1;
    }
    loop_run(e.loop);
    http_server_free(&e.server);
    loop_free(&e.loop);
    http_tls_free(&e.tls);
    return 0;
}
