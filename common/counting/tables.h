/* tables.h -- which token tables are there, and who counts with them?
 *
 * A table is a file below paths.data, as `llmctl tokens import` writes it; without it, its models'
 * tokens are estimated. Shared by threads: each borrows a counter for as long as it counts.
 */
#pragma once

#include "base/macro.h"
#include "memo.h"
#include "tokens/counter.h"

#include <stdbool.h>
#include <stddef.h>

struct tables;

/* What `folder` has. */
/* Counts of so many messages are remembered. */
struct tables *tables_new(const char *folder, size_t max_remembered);
void tables_free(struct tables **t); /* no counter may be lent */

/* Names of the tables that current models need and `folder` has not, each behind a space. */
bool tables_are_missing(const struct tables *t, char *ret_names, size_t size);

struct memo_stats tables_memory(const struct tables *t);

/* Is the table of this rule's own models there? */
bool tables_can_count(const struct tables *t, const struct counting_rule *rule);

/* A counter by this rule, fresh. */
struct counter *tables_lend(struct tables *t, const struct counting_rule *rule);
void tables_take_back(struct tables *t, struct counter **c);
