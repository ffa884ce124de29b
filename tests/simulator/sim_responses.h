/* sim_responses.h -- how does OpenAI spell a chat in its Responses API? (/v1/responses) */
#pragma once

#include "sim_dialect.h"

extern const struct sim_dialect sim_responses;
