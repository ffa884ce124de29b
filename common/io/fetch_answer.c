#include "fetch_answer.h"

#include <stdlib.h>

void fetch_answer_init(struct fetch_answer *a)
{
    fetch_head_init(&a->head);
    fetch_answer_begin(a, false);
}

void fetch_answer_done(struct fetch_answer *a)
{
    fetch_head_done(&a->head);
}

void fetch_answer_begin(struct fetch_answer *a, bool answers_head)
{
    fetch_head_begin(&a->head, answers_head);
    a->chunked = (struct http1_chunked){0};
    a->left = 0;
}

static enum fetch_answer_result next_of_head(struct fetch_answer *a, struct str *in)
{
    switch (fetch_head_feed(&a->head, in)) {
    case FETCH_HEAD_DONE:
        a->left = a->head.response.content_length;
        return FETCH_ANSWER_HEAD;
    case FETCH_HEAD_MORE:
        return FETCH_ANSWER_MORE;
    case FETCH_HEAD_INVALID:
        return FETCH_ANSWER_INVALID;
    }
    abort();
}

static enum fetch_answer_result next_piece(struct str *in, uint64_t max, struct str *ret_piece)
{
    size_t n = in->len < max ? in->len : (size_t)max;

    if (n == 0)
        return FETCH_ANSWER_MORE;
    *ret_piece = (struct str){in->data, n};
    in->data += n;
    in->len -= n;
    return FETCH_ANSWER_PIECE;
}

static enum fetch_answer_result next_of_chunked(struct fetch_answer *a, struct str *in,
                                                struct str *ret_piece)
{
    switch (http1_chunked_next(&a->chunked, in, ret_piece)) {
    case HTTP1_CHUNKED_DATA:
        return FETCH_ANSWER_PIECE;
    case HTTP1_CHUNKED_MORE:
        return FETCH_ANSWER_MORE;
    case HTTP1_CHUNKED_END:
        return FETCH_ANSWER_END;
    case HTTP1_CHUNKED_INVALID:
        return FETCH_ANSWER_INVALID;
    }
    abort();
}

static enum fetch_answer_result next_of_length(struct fetch_answer *a, struct str *in,
                                               struct str *ret_piece)
{
    if (a->left == 0)
        return FETCH_ANSWER_END;
    enum fetch_answer_result result = next_piece(in, a->left, ret_piece);
    if (result == FETCH_ANSWER_PIECE)
        a->left -= ret_piece->len;
    return result;
}

enum fetch_answer_result fetch_answer_next(struct fetch_answer *a, struct str *in,
                                           struct str *ret_piece)
{
    if (!a->head.is_done)
        return next_of_head(a, in);

    switch (a->head.response.body) {
    case HTTP1_BODY_NONE:
        return FETCH_ANSWER_END;
    case HTTP1_BODY_LENGTH:
        return next_of_length(a, in, ret_piece);
    case HTTP1_BODY_CHUNKED:
        return next_of_chunked(a, in, ret_piece);
    case HTTP1_BODY_UNTIL_CLOSE:
        return next_piece(in, UINT64_MAX, ret_piece);
    }
    abort();
}

bool fetch_answer_is_ended_by_close(const struct fetch_answer *a)
{
    return a->head.is_done && a->head.response.body == HTTP1_BODY_UNTIL_CLOSE;
}
