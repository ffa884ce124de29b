#include "recall_stream.h"

#include "recall_text.h"

#include <string.h>

#define MAX_SAID (16u << 20)

/* An event in `said`, followed by its texts; the one that may grow stands last. */
struct record {
    enum chat_event_kind kind;
    uint32_t tool;
    size_t id, name, signature, text; /* lengths */
};

void recall_stream_init(struct recall_stream *s)
{
    *s = (struct recall_stream){.last_at = 0};
    buf_init(&s->said, MAX_SAID);
}

void recall_stream_done(struct recall_stream *s)
{
    buf_done(&s->said);
}

void recall_stream_start(struct recall_stream *s, bool may_go_on)
{
    struct buf said = s->said;
    bool has_text = s->has_text;

    buf_clear(&said);
    *s = (struct recall_stream){
        .said = said, .may_go_on = may_go_on, .has_text = has_text, .is_next = has_text};
}

/* ---- what was said ---- */

static bool is_continued(const struct record *last, const struct chat_event *e)
{
    bool may_grow = e->kind == CHAT_TEXT || e->kind == CHAT_REFUSAL || e->kind == CHAT_THINKING ||
                    e->kind == CHAT_ARGUMENTS;

    return may_grow && e->kind == last->kind && e->tool == last->tool &&
           e->signature.len + last->signature == 0 && e->id.len == last->id;
}

/* False when there is no room. */
static bool extend(struct recall_stream *s, const struct chat_event *e)
{
    struct record r;

    memcpy(&r, s->said.data + s->last_at, sizeof(r));
    r.text += e->text.len;
    memcpy(s->said.data + s->last_at, &r, sizeof(r));
    return buf_add_str(&s->said, e->text) == BUF_OK;
}

static bool add(struct recall_stream *s, const struct chat_event *e)
{
    struct record r = {e->kind, e->tool, e->id.len, e->name.len, e->signature.len, e->text.len};

    s->last_at = s->said.len;
    return buf_add(&s->said, &r, sizeof(r)) == BUF_OK && buf_add_str(&s->said, e->id) == BUF_OK &&
           buf_add_str(&s->said, e->name) == BUF_OK &&
           buf_add_str(&s->said, e->signature) == BUF_OK &&
           buf_add_str(&s->said, e->text) == BUF_OK;
}

static void keep(struct recall_stream *s, const struct chat_event *e)
{
    struct record last = {.kind = CHAT_DONE};

    if (!s->may_go_on || s->is_lost)
        return;
    if (s->said.len > 0)
        memcpy(&last, s->said.data + s->last_at, sizeof(last));
    s->is_lost = !(is_continued(&last, e) ? extend(s, e) : add(s, e));
}

static struct str cut(struct str *rest, size_t len)
{
    struct str text = {rest->data, len};

    *rest = (struct str){rest->data + len, rest->len - len};
    return text;
}

void recall_stream_read(const struct recall_stream *s, struct chat_events *ret)
{
    struct str rest = buf_str(&s->said);
    struct record r;

    while (rest.len > 0) {
        memcpy(&r, cut(&rest, sizeof(r)).data, sizeof(r));
        struct chat_event *e = chat_event_add(ret, r.kind);
        e->tool = r.tool;
        e->id = cut(&rest, r.id);
        e->name = cut(&rest, r.name);
        e->signature = cut(&rest, r.signature);
        e->text = cut(&rest, r.text);
    }
    chat_event_add(ret, CHAT_FINISH)->finish = CHAT_FINISH_TOOL_CALLS;
}

/* ---- what goes on ---- */

static bool is_ours(const struct recall_stream *s, uint32_t tool)
{
    return s->ours[tool / 64] >> tool % 64 & 1;
}

/* The caller counts its own calls only. */
static uint32_t number_of(const struct recall_stream *s, uint32_t tool)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < tool; i++)
        n += !is_ours(s, i);
    return n;
}

static bool take_call(struct recall_stream *s, struct chat_event *e)
{
    if (is_ours(s, e->tool)) /* some say its name again with each piece */
        return false;
    if (!str_is(e->name, RECALL_TEXT_NAME)) {
        s->has_others = true;
        e->tool = number_of(s, e->tool);
        return true;
    }
    s->ours[e->tool / 64] |= UINT64_C(1) << e->tool % 64;
    s->n_ours++;
    keep(s, e);
    return false;
}

static bool take_arguments(struct recall_stream *s, struct chat_event *e)
{
    if (!is_ours(s, e->tool)) {
        e->tool = number_of(s, e->tool);
        return true;
    }
    keep(s, e);
    return false;
}

/* The caller's own tools come first; and a call that was cut off is none. */
static bool take_finish(struct recall_stream *s, struct chat_event *e)
{
    if (s->n_ours == 0 || s->has_others)
        return true;
    s->is_round = s->may_go_on && !s->is_lost && s->n_ours <= RECALL_TEXT_MAX_CALLS &&
                  (e->finish == CHAT_FINISH_TOOL_CALLS || e->finish == CHAT_FINISH_STOP);
    if (e->finish == CHAT_FINISH_TOOL_CALLS)
        e->finish = CHAT_FINISH_STOP;
    return !s->is_round;
}

/* What two answers say are two paragraphs. */
static void separate(struct recall_stream *s, struct chat_events *events)
{
    if (s->is_next)
        chat_event_add_text(events, CHAT_TEXT, STR("\n\n"));
    s->is_next = false;
    s->has_text = true;
}

/* True: it goes on to the caller. */
static bool take(struct recall_stream *s, struct chat_event *e)
{
    bool goes_on = true;

    switch (e->kind) {
    case CHAT_TOOL_CALL:
        goes_on = !s->is_round && take_call(s, e);
        break;
    case CHAT_ARGUMENTS:
        goes_on = !s->is_round && take_arguments(s, e);
        break;
    case CHAT_TEXT:
    case CHAT_REFUSAL:
    case CHAT_THINKING:
    case CHAT_SIGNATURE:
    case CHAT_REDACTED:
        keep(s, e);
        break;
    case CHAT_LOGPROBS: /* of the call */
        return !s->is_in_call;
    case CHAT_FINISH:
        return take_finish(s, e);
    case CHAT_USAGE: /* told with that of the last answer */
        return !s->is_round;
    case CHAT_START:
    case CHAT_ERROR:
    case CHAT_DONE:
        return true;
    }
    s->is_in_call = !goes_on;
    return goes_on;
}

void recall_stream_feed(struct recall_stream *s, struct chat_events *events)
{
    const struct chat_event *event = events->first;

    events->first = events->last = NULL;
    for (const struct chat_event *next; event; event = next) {
        struct chat_event *e = (struct chat_event *)event; /* our own: chat_event_add() */
        next = event->next;
        if (e->choice == 0 && !take(s, e))
            continue;
        if (e->kind == CHAT_TEXT && e->text.len > 0)
            separate(s, events);
        chat_event_append(events, e);
    }
}
