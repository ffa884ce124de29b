/* reception.h -- may this job be worked on, and what is counted of it afterwards? */
#pragma once

#include "base/macro.h"
#include "context_service.h"
#include "fault.h"
#include "job.h"

#include <stdbool.h>

/* FAULT_NONE: it is under way, and its `done` will follow. FAULT_OVERLOADED, FAULT_DRAINING: it is
 * not, and still the caller's. */
MUST_USE enum fault reception_admit(struct context_service *s, struct job *j);

/* The answer to the very same question, counted; NULL: it was not asked lately. */
const struct repeat_answer *reception_repeat(struct context_service *s,
                                             const struct repeat_question *q);

/* In `done`, first: true when the job is under way again, to ask a model and then with its answer.
 */
bool reception_continue(struct context_service *s, struct job *j);

/* In `done`. */
void reception_count(struct context_service *s, struct job *j);
