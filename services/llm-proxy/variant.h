/* variant.h -- in what does a relative of the OpenAI API differ from it?
 *
 * One table. A request in OpenAI's own words is forwarded with as few edits as the relative needs;
 * what is written anew is written in its words, and what it has no words for is a fault. An unknown
 * relative is taken for one that has everything. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/json_edit.h"
#include "chat.h"
#include "chat_request.h"
#include "settings/catalogue.h"

#include <stdbool.h>

/* Routes beside /chat/completions. */
#define VARIANT_HAS_COMPLETIONS 1u
#define VARIANT_HAS_EMBEDDINGS  2u
#define VARIANT_HAS_RESPONSES   4u

struct variant {
    unsigned routes;             /* VARIANT_HAS_… */
    const char *max_tokens;      /* what the longest answer is called */
    const char *seed;            /* likewise */
    const char *repetition;      /* likewise; NULL: it knows neither that nor top_k nor min_p */
    bool lacks_usage_option;     /* refuses stream_options; usage comes by itself */
    bool lacks_schemas;          /* JSON, but not by a schema */
    bool lacks_user;             /* refuses `user` */
    const unsigned char *cannot; /* features, CHAT_FEATURE_NONE at the end; NULL: none */
};

const struct variant *variant_of(const struct settings_provider *p); /* NULL: an unknown one */

/* Is it asked in the caller's own API that needs these routes? */
bool variant_serves(const struct settings_provider *p, unsigned routes);

/* `path` as it is at this provider; NULL when the arena is full. */
const char *variant_path(struct arena *a, const struct settings_provider *p, const char *model,
                         const char *path);

/* The edits that its version of a forwarded request needs. */
void variant_edit(const struct variant *v, const struct chat_request *asked,
                  struct json_edit *edit);

/* What it has no words for. */
enum chat_feature variant_find_foreign(const struct variant *v, const struct chat *c);
