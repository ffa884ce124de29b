/* sim_anthropic.h -- how does Anthropic spell a chat? (/v1/messages) */
#pragma once

#include "sim_dialect.h"

extern const struct sim_dialect sim_anthropic;
