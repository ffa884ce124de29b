#include "provider_error.h"

#include <string.h>

enum field { CODE, TYPE, REASON, MESSAGE, N_FIELDS };
enum how { IS, BEGINS, CONTAINS };

#define MAX_DETAILS 8

/* Error texts may quote the request, so a caller could choose what they contain: what counts
 * against the credential, which all callers share, is never looked for within a message. */
struct rule {
    enum settings_dialect dialect;
    enum field field;
    enum how how;
    const char *text;
    enum provider_error means;
};

#define WINDOW     PROVIDER_ERROR_WINDOW
#define CREDENTIAL PROVIDER_ERROR_CREDENTIAL
#define CONTENT    PROVIDER_ERROR_CONTENT

static const struct rule rules[] = {
    /* OpenAI, Azure, Groq */
    {DIALECT_OPENAI, CODE, IS, "context_length_exceeded", WINDOW},
    {DIALECT_OPENAI, MESSAGE, CONTAINS, "exceeds the context window", WINDOW},
    /* OpenAI, Azure, DeepSeek, OpenRouter, vLLM */
    {DIALECT_OPENAI, MESSAGE, CONTAINS, "maximum context length is", WINDOW},
    {DIALECT_OPENAI, MESSAGE, CONTAINS, "longer than the maximum model length", WINDOW}, /* vLLM */
    {DIALECT_OPENAI, MESSAGE, CONTAINS, "longer than the model's context length", WINDOW},
    {DIALECT_OPENAI, MESSAGE, CONTAINS, "the model's maximum context length", WINDOW}, /* SGLang */
    {DIALECT_OPENAI, TYPE, IS, "exceed_context_size_error", WINDOW}, /* llama-server */
    {DIALECT_OPENAI, MESSAGE, CONTAINS, "exceeds the available context size", WINDOW},
    {DIALECT_OPENAI, MESSAGE, CONTAINS, "maximum prompt length is", WINDOW},          /* xAI */
    {DIALECT_OPENAI, MESSAGE, CONTAINS, "too large for model with", WINDOW},          /* Mistral */
    {DIALECT_OPENAI, MESSAGE, CONTAINS, "tokens + `max_new_tokens` must be", WINDOW}, /* TGI */
    {DIALECT_OPENAI, CODE, IS, "insufficient_quota", CREDENTIAL},
    {DIALECT_OPENAI, TYPE, IS, "insufficient_quota", CREDENTIAL},
    {DIALECT_OPENAI, CODE, IS, "invalid_api_key", CREDENTIAL},
    {DIALECT_OPENAI, CODE, IS, "content_filter", CONTENT}, /* Azure */
    {DIALECT_OPENAI, CODE, IS, "content_policy_violation", CONTENT},
    {DIALECT_OPENAI, CODE, IS, "moderation_blocked", CONTENT},
    {DIALECT_OPENAI, MESSAGE, CONTAINS, "requires moderation", CONTENT},       /* OpenRouter */
    {DIALECT_OPENAI, MESSAGE, CONTAINS, "violates usage guidelines", CONTENT}, /* xAI */

    {DIALECT_ANTHROPIC, MESSAGE, BEGINS, "prompt is too long", WINDOW},
    {DIALECT_ANTHROPIC, MESSAGE, BEGINS, "input length and `max_tokens` exceed context limit",
     WINDOW},
    {DIALECT_ANTHROPIC, MESSAGE, BEGINS, "Your credit balance is too low", CREDENTIAL},
    {DIALECT_ANTHROPIC, TYPE, IS, "billing_error", CREDENTIAL},
    {DIALECT_ANTHROPIC, MESSAGE, CONTAINS, "content filtering policy", CONTENT},

    {DIALECT_GEMINI, MESSAGE, CONTAINS, "input token count", WINDOW},
    {DIALECT_GEMINI, REASON, IS, "API_KEY_INVALID", CREDENTIAL},
    {DIALECT_GEMINI, MESSAGE, BEGINS, "API key not valid", CREDENTIAL},

    {DIALECT_BEDROCK, MESSAGE, CONTAINS, "Input is too long for requested model", WINDOW},
    {DIALECT_BEDROCK, MESSAGE, CONTAINS, "prompt is too long", WINDOW},
    {DIALECT_BEDROCK, MESSAGE, CONTAINS, "maximum context length is", WINDOW},
    {DIALECT_BEDROCK, MESSAGE, BEGINS, "The security token included in the request is", CREDENTIAL},

    {DIALECT_OLLAMA, MESSAGE, CONTAINS, "exceeds the context length", WINDOW},
    {DIALECT_OLLAMA, MESSAGE, CONTAINS, "exceeded max context length", WINDOW},
};

/* Google names the reason in one of the details. */
static struct str reason_of(const struct json_value *error, struct arena *a)
{
    const struct json_value *details = json_get(error, "details");
    unsigned n = 0;

    if (!json_is(details, JSON_ARRAY))
        return STR_EMPTY;
    for (const struct json_value *d = details->child; d && n < MAX_DETAILS; d = d->next, n++) {
        struct str reason = json_text(json_get(d, "reason"), a);
        if (reason.len > 0)
            return reason;
    }
    return STR_EMPTY;
}

/* {"error":{…}}, an array of one, {"error":"…"}, or the fields at the top. */
static void read_fields(const struct json_value *body, struct arena *a, struct str ret[N_FIELDS])
{
    if (json_is(body, JSON_ARRAY))
        body = body->child;
    const struct json_value *error = json_get(body, "error");
    const struct json_value *from = json_is(error, JSON_OBJECT) ? error : body;

    ret[CODE] = json_text(json_get(from, "code"), a);
    ret[TYPE] = json_text(json_get(from, "type"), a);
    ret[REASON] = reason_of(from, a);
    ret[MESSAGE] = json_text(json_get(from, "message"), a);
    if (json_is(error, JSON_STRING))
        ret[MESSAGE] = json_text(error, a);
}

static bool matches(const struct rule *r, struct str text)
{
    switch (r->how) {
    case IS:
        return str_is(text, r->text);
    case BEGINS:
        return str_has_prefix(text, r->text);
    case CONTAINS:
        return memmem(text.data, text.len, r->text, strlen(r->text)) != NULL;
    }
    return false;
}

struct str provider_error_message(struct arena *a, const struct json_value *body)
{
    struct str fields[N_FIELDS];

    read_fields(body, a, fields);
    return fields[MESSAGE];
}

enum provider_error provider_error_read(enum settings_dialect dialect, struct arena *a,
                                        const struct json_value *body)
{
    struct str fields[N_FIELDS];

    read_fields(body, a, fields);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (rules[i].dialect == dialect && matches(&rules[i], fields[rules[i].field]))
            return rules[i].means;
    return PROVIDER_ERROR_OTHER;
}
