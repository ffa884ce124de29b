#include "settings/catalogue.h"

#include "settings/settings_words.h"

const char *catalogue_dialect_text(enum settings_dialect d)
{
    return settings_words_text(settings_words_dialect, (int)d);
}

const char *catalogue_backend_text(enum settings_backend b)
{
    return settings_words_text(settings_words_backend, (int)b);
}

const char *catalogue_strategy_text(enum settings_strategy s)
{
    return settings_words_text(settings_words_strategy, (int)s);
}

const char *catalogue_context_mode_text(enum settings_context_mode m)
{
    return settings_words_text(settings_words_context_mode, (int)m);
}
