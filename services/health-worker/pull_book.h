/* pull_book.h -- what does health.db say of downloads and of the models that came of them?
 */
#pragma once

#include "health_store.h"
#include "pull_job.h"

#define PULL_BOOK_MAX_REQUEST 8192
#define PULL_BOOK_KEPT        100 /* downloads that are over */

struct pull_row {
    int64_t id;
    const char *name, *provider;
    const char *request; /* the JSON that was asked with, while there is something left to do */
    enum pull_state state;
    const char *error;
    uint64_t bytes, total, at_ms;
};

struct model_row {
    const char *name, *provider; /* empty: a file of this machine */
    const char *source;          /* without its query, which may hold a secret */
    const char *path;            /* empty: the provider keeps it */
    uint64_t bytes;
    const char *sha256;
    bool is_verified;
    uint64_t at_ms;
};

/* Copies both; `model` may be NULL. What cannot be written is logged. */
void pull_book_save(struct health_store *s, const struct pull_row *pull,
                    const struct model_row *model);

typedef void (*pull_book_pull_fn)(void *arg, const struct pull_row *row);
typedef void (*pull_book_model_fn)(void *arg, const struct model_row *row);
/* At the start, before anything is written. Oldest first; texts are borrowed for the call. */
void pull_book_load(struct health_store *s, pull_book_pull_fn on_pull, pull_book_model_fn on_model,
                    void *arg);
