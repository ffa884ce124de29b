#include "pull_http.h"

#include "base/buf.h"
#include "base/parse.h"
#include "io/fetch.h"
#include "pull_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_HOPS    5
#define MAX_SIDECAR (64u << 10)
#define MAX_TRIES   8 /* in a row, without a byte */
#define FIRST_WAIT  (200 * USEC_PER_MSEC)
#define LONGEST     (30 * USEC_PER_SEC)

struct pull {
    struct pull_job *job;
    struct fetch_pool *fetches;
    struct fetch *fetch;
    struct fetch_origin origin;
    struct pull_address first, address;
    char credential[8192]; /* as a header's value */
    struct pull_file file;
    struct buf sidecar;
    struct loop_timer timer;
    char validator[256]; /* of what is being fetched; "" when it has none */
    bool is_sidecar;     /* what is being asked for */
    bool was_resumed;    /* from what an earlier try left */
    bool is_over;        /* the callbacks of this fetch have nothing more to do */
    bool is_complete;    /* the server says that there is no more */
    unsigned hops, tries;
};

static void ask(struct pull *p);

static void fail(struct pull *p, const char *why)
{
    p->is_over = true;
    pull_job_fail(p->job, "%s", why);
}

static void fail_errno(struct pull *p, const char *what, int r)
{
    p->is_over = true;
    pull_job_fail(p->job, "%s: %s", what, strerror(-r));
}

static bool restart_file(struct pull *p)
{
    int r = pull_file_restart(&p->file);

    p->was_resumed = false;
    p->validator[0] = '\0';
    atomic_store(&p->job->bytes, 0);
    if (r < 0)
        fail_errno(p, "the file cannot be emptied", r);
    return r == 0;
}

/* ---- addresses ---- */

static bool add_suffix(struct pull_address *a)
{
    static const char suffix[] = ".sha256";
    char *query = strchr(a->path, '?'), *at = query ? query : a->path + strlen(a->path);
    size_t n = sizeof(suffix) - 1;

    if (strlen(a->path) + n >= sizeof(a->path))
        return false;
    memmove(at + n, at, strlen(at) + 1);
    memcpy(at, suffix, n);
    return true;
}

/* Where a redirect led may be good for one time only. False: the URL is too long for a sidecar. */
static bool go_to_start(struct pull *p)
{
    p->address = p->first;
    p->hops = 0;
    return !p->is_sidecar || add_suffix(&p->address);
}

/* ---- heads ---- */

static uint64_t number_of(struct str text)
{
    uint64_t n;

    return text.data && parse_u64(str_trim(text), &n) ? n : 0;
}

/* "bytes 100-199/200"; a start of UINT64_MAX where there is a star. */
static bool read_range(struct str text, uint64_t *ret_start, uint64_t *ret_total)
{
    struct str unit, range, start;

    if (!text.data || !str_cut(&text, ' ', &unit) || !str_is_nocase(unit, "bytes") ||
        !str_cut(&text, '/', &range) || !text.data || !parse_u64(text, ret_total))
        return false;
    *ret_start = UINT64_MAX;
    if (str_is(range, "*"))
        return true;
    return str_cut(&range, '-', &start) && parse_u64(start, ret_start);
}

static void admit(struct pull *p, uint64_t total)
{
    int r = pull_file_make_room(&p->file, total);

    atomic_store(&p->job->total, total);
    if (r == PULL_FILE_NO_ROOM)
        pull_job_fail(p->job, "no room: %.1f GiB are to come, and %.1f GiB must stay free",
                      (double)(total - p->file.bytes) / 0x1p30, (double)p->file.reserve / 0x1p30);
    else if (r < 0)
        fail_errno(p, "the disk cannot be asked", r);
    p->is_over |= r != 0;
}

static void begin_again(struct pull *p)
{
    p->is_over = true;
    fetch_cancel(&p->fetch);
    if (restart_file(p))
        ask(p);
}

static void on_whole(struct pull *p, struct fetch *f)
{
    struct str validator = fetch_header(f, "etag");

    if (p->file.bytes > 0 && !restart_file(p))
        return;
    if (validator.data && !str_has_prefix(validator, "W/") &&
        !str_copy(p->validator, sizeof(p->validator), validator))
        p->validator[0] = '\0';
    admit(p, number_of(fetch_header(f, "content-length")));
}

static void on_part(struct pull *p, struct fetch *f)
{
    uint64_t start, total;

    if (!read_range(fetch_header(f, "content-range"), &start, &total) || start != p->file.bytes)
        begin_again(p);
    else
        admit(p, total);
}

static void on_beyond(struct pull *p, struct fetch *f)
{
    uint64_t start, total;

    if (read_range(fetch_header(f, "content-range"), &start, &total) && total == p->file.bytes)
        p->is_complete = true;
    else
        begin_again(p);
}

static void on_redirect(struct pull *p, struct fetch *f)
{
    struct pull_address from = p->address;

    if (++p->hops > MAX_HOPS) {
        fail(p, "too many redirects");
    } else if (!pull_request_redirect(&from, fetch_header(f, "location"),
                                      p->job->request.allows_http, &p->address)) {
        fail(p, "it redirects to where nothing may be fetched from");
    } else {
        p->is_over = true;
        fetch_cancel(&p->fetch);
        ask(p);
    }
}

static void on_head(void *arg, struct fetch *f, int status)
{
    struct pull *p = arg;

    p->is_complete = false;
    if (status == 200)
        p->is_sidecar ? (void)0 : on_whole(p, f);
    else if (status == 206 && !p->is_sidecar)
        on_part(p, f);
    else if (status == 416 && !p->is_sidecar && p->file.bytes > 0)
        on_beyond(p, f);
    else if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308)
        on_redirect(p, f);
    else if (status != 429 && status < 500) {
        p->is_over = true;
        pull_job_fail(p->job, "%s answers with status %d", p->is_sidecar ? "the sidecar" : "it",
                      status);
    } else {
        p->is_over = true; /* its body is none of ours; another try follows */
    }
}

/* ---- bodies ---- */

static void on_body(void *arg, struct fetch *f, struct str bytes)
{
    struct pull *p = arg;

    (void)f;
    if (p->is_over || p->is_complete)
        return;
    if (p->is_sidecar) {
        if (buf_add_str(&p->sidecar, bytes) != BUF_OK)
            fail(p, "the sidecar is too long");
        return;
    }
    int r = pull_file_add(&p->file, bytes);
    if (r == PULL_FILE_NO_ROOM)
        fail(p, "no room: the disk has reached its reserve");
    else if (r < 0)
        fail_errno(p, "the file cannot be written", r);
    p->tries = 0;
    atomic_store(&p->job->bytes, p->file.bytes);
    atomic_fetch_add(&p->job->received, bytes.len);
}

static void on_sidecar(struct pull *p)
{
    struct pull_job *j = p->job;

    if (!pull_request_sidecar(buf_str(&p->sidecar), str_from(j->request.name), j->request.sha256)) {
        fail(p, "the sidecar holds no SHA-256 of this file");
        return;
    }
    p->is_sidecar = false;
    (void)!go_to_start(p);
    int r = pull_file_resume(&p->file);
    p->was_resumed = p->file.bytes > 0;
    atomic_store(&j->bytes, p->file.bytes);
    if (r == -ECANCELED)
        loop_stop(j->loop);
    else if (r < 0)
        fail_errno(p, "what is there of the file cannot be read", r);
    else
        ask(p);
}

static void ask_anew(struct pull *p)
{
    (void)!go_to_start(p); /* as it was possible before */
    ask(p);
}

static void on_file(struct pull *p)
{
    struct pull_job *j = p->job;
    bool was_resumed = p->was_resumed;

    int r = pull_file_finish(&p->file, j->request.sha256, j->sha256);
    if (r == PULL_FILE_BAD_HASH && was_resumed) {
        /* What was left may have been of another file. */
        pull_file_close(&p->file);
        r = pull_file_open(&p->file, j->folder, j->request.name);
        if (r < 0)
            fail_errno(p, "the file cannot be opened", r);
        else if (restart_file(p))
            ask_anew(p);
        return;
    }
    if (r == PULL_FILE_BAD_HASH) {
        fail(p, "its SHA-256 is another; what came was thrown away");
        return;
    }
    if (r < 0) {
        fail_errno(p, "the file cannot be put in its place", r);
        return;
    }
    j->is_verified = j->request.sha256[0] != '\0';
    if ((size_t)snprintf(j->path, sizeof(j->path), "%s/%s", j->folder, j->request.name) >=
        sizeof(j->path))
        j->path[0] = '\0';
    pull_job_succeed(j);
}

static void try_again(struct pull *p, enum fetch_result result)
{
    usec_t wait = FIRST_WAIT << p->tries;

    if (result == FETCH_TLS || result == FETCH_INVALID || ++p->tries > MAX_TRIES) {
        pull_job_fail(p->job, "%s",
                      result == FETCH_OK ? "it answers with errors" : fetch_result_text(result));
        return;
    }
    loop_timer_start(&p->timer, wait < LONGEST ? wait : LONGEST);
}

static void on_timer(void *arg)
{
    ask_anew(arg);
}

static void on_done(void *arg, struct fetch *f, enum fetch_result result)
{
    struct pull *p = arg;
    uint64_t total = atomic_load(&p->job->total);

    (void)f;
    p->fetch = NULL;
    if (p->job->state != PULL_RUNNING)
        return;
    if (result != FETCH_OK || p->is_over ||
        (!p->is_sidecar && total > 0 && p->file.bytes < total && !p->is_complete))
        try_again(p, result);
    else if (p->is_sidecar)
        on_sidecar(p);
    else
        on_file(p);
}

/* ---- asking ---- */

static void ask(struct pull *p)
{
    static const struct fetch_handler handler = {on_head, on_body, on_done};
    struct http_header headers[4];
    size_t n = 0;
    char range[64];

    p->is_over = p->is_complete = false;
    buf_clear(&p->sidecar);
    headers[n++] = (struct http_header){STR("user-agent"), STR("health-worker/" SUITE_VERSION)};
    if (p->credential[0] && pull_request_is_below(&p->address, str_from(p->job->base_url)))
        headers[n++] = (struct http_header){STR("authorization"), str_from(p->credential)};
    if (!p->is_sidecar && p->file.bytes > 0) {
        snprintf(range, sizeof(range), "bytes=%llu-", (unsigned long long)p->file.bytes);
        headers[n++] = (struct http_header){STR("range"), str_from(range)};
        if (p->validator[0])
            headers[n++] = (struct http_header){STR("if-range"), str_from(p->validator)};
    }
    p->origin = (struct fetch_origin){
        .base_url = p->address.origin,
        .connect_timeout = 10 * USEC_PER_SEC,
        .first_byte_timeout = 60 * USEC_PER_SEC,
        .idle_timeout = 60 * USEC_PER_SEC,
    };
    struct fetch_request request = {
        .origin = &p->origin,
        .method = "GET",
        .path = p->address.path,
        .headers = headers,
        .n_headers = n,
    };
    p->fetch = fetch_start(p->fetches, &request, &handler, p);
}

/* Without a hash to judge it by, nothing that an earlier try left is believed. */
static bool begin(struct pull *p)
{
    struct pull_job *j = p->job;

    if (!pull_request_address(str_from(j->request.url), j->request.allows_http, &p->first)) {
        fail(p, "not a URL to fetch from");
        return false;
    }
    int r = pull_file_open(&p->file, j->folder, j->request.name);
    if (r == 0 && j->request.sha256[0])
        r = pull_file_resume(&p->file);
    else if (r == 0 && !j->request.has_sidecar)
        r = pull_file_restart(&p->file);
    if (r == -ECANCELED)
        return false;
    if (r < 0) {
        fail_errno(p, j->folder, r);
        return false;
    }
    p->was_resumed = p->file.bytes > 0;
    atomic_store(&j->bytes, p->file.bytes);
    p->is_sidecar = j->request.has_sidecar && !j->request.sha256[0];
    if (!go_to_start(p)) {
        fail(p, "the URL is too long for a sidecar");
        return false;
    }
    return true;
}

void pull_http_run(struct pull_job *j)
{
    struct pull p = {.job = j};

    if (j->credential)
        snprintf(p.credential, sizeof(p.credential), "Bearer %s", j->credential);
    pull_file_init(&p.file, j->reserve, &j->is_cancelled);
    buf_init(&p.sidecar, MAX_SIDECAR);
    loop_timer_init(&p.timer, j->loop, on_timer, &p);
    int r = fetch_pool_new(j->loop, &p.fetches);
    if (r < 0)
        fail_errno(&p, "no connection can be made", r);
    else if (begin(&p)) {
        ask(&p);
        loop_run(j->loop);
    }
    loop_timer_stop(&p.timer);
    fetch_pool_free(&p.fetches);
    if (j->state == PULL_FAILED ? !j->request.sha256[0] : atomic_load(&j->is_unwanted))
        pull_file_discard(&p.file);
    pull_file_close(&p.file);
    buf_done(&p.sidecar);
    explicit_bzero(p.credential, sizeof(p.credential));
}
