/* count_task.h -- how are the tokens of a large request counted without stalling the loop?
 *
 * On a thread of the worker's own, made when it is first needed; the request's bytes are copied, so
 * that whoever asked may leave at any time. What waits is bounded.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"
#include "tokens/counter.h"

#include <stdbool.h>

#define COUNT_TASK_FROM (32U << 10) /* bytes of a request: shorter ones are counted at once */

struct count_task;
struct worker;

typedef void (*count_task_fn)(void *arg, const struct count *count);

struct count_task_question {
    struct str body; /* JSON */
    const struct counting_rule *rule;
    struct counter_weights weights;
};

/* NULL: there is no room, or no thread to be had; otherwise `done` runs once, on
 * the loop, unless it is cancelled. */
struct count_task *count_task_start(struct worker *w, const struct count_task_question *question,
                                    count_task_fn done, void *arg);
void count_task_cancel(struct count_task **t);

/* None may be under way when the worker ends. */
bool count_task_is_any(const struct worker *w);
