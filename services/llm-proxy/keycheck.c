#include "keycheck.h"

#include "audit_events.h"
#include "worker.h"

static struct str presented_key(const struct http_request *r)
{
    struct str value = http_request_header(r, "authorization");

    if (value.data && str_has_prefix_nocase(value, "bearer ")) {
        value.data += 7;
        value.len -= 7;
        return str_trim(value);
    }
    value = http_request_header(r, "x-api-key");
    return value.data ? str_trim(value) : STR_EMPTY;
}

/* What the key is worth, whoever asks. */
static enum keycheck_result check(const struct keyring_key *key, usec_t now)
{
    if (!key)
        return KEYCHECK_UNKNOWN;
    switch (keyring_check(key, now)) {
    case KEYRING_VALID:
        return KEYCHECK_OK;
    case KEYRING_REVOKED:
        return KEYCHECK_REVOKED;
    case KEYRING_EXPIRED:
        return KEYCHECK_EXPIRED;
    }
    return KEYCHECK_UNKNOWN;
}

static enum keycheck_result find(struct worker *w, const struct http_request *r,
                                 const struct keyring_key **ret_key)
{
    struct str text = presented_key(r);
    usec_t now = loop_wall(w->loop);
    bool is_required = w->snapshot->settings->proxy.auth_required;

    *ret_key = NULL;
    if (text.len == 0)
        return is_required ? KEYCHECK_MISSING : KEYCHECK_OK;
    const struct keyring_key *key = keyring_find(w->keyring, text, now);
    enum keycheck_result result = check(key, now);
    if (result == KEYCHECK_OK)
        *ret_key = key;
    else if (result == KEYCHECK_UNKNOWN && !is_required)
        result = KEYCHECK_OK;
    else if (guesses_note(w->guesses, http_request_peer(r), loop_now(w->loop)) > 0)
        result = KEYCHECK_TOO_MANY;
    return result;
}

enum keycheck_result keycheck_find(struct worker *w, const struct http_request *r,
                                   const struct keyring_key **ret_key)
{
    static const char *const reasons[] = {
        [KEYCHECK_MISSING] = "missing",         [KEYCHECK_UNKNOWN] = "unknown",
        [KEYCHECK_REVOKED] = "revoked",         [KEYCHECK_EXPIRED] = "expired",
        [KEYCHECK_TOO_MANY] = "too many wrong",
    };
    enum keycheck_result result = find(w, r, ret_key);

    if (result != KEYCHECK_OK)
        audit_events_auth(w->audit, http_request_peer(r), reasons[result]);
    return result;
}

enum refusal keycheck_refusal(enum keycheck_result r)
{
    return r == KEYCHECK_TOO_MANY ? REFUSAL_RATE_LIMIT_EXCEEDED : REFUSAL_INVALID_API_KEY;
}

const char *keycheck_text(enum keycheck_result r)
{
    switch (r) {
    case KEYCHECK_MISSING:
        return "An API key is required: 'Authorization: Bearer …' or 'x-api-key: …'.";
    case KEYCHECK_REVOKED:
        return "This API key was revoked.";
    case KEYCHECK_EXPIRED:
        return "This API key has expired.";
    case KEYCHECK_TOO_MANY:
        return "Too many wrong API keys came from this address; wait a second.";
    case KEYCHECK_OK:
    case KEYCHECK_UNKNOWN:
        break;
    }
    return "This API key is not valid.";
}
