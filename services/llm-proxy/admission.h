/* admission.h -- may this caller make this request now?
 *
 * Key, body, model; limits, ledger: in this order, and the first that says no answers. What is
 * taken here is owned by the exchange and goes back with it, so it cannot leak.
 */
#pragma once

#include "base/macro.h"
#include "io/http_server.h"
#include "refusal.h"
#include "settings/catalogue.h"

#include <stdbool.h>

struct exchange;

/* False: refused and answered. */
MUST_USE bool admission_check_key(struct exchange *x);
/* x->chat out of its body; works on the exchange alone. */
void admission_read(struct exchange *x);
/* The model that was asked for; NULL when the request was refused and answered. */
const struct settings_model *admission_check(struct exchange *x);

/* With the prompt counted, what limits grant is taken. False: refused and answered. */
MUST_USE bool admission_take(struct exchange *x);

/* Give back the slot and what is set aside of budgets: before the client has the last byte of its
 * answer, for it may ask again at once and on another thread; after its attempts are settled. */
void admission_release(struct exchange *x);

/* retry-after, for refusals that pass with time. Returns the new number of headers. */
size_t admission_add_retry_after(struct exchange *x, enum refusal refusal,
                                 struct http_header *ret_headers, size_t n);
