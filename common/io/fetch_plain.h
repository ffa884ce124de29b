/* fetch_plain.h -- how is a fetch carried over plain HTTP/1.1, at the least cost?
 *
 * Internal to the fetch files. One request at a time per connection, straight on the loop: one
 * gathered write, one read event that stays, nothing copied but heads.
 */
#pragma once

#include "io/fetch_transfer.h"

MUST_USE int fetch_plain_new(struct fetch_pool *p, struct fetch_plain **ret);
void fetch_plain_free(struct fetch_plain **c); /* every fetch must be over */

/* A fetch to be begun, and then started. */
struct fetch *fetch_plain_take(struct fetch_plain *c);
void fetch_plain_start(struct fetch *f, const struct fetch_request *request);
