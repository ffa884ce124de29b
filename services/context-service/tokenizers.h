/* tokenizers.h -- can the tokens of this model be counted exactly, and how many are in a text?
 *
 * A table is a file below paths.data, as vocab_build writes it; without it, its models' tokens are
 * estimated. Shared by the threads of the pool.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct tokenizers;

/* What `folder` has; one log line names what it lacks. */
struct tokenizers *tokenizers_new(const char *folder);
void tokenizers_free(struct tokenizers **t); /* no count may be under way */

/* False when there is no table for the model, or the text is beyond what it takes. */
MUST_USE bool tokenizers_count(struct tokenizers *t, struct str model, struct str text,
                               uint64_t *ret_tokens, const char **ret_method);
