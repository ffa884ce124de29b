/* pulls.h -- which models are being fetched, and which are there?
 *
 * At most PULLS_MAX_RUNNING at a time, others in line. What a stop interrupts goes on at the next
 * start; what nobody wants any more of an interrupted one is removed then.
 */
#pragma once

#include "base/json_write.h"
#include "base/metrics.h"
#include "health_store.h"
#include "io/loop.h"
#include "monitor.h"
#include "settings/settings.h"

#define PULLS_MAX_RUNNING 2
#define PULLS_MAX_LISTED  40   /* of which those that are over make room */
#define PULLS_MAX_MODELS  1000 /* in the catalogue shown; the oldest make room */

struct pulls;

struct model_news;
typedef void (*pulls_news_fn)(void *arg, struct model_news *n); /* its node is to be filled in */

struct pulls_tools { /* all borrowed for good */
    struct loop *loop;
    struct metrics_shard *shard;
    struct health_store *store;
    struct monitor *monitor; /* which asks a provider anew when it has a new model */
    pulls_news_fn on_news;   /* a model was asked for, has come, or has not */
    void *arg;
};

struct pulls *pulls_new(const struct pulls_tools *tools);
void pulls_free(struct pulls **p);

/* Borrows `s` until the next call. The first takes up what the last run left. */
void pulls_configure(struct pulls *p, const struct settings *s);

struct pulls_answer {
    int status;          /* HTTP: 200 it is there already, 202 accepted, 400, 409, 503 */
    const char *problem; /* of a refusal */
    int64_t id;          /* 0: none was begun */
};
/* `json` as in pull_request.h. */
struct pulls_answer pulls_add(struct pulls *p, struct str json);
/* False: no such download under way. */
MUST_USE bool pulls_cancel(struct pulls *p, struct str id);

void pulls_show(struct pulls *p); /* brings the metrics up to date */
/* Members "folder", "models" and "pulls", latest first, of an object already begun. */
void pulls_write(struct pulls *p, struct json_write *w);
