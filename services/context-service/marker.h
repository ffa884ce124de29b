/* marker.h -- how does the answer say that something is gone, and under which key is it kept? */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdint.h>

#define MARKER_KEY_SIZE 17
#define MARKER_IMAGE    "[image omitted; key="

/* The content address: the same bytes have the same key for ever. */
void marker_key(struct str bytes, char ret_key[MARKER_KEY_SIZE]);

/* In place of so much output of a tool. */
MUST_USE enum buf_result marker_write(struct buf *out, uint64_t lines, uint64_t tokens,
                                      const char *key);

/* How `text` begins: a line's worth, whole characters. */
struct str marker_preview(struct str text);

/* `text` as JSON spells it; data NULL at the ceiling of `a`. */
struct str marker_spell(struct arena *a, struct str text);
