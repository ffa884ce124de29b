/* provider_error.h -- what does a provider mean by its error answer?
 *
 * HTTP statuses say too little: a prompt that is too long, a key that is not valid and an account
 * without money may all be a 400, and a refusal of the content a 403. A table per dialect knows the
 * words. Pure.
 */
#pragma once

#include "base/json.h"
#include "settings/catalogue.h"

enum provider_error {
    PROVIDER_ERROR_OTHER,      /* as its status says */
    PROVIDER_ERROR_WINDOW,     /* the request is longer than the model's window */
    PROVIDER_ERROR_CREDENTIAL, /* the key is not valid, or nobody pays for it */
    PROVIDER_ERROR_CONTENT,    /* it does not want to answer this */
};

/* What a person would read of it; empty when it says nothing. Lives in `a` or in the body. */
struct str provider_error_message(struct arena *a, const struct json_value *body);

/* `body` is the parsed answer, NULL when it is no JSON; `a` is scratch. */
enum provider_error provider_error_read(enum settings_dialect dialect, struct arena *a,
                                        const struct json_value *body);
