/* marker.h -- how does the answer say that something is gone, and under which key is it kept? */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#define MARKER_KEY_SIZE 17

/* The content address: the same bytes have the same key for ever. */
void marker_key(struct str bytes, char ret_key[MARKER_KEY_SIZE]);

/* How `text` begins: a line's worth, whole characters. */
struct str marker_preview(struct str text);
