/* sim_openai.h -- how do OpenAI and its relatives spell a chat? (/v1/chat/completions) */
#pragma once

#include "sim_dialect.h"

extern const struct sim_dialect sim_openai;

/* Errors have one shape in all of OpenAI's routes. */
extern const struct sim_error_words sim_openai_errors[SIM_ERROR_KINDS];
void sim_openai_write_error(const struct sim_error *e, struct buf *json);
