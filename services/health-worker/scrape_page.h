/* scrape_page.h -- what does Prometheus find when each provider is a target of its own?
 *
 * So that `up` of a provider's job is true of the provider: a page of a few series while it is not
 * down, 503 when it is. The list of targets is what http_sd_configs reads.
 */
#pragma once

#include "base/str.h"

struct http_request;
struct service;

/* GET /scrape: every provider as a target, at the address under which the asker reached us. */
void scrape_page_list(struct service *s, struct http_request *r);
/* GET /scrape/{provider} */
void scrape_page_provider(struct service *s, struct http_request *r, struct str name);
