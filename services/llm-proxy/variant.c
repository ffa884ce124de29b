#include "variant.h"

#include <string.h>

#define ALL (VARIANT_HAS_COMPLETIONS | VARIANT_HAS_EMBEDDINGS | VARIANT_HAS_RESPONSES)

#define CANNOT(...) ((const unsigned char[]){__VA_ARGS__, CHAT_FEATURE_NONE})

/* As far as their published references tell, and for Mistral and DeepSeek their answers to fields
 * that they do not know. */
static const struct variant variants[VARIANTS] = {
    [VARIANT_AUTO] =
        {
            .routes = ALL,
            .max_tokens = "max_completion_tokens",
            .seed = "seed",
        },
    [VARIANT_OPENAI] =
        {
            .routes = ALL,
            .max_tokens = "max_completion_tokens",
            .seed = "seed",
        },
    [VARIANT_AZURE] =
        {
            .routes = ALL,
            .max_tokens = "max_completion_tokens",
            .seed = "seed",
        },
    [VARIANT_GROQ] =
        {
            .routes = VARIANT_HAS_RESPONSES,
            .max_tokens = "max_completion_tokens",
            .seed = "seed",
            .cannot = CANNOT(CHAT_FEATURE_N, CHAT_FEATURE_LOGPROBS, CHAT_FEATURE_LOGIT_BIAS,
                             CHAT_FEATURE_VERBOSITY),
        },
    [VARIANT_MISTRAL] =
        {
            .routes = VARIANT_HAS_EMBEDDINGS,
            .max_tokens = "max_tokens",
            .seed = "random_seed",
            .lacks_usage_option = true,
            .lacks_user = true,
            .cannot = CANNOT(CHAT_FEATURE_LOGPROBS, CHAT_FEATURE_LOGIT_BIAS, CHAT_FEATURE_VERBOSITY,
                             CHAT_FEATURE_SERVICE_TIER),
        },
    [VARIANT_DEEPSEEK] =
        {
            .max_tokens = "max_tokens",
            .seed = "seed",
            .lacks_schemas = true,
            .cannot = CANNOT(CHAT_FEATURE_N, CHAT_FEATURE_LOGIT_BIAS, CHAT_FEATURE_SEED,
                             CHAT_FEATURE_PARALLEL_TOOL_CALLS, CHAT_FEATURE_VERBOSITY,
                             CHAT_FEATURE_SERVICE_TIER),
        },
    [VARIANT_OPENROUTER] =
        {
            .routes = ALL,
            .max_tokens = "max_tokens",
            .seed = "seed",
            .repetition = "repetition_penalty",
        },
    [VARIANT_XAI] =
        {
            .routes = ALL,
            .max_tokens = "max_completion_tokens",
            .seed = "seed",
            .cannot = CANNOT(CHAT_FEATURE_LOGIT_BIAS, CHAT_FEATURE_VERBOSITY),
        },
    [VARIANT_TOGETHER] =
        {
            .routes = VARIANT_HAS_COMPLETIONS | VARIANT_HAS_EMBEDDINGS,
            .max_tokens = "max_tokens",
            .seed = "seed",
            .repetition = "repetition_penalty",
            .cannot =
                CANNOT(CHAT_FEATURE_LOGPROBS, CHAT_FEATURE_VERBOSITY, CHAT_FEATURE_SERVICE_TIER),
        },
    [VARIANT_VLLM] =
        {
            .routes = ALL,
            .max_tokens = "max_completion_tokens",
            .seed = "seed",
            .repetition = "repetition_penalty",
            .cannot = CANNOT(CHAT_FEATURE_VERBOSITY, CHAT_FEATURE_SERVICE_TIER),
        },
    [VARIANT_SGLANG] =
        {
            .routes = ALL,
            .max_tokens = "max_tokens",
            .seed = "seed",
            .repetition = "repetition_penalty",
            .cannot = CANNOT(CHAT_FEATURE_VERBOSITY, CHAT_FEATURE_SERVICE_TIER),
        },
    [VARIANT_LLAMA_SERVER] =
        {
            .routes = VARIANT_HAS_COMPLETIONS | VARIANT_HAS_EMBEDDINGS,
            .max_tokens = "max_tokens",
            .seed = "seed",
            .repetition = "repeat_penalty",
            .cannot = CANNOT(CHAT_FEATURE_VERBOSITY, CHAT_FEATURE_SERVICE_TIER),
        },
};

const struct variant *variant_of(const struct settings_provider *p)
{
    return &variants[p ? relatives_find(p) : VARIANT_AUTO];
}

bool variant_serves(const struct settings_provider *p, unsigned routes)
{
    if ((routes & VARIANT_HAS_RESPONSES) && relatives_has_deployments(p))
        return false; /* a later version of Azure's API has it */
    return (variant_of(p)->routes & routes) == routes;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c));
}

static enum buf_result add_escaped(struct buf *out, const char *text)
{
    enum buf_result r = BUF_OK;

    for (; *text && r == BUF_OK; text++)
        r = is_unreserved(*text) ? buf_add(out, text, 1)
                                 : buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
    return r;
}

#define MAX_PATH 4096

const char *variant_path(struct arena *a, const struct settings_provider *p, const char *model,
                         const char *path)
{
    if (!p || !relatives_has_deployments(p))
        return path;
    CLEANUP(buf_done) struct buf whole;
    buf_init(&whole, MAX_PATH);
    if (buf_add_str(&whole, STR("/deployments/")) != BUF_OK ||
        add_escaped(&whole, model) != BUF_OK ||
        buf_printf(&whole, "%s?api-version=", path) != BUF_OK ||
        add_escaped(&whole, relatives_api_version(p)) != BUF_OK)
        return NULL;
    return arena_copy(a, buf_str(&whole));
}

/* The key of a member, as if it were a value. */
static void rename_member(struct json_edit *edit, const struct json_value *member, struct str key)
{
    struct json_value spelled = {.type = JSON_STRING, .raw = member->key_raw};

    json_edit_replace(edit, &spelled, key);
}

void variant_edit(const struct variant *v, const struct chat_request *asked, struct json_edit *edit)
{
    const struct json_value *options = json_get(asked->root, "stream_options");
    const struct json_value *renamed = json_get(asked->root, "max_completion_tokens");
    const struct json_value *old = json_get(asked->root, "max_tokens");

    if (v->lacks_usage_option && options)
        json_edit_remove(edit, asked->root, options);
    if (!renamed || strcmp(v->max_tokens, "max_tokens") != 0)
        return;
    if (old)
        json_edit_remove(edit, asked->root, old);
    rename_member(edit, renamed, STR("\"max_tokens\""));
}

enum chat_feature variant_find_foreign(const struct variant *v, const struct chat *c)
{
    const bool is_asked[CHAT_FEATURES] = {
        [CHAT_FEATURE_N] = c->n > 1,
        [CHAT_FEATURE_LOGPROBS] = c->wants_logprobs,
        [CHAT_FEATURE_LOGIT_BIAS] = c->logit_bias.len > 0,
        [CHAT_FEATURE_SEED] = c->seed.len > 0,
        [CHAT_FEATURE_PARALLEL_TOOL_CALLS] = c->parallel_tool_calls == CHAT_NO,
        [CHAT_FEATURE_VERBOSITY] = c->verbosity.len > 0,
        [CHAT_FEATURE_SERVICE_TIER] = c->service_tier.len > 0,
    };

    if (c->format == CHAT_FORMAT_SCHEMA && v->lacks_schemas)
        return CHAT_FEATURE_FORMAT;
    if (!v->repetition && c->top_k.len > 0)
        return CHAT_FEATURE_TOP_K;
    if (!v->repetition && c->min_p.len > 0)
        return CHAT_FEATURE_MIN_P;
    if (!v->repetition && c->repetition_penalty.len > 0)
        return CHAT_FEATURE_REPETITION_PENALTY;
    for (const unsigned char *f = v->cannot; f && *f != CHAT_FEATURE_NONE; f++)
        if (is_asked[*f])
            return *f;
    return CHAT_FEATURE_NONE;
}
