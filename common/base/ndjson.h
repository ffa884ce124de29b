/* ndjson.h -- where does each line of a stream of JSON lines end?
 *
 * Bytes go in as they arrive, whole lines come out; where the network cut the stream makes no
 * difference. What a line says is the caller's to parse. Memory is bounded by the ceiling given to
 * ndjson_init().
 */
#pragma once

#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>

enum ndjson_result { NDJSON_OK = 0, NDJSON_TOO_LONG, NDJSON_STOPPED };

/* `line` is valid until the callback returns, has no line ending and is not blank. Return false to
 * stop; ndjson_feed() then returns NDJSON_STOPPED. */
typedef bool (*ndjson_line_fn)(void *arg, struct str line);

struct ndjson_parser {
    ndjson_line_fn on_line;
    void *arg;
    struct buf line; /* one that the network cut */
};

void ndjson_init(struct ndjson_parser *p, size_t max_bytes, ndjson_line_fn on_line, void *arg);
void ndjson_done(struct ndjson_parser *p);

/* Any result but NDJSON_OK is final: release the parser. */
MUST_USE enum ndjson_result ndjson_feed(struct ndjson_parser *p, const char *bytes, size_t n);

/* The stream has ended: a last line without a line ending is one, too. */
MUST_USE enum ndjson_result ndjson_end(struct ndjson_parser *p);
