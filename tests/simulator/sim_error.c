#include "sim_error.h"

const char *const sim_error_names[SIM_ERROR_KINDS] = {
    "none",    "invalid",   "context", "auth",   "quota",      "forbidden",
    "missing", "too-large", "rate",    "server", "overloaded", "timeout",
};

enum sim_error_kind sim_error_of_status(int status)
{
    switch (status) {
    case 401:
        return SIM_ERROR_AUTH;
    case 402:
        return SIM_ERROR_QUOTA;
    case 403:
        return SIM_ERROR_FORBIDDEN;
    case 404:
        return SIM_ERROR_MISSING;
    case 413:
        return SIM_ERROR_TOO_LARGE;
    case 429:
        return SIM_ERROR_RATE;
    case 503:
    case 529:
        return SIM_ERROR_OVERLOADED;
    case 408:
    case 504:
        return SIM_ERROR_TIMEOUT;
    default:
        return status < 500 ? SIM_ERROR_INVALID : SIM_ERROR_SERVER;
    }
}
