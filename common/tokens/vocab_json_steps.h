/* vocab_json_steps.h -- what does a tokenizer.json do to text before merging?
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "pretoken.h"

#include <stdbool.h>

/* False: a step that is not known; `reterr_what` shows it. */
MUST_USE bool vocab_json_steps_normalizer(const struct json_value *normalizer, bool *ret_nfc,
                                          struct str *reterr_what);
MUST_USE bool vocab_json_steps_family(struct arena *a, const struct json_value *pre_tokenizer,
                                      enum pretoken_family *ret, struct str *reterr_what);
