/* vocab_json.h -- which tokens are in this tokenizer.json, and how is text cut before they apply?
 *
 * The form in which Hugging Face's tokenizers keeps an encoding. What is read: byte-pair encodings
 * of bytes whose expression is one of pretoken.h's families; all else is refused by name rather
 * than counted wrongly. Added tokens are left out: what a user writes is ordinary text.
 */
#pragma once

#include "base/arena.h"
#include "vocab_make.h"

enum vocab_json_result {
    VOCAB_JSON_OK = 0,
    VOCAB_JSON_SYNTAX,     /* no JSON, or more than `a` holds */
    VOCAB_JSON_FOREIGN,    /* no byte-pair encoding of bytes; `reterr_what` is the member */
    VOCAB_JSON_NORMALIZER, /* text is changed before it is cut, in a way not known here */
    VOCAB_JSON_PATTERN,    /* text is cut in a way not known here */
    VOCAB_JSON_TOKENS,     /* a token in `reterr_what` is not of bytes, too long, or missing */
    VOCAB_JSON_MERGES,     /* a merge makes what is no token */
};

/* `a` is scratch, and `file` is borrowed as the source's file; both must outlive *reterr_what.
 * vocab_source_done(), whatever the result. */
MUST_USE enum vocab_json_result vocab_json_read(struct arena *a, struct str file,
                                                struct vocab_source *ret, struct str *reterr_what);
const char *vocab_json_result_text(enum vocab_json_result r);
