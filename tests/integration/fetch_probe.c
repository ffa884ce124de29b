/* fetch_probe.c -- performs fetches as its command line says and prints what came of each, one
 * JSON object a line. The integration tests script the other side. */
#include "io/fetch_curl.h"
#include "io/fetch_transfer.h"

#include "base/buf.h"
#include "base/parse.h"
#include "io/fetch.h"
#include "io/loop.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_HEADERS 120

struct options {
    struct fetch_origin origin, other; /* of every second fetch, if it has a ca_file */
    const char *client;                /* curl, or NULL: as the product chooses */
    const char *path, *method, *show;
    struct http_header headers[MAX_HEADERS];
    size_t n_headers;
    struct str body[4];
    size_t n_body;
    char *generated; /* the piece that --body-bytes made */
    uint64_t count, parallel;
    uint64_t cancel_at;    /* bytes of body; the fetch is cancelled from inside on_body */
    uint64_t cancel_after; /* microseconds after the start, from outside */
    uint64_t pause_at;     /* bytes of body … */
    uint64_t pause_for;    /* … for so many microseconds */
    uint64_t stop_after;   /* microseconds: leave with fetches under way */
    uint64_t chaos;        /* seed: two of three fetches are cancelled, each at another moment */
    bool cancel_on_head, is_quiet;
};

struct probe;

struct one {
    struct probe *probe;
    struct fetch *fetch;
    struct loop_timer timer, cancel_timer;
    struct buf body;
    usec_t started_at, head_at;
    uint64_t bytes, cancel_at;
    int status;
    bool cancel_on_head, is_busy, was_paused, was_paused_wrongly;
};

struct probe {
    struct options options;
    struct loop *loop;
    struct fetch_pool *pool;
    struct one *slots;
    uint64_t n_started, n_finished, n_ok;
    uint64_t random;
    struct loop_task task;
    struct loop_timer stop_timer;
};

static void print_escaped(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            printf("\\u%04x", c);
        else
            putchar(c);
    }
}

static double msec(const struct one *o, usec_t at)
{
    return at ? (double)(at - o->started_at) / 1000.0 : -1;
}

static void print_one(struct one *o, const char *result, usec_t connected_at, struct str shown)
{
    printf("{\"result\":\"%s\",\"status\":%d,\"bytes\":%" PRIu64, result, o->status, o->bytes);
    printf(",\"connected_ms\":%.1f,\"head_ms\":%.1f,\"done_ms\":%.1f", msec(o, connected_at),
           msec(o, o->head_at), msec(o, clock_now()));
    if (shown.data) {
        printf(",\"shown\":\"");
        print_escaped(shown);
        printf("\"");
    }
    printf(",\"done_us\":%" PRIu64, clock_now());
    printf(",\"paused_wrongly\":%s,\"body\":\"", o->was_paused_wrongly ? "true" : "false");
    print_escaped(buf_str(&o->body));
    printf("\"}\n");
    fflush(stdout);
}

static void finish(struct one *o, const char *result, usec_t connected_at, struct str shown)
{
    struct probe *p = o->probe;

    loop_timer_stop(&o->timer);
    loop_timer_stop(&o->cancel_timer);
    if (!p->options.is_quiet)
        print_one(o, result, connected_at, shown);
    o->is_busy = false;
    p->n_ok += strcmp(result, "ok") == 0;
    p->n_finished++;
    if (!p->task.is_queued)
        loop_defer(p->loop, &p->task);
}

static void cancel(struct one *o)
{
    fetch_cancel(&o->fetch);
    finish(o, "cancelled", 0, (struct str){NULL, 0});
}

static void on_head(void *arg, struct fetch *f, int status)
{
    struct one *o = arg;

    (void)f;
    o->status = status;
    o->head_at = clock_now();
    if (o->cancel_on_head)
        cancel(o);
}

static void on_body(void *arg, struct fetch *f, struct str bytes)
{
    struct one *o = arg;
    const struct options *options = &o->probe->options;

    if (o->timer.is_armed)
        o->was_paused_wrongly = true;
    o->bytes += bytes.len;
    if (!options->is_quiet)
        (void)!buf_add_str(&o->body, bytes);
    if (o->cancel_at > 0 && o->bytes >= o->cancel_at) {
        cancel(o);
        return;
    }
    if (options->pause_at > 0 && !o->was_paused && o->bytes >= options->pause_at) {
        o->was_paused = true;
        fetch_pause(f);
        loop_timer_start(&o->timer, options->pause_for);
    }
}

static void on_done(void *arg, struct fetch *f, enum fetch_result result)
{
    static const char *const names[] = {"ok",           "resolve",
                                        "connect",      "connect_timeout",
                                        "tls",          "first_byte_timeout",
                                        "idle_timeout", "total_timeout",
                                        "reset",        "invalid",
                                        "too_large"};
    struct one *o = arg;
    const char *show = o->probe->options.show;
    struct str shown = show ? fetch_header(f, show) : (struct str){NULL, 0};

    o->fetch = NULL;
    finish(o, names[result], fetch_connected_at(f), shown);
}

static const struct fetch_handler handler = {on_head, on_body, on_done};

static void on_pause_over(void *arg)
{
    struct one *o = arg;

    fetch_resume(o->fetch);
}

static void on_cancel_time(void *arg)
{
    cancel(arg);
}

static struct fetch *start(struct probe *p, struct one *o)
{
    const struct options *options = &p->options;
    struct fetch_request r = {
        .origin =
            options->other.ca_file && p->n_started % 2 == 0 ? &options->other : &options->origin,
        .method = options->method,
        .path = options->path,
        .headers = options->headers,
        .n_headers = options->n_headers,
        .n_body = options->n_body,
    };

    memcpy(r.body, options->body, sizeof(r.body));
    if (!options->client)
        return fetch_start(p->pool, &r, &handler, o);

    struct fetch *f = fetch_curl_take(fetch_curl_find(p->pool, r.origin->ca_file));
    fetch_transfer_begin(p->pool, f, r.origin, &handler, o);
    fetch_curl_start(f, &r);
    return f;
}

/* A linear congruential generator: the same faults for the same seed. */
static uint64_t draw(struct probe *p, uint64_t below)
{
    p->random = p->random * 6364136223846793005u + 1442695040888963407u;
    return (p->random >> 33) % below;
}

static void draw_fate(struct probe *p)
{
    struct options *o = &p->options;

    o->cancel_on_head = false;
    o->cancel_at = o->cancel_after = 0;
    switch (draw(p, 6)) {
    case 0:
        o->cancel_on_head = true;
        break;
    case 1:
        o->cancel_at = 1 + draw(p, 2000);
        break;
    case 2:
    case 3:
        o->cancel_after = 1 + draw(p, 3000);
        break;
    default:
        break;
    }
}

static void begin(struct probe *p, struct one *o)
{
    if (p->options.chaos > 0)
        draw_fate(p);
    o->started_at = clock_now();
    o->head_at = 0;
    o->bytes = 0;
    o->status = 0;
    o->cancel_at = p->options.cancel_at;
    o->cancel_on_head = p->options.cancel_on_head;
    o->is_busy = true;
    o->was_paused = o->was_paused_wrongly = false;
    buf_clear(&o->body);
    p->n_started++;
    o->fetch = start(p, o);
    if (p->options.cancel_after > 0)
        loop_timer_start(&o->cancel_timer, p->options.cancel_after);
}

static void start_next(struct probe *p)
{
    for (uint64_t i = 0; i < p->options.parallel && p->n_started < p->options.count; i++)
        if (!p->slots[i].is_busy)
            begin(p, &p->slots[i]);
    if (p->n_finished == p->options.count)
        loop_stop(p->loop);
}

static void on_task(void *arg)
{
    struct probe *p = arg;

    if (p->pool) /* the last turn may come after the end */
        start_next(p);
}

static uint64_t number(const char *text)
{
    uint64_t n;

    if (!parse_u64(str_from(text), &n)) {
        fprintf(stderr, "fetch_probe: not a number: %s\n", text);
        exit(2);
    }
    return n;
}

static void add_header(struct options *o, const char *text)
{
    struct str rest = str_from(text), name;

    if (o->n_headers == MAX_HEADERS || !str_cut(&rest, ':', &name))
        exit(2);
    o->headers[o->n_headers++] = (struct http_header){name, str_trim(rest)};
}

static void add_body(struct options *o, struct str piece)
{
    if (o->n_body == sizeof(o->body) / sizeof(o->body[0]))
        exit(2);
    o->body[o->n_body++] = piece;
}

static void add_body_bytes(struct options *o, size_t n)
{
    char *bytes = malloc(n + 1);

    if (!bytes || o->generated)
        abort();
    o->generated = bytes;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)('a' + i % 26);
    add_body(o, (struct str){bytes, n});
}

/* Times are given in milliseconds. */
static bool set_limit(struct options *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        uint64_t *at;
    } limits[] = {
        {"--connect", &o->origin.connect_timeout}, {"--first-byte", &o->origin.first_byte_timeout},
        {"--idle", &o->origin.idle_timeout},       {"--total", &o->origin.total_timeout},
        {"--cancel-after", &o->cancel_after},      {"--pause-for", &o->pause_for},
        {"--stop-after", &o->stop_after},
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (strcmp(name, limits[i].name) == 0) {
            *limits[i].at = number(value) * USEC_PER_MSEC;
            return true;
        }
    }
    return false;
}

static bool set_text(struct options *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **at;
    } texts[] = {
        {"--base", &o->origin.base_url},
        {"--ca", &o->origin.ca_file},
        {"--other-ca", &o->other.ca_file},
        {"--client", &o->client},
        {"--path", &o->path},
        {"--method", &o->method},
        {"--show", &o->show},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].at = value;
            return true;
        }
    }
    return false;
}

static void set_option(struct options *o, const char *name, const char *value)
{
    if (set_limit(o, name, value) || set_text(o, name, value))
        return;
    if (strcmp(name, "--header") == 0)
        add_header(o, value);
    else if (strcmp(name, "--body") == 0)
        add_body(o, str_from(value));
    else if (strcmp(name, "--body-bytes") == 0)
        add_body_bytes(o, number(value));
    else if (strcmp(name, "--max-body") == 0)
        o->origin.max_body = number(value);
    else if (strcmp(name, "--count") == 0)
        o->count = number(value);
    else if (strcmp(name, "--parallel") == 0)
        o->parallel = number(value);
    else if (strcmp(name, "--cancel-at") == 0)
        o->cancel_at = number(value);
    else if (strcmp(name, "--chaos") == 0)
        o->chaos = number(value);
    else if (strcmp(name, "--pause-at") == 0)
        o->pause_at = number(value);
    else if (strcmp(name, "--cancel-on-head") == 0)
        o->cancel_on_head = number(value);
    else if (strcmp(name, "--quiet") == 0)
        o->is_quiet = number(value);
    else
        exit(2);
}

static void on_stop_time(void *arg)
{
    loop_stop(arg);
}

static unsigned open_descriptors(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");

    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

/* A name that is still being looked up has a descriptor of its own until its thread ends. */
static bool come_down_to(unsigned n)
{
    for (int msec = 0; msec < 10000 && open_descriptors() > n; msec++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return open_descriptors() == n;
}

static void run(struct probe *p)
{
    usec_t start_at = clock_now();

    loop_timer_init(&p->stop_timer, p->loop, on_stop_time, p->loop);
    if (p->options.stop_after > 0)
        loop_timer_start(&p->stop_timer, p->options.stop_after);
    p->random = p->options.chaos;
    p->task = (struct loop_task){.fn = on_task, .arg = p};
    loop_defer(p->loop, &p->task);
    loop_run(p->loop);
    loop_timer_stop(&p->stop_timer);
    if (p->options.is_quiet)
        printf("{\"ok\":%" PRIu64 ",\"of\":%" PRIu64 ",\"seconds\":%.3f}\n", p->n_ok, p->n_finished,
               (double)(clock_now() - start_at) / 1e6);
}

int main(int argc, char **argv)
{
    struct probe p = {.options = {.path = "/", .method = "GET", .count = 1, .parallel = 1}};

    unsigned descriptors = open_descriptors();

    for (int i = 1; i + 1 < argc; i += 2)
        set_option(&p.options, argv[i], argv[i + 1]);
    if (!p.options.origin.base_url || loop_new(&p.loop) < 0 || fetch_pool_new(p.loop, &p.pool) < 0)
        return 2;
    const char *other_ca = p.options.other.ca_file;
    p.options.other = p.options.origin;
    p.options.other.ca_file = other_ca;
    p.slots = calloc(p.options.parallel, sizeof(*p.slots));
    for (uint64_t i = 0; i < p.options.parallel; i++) {
        struct one *o = &p.slots[i];
        o->probe = &p;
        buf_init(&o->body, 64u << 20);
        loop_timer_init(&o->timer, p.loop, on_pause_over, o);
        loop_timer_init(&o->cancel_timer, p.loop, on_cancel_time, o);
    }
    run(&p);

    fetch_pool_free(&p.pool);
    for (uint64_t i = 0; i < p.options.parallel; i++) {
        loop_timer_stop(&p.slots[i].timer);
        loop_timer_stop(&p.slots[i].cancel_timer);
    }
    loop_free(&p.loop);
    for (uint64_t i = 0; i < p.options.parallel; i++)
        buf_done(&p.slots[i].body);
    free(p.slots);
    free(p.options.generated);
    if (!come_down_to(descriptors)) {
        fprintf(stderr, "fetch_probe: %u descriptors at the start, %u at the end\n", descriptors,
                open_descriptors());
        return 1;
    }
    return 0;
}
