/* accept.h -- how much does a peer want this form of an answer? (RFC 9110 12.4.2, 12.5) */
#pragma once

#include "base/str.h"

/* The weight, 0 to 1, that an Accept or Accept-Encoding field gives to exactly `name`; -1 when it
 * does not name it, or not in a well-formed way. 0 is a refusal. */
double accept_weight(struct str field, const char *name);
