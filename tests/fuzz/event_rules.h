/* event_rules.h -- what holds for the events of any answer, whatever bytes it was read from.
 *
 * A dialect's fuzz target reads its input as an answer and as a stream, cut in different ways.
 */
#pragma once

#include "base/json.h"
#include "dialect.h"

#include <stdint.h>
#include <stdlib.h>

#define EVENT_ARENA (8u << 20)

static inline void event_fold(uint64_t *hash, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        *hash = *hash * 31 + (unsigned char)s.data[i];
    *hash = *hash * 31 + 256;
}

static inline void event_must(bool holds)
{
    if (!holds)
        abort();
}

/* Calls are numbered one after the other, have an id, and whole arguments. */
static inline void event_check(const struct chat_event *e, uint32_t *next_tool)
{
    event_must(e->choice < CHAT_MAX_CHOICES);
    if (e->kind == CHAT_TOOL_CALL) {
        event_must(e->tool < CHAT_MAX_TOOLS && e->id.len > 0);
        event_must(e->tool == next_tool[e->choice]++);
    }
    if (e->kind == CHAT_ARGUMENTS) {
        struct arena a;
        const struct json_value *root;
        size_t offset;
        arena_init(&a, EVENT_ARENA);
        event_must(e->tool < CHAT_MAX_TOOLS);
        event_must(json_parse(&a, e->text, &root, &offset) == JSON_OK);
        event_must(json_is(root, JSON_OBJECT));
        arena_done(&a);
    }
    if (e->kind == CHAT_USAGE)
        event_must(e->usage.input >= 0 && e->usage.output >= 0 && e->usage.cached >= 0);
}

static inline void event_check_all(const struct chat_events *events, uint32_t *next_tool,
                                   uint64_t *hash)
{
    for (const struct chat_event *e = events->first; e; e = e->next) {
        event_check(e, next_tool);
        *hash = *hash * 31 + (unsigned)e->kind * 1000 + e->choice * 100 + e->tool;
        event_fold(hash, e->text);
        event_fold(hash, e->id);
        event_fold(hash, e->name);
        event_fold(hash, e->signature);
    }
}

static inline void event_check_answer(const struct dialect *d, struct str body)
{
    struct arena a;
    struct chat_events events;
    uint32_t next_tool[CHAT_MAX_CHOICES] = {0};
    uint64_t hash = 0;

    arena_init(&a, EVENT_ARENA);
    chat_event_list_init(&events, &a);
    if (d->read_answer(body, &events) && !events.is_full)
        event_check_all(&events, next_tool, &hash);
    (void)d->read_error(&a, body);
    arena_done(&a);
}
