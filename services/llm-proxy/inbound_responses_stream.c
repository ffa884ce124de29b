#include "inbound_frame.h"
#include "inbound_responses.h"

#define MAX_LOGPROBS (1u << 20)

/* How the events of an item are called. */
struct words {
    const char *part_added, *part_done; /* NULL: it has no parts */
    const char *delta, *done;
    const char *index, *text;
};

static const struct words *words_of(enum chat_event_kind kind)
{
    static const struct words text = {"response.content_part.added",
                                      "response.content_part.done",
                                      "response.output_text.delta",
                                      "response.output_text.done",
                                      "content_index",
                                      "text"},
                              refusal = {"response.content_part.added",
                                         "response.content_part.done",
                                         "response.refusal.delta",
                                         "response.refusal.done",
                                         "content_index",
                                         "refusal"},
                              thinking = {"response.reasoning_summary_part.added",
                                          "response.reasoning_summary_part.done",
                                          "response.reasoning_summary_text.delta",
                                          "response.reasoning_summary_text.done",
                                          "summary_index",
                                          "text"},
                              call = {NULL,
                                      NULL,
                                      "response.function_call_arguments.delta",
                                      "response.function_call_arguments.done",
                                      NULL,
                                      "arguments"};

    if (kind == CHAT_TEXT)
        return &text;
    if (kind == CHAT_REFUSAL)
        return &refusal;
    return kind == CHAT_THINKING ? &thinking : &call;
}

struct frame {
    struct json_write w;
    enum buf_result begun;
    struct buf *out;
};

static void begin(struct frame *f, struct inbound_stream *s, const char *type, struct buf *out)
{
    f->out = out;
    f->begun = inbound_frame_begin(type, out);
    json_write_init(&f->w, out);
    json_write_begin(&f->w, '{');
    json_write_member(&f->w, "type", type);
    json_write_member_u64(&f->w, "sequence_number", s->n_events++);
}

static enum buf_result end(struct frame *f)
{
    json_write_end(&f->w, '}');
    return inbound_frame_end(f->begun, &f->w, f->out);
}

static enum buf_result write_response(struct inbound_stream *s, const char *type, bool is_over,
                                      struct buf *out)
{
    struct frame f;

    begin(&f, s, type, out);
    json_write_key(&f.w, "response");
    inbound_responses_object_write(&f.w, s, is_over);
    return end(&f);
}

static enum buf_result write_item(struct inbound_stream *s, const char *type, uint32_t i,
                                  struct buf *out)
{
    struct frame f;

    begin(&f, s, type, out);
    json_write_member_u64(&f.w, "output_index", i);
    json_write_key(&f.w, "item");
    inbound_responses_item_write(&f.w, s, i);
    return end(&f);
}

static void begin_inside(struct frame *f, struct inbound_stream *s, const char *type, uint32_t i,
                         struct buf *out)
{
    const char *index = words_of(inbound_responses_item_at(s, i)->kind)->index;

    begin(f, s, type, out);
    inbound_responses_item_write_id(&f->w, "item_id", s, i);
    json_write_member_u64(&f->w, "output_index", i);
    if (index)
        json_write_member_u64(&f->w, index, 0);
}

static enum buf_result write_part(struct inbound_stream *s, const char *type, uint32_t i,
                                  bool is_whole, struct buf *out)
{
    struct frame f;

    begin_inside(&f, s, type, i, out);
    json_write_key(&f.w, "part");
    inbound_responses_item_write_part(&f.w, s, i, is_whole);
    return end(&f);
}

static void write_logprobs(struct json_write *w, struct str elements)
{
    json_write_key(w, "logprobs");
    json_write_begin(w, '[');
    if (elements.len > 0)
        json_write_raw(w, elements);
    json_write_end(w, ']');
}

static enum buf_result write_delta(struct inbound_stream *s, uint32_t i, struct str text,
                                   struct str logprobs, struct buf *out)
{
    enum chat_event_kind kind = inbound_responses_item_at(s, i)->kind;
    struct frame f;

    begin_inside(&f, s, words_of(kind)->delta, i, out);
    json_write_member_str(&f.w, "delta", text);
    if (kind == CHAT_TEXT)
        write_logprobs(&f.w, logprobs);
    return end(&f);
}

static enum buf_result write_done(struct inbound_stream *s, uint32_t i, struct buf *out)
{
    const struct inbound_responses_item *item = inbound_responses_item_at(s, i);
    const struct words *words = words_of(item->kind);
    struct frame f;

    begin_inside(&f, s, words->done, i, out);
    json_write_member_str(&f.w, words->text, inbound_responses_item_text(s, i));
    if (item->kind == CHAT_TEXT)
        write_logprobs(&f.w, (struct str){s->text.data + item->start, item->head});
    return end(&f);
}

static enum buf_result start(struct inbound_stream *s, struct buf *out)
{
    if (s->has_started)
        return BUF_OK;
    s->has_started = true;
    if (write_response(s, "response.created", false, out) != BUF_OK)
        return BUF_FULL;
    return write_response(s, "response.in_progress", false, out);
}

static enum buf_result close_item(struct inbound_stream *s, uint32_t i, struct buf *out)
{
    struct inbound_responses_item *item = inbound_responses_item_at(s, i);
    const struct words *words = words_of(item->kind);

    if (item->is_done)
        return BUF_OK;
    item->is_done = true;
    item->is_incomplete = s->has_finish && s->finish == CHAT_FINISH_LENGTH;
    if (item->kind != CHAT_REDACTED && write_done(s, i, out) != BUF_OK)
        return BUF_FULL;
    if (item->kind != CHAT_REDACTED && words->part_done &&
        write_part(s, words->part_done, i, true, out) != BUF_OK)
        return BUF_FULL;
    return write_item(s, "response.output_item.done", i, out);
}

/* The item whose text grows; calls stay open until the end, for their arguments may take turns. */
static enum buf_result close_text(struct inbound_stream *s, struct buf *out)
{
    if (s->open_block < 0)
        return BUF_OK;
    uint32_t i = (uint32_t)s->open_block;
    s->open_block = -1;
    return close_item(s, i, out);
}

/* `head` in up to three pieces; of reasoning the first is the provider's own id. */
static enum buf_result open_item(struct inbound_stream *s, enum chat_event_kind kind,
                                 const struct str head[3], struct buf *out)
{
    if (close_text(s, out) != BUF_OK)
        return BUF_FULL;
    int32_t added = inbound_responses_item_add(s, kind);
    if (added < 0)
        return BUF_FULL;
    uint32_t i = (uint32_t)added;
    for (size_t n = 0; n < 3; n++)
        if (inbound_responses_item_append_head(s, i, head[n]) != BUF_OK)
            return BUF_FULL;
    if (kind == CHAT_THINKING || kind == CHAT_REDACTED)
        inbound_responses_item_at(s, i)->id = head[0].len;
    if (write_item(s, "response.output_item.added", i, out) != BUF_OK)
        return BUF_FULL;
    if (kind == CHAT_TOOL_CALL || kind == CHAT_REDACTED)
        return BUF_OK;
    s->open_block = added;
    s->open_kind = kind;
    return write_part(s, words_of(kind)->part_added, i, false, out);
}

static enum buf_result add_text(struct inbound_stream *s, const struct chat_event *e,
                                struct buf *out)
{
    struct str id = e->kind == CHAT_THINKING ? e->id : STR_EMPTY;

    if (e->text.len == 0)
        return BUF_OK;
    if ((s->open_block < 0 || s->open_kind != e->kind) &&
        open_item(s, e->kind, (struct str[3]){id}, out) != BUF_OK)
        return BUF_FULL;
    uint32_t i = (uint32_t)s->open_block;
    if (inbound_responses_item_append(s, i, e->text) != BUF_OK)
        return BUF_FULL;
    return write_delta(s, i, e->text, STR_EMPTY, out);
}

/* Reasoning that nobody can read, but that the provider wants to see again. */
static enum buf_result add_opaque(struct inbound_stream *s, const struct str head[3],
                                  struct buf *out)
{
    if (open_item(s, CHAT_REDACTED, head, out) != BUF_OK)
        return BUF_FULL;
    return close_item(s, s->n_blocks - 1, out);
}

/* One with an id goes back to where it comes from as it is. */
static enum buf_result add_signature(struct inbound_stream *s, const struct chat_event *e,
                                     struct buf *out)
{
    struct str mark = e->id.len > 0 ? STR_EMPTY : STR(INBOUND_RESPONSES_THINKING);

    if (s->open_block < 0 || s->open_kind != CHAT_THINKING)
        return add_opaque(s, (struct str[3]){e->id, mark, e->text}, out);
    uint32_t i = (uint32_t)s->open_block;
    if (inbound_responses_item_append_head(s, i, mark) != BUF_OK ||
        inbound_responses_item_append_head(s, i, e->text) != BUF_OK)
        return BUF_FULL;
    return close_text(s, out);
}

static enum buf_result add_call(struct inbound_stream *s, const struct chat_event *e,
                                struct buf *out)
{
    struct str head[3] = {e->id, {"", 1}, e->name};

    if (e->tool >= CHAT_MAX_TOOLS)
        return BUF_FULL;
    if (e->signature.len > 0 &&
        add_opaque(s, (struct str[3]){STR_EMPTY, STR(INBOUND_RESPONSES_CALL), e->signature}, out) !=
            BUF_OK)
        return BUF_FULL;
    if (open_item(s, CHAT_TOOL_CALL, head, out) != BUF_OK)
        return BUF_FULL;
    s->block_of[e->tool] = (uint16_t)s->n_blocks; /* one more than its place: 0 is none */
    return BUF_OK;
}

static enum buf_result add_arguments(struct inbound_stream *s, const struct chat_event *e,
                                     struct buf *out)
{
    if (e->tool >= CHAT_MAX_TOOLS || s->block_of[e->tool] == 0 || e->text.len == 0)
        return BUF_OK;
    uint32_t i = s->block_of[e->tool] - 1u;
    if (inbound_responses_item_append(s, i, e->text) != BUF_OK)
        return BUF_FULL;
    return write_delta(s, i, e->text, STR_EMPTY, out);
}

/* Inside the brackets of `content`. */
static enum buf_result add_logprobs(struct inbound_stream *s, struct str json, struct buf *out)
{
    CLEANUP(arena_done) struct arena a;
    const struct json_value *root;
    size_t offset;

    arena_init(&a, MAX_LOGPROBS);
    if (s->open_block < 0 || s->open_kind != CHAT_TEXT ||
        json_parse(&a, json, &root, &offset) != JSON_OK)
        return BUF_OK;
    const struct json_value *content = json_get(root, "content");
    if (!json_is(content, JSON_ARRAY) || content->n_children == 0)
        return BUF_OK;
    struct str inner = {content->raw.data + 1, content->raw.len - 2};
    uint32_t i = (uint32_t)s->open_block;
    if (inbound_responses_item_at(s, i)->head > 0 &&
        inbound_responses_item_append_head(s, i, STR(",")) != BUF_OK)
        return BUF_FULL;
    if (inbound_responses_item_append_head(s, i, inner) != BUF_OK)
        return BUF_FULL;
    return write_delta(s, i, STR_EMPTY, inner, out);
}

static enum buf_result add_event(struct inbound_stream *s, const struct chat_event *e,
                                 struct buf *out)
{
    switch (e->kind) {
    case CHAT_TEXT: /* empty where only a signature came, for which there is no place */
    case CHAT_REFUSAL:
    case CHAT_THINKING:
        return e->text.len > 0 ? add_text(s, e, out) : BUF_OK;
    case CHAT_SIGNATURE:
        return add_signature(s, e, out);
    case CHAT_REDACTED:
        return add_opaque(s, (struct str[3]){e->id, STR(INBOUND_RESPONSES_REDACTED), e->text}, out);
    case CHAT_TOOL_CALL:
        return add_call(s, e, out);
    case CHAT_ARGUMENTS:
        return add_arguments(s, e, out);
    case CHAT_LOGPROBS:
        return add_logprobs(s, e->text, out);
    case CHAT_FINISH:
        s->has_finish = true;
        s->finish = e->finish;
        return BUF_OK;
    case CHAT_USAGE:
        s->has_usage = true;
        s->usage = e->usage;
        return BUF_OK;
    case CHAT_START:
    case CHAT_ERROR:
    case CHAT_DONE:
        return BUF_OK;
    }
    return BUF_OK;
}

enum buf_result inbound_responses_stream_event(struct inbound_stream *s, const struct chat_event *e,
                                               struct buf *out)
{
    if (e->choice != 0) /* nobody can ask for another here */
        return BUF_OK;
    if (start(s, out) != BUF_OK)
        return BUF_FULL;
    return add_event(s, e, out);
}

enum buf_result inbound_responses_stream_close(struct inbound_stream *s, struct buf *out)
{
    for (uint32_t i = 0; i < s->n_blocks; i++)
        if (close_item(s, i, out) != BUF_OK)
            return BUF_FULL;
    s->open_block = -1;
    return BUF_OK;
}

enum buf_result inbound_responses_stream_end(struct inbound_stream *s, bool is_translated,
                                             struct buf *out)
{
    if (!is_translated) /* the last event, which has gone, is the mark */
        return BUF_OK;
    if (start(s, out) != BUF_OK || inbound_responses_stream_close(s, out) != BUF_OK)
        return BUF_FULL;
    bool is_whole = str_is(str_from(inbound_responses_object_status(s)), "completed");
    return write_response(s, is_whole ? "response.completed" : "response.incomplete", true, out);
}
