/* tables.h -- which token tables are there, and who counts with them?
 *
 * A table is a file below paths.data, as `llmctl tokens import` writes it; without it, its models'
 * tokens are estimated. Shared by threads: each borrows a counter for as long as it counts. Rules
 * stay where they are for as long as the tables do.
 */
#pragma once

#include "base/macro.h"
#include "memo.h"
#include "tokens/counter.h"

#include <stdbool.h>
#include <stddef.h>

struct tables;

/* What `folder` has. Counts of so many messages are remembered. */
struct tables *tables_new(const char *folder, size_t max_remembered);
void tables_free(struct tables **t); /* no counter may be lent */

/* What `folder` has now. Counters that are lent go on with the tables that they began with. */
void tables_reload(struct tables *t, const char *folder);

/* Names of the tables that current models need and `folder` has not, each behind a space. */
bool tables_are_missing(struct tables *t, char *ret_names, size_t size);

struct memo_stats tables_memory(const struct tables *t);

/* Of an imported table that is for this model, else counting_rule_find(). */
const struct counting_rule *tables_rule(struct tables *t, struct str model);

bool tables_have(struct tables *t, enum counting_rule_table which);
/* Is the table of this rule's own models there? */
bool tables_can_count(struct tables *t, const struct counting_rule *rule);

/* A counter by this rule, fresh. */
struct counter *tables_lend(struct tables *t, const struct counting_rule *rule);
void tables_take_back(struct tables *t, struct counter **c);
