#include "chat_event.h"

#define MAX_TOKENS INT64_C(10000000000) /* of one answer */

bool chat_event_is_credible(const struct chat_usage *u)
{
    return u->input >= 0 && u->input <= MAX_TOKENS && u->output >= 0 && u->output <= MAX_TOKENS &&
           u->reasoning <= u->output && u->cached <= u->input &&
           u->cache_write <= u->input - u->cached;
}

void chat_event_add_usage(struct chat_usage *sum, const struct chat_usage *u)
{
    sum->input += u->input;
    sum->output += u->output;
    sum->cached += u->cached;
    sum->cache_write += u->cache_write;
    sum->reasoning += u->reasoning;
    sum->is_local = sum->is_local || u->is_local;
}

void chat_event_list_init(struct chat_events *e, struct arena *a)
{
    *e = (struct chat_events){.arena = a};
}

void chat_event_append(struct chat_events *e, struct chat_event *event)
{
    event->next = NULL;
    if (e->last)
        e->last->next = event;
    else
        e->first = event;
    e->last = event;
}

struct chat_event *chat_event_add(struct chat_events *e, enum chat_event_kind kind)
{
    static _Thread_local struct chat_event stand_in;
    struct chat_event *event = arena_alloc(e->arena, sizeof(*event));

    if (!event) {
        e->is_full = true;
        stand_in = (struct chat_event){.kind = kind};
        return &stand_in;
    }
    event->kind = kind;
    chat_event_append(e, event);
    return event;
}

struct chat_event *chat_event_add_text(struct chat_events *e, enum chat_event_kind kind,
                                       struct str text)
{
    struct chat_event *event = chat_event_add(e, kind);

    event->text = text;
    return event;
}

void chat_event_add_string(struct chat_events *e, enum chat_event_kind kind,
                           const struct json_value *string)
{
    struct str text = json_text(string, e->arena);

    if (text.len > 0)
        chat_event_add_text(e, kind, text);
}

void chat_event_add_arguments(struct chat_events *e, uint32_t tool, struct str text)
{
    if (text.len > 0)
        chat_event_add_text(e, CHAT_ARGUMENTS, text)->tool = tool;
}

static bool is_of_call(const struct chat_event *e)
{
    return e->kind == CHAT_TOOL_CALL || e->kind == CHAT_ARGUMENTS;
}

void chat_event_drop_calls(struct chat_events *e, uint32_t n)
{
    const struct chat_event *event = e->first;

    e->first = e->last = NULL;
    for (const struct chat_event *next; event; event = next) {
        struct chat_event *kept = (struct chat_event *)event; /* our own: chat_event_add() */
        next = event->next;
        if (!is_of_call(event) || event->tool < n)
            chat_event_append(e, kept);
    }
}
