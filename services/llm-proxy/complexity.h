/* complexity.h -- how hard is it to answer this request, from 0 to 1?
 *
 * The last message of the user is what is asked; messages before it and tools add to it, the system
 * prompt, being the same for every question, does not. The score is a sum of seven parts, each with
 * a ceiling, found in one pass over a bounded window of the text. Its centre is the kind of work
 * that the first words name (complexity_words.h), so that a short hard question is hard, and a long
 * text to be translated is not; the other parts are punctuation, lines, digits and counts, the same
 * in every language. Pure; no allocation.
 */
#pragma once

#include "base/json.h"

enum complexity_level { COMPLEXITY_LOW, COMPLEXITY_MEDIUM, COMPLEXITY_HIGH };

enum complexity_part {
    COMPLEXITY_PART_QUESTION, /* the kind of work asked for, 0 to 0.8 */
    COMPLEXITY_PART_LENGTH,
    COMPLEXITY_PART_STRUCTURE, /* clauses, lists, conditions, questions, formulas */
    COMPLEXITY_PART_CODE,
    COMPLEXITY_PART_STEPS,
    COMPLEXITY_PART_TOOLS,
    COMPLEXITY_PART_HISTORY,
    COMPLEXITY_PARTS,
};

struct complexity {
    double score; /* the sum, at most 1 */
    double parts[COMPLEXITY_PARTS];
};

/* `body` is a chat request (chat_request.h). */
struct complexity complexity_score(const struct json_value *body);

enum complexity_level complexity_cut(double score, double medium_at, double high_at);

const char *complexity_level_text(enum complexity_level level);
const char *complexity_part_text(enum complexity_part part);
