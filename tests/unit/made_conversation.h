/* made_conversation.h -- conversations of both dialects from a seed, legal or not. Each message
 * carries its number in a member nobody knows. */
#pragma once

#include "made_words.h"

static inline void say(struct maker *m, const char *role, unsigned max_words)
{
    open_message(m, role);
    put(m, "\"content\":");
    if (pick(m, 4)) {
        put_text(m, max_words);
    } else {
        put(m, "[{\"type\":\"text\",\"text\":");
        put_text(m, max_words);
        put(m, pick(m, 2) ? "}]" : ",\"cache_control\":{\"type\":\"ephemeral\"}}]");
    }
    put(m, "}");
}

static inline void give_result(struct maker *m, unsigned call)
{
    open_message(m, m->is_anthropic ? "user" : "tool");
    if (m->is_anthropic)
        PUT_NUMBER(m,
                   "\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"call_%u\","
                   "\"content\":",
                   call);
    else
        PUT_NUMBER(m, "\"tool_call_id\":\"call_%u\",\"content\":", call);
    put_content(m);
    put(m, m->is_anthropic ? "}]}" : "}");
}

static inline void give_results_together(struct maker *m, unsigned first, unsigned n)
{
    open_message(m, "user");
    put(m, "\"content\":[");
    for (unsigned i = 0; i < n; i++) {
        PUT_NUMBER(m,
                   i ? ",{\"type\":\"tool_result\",\"tool_use_id\":\"call_%u\""
                     : "{\"type\":\"tool_result\",\"tool_use_id\":\"call_%u\"",
                   first + i);
        put(m, pick(m, 3) ? ",\"content\":" : ",\"is_error\":true,\"content\":");
        put_content(m);
        put(m, "}");
    }
    if (pick(m, 4) == 0) {
        put(m, ",{\"type\":\"text\",\"text\":");
        put_text(m, 10);
        put(m, "}");
    }
    put(m, "]}");
}

static inline void call_tools(struct maker *m)
{
    unsigned first = m->calls, n = 1 + pick(m, 3);

    m->calls += n;
    open_message(m, "assistant");
    put(m, m->is_anthropic ? "\"content\":[" : "\"content\":null,\"tool_calls\":[");
    if (m->is_anthropic && pick(m, 2))
        PUT_NUMBER(m,
                   "{\"type\":\"thinking\",\"thinking\":\"so %u\",\"signature\":\"c2lnbmVk\"},"
                   "{\"type\":\"redacted_thinking\",\"data\":\"c2VjcmV0\"},",
                   first);
    for (unsigned i = 0; i < n; i++) {
        put(m, i ? "," : "");
        PUT_NUMBER(m,
                   m->is_anthropic
                       ? "{\"type\":\"tool_use\",\"name\":\"f\",\"input\":{\"a\": 1},\"id\":"
                         "\"call_%u\"}"
                       : "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
                         "\"{\\\"a\\\": 1}\"},\"id\":\"call_%u\"}",
                   first + i);
    }
    put(m, "]}");
    if (m->is_anthropic)
        give_results_together(m, first, n);
    for (unsigned i = 0; !m->is_anthropic && i < n; i++)
        give_result(m, first + i);
}

static inline void take_turn(struct maker *m)
{
    say(m, "user", 30);
    for (unsigned rounds = pick(m, 5); rounds > 0; rounds--)
        call_tools(m);
    if (!m->is_anthropic && pick(m, 20) == 0)
        say(m, "developer", 4);
    if (m->is_anthropic || pick(m, 10))
        say(m, "assistant", 30);
}

static inline void make_mess(struct maker *m)
{
    static const char *const roles[] = {"system", "user", "assistant"};

    for (unsigned n = 1 + pick(m, 30); n > 0; n--) {
        if (pick(m, 3) == 0)
            give_result(m, pick(m, 8));
        else
            say(m, roles[pick(m, 3)], 20);
    }
}

static inline void make_conversation(struct maker *m, uint64_t seed)
{
    *m = (struct maker){.seed = seed * 2654435761u + 1};
    m->is_anthropic = pick(m, 2);
    m->is_messy = pick(m, 8) == 0;
    buf_init(&m->text, 4 << 20);
    if (m->is_messy) {
        make_mess(m);
    } else {
        for (unsigned n = m->is_anthropic ? 0 : pick(m, 3); n > 0; n--)
            say(m, n == 1 ? "system" : "developer", 20);
        for (unsigned n = 1 + pick(m, 6); n > 0; n--)
            take_turn(m);
        if (m->is_anthropic || pick(m, 3))
            say(m, "user", 30);
    }
    put(m, "]");
}
