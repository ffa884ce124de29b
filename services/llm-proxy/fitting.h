/* fitting.h -- does the conversation fit the model, and if not, who makes it fit?
 *
 * Above the high-water mark of the model's window context-service is asked, and goes on with what
 * it froze of the session. A provider that finds a request too long nonetheless is asked once more,
 * with less.
 */
#pragma once

#include "attempt.h"
#include "recall.h"
#include "settings/catalogue.h"

#include <stdbool.h>
#include <stdint.h>

struct exchange;

struct fitting {
    struct str condensed; /* messages that replace the caller's; empty: none */
    uint64_t tokens_before, tokens_after;
    uint64_t call;              /* correlation id while context-service is asked; 0: it is not */
    struct str session;         /* where what was left out is kept; empty: nothing was */
    uint64_t epoch;             /* 0: of none */
    bool has_tried_less;        /* a provider found it too long, and it was made shorter for it */
    bool is_less;               /* … just now: */
    struct attempt_end refusal; /* what the provider said */
    struct recall recall;
};

/* Is it so close to what the model takes that an estimate may err about it? */
bool fitting_is_close(const struct exchange *x, const struct settings_model *m);

/* Ask context-service when the request is over the model's high-water mark. True: its answer leads
 * on to exchange_route() or exchange_refuse(). False: nothing needs doing, or nothing may be done.
 */
bool fitting_start(struct exchange *x, const struct settings_model *m);

/* The provider says that it is too long. True: it is being made shorter, for the same target; what
 * the provider said is the answer if that comes to nothing. */
bool fitting_start_less(struct exchange *x, const struct attempt_end *end);

/* Of the request as it is sent, condensed or not, by our count. */
uint64_t fitting_prompt_tokens(const struct exchange *x);

/* The exchange ends while its question is out. */
void fitting_cancel(struct exchange *x);
