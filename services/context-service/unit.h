/* unit.h -- of which pieces can a choice be made? Lines of what tools said, short messages whole,
 * sentences of long ones.
 *
 * Units lie in the order of the conversation. Together they are all of its texts but blank lines.
 */
#pragma once

#include "conversation.h"
#include "marker.h"
#include "piece.h"
#include "term.h"

/* What must be kept first is least. */
enum unit_class {
    UNIT_DEMAND,   /* what the user asks to be done, or not */
    UNIT_DECISION, /* what the assistant settled on */
    UNIT_ERROR,    /* what a tool said went wrong */
    UNIT_NAMED,    /* what the question names */
    UNIT_ASKED,    /* what answers to the question best */
    UNIT_SAID,     /* what else the user said, and the assistant with a value */
    UNIT_REST,
};

enum unit_speaker { UNIT_USER, UNIT_ASSISTANT, UNIT_TOOL };

struct unit {
    struct str text; /* decoded */
    uint32_t source;
    uint32_t first_term, n_terms;
    uint32_t lines;
    uint64_t tokens; /* about */
    float named;     /* by the question, 0 to 1 */
    float relevance; /* to the question; the best unit has 1 */
    float score;     /* relevance and what needs no question */
    uint8_t class;
    uint8_t flags;  /* enum lexicon_flag, of all its words */
    bool has_digit; /* in a word */
    bool is_whole;  /* all that its source says */
    bool is_repeat; /* a later one says the same */
    bool is_kept;
};

/* A text that units were cut from. */
struct unit_source {
    struct str text;     /* decoded */
    struct str original; /* the same before anything was left out; once it has a key */
    char key[MARKER_KEY_SIZE];
    const struct json_value *json; /* where it stands */
    const struct json_value *id;   /* of the call, or NULL */
    struct str name;               /* of the tool; empty for prose */
    size_t message, group;
    uint32_t first, n; /* units */
    uint8_t kind;      /* enum piece_kind */
    uint8_t speaker;   /* enum unit_speaker */
    bool is_error;
};

struct unit_list {
    struct arena *arena;
    struct unit *unit;
    size_t n, cap;
    struct unit_source *source;
    size_t n_sources, source_cap;
    struct term_dictionary terms;
    uint32_t *term; /* of all units, one after the other */
    size_t n_terms;
};

/* Of the groups before `end` that are neither pinned nor dropped. Lives in `a`; false at its
 * ceiling. */
MUST_USE bool unit_collect(struct unit_list *l, struct arena *a, const struct conversation *c,
                           size_t end);

/* What separates a unit from the one before it in its source: blanks and newlines. */
struct str unit_gap(const struct unit_list *l, size_t unit);
