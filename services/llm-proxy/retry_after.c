#include "retry_after.h"

#include "base/parse.h"

#include <string.h>

#define MAX_DETAILS 8

static usec_t at_most(double usec)
{
    return usec < (double)RETRY_AFTER_MAX ? (usec_t)usec : RETRY_AFTER_MAX;
}

static bool is_numeral(char c)
{
    return (c >= '0' && c <= '9') || c == '.';
}

/* "2.5" off the front of *rest. */
static bool take_numeral(struct str *rest, double *ret)
{
    size_t n = 0;

    while (n < rest->len && is_numeral(rest->data[n]))
        n++;
    struct str numeral = {rest->data, n};
    rest->data += n;
    rest->len -= n;
    return parse_double(numeral, ret);
}

static bool take_unit(struct str *rest, size_t *ret_unit)
{
    static const char *const names[] = {"h", "ms", "us", "m", "s"}; /* ms before m */

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_has_prefix(*rest, names[i])) {
            rest->data += strlen(names[i]);
            rest->len -= strlen(names[i]);
            *ret_unit = i;
            return true;
        }
    return false;
}

bool retry_after_parse_span(struct str text, usec_t *ret)
{
    static const double usec[] = {3600e6, 1e3, 1, 60e6, 1e6};
    double sum = 0, last = 0, n;
    size_t unit;

    if (text.len == 0)
        return false;
    while (text.len > 0) {
        if (!take_numeral(&text, &n) || !take_unit(&text, &unit))
            return false;
        if (last > 0 && usec[unit] >= last)
            return false;
        last = usec[unit];
        sum += n * last;
    }
    *ret = at_most(sum);
    return true;
}

static bool read_number(struct str text, double unit, usec_t *ret)
{
    double n;

    if (text.len == 0 || !parse_double(text, &n))
        return false;
    *ret = at_most(n * unit);
    return true;
}

/* Some providers send seconds with a fraction. */
static bool read_header(struct str text, usec_t wall_now, usec_t *ret)
{
    return text.len > 0 &&
           (parse_retry_after(text, wall_now, RETRY_AFTER_MAX, ret) || read_number(text, 1e6, ret));
}

/* {"error":{"details":[{"@type":"…google.rpc.RetryInfo","retryDelay":"34.07s"}]}}, or an array
 * of one such. */
static bool read_body(const struct json_value *body, struct arena *a, usec_t *ret)
{
    unsigned n = 0;

    if (json_is(body, JSON_ARRAY))
        body = body->child;
    const struct json_value *details = json_at(body, "error.details");
    if (!json_is(details, JSON_ARRAY))
        return false;
    for (const struct json_value *d = details->child; d && n < MAX_DETAILS; d = d->next, n++) {
        struct str delay;
        if (json_string(json_get(d, "retryDelay"), a, &delay))
            return retry_after_parse_span(delay, ret);
    }
    return false;
}

/* Seconds or a span. */
static bool read_reset(struct str text, usec_t *ret)
{
    return retry_after_parse_span(text, ret) || read_number(text, 1e6, ret);
}

/* Of what is used up; nothing that is left needs to be waited for. */
static bool read_resets(const struct retry_after *h, usec_t *ret)
{
    usec_t requests = 0, tokens = 0;
    bool has_requests =
        str_is(h->remaining_requests, "0") && read_reset(h->reset_requests, &requests);
    bool has_tokens = str_is(h->remaining_tokens, "0") && read_reset(h->reset_tokens, &tokens);

    *ret = requests > tokens ? requests : tokens;
    return has_requests || has_tokens;
}

bool retry_after_read(const struct retry_after *h, const struct json_value *body, struct arena *a,
                      usec_t wall_now, usec_t *ret)
{
    usec_t wait;

    if (!read_number(h->retry_after_ms, 1e3, &wait) &&
        !read_header(h->retry_after, wall_now, &wait) && !read_body(body, a, &wait) &&
        !read_resets(h, &wait))
        return false;
    *ret = wait;
    return true;
}
