/* sim_completions.h -- how does OpenAI spell a completion of a text? (/v1/completions) */
#pragma once

#include "sim_dialect.h"

extern const struct sim_dialect sim_completions;
