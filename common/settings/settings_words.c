#include "settings/settings_words.h"

#include "io/log.h"
#include "settings/catalogue.h"

const struct settings_words settings_words_dialect[] = {
    {"openai", DIALECT_OPENAI},   {"anthropic", DIALECT_ANTHROPIC}, {"gemini", DIALECT_GEMINI},
    {"bedrock", DIALECT_BEDROCK}, {"ollama", DIALECT_OLLAMA},       {NULL, 0}};

const struct settings_words settings_words_variant[] = {{"auto", VARIANT_AUTO},
                                                        {"openai", VARIANT_OPENAI},
                                                        {"azure", VARIANT_AZURE},
                                                        {"groq", VARIANT_GROQ},
                                                        {"mistral", VARIANT_MISTRAL},
                                                        {"deepseek", VARIANT_DEEPSEEK},
                                                        {"openrouter", VARIANT_OPENROUTER},
                                                        {"xai", VARIANT_XAI},
                                                        {"together", VARIANT_TOGETHER},
                                                        {"vllm", VARIANT_VLLM},
                                                        {"sglang", VARIANT_SGLANG},
                                                        {"llama-server", VARIANT_LLAMA_SERVER},
                                                        {NULL, 0}};

const struct settings_words settings_words_backend[] = {
    {"cloud", BACKEND_CLOUD}, {"local", BACKEND_LOCAL}, {NULL, 0}};

const struct settings_words settings_words_strategy[] = {{"priority", STRATEGY_PRIORITY},
                                                         {"weighted", STRATEGY_WEIGHTED},
                                                         {"latency", STRATEGY_LATENCY},
                                                         {"least_busy", STRATEGY_LEAST_BUSY},
                                                         {"cost", STRATEGY_COST},
                                                         {"complexity", STRATEGY_COMPLEXITY},
                                                         {NULL, 0}};

const struct settings_words settings_words_context_mode[] = {
    {"off", CONTEXT_OFF},         {"lossless", CONTEXT_LOSSLESS},   {"mask", CONTEXT_MASK},
    {"extract", CONTEXT_EXTRACT}, {"summarize", CONTEXT_SUMMARIZE}, {NULL, 0}};

const struct settings_words settings_words_model_context_mode[] = {{"inherit", CATALOGUE_INHERIT},
                                                                   {"off", CONTEXT_OFF},
                                                                   {"lossless", CONTEXT_LOSSLESS},
                                                                   {"mask", CONTEXT_MASK},
                                                                   {"extract", CONTEXT_EXTRACT},
                                                                   {"summarize", CONTEXT_SUMMARIZE},
                                                                   {NULL, 0}};

const struct settings_words settings_words_inherit[] = {{"inherit", CATALOGUE_INHERIT}, {NULL, 0}};

const struct settings_words settings_words_bool_or_inherit[] = {
    {"inherit", CATALOGUE_INHERIT}, {"true", true}, {"false", false}, {NULL, 0}};

const struct settings_words settings_words_on_failure[] = {
    {"forward", ON_FAILURE_FORWARD}, {"refuse", ON_FAILURE_REFUSE}, {NULL, 0}};

const struct settings_words settings_words_on_disconnect[] = {{"cancel", ON_DISCONNECT_CANCEL},
                                                              {NULL, 0}};

const struct settings_words settings_words_auth[] = {{"required", true}, {"off", false}, {NULL, 0}};

const struct settings_words settings_words_metrics_on_api[] = {
    {"loopback", true}, {"off", false}, {NULL, 0}};

const struct settings_words settings_words_cache_scope[] = {
    {"key", CACHE_SCOPE_KEY}, {"team", CACHE_SCOPE_TEAM}, {NULL, 0}};

const struct settings_words settings_words_cache_when[] = {{"deterministic", CACHE_DETERMINISTIC},
                                                           {"always", CACHE_ALWAYS},
                                                           {"never", CACHE_NEVER},
                                                           {NULL, 0}};

const struct settings_words settings_words_unpriced[] = {
    {"allow", false}, {"refuse", true}, {NULL, 0}};

const struct settings_words settings_words_gpu[] = {{"auto", true}, {"off", false}, {NULL, 0}};

const struct settings_words settings_words_bool[] = {{"true", true}, {"false", false}, {NULL, 0}};

const struct settings_words settings_words_log_level[] = {{"error", LOG_LEVEL_ERROR},
                                                          {"warning", LOG_LEVEL_WARNING},
                                                          {"info", LOG_LEVEL_INFO},
                                                          {"debug", LOG_LEVEL_DEBUG},
                                                          {NULL, 0}};

const struct settings_words settings_words_log_format[] = {{"auto", LOG_FORMAT_AUTO},
                                                           {"journal", LOG_FORMAT_JOURNAL},
                                                           {"json", LOG_FORMAT_JSON},
                                                           {NULL, 0}};

const struct settings_words settings_words_threads[] = {{"auto", 0}, {NULL, 0}};

bool settings_words_find(const struct settings_words *words, struct str text, int *ret_value)
{
    for (; words && words->text; words++)
        if (str_is(text, words->text)) {
            *ret_value = words->value;
            return true;
        }
    return false;
}

const char *settings_words_text(const struct settings_words *words, int value)
{
    for (; words && words->text; words++)
        if (words->value == value)
            return words->text;
    return NULL;
}
