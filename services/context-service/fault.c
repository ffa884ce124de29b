#include "fault.h"

#include "base/json_write.h"

static const struct {
    int status;
    const char *type, *code, *message;
} table[FAULT_N] = {
    [FAULT_NONE] = {200, "", "", ""},
    [FAULT_INVALID_JSON] = {400, "invalid_request_error", "invalid_json",
                            "The request is not valid JSON."},
    [FAULT_INVALID_REQUEST] = {400, "invalid_request_error", "invalid_request",
                               "The request is not valid."},
    [FAULT_CONTEXT_LENGTH_EXCEEDED] = {400, "invalid_request_error", "context_length_exceeded",
                                       "The conversation cannot be made to fit."},
    [FAULT_NOT_FOUND] = {404, "invalid_request_error", "not_found", "There is no such route."},
    [FAULT_METHOD_NOT_ALLOWED] = {405, "invalid_request_error", "method_not_allowed",
                                  "This route does not take the method."},
    [FAULT_REQUEST_TOO_LARGE] = {413, "invalid_request_error", "request_too_large",
                                 "The request needs more memory than one request may have."},
    [FAULT_OVERLOADED] = {503, "overloaded_error", "overloaded",
                          "The service is at its limit; try again."},
    [FAULT_DRAINING] = {503, "overloaded_error", "draining",
                        "The service is shutting down; try again."},
    [FAULT_DEADLINE_EXCEEDED] = {504, "timeout_error", "deadline_exceeded",
                                 "The request's deadline has passed."},
};

int fault_status(enum fault f)
{
    return table[f].status;
}

const char *fault_code(enum fault f)
{
    return table[f].code;
}

const char *fault_message(enum fault f, const struct fault_detail *detail)
{
    return detail && detail->message ? detail->message : table[f].message;
}

enum buf_result fault_write(enum fault f, const struct fault_detail *detail, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_key(&w, "error");
    json_write_begin(&w, '{');
    json_write_member(&w, "message", fault_message(f, detail));
    json_write_member(&w, "type", table[f].type);
    json_write_member(&w, "code", table[f].code);
    json_write_member(&w, "param", detail ? detail->param : NULL);
    json_write_end(&w, '}');
    json_write_end(&w, '}');
    return json_write_finish(&w);
}
