#include "fetch_head.h"

#define ORDINARY_BYTES 4096u

void fetch_head_init(struct fetch_head *h)
{
    buf_init(&h->text, FETCH_HEAD_MAX_BYTES);
    fetch_head_begin(h, false);
}

void fetch_head_done(struct fetch_head *h)
{
    buf_done(&h->text);
}

static void begin_one(struct fetch_head *h, bool answers_head)
{
    buf_clear(&h->text);
    http1_response_init(&h->response, h->fields, FETCH_HEAD_MAX_FIELDS, FETCH_HEAD_MAX_BYTES,
                        answers_head);
}

void fetch_head_begin(struct fetch_head *h, bool answers_head)
{
    h->n_interims = 0;
    h->is_done = false;
    if (h->text.cap > ORDINARY_BYTES)
        buf_done(&h->text);
    begin_one(h, answers_head);
}

/* Nearly always a head comes in one piece: only then is it copied, and the body behind it never. */
static enum fetch_head_result feed_one(struct fetch_head *h, struct str *bytes)
{
    size_t had = h->text.len;
    struct str all = *bytes;

    if (had > 0) {
        size_t room = FETCH_HEAD_MAX_BYTES - had;
        if (buf_add(&h->text, bytes->data, bytes->len < room ? bytes->len : room) != BUF_OK)
            return FETCH_HEAD_INVALID;
        all = buf_str(&h->text);
    }
    switch (http1_response_feed(&h->response, all)) {
    case HTTP1_DONE:
        break;
    case HTTP1_MORE:
        if (had > 0 ? all.len < had + bytes->len : buf_add_str(&h->text, all) != BUF_OK)
            return FETCH_HEAD_INVALID;
        bytes->data += bytes->len;
        bytes->len = 0;
        return FETCH_HEAD_MORE;
    case HTTP1_REFUSED:
        return FETCH_HEAD_INVALID;
    }

    size_t size = h->response.size;
    if (had > 0)
        h->text.len = size;
    else if (buf_add(&h->text, all.data, size) != BUF_OK)
        return FETCH_HEAD_INVALID;
    bytes->data += size - had;
    bytes->len -= size - had;
    return FETCH_HEAD_DONE;
}

enum fetch_head_result fetch_head_feed(struct fetch_head *h, struct str *bytes)
{
    while (bytes->len > 0) {
        enum fetch_head_result result = feed_one(h, bytes);
        if (result != FETCH_HEAD_DONE)
            return result;
        if (h->response.status >= 200) {
            h->is_done = true;
            return FETCH_HEAD_DONE;
        }
        /* 101 would answer a question that was never asked. */
        if (h->response.status == 101 || ++h->n_interims > FETCH_HEAD_MAX_INTERIMS)
            return FETCH_HEAD_INVALID;
        begin_one(h, h->response.answers_head);
    }
    return FETCH_HEAD_MORE;
}

struct str fetch_head_find(const struct fetch_head *h, const char *name)
{
    if (!h->is_done)
        return (struct str){NULL, 0};
    return http1_head_find(&h->response.head, buf_str(&h->text), name);
}
