#include "failure.h"

#include "provider_error.h"

static enum failure_blame blame_of_status(int status, enum provider_error said)
{
    switch (said) {
    case PROVIDER_ERROR_WINDOW:
        return FAILURE_OF_WINDOW;
    case PROVIDER_ERROR_CREDENTIAL:
        return FAILURE_OF_CREDENTIAL;
    case PROVIDER_ERROR_CONTENT:
        return FAILURE_OF_REQUEST;
    case PROVIDER_ERROR_OTHER:
        break;
    }
    switch (status) {
    case 400:
    case 404:
    case 413:
    case 422:
        return FAILURE_OF_REQUEST;
    case 401:
    case 402:
        return FAILURE_OF_CREDENTIAL;
    case 403:
        return FAILURE_OF_PERMISSION;
    case 429:
        return FAILURE_OF_RATE;
    default:
        return status >= 500 ? FAILURE_OF_TARGET : FAILURE_OF_NOBODY;
    }
}

static enum failure_blame blame_of(const struct failure_answer *answer, enum provider_error said)
{
    switch (answer->kind) {
    case OUTCOME_OK:
        return FAILURE_NONE;
    case OUTCOME_CANCELLED:
        return FAILURE_OF_NOBODY;
    case OUTCOME_CONNECT:
        return FAILURE_OF_CONNECTION;
    case OUTCOME_TIMEOUT:
    case OUTCOME_INVALID:
    case OUTCOME_TRUNCATED:
        return FAILURE_OF_TARGET;
    case OUTCOME_HTTP_4XX:
    case OUTCOME_HTTP_429:
    case OUTCOME_HTTP_5XX:
        return answer->status >= 400 ? blame_of_status(answer->status, said) : FAILURE_OF_TARGET;
    }
    return FAILURE_OF_TARGET;
}

struct failure failure_read(const struct failure_answer *answer, struct arena *a, usec_t wall_now)
{
    const struct json_value *body = NULL;
    enum provider_error said = PROVIDER_ERROR_OTHER;
    struct failure f = {
        .kind = answer->kind,
        .status = answer->status,
        .is_silent = answer->is_silent,
    };
    size_t offset;

    if (answer->status >= 400) {
        if (json_parse(a, answer->body, &body, &offset) != JSON_OK)
            body = NULL;
        said = provider_error_read(answer->dialect, a, body);
    }
    f.blame = blame_of(answer, said);
    if (f.blame == FAILURE_OF_RATE || f.blame == FAILURE_OF_TARGET)
        f.has_rest =
            answer->status >= 400 && retry_after_read(&answer->headers, body, a, wall_now, &f.rest);
    return f;
}
