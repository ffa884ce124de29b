/* chat_kit.h -- for tests of inbound APIs: a chat as a line of text a message, an answer from a
 * list of events. */
#pragma once

#include "base/buf.h"
#include "check.h"
#include "inbound.h"

#include <stdio.h>
#include <string.h>

static struct arena kit_arena;
static struct buf kit_out;
static struct inbound_fault kit_fault;

static int kit_start(void **state)
{
    (void)state;
    arena_init(&kit_arena, 64u << 20);
    buf_init(&kit_out, 64u << 20);
    return 0;
}

static int kit_end(void **state)
{
    (void)state;
    arena_done(&kit_arena);
    buf_done(&kit_out);
    return 0;
}

/* False with kit_fault set, as the proxy would refuse it. */
static inline bool kit_read(const struct inbound *api, const char *body, struct chat *ret)
{
    struct chat_request request;

    arena_clear(&kit_arena);
    kit_fault = (struct inbound_fault){NULL, NULL};
    if (chat_request_parse(&kit_arena, str_from(body), &request, &kit_fault.message,
                           &kit_fault.param) != CHAT_REQUEST_OK ||
        !api->read_request(&kit_arena, &request, &kit_fault))
        return false;
    return api->read_chat(&kit_arena, request.root, ret, &kit_fault);
}

#define KIT_ADD(...) assert_int_equal(buf_printf(&kit_out, __VA_ARGS__), BUF_OK)

static inline void kit_dump_parts(const struct chat_part *parts)
{
    static const char *const kinds[] = {"text",  "refusal", "thinking", "redacted", "image",
                                        "audio", "file",    "call",     "result"};

    for (const struct chat_part *p = parts; p; p = p->next) {
        KIT_ADD(" %s(%.*s", kinds[p->kind], STR_ARG(p->text));
        if (p->signature.len > 0)
            KIT_ADD(" signature=%.*s", STR_ARG(p->signature));
        if (p->id.len > 0)
            KIT_ADD(" id=%.*s name=%.*s", STR_ARG(p->id), STR_ARG(p->name));
        if (p->arguments.len > 0)
            KIT_ADD(" arguments=%.*s", STR_ARG(p->arguments));
        if (p->media_type.len > 0)
            KIT_ADD(" type=%.*s data=%.*s", STR_ARG(p->media_type), STR_ARG(p->data));
        if (p->url.len > 0)
            KIT_ADD(" url=%.*s", STR_ARG(p->url));
        if (p->detail.len > 0)
            KIT_ADD(" detail=%.*s", STR_ARG(p->detail));
        kit_dump_parts(p->content);
        KIT_ADD(")");
    }
}

/* The messages, a line each. */
static inline const char *kit_dump(const struct chat *c)
{
    static const char *const roles[] = {"system:", "user:", "assistant:", "tool:"};

    buf_clear(&kit_out);
    KIT_ADD("%s", "");
    for (const struct chat_message *m = c->messages; m; m = m->next) {
        KIT_ADD("%s", roles[m->role]);
        kit_dump_parts(m->parts);
        KIT_ADD("\n");
    }
    return kit_out.data;
}

#define KIT_TEXT(kind_, text_)                                                                     \
    {                                                                                              \
        .kind = kind_, .text = STR_INIT(text_)                                                     \
    }

static inline void kit_link(struct chat_event *events, size_t n)
{
    for (size_t i = 0; i < n; i++)
        events[i].next = i + 1 < n ? &events[i + 1] : NULL;
}

static inline const char *kit_answer(const struct inbound *api, const struct inbound_answer *answer,
                                     const struct chat_event *events)
{
    buf_clear(&kit_out);
    assert_int_equal(api->write_answer(answer, events, &kit_arena, &kit_out), BUF_OK);
    return kit_out.data;
}

/* As the relay does it: neither START nor DONE gets there. */
static inline const char *kit_stream(const struct inbound *api, const struct inbound_answer *answer,
                                     const struct chat_event *events)
{
    struct inbound_stream s;

    buf_clear(&kit_out);
    inbound_stream_init(&s, answer);
    for (const struct chat_event *e = events; e; e = e->next)
        if (e->kind != CHAT_START && e->kind != CHAT_DONE)
            assert_int_equal(api->write_event(&s, e, &kit_out), BUF_OK);
    assert_int_equal(api->write_end(&s, true, &kit_out), BUF_OK);
    inbound_stream_done(&s);
    return kit_out.data;
}
