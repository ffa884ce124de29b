#include "fetch_curl_request.h"

#include "base/buf.h"
#include "fetch_request.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_BODY          (16u << 10)
#define RECEIVE_BUFFER      (32L << 10)
#define KEEPALIVE_IDLE_SEC  30L
#define KEEPALIVE_PROBE_SEC 15L
#define CONNECT_MARGIN_MSEC 1000L /* our own timer is first */

static size_t on_want_body(char *to, size_t size, size_t n, void *arg)
{
    struct fetch_curl_request *q = arg;
    size_t room = size * n, done = 0;

    while (done < room && q->piece < q->n_body) {
        struct str piece = q->body[q->piece];
        size_t part = piece.len - q->piece_at;
        if (part > room - done)
            part = room - done;
        if (part > 0)
            memcpy(to + done, piece.data + q->piece_at, part);
        done += part;
        q->piece_at += part;
        if (q->piece_at == piece.len) {
            q->piece++;
            q->piece_at = 0;
        }
    }
    return done;
}

/* libcurl sends again on a fresh connection when a pooled one turns out to be stale. */
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
    struct fetch_curl_request *q = arg;

    if (offset != 0 || origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    q->piece = q->piece_at = 0;
    return CURL_SEEKFUNC_OK;
}

static void add_field(struct fetch_curl_request *q, const char *text)
{
    struct curl_slist *longer = curl_slist_append(q->fields, text);

    if (!longer)
        abort();
    q->fields = longer;
}

static void add_header(struct fetch_curl_request *q, const struct http_header *h)
{
    struct buf line;

    buf_init(&line, SIZE_MAX >> 1); /* the caller chose the size */
    /* "Name;" is libcurl's spelling of a field without a value. */
    if (buf_add_str(&line, h->name) != BUF_OK ||
        buf_add_str(&line, h->value.len > 0 ? STR(": ") : STR(";")) != BUF_OK ||
        buf_add_str(&line, h->value) != BUF_OK)
        abort();
    add_field(q, line.data);
    buf_done(&line);
}

/* What libcurl would add on its own is taken back by naming it without a value. */
static void set_fields(struct fetch_curl_request *q, const struct fetch_request *request)
{
    add_field(q, "Expect:");
    if (!fetch_request_has_field(request, "accept"))
        add_field(q, "Accept:");
    if (!fetch_request_has_field(request, "content-type"))
        add_field(q, "Content-Type:");
    for (size_t i = 0; i < request->n_headers; i++)
        if (!fetch_request_is_own_field(request->headers[i].name))
            add_header(q, &request->headers[i]);
}

/* In the same write, and TLS record, as the head. */
static void set_small_body(struct fetch_curl_request *q, CURL *easy,
                           const struct fetch_request *request)
{
    for (size_t i = 0; i < request->n_body; i++)
        if (buf_add_str(&q->small, request->body[i]) != BUF_OK)
            abort();
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, buf_str(&q->small).data);
}

static void set_large_body(struct fetch_curl_request *q, CURL *easy,
                           const struct fetch_request *request)
{
    assert(request->n_body <= sizeof(q->body) / sizeof(q->body[0]));
    for (size_t i = 0; i < request->n_body; i++)
        q->body[i] = request->body[i];
    q->n_body = request->n_body;
    q->piece = q->piece_at = 0;

    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_want_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, q);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, q);
}

static void set_body(struct fetch_curl_request *q, CURL *easy, const struct fetch_request *request)
{
    uint64_t size = fetch_request_body_bytes(request);

    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    if (size <= SMALL_BODY)
        set_small_body(q, easy, request);
    else
        set_large_body(q, easy, request);
}

static void set_url(CURL *easy, const struct fetch_request *request)
{
    struct buf url;

    buf_init(&url, SIZE_MAX >> 1);
    if (buf_add_str(&url, str_from(request->origin->base_url)) != BUF_OK ||
        buf_add_str(&url, str_from(request->path)) != BUF_OK)
        abort();
    curl_easy_setopt(easy, CURLOPT_URL, url.data);
    buf_done(&url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
}

static void set_connection(CURL *easy, const struct fetch_origin *origin)
{
    usec_t connect = origin->connect_timeout / USEC_PER_MSEC;

    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A name that takes long to resolve must not hold up the loop when its fetch ends. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_SEC);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_PROBE_SEC);
    if (connect > 0 && connect < LONG_MAX / 2)
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect + CONNECT_MARGIN_MSEC);

    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* Whom to trust is not libcurl's to read: it would do so while the loop waits. */
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    /* libcurl 7.88 keeps the first store that it meets, ours, and puts it in place of the others'.
     */
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
}

void fetch_curl_request_init(struct fetch_curl_request *q)
{
    *q = (struct fetch_curl_request){0};
    buf_init(&q->small, SMALL_BODY);
}

void fetch_curl_request_done(struct fetch_curl_request *q)
{
    fetch_curl_request_clear(q);
    buf_done(&q->small);
}

void fetch_curl_request_set(struct fetch_curl_request *q, CURL *easy,
                            const struct fetch_request *request)
{
    struct str method = str_from(request->method);
    bool is_post = str_is(method, "POST"), is_head = str_is(method, "HEAD");

    set_url(easy, request);
    set_connection(easy, request->origin);
    if (is_post || request->n_body > 0)
        set_body(q, easy, request);
    else if (is_head)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (!is_post && !is_head && !str_is(method, "GET"))
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    set_fields(q, request);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, q->fields);
}

bool fetch_curl_request_is_read(const struct fetch_curl_request *q)
{
    return q->piece == q->n_body;
}

void fetch_curl_request_clear(struct fetch_curl_request *q)
{
    curl_slist_free_all(q->fields);
    q->fields = NULL;
    q->n_body = q->piece = q->piece_at = 0;
    buf_clear(&q->small);
}
