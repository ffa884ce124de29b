/* fault.h -- what is wrong with a request, as status, code and words? The closed table of errors.
 */
#pragma once

#include "base/buf.h"
#include "base/macro.h"

enum fault {
    FAULT_NONE,
    FAULT_INVALID_JSON,
    FAULT_INVALID_REQUEST,
    FAULT_CONTEXT_LENGTH_EXCEEDED,
    FAULT_NOT_FOUND,
    FAULT_METHOD_NOT_ALLOWED,
    FAULT_REQUEST_TOO_LARGE,
    FAULT_OVERLOADED,
    FAULT_DRAINING,
    FAULT_DEADLINE_EXCEEDED,
    FAULT_N
};

/* What is wrong in this case; all NULL: the table's words. */
struct fault_detail {
    const char *message, *param;
};

int fault_status(enum fault f);
const char *fault_code(enum fault f);
const char *fault_message(enum fault f, const struct fault_detail *detail);

/* {"error":{"message","type","code","param"}} */
MUST_USE enum buf_result fault_write(enum fault f, const struct fault_detail *detail,
                                     struct buf *out);
