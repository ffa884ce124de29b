/* str.h -- a borrowed piece of text that need not end in NUL. */
#pragma once

#include "base/macro.h"

#include <stdbool.h>
#include <stddef.h>

struct str {
    const char *data;
    size_t len;
};

#define STR(literal) ((struct str){literal, sizeof(literal) - 1})
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    } /* in a static table */
#define STR_EMPTY  ((struct str){"", 0})
#define STR_ARG(s) (int)(s).len, (s).data /* for "%.*s" */

struct str str_from(const char *text); /* NULL gives the empty str */

bool str_is(struct str a, const char *text);
bool str_is_nocase(struct str a, const char *text); /* ASCII case only */
bool str_equal(struct str a, struct str b);
bool str_equal_nocase(struct str a, struct str b);
bool str_has_prefix(struct str s, const char *prefix);
bool str_has_prefix_nocase(struct str s, const char *prefix);

/* Without spaces and tabs at both ends. */
struct str str_trim(struct str s);

/* Cut the part before the first `separator` off *rest; false when *rest is used up.
 * "a,,b" gives "a", "", "b". A fresh walk starts with *rest holding the whole list. */
bool str_cut(struct str *rest, char separator, struct str *ret_part);

/* Copy into `dst` of `size` bytes, always NUL-terminated. False if it had to be cut short. */
bool str_copy(char *dst, size_t size, struct str s);
