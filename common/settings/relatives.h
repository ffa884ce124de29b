/* relatives.h -- which relative of the OpenAI API does a provider speak?
 */
#pragma once

#include <stdbool.h>

struct settings_provider;

enum settings_variant {
    VARIANT_AUTO, /* by the host of base_url; of an unknown host nothing is assumed */
    VARIANT_OPENAI,
    VARIANT_AZURE,
    VARIANT_GROQ,
    VARIANT_MISTRAL,
    VARIANT_DEEPSEEK,
    VARIANT_OPENROUTER,
    VARIANT_XAI,
    VARIANT_TOGETHER,
    VARIANT_VLLM,
    VARIANT_SGLANG,
    VARIANT_LLAMA_SERVER,
    VARIANTS,
};

/* VARIANT_AUTO: an unknown one, or another dialect. */
enum settings_variant relatives_find(const struct settings_provider *p);

/* Azure with a path for each deployment and an api-version, as any base_url has it that does not
 * end in /v1; else OpenAI's own paths. */
bool relatives_has_deployments(const struct settings_provider *p);
const char *relatives_api_version(const struct settings_provider *p);
