/* inquiry.h -- what does a provider answer to one question, asked with its credential?
 *
 * One request, bounded in time and bytes; its address and how it wants its key are the provider's.
 */
#pragma once

#include "io/fetch.h"
#include "settings/catalogue.h"

#include <stdbool.h>

#define INQUIRY_MAX_ANSWER (4u << 20)

struct inquiry;

struct inquiry_question {
    const struct settings_provider *provider; /* must outlive the inquiry */
    const char *credential;                   /* NULL: none is shown */
    const char *path;
    bool is_from_root; /* `path` is the server's, not below the /v1 that ends base_url */
    usec_t timeout;
};

struct inquiry_answer {
    enum fetch_result result;
    int status;      /* 0: none */
    struct str body; /* until the callback returns */
    usec_t duration;
};

typedef void (*inquiry_fn)(void *arg, const struct inquiry_answer *answer);

/* `fn` is called exactly once, and not before this returns, unless the inquiry is cancelled. With
 * the call the inquiry is gone: forget it. */
struct inquiry *inquiry_start(struct fetch_pool *fetches, struct loop *l,
                              const struct inquiry_question *q, inquiry_fn fn, void *arg);
void inquiry_cancel(struct inquiry **i); /* NULL inside is fine */
