/* health_store.h -- how is health.db read and written without holding up the loop?
 *
 * A thread owns the database and runs jobs in the order they come. Without a database (a disk that
 * is full, a damaged file), or when too many wait for a slow one, jobs run all the same, with NULL:
 * nobody waits for one in vain.
 */
#pragma once

#include "io/db.h"
#include "io/loop.h"

#include <stdbool.h>

struct health_store;

struct health_store_job {
    void (*run)(void *arg, struct db *d); /* on the thread; with NULL perhaps on the loop */
    void (*done)(void *arg);              /* on the loop, afterwards; NULL: nobody waits */
    void *arg;
};

/* Opens or makes `path`; that it cannot be is logged. -errno if there is no thread. */
MUST_USE int health_store_new(const char *path, struct loop *l, struct health_store **ret);
/* Runs what has been submitted; nobody is told any more that it is done. */
void health_store_free(struct health_store **s);

/* Before the first job, on the loop's thread; NULL: there is none. */
struct db *health_store_db(struct health_store *s);
bool health_store_is_there(const struct health_store *s);

void health_store_submit(struct health_store *s, const struct health_store_job *job);
