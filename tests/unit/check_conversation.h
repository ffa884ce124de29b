/* check_conversation.h -- is what condensing made of a conversation of made_conversation.h one that
 * a provider takes? */
#pragma once

#include "read_conversation.h"

#define SUMMARY  "[Earlier conversation, condensed: "
#define ELLIPSIS "\xe2\x80\xa6"

static inline unsigned occurrences(struct str text, const char *what)
{
    const char *end = text.data + text.len;
    unsigned n = 0;

    for (const char *at = text.data;
         (at = memmem(at, (size_t)(end - at), what, strlen(what))) != NULL; at++)
        n++;
    return n;
}

/* Messages stay in order, only what tools returned is ever another text, and what is invented says
 * so. */
static inline void check_messages(const struct reader *in, const struct reader *out)
{
    unsigned next = 0, summaries = 0;

    for (unsigned i = 0; i < out->n; i++) {
        const struct json_value *m = out->message[i];
        if (is_made(m)) {
            struct str content = json_get(m, "content")->raw;
            bool is_summary = str_has_prefix(content, "\"" SUMMARY);
            CHECK(is_summary || str_is(content, "\"" ELLIPSIS "\""));
            summaries += is_summary;
            continue;
        }
        unsigned n = number_of(m);
        CHECK(n >= next && n < in->n);
        next = n + 1;
        if (same(in->message[n], m))
            continue;
        CHECK(has_results(in->message[n]));
        CHECK(m->raw.len < in->message[n]->raw.len);
        static const char *const kept[] = {"cache_control", "tool_use_id", "tool_call_id",
                                           "\"is_error\":true"};
        for (unsigned k = 0; k < sizeof(kept) / sizeof(kept[0]); k++)
            CHECK(occurrences(m->raw, kept[k]) == occurrences(in->message[n]->raw, kept[k]));
        CHECK(!holds(m->raw, "\"content\":\"\"") && !holds(m->raw, "\"text\":\"\""));
    }
    CHECK(summaries <= 1);
}

/* Ids of calls, and of the results that follow at once: the same, none twice, in order. */
static inline unsigned read_ids(const struct json_value *list, const char *key, struct str *ids,
                                unsigned n)
{
    for (const struct json_value *v = json_is(list, JSON_ARRAY) ? list->child : NULL; v;
         v = v->next)
        if (json_get(v, key)) {
            CHECK(n < 16);
            ids[n++] = json_get(v, key)->raw;
        }
    return n;
}

static inline void check_calls(const struct reader *out)
{
    struct str call[16], result[16];

    for (unsigned i = 0; i < out->n; i++) {
        const struct json_value *m = out->message[i];
        unsigned calls = read_ids(json_get(m, "tool_calls"), "id", call, 0), results = 0;
        calls = read_ids(json_get(m, "content"), "id", call, calls);
        unsigned last = i;
        while (last + 1 < out->n && has_results(out->message[last + 1])) {
            m = out->message[++last];
            if (role_is(m, "tool"))
                result[results++] = json_get(m, "tool_call_id")->raw;
            else
                results = read_ids(json_get(m, "content"), "tool_use_id", result, results);
        }
        CHECK(calls == results);
        for (unsigned k = 0; k < calls; k++)
            CHECK(str_equal(call[k], result[k]));
        i = last;
    }
}

/* In what was legal the user speaks first, calls have their results and, where the dialect wants
 * it, speakers take turns. */
static inline void check_legal(const struct reader *out, bool is_anthropic)
{
    unsigned first = 0;

    while (first < out->n && is_system(out->message[first]))
        first++;
    CHECK(first < out->n && role_is(out->message[first], "user"));
    CHECK(!has_results(out->message[first]));
    check_calls(out);
    for (unsigned i = first + 1; is_anthropic && i < out->n; i++)
        CHECK(role_is(out->message[i], "user") != role_is(out->message[i - 1], "user"));
}
