/* sim_responses_read.h -- what does a request to /v1/responses ask? */
#pragma once

#include "sim_note.h"

bool sim_responses_read(struct sim_note *n);
