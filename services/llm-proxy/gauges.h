/* gauges.h -- which numbers are read off the process's state instead of being counted?
 *
 * Refreshed by the control thread every second and before each scrape of its own.
 */
#pragma once

struct gauges;
struct proxy;

struct gauges *gauges_new(struct proxy *p);
void gauges_free(struct gauges **g);
void gauges_refresh(struct gauges *g);
