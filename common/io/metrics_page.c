#include "io/metrics_page.h"

#include "base/accept.h"
#include "io/log.h"
#include "io/revision.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define MAX_PAGE ((size_t)32 << 20)

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

static const struct metrics_family common_table[] = {
#define METRIC(kind, name, labels, buckets, help) {METRICS_##kind, #name, labels, buckets, help},
#include "io/common_metrics.def"
#undef METRIC
};

/* The first bytes of a file of /proc; "" when it cannot be read. */
static void read_proc(const char *path, char *text, size_t size)
{
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        n = read(fd, text, size - 1);
        close(fd);
    }
    text[n > 0 ? n : 0] = '\0';
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Field 22 of /proc/self/stat, ticks from boot to the start. The time of boot is not read from
 * /proc/stat, which ProcSubset=pid hides. */
static double start_time(void)
{
    unsigned long long ticks = 0;
    char text[1024];

    read_proc("/proc/self/stat", text, sizeof(text));
    const char *at = strrchr(text, ')'); /* the name in field 2 may hold anything */
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (!at || sscanf(at, "%llu", &ticks) != 1)
        return seconds_of(CLOCK_REALTIME);
    return seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) +
           (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

struct metrics *metrics_page_registry(const struct metrics_family *table, size_t n,
                                      const char *build_info)
{
    const struct metrics_family build = {METRICS_GAUGE, build_info, "version,revision,compiler",
                                         NULL, "Always 1; the labels say what was built"};
    struct metrics *m = metrics_new();

    metrics_add_families(m, common_table, COMMON_METRICS_N);
    metrics_add_families(m, table, n);
    unsigned build_number = metrics_add_families(m, &build, 1);

    struct metrics_shard *s = metrics_add_shard(m);
    metrics_gauge(s, build_number, 1, SUITE_VERSION, SUITE_REVISION, COMPILER);
    metrics_gauge(s, COMMON_process_start_time_seconds, start_time());
    return m;
}

static double cpu_seconds(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* The time of the last refresh is kept here: a process has but one CPU account. */
static void refresh_cpu(struct metrics *m, struct metrics_shard *s)
{
    static double last;
    double now = seconds_of(CLOCK_MONOTONIC), cpu = cpu_seconds();
    double before = metrics_value(m, COMMON_process_cpu_seconds_total, NULL);

    if (last > 0 && now > last)
        metrics_gauge(s, COMMON_process_cpu_usage_percent, (cpu - before) / (now - last) * 100);
    metrics_gauge(s, COMMON_process_cpu_seconds_total, cpu);
    last = now;
}

static void refresh_memory(struct metrics_shard *s)
{
    double page = (double)sysconf(_SC_PAGESIZE);
    unsigned long long virtual_pages = 0, resident_pages = 0;
    char text[128];

    read_proc("/proc/self/statm", text, sizeof(text));
    if (sscanf(text, "%llu %llu", &virtual_pages, &resident_pages) != 2)
        return;
    metrics_gauge(s, COMMON_process_virtual_memory_bytes, (double)virtual_pages * page);
    metrics_gauge(s, COMMON_process_resident_memory_bytes, (double)resident_pages * page);
    metrics_gauge(s, COMMON_process_memory_usage_bytes, (double)resident_pages * page);
}

static void refresh_fds(struct metrics_shard *s)
{
    struct rlimit limit;
    int n = -3; /* ".", ".." and the folder itself */
    DIR *folder = opendir("/proc/self/fd");

    if (folder) {
        while (readdir(folder))
            n++;
        closedir(folder);
        metrics_gauge(s, COMMON_process_open_fds, n);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metrics_gauge(s, COMMON_process_max_fds, (double)limit.rlim_cur);
}

void metrics_page_refresh(struct metrics *m, struct metrics_shard *shard)
{
    static const struct {
        enum log_level level;
        const char *name;
    } levels[] = {{LOG_LEVEL_ERROR, "error"},
                  {LOG_LEVEL_WARNING, "warning"},
                  {LOG_LEVEL_INFO, "info"},
                  {LOG_LEVEL_DEBUG, "debug"}};

    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
        metrics_gauge(shard, COMMON_log_messages_total, (double)log_count(levels[i].level),
                      levels[i].name);
    refresh_cpu(m, shard);
    refresh_memory(shard);
    refresh_fds(shard);
}

static enum metrics_format format_wanted(struct str accept)
{
    double openmetrics = accept_weight(accept, "application/openmetrics-text");

    return openmetrics > 0 && openmetrics >= accept_weight(accept, "text/plain") &&
                   openmetrics >= accept_weight(accept, "*/*")
               ? METRICS_OPENMETRICS
               : METRICS_TEXT;
}

static bool is_gzip_wanted(struct str accept_encoding)
{
    double gzip = accept_weight(accept_encoding, "gzip");

    return (gzip >= 0 ? gzip : accept_weight(accept_encoding, "*")) > 0;
}

/* At the fastest level: the page repeats itself so much that more effort gains little. */
static void compress_page(struct buf *page)
{
    z_stream z = {0};
    struct buf packed;

    buf_init(&packed, page->len * 2 + 1024);
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    size_t room = deflateBound(&z, page->len);
    z.next_in = (unsigned char *)page->data;
    z.avail_in = (unsigned)page->len;
    z.next_out = (unsigned char *)buf_reserve(&packed, room);
    z.avail_out = (unsigned)room;
    if (!z.next_out || deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    buf_commit(&packed, z.total_out);
    deflateEnd(&z);
    buf_done(page);
    *page = packed;
}

void metrics_page_send(struct metrics *m, struct http_request *r)
{
    static const char *const types[] = {
        [METRICS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
        [METRICS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };
    enum metrics_format format = format_wanted(http_request_header(r, "accept"));
    bool is_packed = is_gzip_wanted(http_request_header(r, "accept-encoding"));
    const struct http_header headers[] = {
        {STR("content-type"), str_from(types[format])},
        {STR("vary"), STR("accept, accept-encoding")},
        {STR("content-encoding"), STR("gzip")}, /* the last, and not always sent */
    };
    struct buf page;

    buf_init(&page, MAX_PAGE);
    if (metrics_render(m, format, &page) != BUF_OK) {
        http_response_send(r, 500, NULL, 0, STR("too many series for one page\n"));
    } else {
        if (is_packed)
            compress_page(&page);
        http_response_send(r, 200, headers, is_packed ? 3 : 2, buf_str(&page));
    }
    buf_done(&page);
}

void metrics_page_answer(struct metrics *m, struct metrics_shard *shard, struct http_request *r)
{
    metrics_page_refresh(m, shard);
    metrics_page_send(m, r);
}

/* Methods are the peer's words; label values are not. */
static const char *known_method(struct str method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (str_is(method, known[i]))
            return known[i];
    return "other";
}

void metrics_page_count_http(struct metrics_shard *shard, const struct http_request *r, int status,
                             usec_t duration)
{
    const char *method = known_method(http_request_method(r)), *path = http_request_route(r);
    char code[12];

    snprintf(code, sizeof(code), "%d", status);
    metrics_count(shard, COMMON_http_requests_total, 1, method, path, code);
    metrics_sample(shard, COMMON_http_request_duration_seconds,
                   (double)duration / (double)USEC_PER_SEC, method, path, code);
    metrics_sample(shard, COMMON_http_request_size_bytes, (double)http_request_body(r).len, method,
                   path);
    metrics_sample(shard, COMMON_http_response_size_bytes, (double)http_response_bytes(r), method,
                   path);
}

void metrics_page_count_server(struct metrics_shard *shard, const struct http_server *s)
{
    metrics_gauge(shard, COMMON_http_requests_in_flight, http_server_in_flight(s));
    metrics_gauge(shard, COMMON_http_connections, http_server_connections(s));
}

void metrics_page_observe_lag(void *series, usec_t busy)
{
    metrics_observe(series, (double)busy / (double)USEC_PER_SEC);
}
