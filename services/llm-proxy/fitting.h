/* fitting.h -- does the conversation fit the model, and if not, who makes it fit?
 */
#pragma once

#include "settings/catalogue.h"

#include <stdbool.h>

struct exchange;

/* Ask context-service when the request is over the model's window. True: its answer leads on to
 * exchange_route() or exchange_refuse(). False: nothing needs doing, or nothing may be done. */
bool fitting_start(struct exchange *x, const struct settings_model *m);

/* The exchange ends while its question is out. */
void fitting_cancel(struct exchange *x);
