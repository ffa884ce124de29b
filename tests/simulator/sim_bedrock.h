/* sim_bedrock.h -- how does Amazon Bedrock spell a chat? (/model/{id}/converse and
 * /converse-stream) */
#pragma once

#include "sim_dialect.h"

extern const struct sim_dialect sim_bedrock;
