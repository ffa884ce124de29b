#include "counter.h"

#include "base/json_escape.h"
#include "estimate.h"
#include "estimate_memory.h"
#include "fit.h"
#include "picture.h"
#include "tool_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* OpenAI's format, as measured by what it bills: see the sources in counting_rule.c. */
#define FUNCTION_ROLE    2 /* less */
#define FUNCTION_CALL    3
#define FUNCTIONS        9
#define AFTER_SYSTEM     4 /* less: the definitions stand in the system's message */
#define CHOICE_NONE      1
#define CHOICE_NAMED     4
#define CALL_DOUBT       4
#define MESSAGE_DOUBT    1
#define MEDIA_BYTES      1000 /* of base64 to a token: sound, documents */
#define MAX_SCRATCH      (256U << 20)
#define REMEMBERED_BYTES 128 /* of a message: shorter ones are counted as fast */
#define KEPT_BYTES       (1U << 20)
#define TOOL_DOUBT_PART  10 /* a tenth */

void counter_init(struct counter *c, const struct counting_rule *rule, struct encode *encode)
{
    *c = (struct counter){.rule = rule, .encode = encode, .limit = UINT64_MAX};
    arena_init(&c->scratch, MAX_SCRATCH);
    buf_init(&c->decoded, MAX_SCRATCH);
}

void counter_done(struct counter *c)
{
    arena_done(&c->scratch);
    buf_done(&c->decoded);
}

void counter_renew(struct counter *c, const struct counting_rule *rule)
{
    c->rule = rule;
    c->parts = 0;
    c->doubt = 0;
    c->weights.is_learnt = false;
}

static bool is_exact(const struct counter *c)
{
    return c && c->encode && c->rule->has_table;
}

static void doubt(struct counter *c, enum counter_part part, uint64_t tokens)
{
    c->parts |= 1U << part;
    c->doubt += tokens;
}

static bool is_over(const struct counter *c)
{
    return c->n > c->limit;
}

static void add_text(struct counter *c, struct str text)
{
    uint64_t n;

    if (is_over(c))
        return;
    switch (encode_count(c->encode, text, c->limit - c->n, &n)) {
    case ENCODE_OK:
        c->n += n;
        return;
    case ENCODE_ABOUT:
        c->n += n;
        doubt(c, COUNTER_OTHER, n / 4 + 1);
        return;
    case ENCODE_OVER_LIMIT:
        c->n = c->limit + 1;
        return;
    case ENCODE_TOO_LONG:
        n = estimate_text(text);
        c->n += n;
        doubt(c, COUNTER_OTHER, n / 2);
        return;
    }
}

/* What stands between the quotes, decoded. */
static struct str decode(struct counter *c, struct str inner)
{
    buf_clear(&c->decoded);
    char *room = memchr(inner.data, '\\', inner.len) ? buf_reserve(&c->decoded, inner.len) : NULL;
    if (!room)
        return inner;
    return (struct str){room, json_escape_decode(inner, room)};
}

/* A string as what it stands for; any other value as it is spelled. */
static void add_value(struct counter *c, const struct json_value *v)
{
    if (json_is(v, JSON_STRING))
        add_text(c, decode(c, (struct str){v->raw.data + 1, v->raw.len - 2}));
    else if (v && v->type != JSON_NULL)
        add_text(c, v->raw);
}

static bool is_text(const struct json_value *v, const char *text)
{
    return json_is(v, JSON_STRING) && v->raw.len == strlen(text) + 2 &&
           memcmp(v->raw.data + 1, text, v->raw.len - 2) == 0;
}

/* ---- messages ---- */

static void add_content(struct counter *c, const struct json_value *content);

static void add_media(struct counter *c, const struct json_value *part)
{
    uint64_t n = 1 + part->raw.len / MEDIA_BYTES;

    c->n += n;
    doubt(c, COUNTER_MEDIA, n);
}

/* A call, or the result of one, as a block of Anthropic's. */
static void add_block(struct counter *c, const struct json_value *part)
{
    add_value(c, json_get(part, "name"));
    add_value(c, json_get(part, "input"));
    add_content(c, json_get(part, "content"));
    c->n += FUNCTION_CALL;
    doubt(c, COUNTER_CALLS, CALL_DOUBT);
}

static void add_part(struct counter *c, const struct json_value *part)
{
    const struct json_value *type = json_get(part, "type");
    struct picture picture;

    if (!json_is(part, JSON_OBJECT)) {
        add_value(c, part);
    } else if (json_is(json_get(part, "text"), JSON_STRING)) {
        add_value(c, json_get(part, "text"));
    } else if (picture_read(part, &picture)) {
        struct picture_cost cost = picture_count(c->rule, &picture);
        c->n += cost.tokens;
        if (cost.doubt > 0)
            doubt(c, COUNTER_PICTURES, cost.doubt);
    } else if (is_text(type, "tool_use") || is_text(type, "tool_result")) {
        add_block(c, part);
    } else if (is_text(type, "refusal")) {
        add_value(c, json_get(part, "refusal"));
    } else if (is_text(type, "thinking")) {
        add_value(c, json_get(part, "thinking"));
        doubt(c, COUNTER_OTHER, part->raw.len / MEDIA_BYTES);
    } else {
        add_media(c, part);
    }
}

static void add_content(struct counter *c, const struct json_value *content)
{
    if (!json_is(content, JSON_ARRAY)) {
        add_value(c, content);
        return;
    }
    for (const struct json_value *p = content->child; p && !is_over(c); p = p->next)
        add_part(c, p);
}

static void add_call(struct counter *c, const struct json_value *function)
{
    add_value(c, json_get(function, "name"));
    add_value(c, json_get(function, "arguments"));
    c->n += FUNCTION_CALL;
}

static void add_calls(struct counter *c, const struct json_value *calls)
{
    for (const struct json_value *call = json_is(calls, JSON_ARRAY) ? calls->child : NULL; call;
         call = call->next) {
        const struct json_value *function = json_get(call, "function");
        if (!function)
            function = json_get(call, "custom");
        add_call(c, function);
        if (!json_get(function, "arguments"))
            add_value(c, json_get(function, "input"));
        doubt(c, COUNTER_CALLS, CALL_DOUBT);
    }
}

/* What the wire needs and the model never sees. */
static bool is_unseen(struct str key)
{
    return str_is(key, "id") || str_is(key, "type") || str_is(key, "tool_call_id") ||
           str_is(key, "call_id") || str_is(key, "cache_control") || str_is(key, "status") ||
           str_is(key, "annotations") || str_is(key, "audio");
}

static void add_member(struct counter *c, const struct json_value *m)
{
    if (str_is(m->key, "role")) {
        add_value(c, m);
        if (is_text(m, "function"))
            c->n -= FUNCTION_ROLE; /* of what the message added */
        if (is_text(m, "tool"))
            doubt(c, COUNTER_CALLS, CALL_DOUBT);
    } else if (str_is(m->key, "content")) {
        add_content(c, m);
    } else if (str_is(m->key, "name")) {
        add_value(c, m);
        c->n = (uint64_t)((int64_t)c->n + c->rule->per_name);
    } else if (str_is(m->key, "tool_calls")) {
        add_calls(c, m);
    } else if (str_is(m->key, "function_call")) {
        add_call(c, m);
    } else if (!is_unseen(m->key)) {
        uint64_t before = c->n;
        add_value(c, m);
        doubt(c, COUNTER_OTHER, c->n - before + 1);
    }
}

static void add_message_anew(struct counter *c, const struct json_value *message)
{
    c->n += (uint64_t)c->rule->per_message;
    if (!c->rule->is_published)
        doubt(c, COUNTER_MESSAGES, MESSAGE_DOUBT);
    if (!json_is(message, JSON_OBJECT)) {
        add_value(c, message);
        return;
    }
    for (const struct json_value *m = message->child; m && !is_over(c); m = m->next)
        if (m->type != JSON_NULL)
            add_member(c, m);
}

/* By another table, or another rule, a message has another count. */
static uint64_t domain(const struct counter *c)
{
    return (uint64_t)(uintptr_t)c->rule ^ (uint64_t)encode_identity(c->encode) << 32;
}

static void add_message(struct counter *c, const struct json_value *message)
{
    uint64_t n = c->n, doubted = c->doubt;
    unsigned parts = c->parts;
    struct counter_known known;
    struct fingerprint of;

    if (!c->memory.find || message->raw.len < REMEMBERED_BYTES) {
        add_message_anew(c, message);
        return;
    }
    if (c->memory.find(c->memory.arg, domain(c), message->raw, &of, &known)) {
        c->n += known.tokens;
        c->doubt += known.doubt;
        c->parts |= known.parts;
        return;
    }
    c->parts = 0;
    add_message_anew(c, message);
    n = c->n - n;
    doubted = c->doubt - doubted;
    known = (struct counter_known){(uint32_t)n, (uint32_t)doubted, c->parts};
    c->parts |= parts;
    if (!is_over(c) && n <= UINT32_MAX && doubted <= UINT32_MAX)
        c->memory.keep(c->memory.arg, &of, &known);
}

/* ---- tools ---- */

/* Which form the newer `tools` take, and all of them with newer models, is not known to the token.
 */
static bool is_as_billed(const struct counter *c, const struct json_value *tools)
{
    return str_is(tools->key, "functions") && c->rule->table == COUNTING_RULE_CL100K;
}

static void count_tools(struct counter *c, const struct json_value *tools)
{
    uint64_t before = c->n;
    struct buf text;
    bool is_plain = false;

    buf_init(&text, MAX_SCRATCH);
    if (tool_text_write(tools, &c->scratch, &text, &is_plain) == BUF_OK) {
        add_text(c, buf_str(&text));
        c->n += FUNCTIONS;
    } else {
        add_text(c, tools->raw);
    }
    buf_done(&text);
    if (!is_plain || !is_as_billed(c, tools))
        doubt(c, COUNTER_TOOLS, (c->n - before) / TOOL_DOUBT_PART + FUNCTIONS);
}

static bool is_system(const struct json_value *message)
{
    return is_text(json_get(message, "role"), "system");
}

/* Definitions come on a line of their own behind the system's message. */
static void add_newline(struct counter *c, const struct json_value *message)
{
    const struct json_value *content = json_get(message, "content");
    uint64_t before = c->n;
    struct str text;

    if (!json_string(content, &c->scratch, &text) || text.len == 0 ||
        text.data[text.len - 1] == '\n')
        return;
    char *longer = arena_alloc(&c->scratch, text.len + 1);
    if (!longer)
        return;
    memcpy(longer, text.data, text.len);
    longer[text.len] = '\n';
    add_text(c, (struct str){longer, text.len + 1});
    uint64_t with = c->n - before;
    c->n = before;
    add_text(c, text);
    c->n = is_over(c) ? c->n : before + with - (c->n - before);
}

static void add_tools(struct counter *c, const struct json_value *body)
{
    const struct json_value *functions = json_get(body, "functions"),
                            *tools = json_get(body, "tools");
    const struct json_value *messages = json_get(body, "messages");
    const struct json_value *m = json_is(messages, JSON_ARRAY) ? messages->child : NULL;

    if (!json_is(functions, JSON_ARRAY) || !functions->child)
        functions = NULL;
    if (!json_is(tools, JSON_ARRAY) || !tools->child)
        tools = NULL;
    if (!functions && !tools)
        return;
    if (functions)
        count_tools(c, functions);
    if (tools)
        count_tools(c, tools);
    while (m && !is_system(m))
        m = m->next;
    if (!m)
        return;
    c->n -= AFTER_SYSTEM;
    add_newline(c, m);
}

static void add_choice(struct counter *c, const struct json_value *choice)
{
    const struct json_value *name = json_get(choice, "name");

    if (!name)
        name = json_at(choice, "function.name");
    if (is_text(choice, "none")) {
        c->n += CHOICE_NONE;
    } else if (json_is(name, JSON_STRING)) {
        add_value(c, name);
        c->n += CHOICE_NAMED;
    }
}

/* ---- requests ---- */

/* A prompt or an input: text, a list of texts, tokens counted already, or messages. */
static void add_input(struct counter *c, const struct json_value *input)
{
    if (!json_is(input, JSON_ARRAY)) {
        add_value(c, input);
        return;
    }
    for (const struct json_value *e = input->child; e && !is_over(c); e = e->next) {
        if (e->type == JSON_NUMBER) {
            c->n++;
        } else if (e->type == JSON_OBJECT) {
            add_message(c, e);
            doubt(c, COUNTER_MESSAGES, MESSAGE_DOUBT);
        } else {
            add_input(c, e);
        }
    }
}

static void add_others(struct counter *c, const struct json_value *body)
{
    static const char *const names[] = {"system", "instructions", "response_format", "text"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct json_value *v = json_get(body, names[i]);
        if (!v || v->type == JSON_NULL)
            continue;
        uint64_t before = c->n;
        add_content(c, v);
        c->n += (uint64_t)c->rule->per_message;
        doubt(c, COUNTER_OTHER, i < 2 ? FUNCTION_CALL : c->n - before);
    }
}

static void add_request(struct counter *c, const struct json_value *body)
{
    static const char *const inputs[] = {"input", "prompt", "suffix"};
    const struct json_value *messages = json_get(body, "messages");

    if (json_is(messages, JSON_ARRAY)) {
        c->n += (uint64_t)c->rule->per_answer;
        for (const struct json_value *m = messages->child; m && !is_over(c); m = m->next)
            add_message(c, m);
    }
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
        add_input(c, json_get(body, inputs[i]));
    add_others(c, body);
    if (is_over(c))
        return;
    add_tools(c, body);
    add_choice(c, json_get(body, "function_call"));
    add_choice(c, json_get(body, "tool_choice"));
}

/* ---- what others call ---- */

static uint64_t end(struct counter *c)
{
    uint64_t n = c->n;

    arena_clear(&c->scratch);
    if (c->decoded.cap > KEPT_BYTES)
        buf_done(&c->decoded);
    c->n = 0;
    c->limit = UINT64_MAX;
    return n;
}

/* All features but what is in doubt by kind grow or shrink with the table's count. */
void counter_features(struct counter *c, const struct json_value *body,
                      double ret[ESTIMATE_FEATURES])
{
    double sum = 0, counted;

    (void)estimate_memory_request(&c->estimates, body, ret);
    if (!c->encode)
        return;
    for (size_t i = 0; i < ESTIMATE_TEXTS; i++)
        sum += ret[i];
    add_request(c, body);
    counted =
        (double)end(c) - ret[ESTIMATE_MESSAGES] - ret[ESTIMATE_TOOLS] - ret[ESTIMATE_PICTURES];
    if (sum < 1 || counted < sum / 4 || counted > sum * 4)
        return;
    for (size_t i = 0; i < ESTIMATE_TEXTS; i++)
        ret[i] *= counted / sum;
}

static bool is_learnt(const struct counter *c)
{
    return c && !c->rule->has_table && c->weights.is_learnt;
}

static double weigh(struct counter *c, const struct json_value *body)
{
    double features[ESTIMATE_FEATURES];

    counter_features(c, body, features);
    return fit_predict(c->weights.of, features);
}

/* What the messages of a request add to it. */
static uint64_t weigh_messages(struct counter *c, const struct json_value *messages)
{
    const struct json_value body = {.type = JSON_OBJECT, .n_children = 1, .child = messages};
    double answer = c->weights.of[ESTIMATE_MESSAGES] * (double)counter_overhead(NULL);

    return (uint64_t)ceil(fmax(weigh(c, &body) - answer, 0));
}

static const struct counter_memory nothing;

uint64_t counter_message(struct counter *c, const struct json_value *message)
{
    if (!is_exact(c)) {
        struct json_value alone = *message;
        alone.next = NULL;
        const struct json_value messages = {
            .type = JSON_ARRAY, .n_children = 1, .child = &alone, .key = {"messages", 8}};
        return is_learnt(c) ? weigh_messages(c, &messages)
                            : estimate_memory_message(c ? &c->estimates : &nothing, message);
    }
    add_message(c, message);
    return end(c);
}

uint64_t counter_overhead(const struct counter *c)
{
    static const struct json_value none = {.type = JSON_ARRAY, .key = {"messages", 8}};
    static const struct json_value body = {.type = JSON_OBJECT, .n_children = 1, .child = &none};

    return is_exact(c) ? (uint64_t)c->rule->per_answer : estimate_request(&body);
}

uint64_t counter_messages(struct counter *c, const struct json_value *messages)
{
    uint64_t n = counter_overhead(c);

    for (const struct json_value *m = messages->child; m; m = m->next)
        n += counter_message(c, m);
    return n;
}

uint64_t counter_text(struct counter *c, struct str text)
{
    if (!is_exact(c))
        return estimate_text(text);
    add_text(c, text);
    return end(c);
}

uint64_t counter_string(struct counter *c, const struct json_value *string)
{
    if (!is_exact(c))
        return estimate_text((struct str){string->raw.data + 1, string->raw.len - 2});
    add_value(c, string);
    return end(c);
}

uint64_t counter_request(struct counter *c, const struct json_value *body, uint64_t limit)
{
    double features[ESTIMATE_FEATURES];

    if (is_learnt(c))
        return (uint64_t)ceil(weigh(c, body));
    if (!is_exact(c))
        return estimate_memory_request(c ? &c->estimates : &nothing, body, features);
    c->limit = limit;
    add_request(c, body);
    return end(c);
}

static void describe_parts(const struct counter *c, char *text)
{
    static const char *const names[COUNTER_PARTS] = {
        [COUNTER_MESSAGES] = "messages", [COUNTER_TOOLS] = "tools", [COUNTER_CALLS] = "calls",
        [COUNTER_PICTURES] = "pictures", [COUNTER_MEDIA] = "media", [COUNTER_OTHER] = "other",
    };
    const char *before = "; estimated: ";
    size_t len = strlen(text);

    for (unsigned i = 0; i < COUNTER_PARTS; i++) {
        if (!(c->parts >> i & 1))
            continue;
        len += (size_t)snprintf(text + len, COUNTER_METHOD - len, "%s%s", before, names[i]);
        before = ", ";
    }
}

void counter_describe(const struct counter *c, uint64_t tokens, struct count *ret)
{
    *ret = (struct count){.tokens = tokens, .margin = ESTIMATE_MARGIN, .method = ESTIMATE_METHOD};
    if (!is_exact(c)) {
        if (c && !c->rule->has_table)
            ret->margin = c->rule->margin / 100.0;
        if (is_learnt(c)) {
            ret->margin = c->weights.margin;
            snprintf(ret->method, sizeof(ret->method), "%s", "estimate, learnt");
        }
        return;
    }
    snprintf(ret->method, sizeof(ret->method), "%s", encode_name(c->encode));
    describe_parts(c, ret->method);
    ret->exact = c->parts == 0;
    ret->margin = ret->exact || tokens == 0 ? 0 : (double)c->doubt / (double)tokens;
}
