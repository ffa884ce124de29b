/* preflight.h -- how many tokens has the prompt, as exactly as what is decided by it needs?
 *
 * Every request is estimated as it is read. Where a limit of tokens, a budget or the model's window
 * depends on the number, it is counted by the model's table, if there is one: at once, or, when the
 * request is large, on another thread while the exchange waits.
 */
#pragma once

#include "settings/catalogue.h"
#include "tokens/counter.h"
#include "tokens/counting_rule.h"

#include <stdbool.h>

struct exchange;
struct snapshot;
struct worker;

struct preflight {
    const struct counting_rule
        *rule;          /* that chat.prompt_tokens was counted by; NULL: an estimate */
    const char *learnt; /* the provider's model whose weights were learnt; or NULL */
    struct counter_weights weights;
    double margin; /* of that count */
};

/* True: exchange_admit() follows when it is counted. */
bool preflight_start(struct exchange *x, const struct settings_model *m);

/* The relative error that the true number stays within for this provider's model. */
double preflight_margin(const struct exchange *x, const char *model);

/* How prompts for the first target of `m`, or of the model it leaves the choice to, are counted: by
 * its table, or by what was learnt of it. False: an estimate has to do. */
bool preflight_find_means(const struct worker *w, const struct snapshot *s,
                          const struct settings_model *m, const struct counting_rule **ret_rule,
                          struct counter_weights *ret_weights);
