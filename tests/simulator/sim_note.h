/* sim_note.h -- what did a request say, in words that all dialects share?
 *
 * A dialect's reader walks its own JSON and calls these in order. They write the record's
 * `understood` object and gather what the answer needs, so that a test can ask of any dialect
 * whether something was lost on the way:
 *
 *   {"model", "stream", "messages": [{"role", "parts": [{"type", …}]}], "tools", "tool_choice",
 *    "params": {…}, "format", "unknown": [names]}
 *
 * Parts: text {text}, file {media_type, bytes, sha256 | url, name}, call {id, name, arguments},
 * result {id, name, is_error, parts}, thinking {text, signature}, redacted {data}, refusal {text}.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/json_write.h"
#include "sim_chat.h"
#include "sim_http.h"

/* Where a parameter stands in the dialect's body, and what all dialects call it. */
struct sim_note_param {
    const char *path, *name;
};

struct sim_note {
    struct arena *arena;
    const struct sim_http_request *request;
    const struct json_value *root;
    const struct sim_sigv4_key *aws_key; /* NULL: signatures are not verified */
    struct sim_chat *chat;
    struct json_write w;
    char error[256];      /* why the request is refused … */
    unsigned error_kind;  /* … an enum sim_error_kind */
    bool is_user_message; /* a file of it is told back */
};

void sim_note_init(struct sim_note *n, struct arena *a, const struct sim_http_request *request,
                   struct sim_chat *chat, struct buf *out);
/* Refuse the request as invalid, unless error_kind says more; false, for `return`. */
bool sim_note_refuse(struct sim_note *n, const char *format, ...) PRINTF_LIKE(2, 3);

/* Parses the body: an object, else the request is refused. */
MUST_USE bool sim_note_body(struct sim_note *n);
/* The text of a string without its quotes, escapes and all. */
struct str sim_note_spelled(const struct json_value *string);

void sim_note_head(struct sim_note *n);
void sim_note_messages(struct sim_note *n);
void sim_note_message(struct sim_note *n, const char *role);
void sim_note_message_end(struct sim_note *n);
void sim_note_messages_end(struct sim_note *n);

void sim_note_text(struct sim_note *n, const struct json_value *text);
/* `type` is text, refusal or thinking; `more` (its signature) may be NULL. */
void sim_note_words(struct sim_note *n, const char *type, const struct json_value *text,
                    const struct json_value *more);
/* Text that carries the signature of the thoughts before it. */
void sim_note_signed_text(struct sim_note *n, const struct json_value *text,
                          const struct json_value *signature);
/* A tool's result that is no text. */
void sim_note_json(struct sim_note *n, const struct json_value *value);
void sim_note_redacted(struct sim_note *n, const struct json_value *data);
void sim_note_file(struct sim_note *n, struct str media_type, struct str base64);
void sim_note_url(struct sim_note *n, struct str media_type, const struct json_value *url);
/* "data:image/png;base64,…" is a file, anything else a URL. */
void sim_note_data_url(struct sim_note *n, const struct json_value *url);
/* `arguments` is an object, or a string that holds one; `signature` may be NULL. */
void sim_note_call(struct sim_note *n, const struct json_value *id, const struct json_value *name,
                   const struct json_value *arguments, const struct json_value *signature);
void sim_note_result(struct sim_note *n, const struct json_value *id, const struct json_value *name,
                     bool is_error);
void sim_note_result_end(struct sim_note *n);

void sim_note_tools(struct sim_note *n);
void sim_note_tool(struct sim_note *n, const struct json_value *name,
                   const struct json_value *description, const struct json_value *schema);
/* `choice` is auto, none, required or named (then `name`). */
void sim_note_tools_end(struct sim_note *n, const char *choice, const struct json_value *name);

void sim_note_stops(struct sim_note *n, const struct json_value *stops); /* a string or an array */
/* Structured output: `type` is json or schema. */
void sim_note_format(struct sim_note *n, const char *type, const struct json_value *name,
                     const struct json_value *schema);
void sim_note_params(struct sim_note *n, const struct sim_note_param *rows, size_t n_rows);
/* Members of `object` that are in none of the rows and not among `known` (ends in NULL). Returns
 * the first of them, NULL when there is none. */
const struct json_value *sim_note_unknown(struct sim_note *n, const char *const *known,
                                          const struct sim_note_param *rows, size_t n_rows);
