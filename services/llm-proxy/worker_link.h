/* worker_link.h -- how do local workers that health-worker runs become providers of ours, and what
 * do we tell it?
 *
 * On the control thread. Each list of workers that is heard sets the upstreams of that name to
 * ready, cold or away. A load (proto/load.h) goes back, that says which list was acted upon and how
 * many requests are under way; it also goes out with every heartbeat and when a number has changed.
 * Who waits for a cold worker has it started.
 */
#pragma once

#include "audit.h"
#include "base/macro.h"
#include "base/map.h"
#include "io/bus.h"
#include "io/loop.h"
#include "proto/model_news.h"
#include "settings/settings.h"

struct worker_link;

MUST_USE int worker_link_new(struct bus *b, struct loop *l, const struct settings *s,
                             const struct map *upstreams, struct worker_link **ret);
void worker_link_free(struct worker_link **w);

/* A list of workers (proto/workers.h), as this machine's health-worker sent it. */
void worker_link_hear(struct worker_link *w, struct str list);

/* What became of a model that it is to fetch. */
void worker_link_hear_model(const struct worker_link *w, const struct model_news *n);

/* The process ends: nobody waits for its requests any more. */
void worker_link_leave(struct worker_link *w);

/* Beginnings, ends and failures of workers are audited, and models that are fetched; NULL: not. */
void worker_link_set_audit(struct worker_link *w, struct audit *a);

/* Every worker heard of, as a JSON array. */
struct json_write;
void worker_link_write(const struct worker_link *w, struct json_write *out);

enum worker_link_result {
    WORKER_LINK_OK = 0,
    WORKER_LINK_REFUSED, /* and why */
    WORKER_LINK_SILENT,  /* health-worker did not answer */
};
typedef void (*worker_link_fn)(void *arg, enum worker_link_result result, struct str problem);

/* Ask health-worker to start, stop, drain, restart a worker. `fn` is called once, later. */
void worker_link_ask(struct worker_link *w, struct str verb, struct str name, worker_link_fn fn,
                     void *arg);
