/* sim_gemini.h -- how does Gemini spell a chat? (models/{model}:generateContent and
 * :streamGenerateContent) */
#pragma once

#include "sim_dialect.h"

extern const struct sim_dialect sim_gemini;

/* The model in "…/models/{model}:verb", percent-decoded, in `a`. */
struct str sim_gemini_model(struct arena *a, const struct sim_http_request *request);
