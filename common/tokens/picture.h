/* picture.h -- how large is a picture in a message, and how many tokens does a model make of it?
 *
 * The size is read off the first bytes of a data: URL or of base64: PNG, JPEG, GIF, WebP. What
 * stands behind any other URL is never fetched: its size is unknown.
 */
#pragma once

#include "base/json.h"
#include "base/str.h"
#include "counting_rule.h"

#include <stdbool.h>
#include <stdint.h>

struct picture {
    uint32_t width, height; /* 0: unknown */
    bool is_low;            /* asked for in little detail */
};

struct picture_cost {
    uint64_t tokens;
    uint64_t doubt; /* by how many that may be off */
};

/* False: the part of a message is no picture. */
bool picture_read(const struct json_value *part, struct picture *ret);

struct picture_cost picture_count(const struct counting_rule *rule, const struct picture *p);

/* From the first bytes, in base64. False: of no known kind, or the size is not among them. */
bool picture_find_size(struct str base64, uint32_t *ret_width, uint32_t *ret_height);
