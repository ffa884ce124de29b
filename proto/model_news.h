/* model_news.h -- what becomes of a model that is to be fetched to a machine? Told by its
 * health-worker when it is asked for and when that is over, so that it is audited.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum model_news_kind {
    MODEL_NEWS_ASKED,
    MODEL_NEWS_PULLED,
    MODEL_NEWS_FAILED,
    MODEL_NEWS_CANCELLED, /* by hand */
};
const char *model_news_kind_text(enum model_news_kind k);

struct model_news {
    struct str node;
    enum model_news_kind kind;
    struct str model;
    struct str source; /* a URL without its query, or the provider that fetches it */
    struct str sha256; /* that is asked for, and of what came; may be empty */
    struct str reason; /* of a failure */
    uint64_t bytes;    /* of what came */
};

MUST_USE enum buf_result model_news_encode(const struct model_news *n, struct buf *out);
MUST_USE bool model_news_decode(struct arena *a, struct str json, struct model_news *ret);
