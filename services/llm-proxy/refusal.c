#include "refusal.h"

#include "base/json_write.h"

static const struct {
    int status;
    const char *type, *code, *message;
} table[REFUSAL_N] = {
    [REFUSAL_INVALID_JSON] = {400, "invalid_request_error", "invalid_json",
                              "The request body is not valid JSON."},
    [REFUSAL_INVALID_REQUEST] = {400, "invalid_request_error", "invalid_request",
                                 "The request is not valid."},
    [REFUSAL_CONTEXT_LENGTH_EXCEEDED] = {400, "invalid_request_error", "context_length_exceeded",
                                         "The conversation does not fit the model's context."},
    [REFUSAL_INVALID_API_KEY] = {401, "authentication_error", "invalid_api_key",
                                 "A valid API key is required."},
    [REFUSAL_BUDGET_EXCEEDED] = {402, "billing_error", "budget_exceeded",
                                 "The budget cannot cover what this request may cost."},
    [REFUSAL_MODEL_NOT_ALLOWED] = {403, "permission_error", "model_not_allowed",
                                   "This API key may not use the model."},
    [REFUSAL_NOT_FOUND] = {404, "invalid_request_error", "not_found", "There is no such route."},
    [REFUSAL_MODEL_NOT_FOUND] = {404, "invalid_request_error", "model_not_found",
                                 "There is no such model."},
    [REFUSAL_METHOD_NOT_ALLOWED] = {405, "invalid_request_error", "method_not_allowed",
                                    "This route does not take the method."},
    [REFUSAL_RATE_LIMIT_EXCEEDED] = {429, "rate_limit_error", "rate_limit_exceeded",
                                     "A limit of this API key is reached."},
    [REFUSAL_UPSTREAM_ERROR] = {502, "upstream_error", "upstream_error",
                                "The provider failed to answer."},
    [REFUSAL_UPSTREAM_INVALID] = {502, "upstream_error", "upstream_invalid",
                                  "The provider's answer was not usable."},
    [REFUSAL_UPSTREAM_TRUNCATED] = {502, "upstream_error", "upstream_truncated",
                                    "The provider's answer ended before it was finished."},
    [REFUSAL_OVERLOADED] = {503, "overloaded_error", "overloaded",
                            "The gateway is at its limit; try again."},
    [REFUSAL_NO_HEALTHY_PROVIDER] = {503, "overloaded_error", "no_healthy_provider",
                                     "No provider of this model is available now."},
    [REFUSAL_LEDGER_UNAVAILABLE] = {503, "overloaded_error", "ledger_unavailable",
                                    "The request cannot be recorded now; try again."},
    [REFUSAL_DRAINING] = {503, "overloaded_error", "draining",
                          "The gateway is shutting down; try again."},
    [REFUSAL_UPSTREAM_TIMEOUT] = {504, "timeout_error", "upstream_timeout",
                                  "The provider did not answer in time."},
    [REFUSAL_QUEUE_TIMEOUT] = {504, "timeout_error", "queue_timeout",
                               "No place at the provider became free in time."},
    [REFUSAL_DEADLINE_EXCEEDED] = {504, "timeout_error", "deadline_exceeded",
                                   "The request's deadline has passed."},
};

int refusal_status(enum refusal r)
{
    return table[r].status;
}

const char *refusal_code(enum refusal r)
{
    return table[r].code;
}

const char *refusal_message(enum refusal r)
{
    return table[r].message;
}

enum buf_result refusal_write(enum refusal r, const char *message, const char *param,
                              struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_key(&w, "error");
    json_write_begin(&w, '{');
    json_write_member(&w, "message", message ? message : table[r].message);
    json_write_member(&w, "type", table[r].type);
    json_write_member(&w, "code", table[r].code);
    json_write_member(&w, "param", param);
    json_write_end(&w, '}');
    json_write_end(&w, '}');
    return json_write_finish(&w);
}
