/* settings_words.h -- which word of the configuration file stands for which constant? */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>

struct settings_words { /* a table of them ends with a NULL text */
    const char *text;
    int value;
};

extern const struct settings_words settings_words_dialect[], settings_words_variant[],
    settings_words_backend[], settings_words_strategy[], settings_words_context_mode[],
    settings_words_on_failure[], settings_words_on_disconnect[], settings_words_auth[],
    settings_words_metrics_on_api[], settings_words_cache_scope[], settings_words_cache_when[],
    settings_words_gpu[], settings_words_bool[], settings_words_log_level[],
    settings_words_log_format[], settings_words_threads[], settings_words_unpriced[],
    settings_words_model_context_mode[], settings_words_inherit[], settings_words_bool_or_inherit[];

MUST_USE bool settings_words_find(const struct settings_words *words, struct str text,
                                  int *ret_value);
const char *settings_words_text(const struct settings_words *words, int value); /* or NULL */
