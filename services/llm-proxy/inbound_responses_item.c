#include "inbound_responses.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_ITEMS 1024

struct inbound_responses_item *inbound_responses_item_at(const struct inbound_stream *s, uint32_t i)
{
    assert(i < s->n_blocks);
    return (struct inbound_responses_item *)(void *)s->items.data + i;
}

int32_t inbound_responses_item_add(struct inbound_stream *s, enum chat_event_kind kind)
{
    struct inbound_responses_item item = {.kind = kind, .start = s->text.len};

    if (s->n_blocks >= MAX_ITEMS || buf_add(&s->items, &item, sizeof(item)) != BUF_OK)
        return -1;
    return (int32_t)s->n_blocks++;
}

/* Items that came later move on: only calls whose arguments arrive in turns need it. */
static enum buf_result insert(struct inbound_stream *s, uint32_t i, size_t at, struct str text)
{
    size_t behind = s->text.len - at;

    if (text.len == 0)
        return BUF_OK;
    if (!buf_reserve(&s->text, text.len))
        return BUF_FULL;
    memmove(s->text.data + at + text.len, s->text.data + at, behind);
    memcpy(s->text.data + at, text.data, text.len);
    buf_commit(&s->text, text.len);
    inbound_responses_item_at(s, i)->len += text.len;
    for (uint32_t later = i + 1; later < s->n_blocks; later++)
        inbound_responses_item_at(s, later)->start += text.len;
    return BUF_OK;
}

enum buf_result inbound_responses_item_append(struct inbound_stream *s, uint32_t i, struct str text)
{
    const struct inbound_responses_item *item = inbound_responses_item_at(s, i);

    return insert(s, i, item->start + item->len, text);
}

enum buf_result inbound_responses_item_append_head(struct inbound_stream *s, uint32_t i,
                                                   struct str text)
{
    struct inbound_responses_item *item = inbound_responses_item_at(s, i);

    if (insert(s, i, item->start + item->head, text) != BUF_OK)
        return BUF_FULL;
    item->head += text.len;
    return BUF_OK;
}

static struct str head_of(const struct inbound_stream *s, uint32_t i)
{
    const struct inbound_responses_item *item = inbound_responses_item_at(s, i);

    return (struct str){s->text.data + item->start + item->id, item->head - item->id};
}

struct str inbound_responses_item_text(const struct inbound_stream *s, uint32_t i)
{
    const struct inbound_responses_item *item = inbound_responses_item_at(s, i);

    if (item->len == item->head)
        return STR_EMPTY;
    return (struct str){s->text.data + item->start + item->head, item->len - item->head};
}

static const char *id_prefix(enum chat_event_kind kind)
{
    if (kind == CHAT_TOOL_CALL)
        return "fc";
    return kind == CHAT_TEXT || kind == CHAT_REFUSAL ? "msg" : "rs";
}

void inbound_responses_item_write_id(struct json_write *w, const char *key,
                                     const struct inbound_stream *s, uint32_t i)
{
    const struct inbound_responses_item *item = inbound_responses_item_at(s, i);
    const char *id = s->answer.id;
    char text[128];

    if (item->id > 0) {
        json_write_member_str(w, key, (struct str){s->text.data + item->start, item->id});
        return;
    }
    if (strncmp(id, "req_", 4) == 0)
        id += 4;
    snprintf(text, sizeof(text), "%s_%s_%" PRIu32, id_prefix(item->kind), id, i);
    json_write_member(w, key, text);
}

static void write_list(struct json_write *w, const char *key, struct str elements)
{
    json_write_key(w, key);
    json_write_begin(w, '[');
    if (elements.len > 0)
        json_write_raw(w, elements);
    json_write_end(w, ']');
}

void inbound_responses_item_write_part(struct json_write *w, const struct inbound_stream *s,
                                       uint32_t i, bool is_whole)
{
    const struct inbound_responses_item *item = inbound_responses_item_at(s, i);
    struct str text = is_whole ? inbound_responses_item_text(s, i) : STR_EMPTY;

    json_write_begin(w, '{');
    if (item->kind == CHAT_TEXT) {
        json_write_member(w, "type", "output_text");
        write_list(w, "annotations", STR_EMPTY);
        write_list(w, "logprobs", is_whole ? head_of(s, i) : STR_EMPTY);
        json_write_member_str(w, "text", text);
    } else if (item->kind == CHAT_REFUSAL) {
        json_write_member(w, "type", "refusal");
        json_write_member_str(w, "refusal", text);
    } else {
        json_write_member(w, "type", "summary_text");
        json_write_member_str(w, "text", text);
    }
    json_write_end(w, '}');
}

static void write_parts(struct json_write *w, const char *key, const struct inbound_stream *s,
                        uint32_t i)
{
    const struct inbound_responses_item *item = inbound_responses_item_at(s, i);

    json_write_key(w, key);
    json_write_begin(w, '[');
    if (item->is_done && item->kind != CHAT_REDACTED)
        inbound_responses_item_write_part(w, s, i, true);
    json_write_end(w, ']');
}

static const char *status_of(const struct inbound_responses_item *item)
{
    if (!item->is_done)
        return "in_progress";
    return item->is_incomplete ? "incomplete" : "completed";
}

static void write_call(struct json_write *w, const struct inbound_stream *s, uint32_t i)
{
    const struct inbound_responses_item *item = inbound_responses_item_at(s, i);
    struct str name = head_of(s, i), id;

    str_cut(&name, '\0', &id);
    json_write_member_str(w, "call_id", id);
    json_write_member_str(w, "name", name);
    json_write_member_str(w, "arguments",
                          item->is_done ? inbound_responses_item_text(s, i) : STR_EMPTY);
    json_write_member(w, "status", status_of(item));
}

void inbound_responses_item_write(struct json_write *w, const struct inbound_stream *s, uint32_t i)
{
    const struct inbound_responses_item *item = inbound_responses_item_at(s, i);

    json_write_begin(w, '{');
    inbound_responses_item_write_id(w, "id", s, i);
    if (item->kind == CHAT_TOOL_CALL) {
        json_write_member(w, "type", "function_call");
        write_call(w, s, i);
    } else if (item->kind == CHAT_TEXT || item->kind == CHAT_REFUSAL) {
        json_write_member(w, "type", "message");
        json_write_member(w, "role", "assistant");
        json_write_member(w, "status", status_of(item));
        write_parts(w, "content", s, i);
    } else {
        json_write_member(w, "type", "reasoning");
        write_parts(w, "summary", s, i);
        if (item->head > item->id)
            json_write_member_str(w, "encrypted_content", head_of(s, i));
    }
    json_write_end(w, '}');
}
