/* call_id.h -- what is a tool call called whose provider gave it no id?
 *
 * The same answer gives the same ids, however it was cut; two answers of one conversation give
 * different ones, because what they are made of carries the answer's id or time. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#include <stdint.h>

/* `source` is the frame or body that holds the call; `number` is the call's own in the answer.
 * Empty when the arena is full. */
struct str call_id_make(struct arena *a, struct str source, uint32_t number);
