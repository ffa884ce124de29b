/* bills.h -- what do providers bill for prompts, and what has been learnt of it?
 *
 * For models without a table: of some of this thread's requests, their features and what was billed
 * are gathered for a second and sent to context-service, which answers with the weights by which
 * the next are estimated.
 */
#pragma once

#include "context_client.h"
#include "io/loop.h"
#include "tokens/counter.h"

#include <stdbool.h>

struct bills;
struct exchange;

struct bills *bills_new(struct loop *l, struct context_client *client); /* borrows it */
void bills_free(struct bills **b);

/* The attempt was answered, and the provider told its usage. */
void bills_add(struct bills *b, const struct exchange *x);

/* Of the provider's model; false: nothing is known. */
bool bills_find(const struct bills *b, const char *model, struct counter_weights *ret);
