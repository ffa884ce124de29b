/* conversation.h -- what is each message, whatever the dialect: who speaks, in which group, and
 * where does it hold the output of tools?
 *
 *   system   user   assistant(calls a, b)  tool(a)  tool(b)  assistant   user   …
 *   |group|  |group||--------------- group ----------------| |-group--|  |group|
 *
 * A call and its results are one group, kept or dropped as a whole. Messages are the client's own
 * bytes until a stage rewrites one.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"
#include "marker.h"
#include "tokens/counter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conversation_result { CONVERSATION_OK = 0, CONVERSATION_INVALID, CONVERSATION_TOO_BIG };

enum conversation_role { ROLE_UNKNOWN, ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL };

/* One piece of text that a tool returned; all zero before the first. */
struct conversation_output {
    const struct json_value *text;  /* a JSON string */
    const struct json_value *part;  /* the content part it stands in; NULL: the whole content */
    const struct json_value *block; /* the block whose content that is; NULL: the message */
    const struct json_value *call;  /* id of the call it answers, a JSON string; NULL: none given */
};

struct conversation_dialect {
    const char *name;
    bool takes_turns; /* user and assistant by turns */
    enum conversation_role (*role)(const struct json_value *message);
    /* what follows it belongs to it; NULL: nothing but results does */
    bool (*is_step)(const struct json_value *message);
    /* of a message whose role is ROLE_TOOL */
    bool (*next_output)(const struct json_value *message, struct conversation_output *o);
};

struct conversation_message {
    const struct json_value *original; /* as the client sent it */
    const struct json_value *json;     /* as it stands */
    enum conversation_role role;
    uint64_t tokens_before; /* of original */
    uint64_t tokens;        /* of json */
};

struct conversation_group {
    size_t first, n; /* messages */
    enum conversation_role role;
    bool is_pinned, is_dropped;
    bool is_folded; /* into the summary */
    uint64_t tokens;
};

/* A block of which something is gone. */
struct conversation_omitted {
    char key[MARKER_KEY_SIZE];
    struct str bytes;
    struct str preview; /* how it begins; empty: like `bytes` */
    uint64_t tokens;
    size_t group; /* that it stands in; SIZE_MAX: in many */
};

struct conversation {
    const struct conversation_dialect *dialect;
    struct arena *arena;
    struct counter *counter; /* NULL: estimates */
    struct str secret;       /* that own summaries are signed with; empty: none are */
    struct conversation_message *message;
    size_t n;
    struct conversation_group *group;
    size_t n_groups;
    uint64_t tokens;    /* of what is kept, as it stands */
    struct str summary; /* a message of the user's, as JSON, in place of what is folded; or empty */
    uint64_t summary_tokens;
    uint64_t filler_tokens; /* of what transcript.h puts between neighbours; in `tokens`, too */
    struct conversation_omitted *omitted;
    size_t n_omitted, omitted_cap;
    bool is_full; /* the arena's ceiling stopped a stage */
};

/* NULL when there is no such dialect. */
const struct conversation_dialect *conversation_find_dialect(struct str name);

/* Everything lives in `a`, and borrows from `messages`. */
MUST_USE enum conversation_result conversation_init(struct conversation *c, struct arena *a,
                                                    const struct conversation_dialect *dialect,
                                                    struct counter *counter,
                                                    const struct json_value *messages);

/* Do tools play a part in it, so that it is the course of a task? */
bool conversation_has_task(const struct conversation *c);

/* False at the arena's ceiling. */
MUST_USE bool conversation_omit(struct conversation *c, const struct conversation_omitted *o);

void conversation_drop(struct conversation *c, struct conversation_group *g);

/* The JSON string to stand for the text of `o`: shorter than it, or o->text->raw to keep it. */
typedef struct str (*conversation_rewrite_fn)(void *arg, const struct conversation_output *o);

/* `message`, of ROLE_TOOL, spelled anew in `a`, with what `fn` puts in place of its tool output.
 * Empty: unchanged. data NULL: the arena's ceiling. */
struct str conversation_respell(const struct conversation *c, struct arena *a,
                                const struct json_value *message, conversation_rewrite_fn fn,
                                void *arg);

/* Message `i` of `g` as `text`, JSON. False, and nothing changed, when that has as many tokens. */
bool conversation_replace(struct conversation *c, struct conversation_group *g, size_t i,
                          struct str text);

/* Offers every piece of tool output in message `i` of `g` to `fn`. False, and nothing changed nor
 * omitted, when it kept all of them or the result would have as many tokens. */
bool conversation_rewrite(struct conversation *c, struct conversation_group *g, size_t i,
                          conversation_rewrite_fn fn, void *arg);

/* Offers the messages of the groups before `end` that are neither pinned nor dropped to `fn`, the
 * oldest first, until the conversation has no more than `budget_tokens`. True if one changed. */
typedef bool (*conversation_change_fn)(struct conversation *c, struct conversation_group *g,
                                       size_t i);
bool conversation_change(struct conversation *c, size_t end, uint64_t budget_tokens,
                         conversation_change_fn fn);
