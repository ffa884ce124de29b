#include "sim_record.h"

#include "base/json_write.h"
#include "sim_note.h"
#include "sim_route.h"

#include <assert.h>
#include <stdlib.h>

void sim_record_init(struct sim_record *r, size_t max)
{
    *r = (struct sim_record){.max = max, .next = 1, .first = 1};
    if (max == 0)
        return;
    r->ring = calloc(max, sizeof(*r->ring));
    if (!r->ring)
        abort();
    for (size_t i = 0; i < max; i++)
        buf_init(&r->ring[i].bytes, SIM_RECORD_MAX_BYTES);
}

void sim_record_done(struct sim_record *r)
{
    for (size_t i = 0; i < r->max; i++)
        buf_done(&r->ring[i].bytes);
    free(r->ring);
}

void sim_record_reset(struct sim_record *r)
{
    r->first = r->next;
}

static void keep_bytes(struct sim_record_entry *e, const struct sim_http_request *request)
{
    size_t n = request->head.len + request->body.len;

    buf_clear(&e->bytes);
    enum buf_result kept =
        buf_add(&e->bytes, request->head.data, n < SIM_RECORD_MAX_BYTES ? n : SIM_RECORD_MAX_BYTES);
    assert(kept == BUF_OK);
    (void)kept;
    e->head_len = request->head.len;
    e->body_len = request->body.len;
    digest_sha256(request->body, e->digest);
}

uint64_t sim_record_add(struct sim_record *r, const struct sim_http_request *request,
                        uint64_t connection, usec_t arrived_at, usec_t now)
{
    uint64_t number = r->next++;
    if (r->max == 0)
        return number;

    struct sim_record_entry *e = &r->ring[number % r->max];
    struct buf bytes = e->bytes;
    *e = (struct sim_record_entry){.number = number,
                                   .connection = connection,
                                   .arrived_at = arrived_at,
                                   .complete_at = now,
                                   .bytes = bytes};
    keep_bytes(e, request);
    return number;
}

struct sim_record_entry *sim_record_find(struct sim_record *r, uint64_t number)
{
    if (r->max == 0 || number < r->first || number >= r->next)
        return NULL;
    struct sim_record_entry *e = &r->ring[number % r->max];
    return e->number == number ? e : NULL;
}

/* What the request's dialect makes of it; null when it is no chat, or was cut at the ceiling. */
static void write_understood(const struct sim_http_request *request, struct json_write *w)
{
    const struct sim_dialect *dialect = sim_route_chat(request);
    struct sim_chat chat;
    struct sim_note note;
    struct arena a;
    struct buf json;

    json_write_member(w, "dialect", dialect ? dialect->name : NULL);
    json_write_key(w, "understood");
    arena_init(&a, 16 * SIM_RECORD_MAX_BYTES);
    buf_init(&json, 16 * SIM_RECORD_MAX_BYTES);
    if (dialect)
        sim_note_init(&note, &a, request, &chat, &json);
    if (dialect && dialect->read(&note) && json_write_finish(&note.w) == BUF_OK)
        json_write_raw(w, buf_str(&json));
    else
        json_write_null(w);
    buf_done(&json);
    arena_done(&a);
}

static void write_received(const struct sim_record_entry *e, struct json_write *w)
{
    struct sim_http_request request;
    struct str bytes = buf_str(&e->bytes);
    char hex[2 * DIGEST_SIZE + 1];

    /* The body may have been cut: it is taken by offset, not by its length. */
    bool is_whole = sim_http_parse(bytes, &request) == SIM_HTTP_OK;
    json_write_member_str(w, "method", request.method);
    json_write_member_str(w, "path", request.path);
    json_write_member_str(w, "query", request.query);
    json_write_key(w, "headers");
    json_write_begin(w, '[');
    for (size_t i = 0; i < request.n_fields; i++) {
        json_write_begin(w, '[');
        json_write_str(w, request.fields[i].name);
        json_write_str(w, request.fields[i].value);
        json_write_end(w, ']');
    }
    json_write_end(w, ']');
    json_write_member_str(w, "body",
                          (struct str){bytes.data + e->head_len, bytes.len - e->head_len});
    digest_hex(e->digest, sizeof(e->digest), hex);
    json_write_member(w, "body_sha256", hex);
    if (is_whole)
        write_understood(&request, w);
}

static void write_time(struct json_write *w, const char *key, usec_t at)
{
    json_write_key(w, key);
    if (at > 0)
        json_write_u64(w, at);
    else
        json_write_null(w);
}

static void write_entry(const struct sim_record_entry *e, bool brief, struct json_write *w)
{
    static const char *const ends[] = {NULL, "fin", "rst", "simulator"};

    json_write_begin(w, '{');
    json_write_member_int(w, "number", (int64_t)e->number);
    json_write_member_int(w, "connection", (int64_t)e->connection);
    write_time(w, "arrived_us", e->arrived_at);
    write_time(w, "complete_us", e->complete_at);
    write_time(w, "finished_us", e->finished_at);
    write_time(w, "closed_us", e->closed_at);
    json_write_member(w, "closed", ends[e->end]);
    json_write_member_int(w, "sent", (int64_t)e->sent);
    json_write_member_int(w, "body_bytes", (int64_t)e->body_len);
    if (!brief)
        write_received(e, w);
    json_write_end(w, '}');
}

enum buf_result sim_record_write(struct sim_record *r, uint64_t since, bool brief, struct buf *out)
{
    struct json_write w;
    uint64_t from = since + 1 > r->first ? since + 1 : r->first;

    if (r->next - from > r->max && from < r->next)
        from = r->next - r->max;
    json_write_init(&w, out);
    json_write_begin(&w, '[');
    for (uint64_t number = from; number < r->next; number++) {
        const struct sim_record_entry *e = sim_record_find(r, number);
        if (e)
            write_entry(e, brief, &w);
    }
    json_write_end(&w, ']');
    return json_write_finish(&w);
}
