#include "passthrough.h"

#include "answer_head.h"
#include "base/json_skim.h"
#include "base/multipart.h"
#include "exchange.h"
#include "tokens/estimate.h"
#include "worker.h"

#include <string.h>

#define API            "/v1"
#define MAX_LINE       (64u << 10) /* of an event that is looked at; a longer one only passes */
#define MAX_MODEL_NAME 256
#define MAX_TYPE       128

/* ---- the request ---- */

static enum chat_request_result invalid(struct inbound_fault *reterr, const char *param,
                                        const char *message)
{
    *reterr = (struct inbound_fault){message, param};
    return CHAT_REQUEST_INVALID;
}

/* The one field `model` of a form. */
static enum chat_request_result parse_form(struct chat_request *ret, struct str type,
                                           struct inbound_fault *reterr)
{
    struct multipart form;
    struct multipart_part part;
    enum multipart_result r = multipart_init(&form, type, ret->body);

    while (r == MULTIPART_OK && (r = multipart_next(&form, &part)) == MULTIPART_OK) {
        if (!str_is(part.name, "model"))
            continue;
        if (ret->form_model.data)
            return invalid(reterr, "model", "The form has more than one 'model'.");
        ret->form_model = part.content;
    }
    if (r != MULTIPART_END)
        return invalid(reterr, NULL, "The body is no well-formed multipart/form-data.");
    if (ret->form_model.len == 0 || ret->form_model.len > MAX_MODEL_NAME)
        return invalid(reterr, "model", "The form needs a 'model' of 1 to 256 bytes.");
    ret->model = ret->form_model;
    return CHAT_REQUEST_OK;
}

static enum chat_request_result parse_body(struct exchange *x, struct inbound_fault *reterr)
{
    struct str body = http_request_body(x->client);
    struct str type = http_request_header(x->client, "content-type");

    if (multipart_is_form(type)) {
        x->chat = (struct chat_request){.body = body, .content_type = type};
        return parse_form(&x->chat, type, reterr);
    }
    return chat_request_parse(&x->arena, body, &x->chat, &reterr->message, &reterr->param);
}

/* Only letters, digits and dashes can come behind the API's own path. */
static bool is_plain_path(struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.data[i];
        bool is_plain =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '/';
        if (!is_plain)
            return false;
    }
    return true;
}

enum chat_request_result passthrough_parse(struct exchange *x, struct inbound_fault *reterr)
{
    struct str path = http_request_path(x->client);
    enum chat_request_result r = parse_body(x, reterr);

    if (r != CHAT_REQUEST_OK)
        return r;
    if (!is_plain_path(path))
        return invalid(reterr, NULL, "There is no such route.");
    path = (struct str){path.data + strlen(API), path.len - strlen(API)};
    x->chat.path = arena_copy(&x->arena, path);
    if (!x->chat.path)
        return invalid(reterr, NULL, "The request does not fit into memory.");
    return CHAT_REQUEST_OK;
}

/* ---- an answer that is relayed as it comes ---- */

static bool is_json(struct str type)
{
    return str_has_prefix_nocase(type, "application/json");
}

bool passthrough_is_relayed(const struct exchange *x, const struct fetch *f)
{
    return x->inbound->is_opaque && !is_json(fetch_header(f, "content-type"));
}

static bool is_events(const struct fetch *f)
{
    return str_has_prefix_nocase(fetch_header(f, "content-type"), "text/event-stream");
}

static void begin(struct exchange *x, struct fetch *f)
{
    struct relay *r = &x->relay;
    struct http_header headers[ANSWER_HEAD_MAX];
    struct str type = fetch_header(f, "content-type");
    const char *copy = NULL;

    if (r->has_begun)
        return;
    if (type.len > 0 && type.len <= MAX_TYPE)
        copy = arena_copy(&x->arena, type);
    size_t n = answer_head_write(x, copy ? copy : "application/octet-stream", headers);
    http_response_begin(x->client, 200, headers, n);
    r->has_begun = r->has_forwarded = true;
    exchange_set_state(x, EXCHANGE_RELAYING);
}

static void read_usage(struct exchange *x, struct str line)
{
    struct arena *scratch = &x->worker->scratch;
    struct chat_events events;
    struct str usage;

    if (!str_has_prefix(line, "data:") ||
        !json_skim_member(str_trim((struct str){line.data + 5, line.len - 5}), "usage", &usage))
        return;
    chat_event_list_init(&events, scratch);
    x->dialect->read_answer((struct str){line.data + 5, line.len - 5}, &events);
    for (const struct chat_event *e = events.first; e; e = e->next)
        if (e->kind == CHAT_USAGE) {
            x->relay.has_usage = true;
            x->relay.usage = e->usage;
        }
    arena_clear(scratch);
}

/* Usage may stand in any event; lines that are too long to hold it pass unseen. */
static void watch(struct exchange *x, struct str bytes)
{
    struct attempt *a = &x->attempt;
    struct buf *line = &a->answer;
    struct str part;

    while (bytes.len > 0) {
        bool is_whole = memchr(bytes.data, '\n', bytes.len) != NULL;
        str_cut(&bytes, '\n', &part);
        bool fits = !a->is_line_too_long && part.len <= MAX_LINE - line->len &&
                    buf_add_str(line, part) == BUF_OK;
        a->is_line_too_long = !fits;
        a->is_between_events = false;
        if (!is_whole)
            return;
        struct str text = buf_str(line);
        if (text.len > 0 && text.data[text.len - 1] == '\r')
            text.len--;
        a->is_between_events = fits && text.len == 0;
        if (fits)
            read_usage(x, text);
        a->is_line_too_long = false;
        buf_clear(line);
    }
}

void passthrough_relay(struct exchange *x, struct fetch *f, struct str bytes)
{
    struct relay *r = &x->relay;

    begin(x, f);
    r->has_content = true;
    r->last_token_at = loop_now(x->worker->loop);
    if (r->first_token_at == 0)
        r->first_token_at = r->last_token_at;
    if (is_events(f))
        watch(x, bytes);
    http_response_write(x->client, bytes);
    if (http_response_is_full(x->client))
        fetch_pause(f);
}

void passthrough_end(struct exchange *x, struct fetch *f)
{
    begin(x, f);
    attempt_succeed(x);
    exchange_succeed(x);
}

void passthrough_fail(struct exchange *x, struct str error_json)
{
    if (x->attempt.is_between_events) {
        http_response_write(x->client, STR("event: error\ndata: "));
        http_response_write(x->client, error_json);
        http_response_write(x->client, STR("\n\n"));
    }
    http_response_abort(TAKE(x->client));
}
