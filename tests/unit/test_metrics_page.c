#include "io/metrics_page.h"

#include "io/log.h"

#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

/* A request and its answer, in place of the server's. */
struct http_request {
    const char *method, *route, *accept, *accept_encoding, *body;
    uint64_t response_bytes;
    int status;
    char type[80], encoding[20];
    struct buf answer;
};

struct str http_request_header(const struct http_request *r, const char *name)
{
    const char *value = strcmp(name, "accept") == 0            ? r->accept
                        : strcmp(name, "accept-encoding") == 0 ? r->accept_encoding
                                                               : NULL;

    return value ? str_from(value) : (struct str){NULL, 0};
}

struct str http_request_method(const struct http_request *r)
{
    return str_from(r->method);
}

const char *http_request_route(const struct http_request *r)
{
    return r->route;
}

struct str http_request_body(const struct http_request *r)
{
    return str_from(r->body);
}

uint64_t http_response_bytes(const struct http_request *r)
{
    return r->response_bytes;
}

void http_response_send(struct http_request *r, int status, const struct http_header *headers,
                        size_t n_headers, struct str body)
{
    r->status = status;
    for (size_t i = 0; i < n_headers; i++) {
        if (str_is(headers[i].name, "content-type"))
            str_copy(r->type, sizeof(r->type), headers[i].value);
        if (str_is(headers[i].name, "content-encoding"))
            str_copy(r->encoding, sizeof(r->encoding), headers[i].value);
    }
    buf_init(&r->answer, 64 << 20);
    CHECK_INT(buf_add_str(&r->answer, body), BUF_OK);
}

unsigned http_server_in_flight(const struct http_server *s)
{
    return s ? 0 : 3;
}

unsigned http_server_connections(const struct http_server *s)
{
    return s ? 0 : 7;
}

uint64_t log_count(enum log_level level)
{
    return 10 + (uint64_t)level;
}

static const struct metrics_family table[] = {
    {METRICS_COUNTER, "own_total", "name", NULL, "Of the service"},
    {METRICS_HISTOGRAM, "own_seconds", "name", metrics_buckets_latency, "Of the service"},
};

enum { OWN_TOTAL = COMMON_METRICS_N, OWN_SECONDS };

static struct metrics *m;
static struct metrics_shard *shard;

static int make(void **state)
{
    (void)state;
    m = metrics_page_registry(table, 2, "test_build_info");
    shard = metrics_add_shard(m);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    metrics_free(&m);
    return 0;
}

static struct http_request get(const char *accept, const char *accept_encoding)
{
    struct http_request r = {.accept = accept, .accept_encoding = accept_encoding};

    metrics_page_answer(m, shard, &r);
    return r;
}

static double value_of(const char *page, const char *name)
{
    char start[200];

    snprintf(start, sizeof(start), "\n%s ", name);
    const char *line = strstr(page, start);
    if (!line)
        fail_msg("%s is missing", name);
    return strtod(line + strlen(start), NULL);
}

static void the_format_is_what_the_scraper_prefers(void **state)
{
    static const char text[] = "text/plain; version=0.0.4; charset=utf-8";
    static const char openmetrics[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    static const struct {
        const char *accept, *type;
    } cases[] = {
        {NULL, text},
        {"*/*", text},
        {"text/plain", text},
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
         "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         openmetrics},
        {"application/openmetrics-text;q=0.2,text/plain", text},
        {"application/openmetrics-text;q=0,*/*", text},
        {"text/html", text},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct http_request r = get(cases[i].accept, NULL);
        CHECK_INT(r.status, 200);
        CHECK_TEXT(r.type, cases[i].type);
        CHECK_TEXT(r.encoding, "");
        bool has_eof = strcmp(r.answer.data + r.answer.len - 6, "# EOF\n") == 0;
        CHECK_INT(has_eof, cases[i].type == openmetrics);
        buf_done(&r.answer);
    }
}

static void gzip_is_used_when_it_is_wanted(void **state)
{
    static const char *const wanted[] = {"gzip", "deflate, gzip;q=0.5", "*"};
    static const char *const unwanted[] = {NULL, "", "identity", "gzip;q=0", "gzip;q=0, *"};
    static char page[1 << 20];

    (void)state;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
        struct http_request r = get(NULL, wanted[i]);
        z_stream z = {.next_in = (unsigned char *)r.answer.data,
                      .avail_in = (unsigned)r.answer.len,
                      .next_out = (unsigned char *)page,
                      .avail_out = sizeof(page) - 1};
        CHECK_TEXT(r.encoding, "gzip");
        CHECK_INT(inflateInit2(&z, 15 + 16), Z_OK);
        CHECK_INT(inflate(&z, Z_FINISH), Z_STREAM_END);
        page[z.total_out] = '\0';
        inflateEnd(&z);
        CHECK(strncmp(page, "# HELP http_requests_total ", 27) == 0);
        CHECK(page[z.total_out - 1] == '\n');
        buf_done(&r.answer);
    }
    for (size_t i = 0; i < sizeof(unwanted) / sizeof(*unwanted); i++) {
        struct http_request r = get(NULL, unwanted[i]);
        CHECK_TEXT(r.encoding, "");
        CHECK(r.answer.data[0] == '#');
        buf_done(&r.answer);
    }
}

static int count_open_fds(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void the_process_describes_itself(void **state)
{
    struct http_request r = get(NULL, NULL);
    const char *page = r.answer.data;
    double started = value_of(page, "process_start_time_seconds");

    (void)state;
    CHECK(started > (double)time(NULL) - 60 && started < (double)time(NULL) + 2);
    CHECK(value_of(page, "process_resident_memory_bytes") > 1e6);
    CHECK(value_of(page, "process_resident_memory_bytes") ==
          value_of(page, "process_memory_usage_bytes"));
    CHECK(value_of(page, "process_virtual_memory_bytes") >
          value_of(page, "process_resident_memory_bytes"));
    CHECK(value_of(page, "process_open_fds") == count_open_fds());
    CHECK(value_of(page, "process_max_fds") == (double)sysconf(_SC_OPEN_MAX));
    CHECK(strstr(page, "\ntest_build_info{version=\"" SUITE_VERSION "\",revision=\""));
    buf_done(&r.answer);
}

static void cpu_time_grows_and_its_share_is_that_since_the_last_scrape(void **state)
{
    struct http_request first = get(NULL, NULL);
    double before = value_of(first.answer.data, "process_cpu_seconds_total");
    volatile unsigned long busy = 0;

    (void)state;
    for (clock_t end = clock() + CLOCKS_PER_SEC / 20; clock() < end;)
        busy++;
    struct http_request second = get(NULL, NULL);
    CHECK(value_of(second.answer.data, "process_cpu_seconds_total") >= before + .05);
    double percent = value_of(second.answer.data, "process_cpu_usage_percent");
    CHECK(percent > 1 && percent < 150);
    buf_done(&first.answer);
    buf_done(&second.answer);
}

static void log_entries_are_counted_by_level(void **state)
{
    struct http_request r = get(NULL, NULL);

    (void)state;
    CHECK(value_of(r.answer.data, "log_messages_total{level=\"error\"}") == 13);
    CHECK(value_of(r.answer.data, "log_messages_total{level=\"debug\"}") == 17);
    buf_done(&r.answer);
}

static void requests_are_counted_by_method_route_and_status(void **state)
{
    struct http_request post = {
        .method = "POST", .route = "/v1/chat/completions", .body = "12345", .response_bytes = 70};
    struct http_request odd = {.method = "BREW", .route = "other", .body = ""};

    (void)state;
    metrics_page_count_http(shard, &post, 200, 1500);
    metrics_page_count_http(shard, &post, 200, 1500);
    metrics_page_count_http(shard, &odd, 405, 0);
    metrics_page_count_server(shard, NULL);
    metrics_page_observe_lag(
        metrics_find(shard, COMMON_eventloop_lag_seconds, (const char *[]){"main"}), 3000);
    struct http_request r = get(NULL, NULL);
    const char *page = r.answer.data;
    CHECK(value_of(page, "http_requests_total{method=\"POST\",path=\"/v1/chat/completions\","
                         "status=\"200\"}") == 2);
    CHECK(value_of(page, "http_requests_total{method=\"other\",path=\"other\",status=\"405\"}") ==
          1);
    CHECK(value_of(page, "http_request_duration_seconds_sum{method=\"POST\","
                         "path=\"/v1/chat/completions\",status=\"200\"}") == .003);
    CHECK(value_of(page, "http_request_size_bytes_sum{method=\"POST\","
                         "path=\"/v1/chat/completions\"}") == 10);
    CHECK(value_of(page, "http_response_size_bytes_sum{method=\"POST\","
                         "path=\"/v1/chat/completions\"}") == 140);
    CHECK(value_of(page, "http_requests_in_flight") == 3);
    CHECK(value_of(page, "http_connections") == 7);
    CHECK(value_of(page, "eventloop_lag_seconds_sum{loop=\"main\"}") == .003);
    buf_done(&r.answer);
}

static void a_page_too_large_for_its_buffer_is_an_error(void **state)
{
    char name[201];

    (void)state;
    for (int i = 0; i < METRICS_MAX_SERIES; i++) {
        snprintf(name, sizeof(name), "%0200d", i);
        metrics_sample(shard, OWN_SECONDS, 1, name);
        for (unsigned family = 1; family < 4; family++)
            metrics_sample(shard, family, 1, name, name, name);
    }
    struct http_request r = get(NULL, "gzip");
    CHECK_INT(r.status, 500);
    CHECK_TEXT(r.answer.data, "too many series for one page\n");
    CHECK_TEXT(r.encoding, "");
    buf_done(&r.answer);
}

static void the_linter_of_prometheus_finds_nothing(void **state)
{
    (void)state;
    if (system("command -v promtool >/dev/null") != 0)
        skip();
    metrics_count(shard, OWN_TOTAL, 1, "x");
    metrics_sample(shard, OWN_SECONDS, 1, "x");
    struct http_request r = get(NULL, NULL);
    FILE *linter = popen("promtool check metrics", "w");
    CHECK(linter && fwrite(r.answer.data, 1, r.answer.len, linter) == r.answer.len);
    CHECK_INT(pclose(linter), 0);
    buf_done(&r.answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_format_is_what_the_scraper_prefers),
        TEST(gzip_is_used_when_it_is_wanted),
        TEST(the_process_describes_itself),
        TEST(cpu_time_grows_and_its_share_is_that_since_the_last_scrape),
        TEST(log_entries_are_counted_by_level),
        TEST(requests_are_counted_by_method_route_and_status),
        TEST(a_page_too_large_for_its_buffer_is_an_error),
        TEST(the_linter_of_prometheus_finds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
