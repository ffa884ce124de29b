#include "credential.h"

#include "settings/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void credential_done(struct credential *c)
{
    secret_free(&c->value);
    secret_free(&c->secret);
}

/* host[:port] of "scheme://host[:port]/prefix" */
static struct str host_of(const char *base_url)
{
    const char *host = strstr(base_url, "://");

    host = host ? host + 3 : base_url;
    return (struct str){host, strcspn(host, "/")};
}

/* "bedrock-runtime.eu-central-1.amazonaws.com" names its region. */
static struct str region_of(const struct settings_provider *p)
{
    struct str rest = host_of(p->base_url), part;

    if (p->region && *p->region)
        return str_from(p->region);
    if (!str_cut(&rest, '.', &part) || !str_has_prefix(part, "bedrock") ||
        !str_cut(&rest, '.', &part) || !str_has_prefix(rest, "amazonaws.com"))
        return STR_EMPTY;
    return part;
}

/* "ACCESS_KEY_ID:SECRET_ACCESS_KEY" or with ":SESSION_TOKEN". */
static int read_aws(struct credential *c, const struct settings_provider *p, char *reterr,
                    size_t reterr_size)
{
    struct str rest = str_from(c->secret);

    c->host = host_of(p->base_url);
    c->aws.service = STR("bedrock");
    c->aws.region = region_of(p);
    if (!str_cut(&rest, ':', &c->aws.access_key) || !str_cut(&rest, ':', &c->aws.secret_key)) {
        snprintf(
            reterr, reterr_size,
            "provider '%s': the key must be ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN] or "
            "a Bedrock API key",
            p->name);
        return 1;
    }
    c->aws.session_token = rest;
    if (c->aws.region.len > 0)
        return 0;
    snprintf(reterr, reterr_size,
             "provider '%s': base_url names no AWS region; set 'region', such as eu-central-1",
             p->name);
    return 1;
}

int credential_read(struct credential *c, const struct settings_provider *p,
                    const struct dialect *d, char *reterr, size_t reterr_size)
{
    char *secret = NULL, why[512] = "";
    int r = secret_read(&p->api_key, &secret, why, sizeof(why));

    if (r < 0)
        snprintf(reterr, reterr_size, "provider '%s': api_key: %s", p->name, why);
    if (r < 0 || !secret)
        return r;
    if (p->dialect == DIALECT_BEDROCK && strchr(secret, ':')) {
        c->secret = secret;
        return read_aws(c, p, reterr, reterr_size);
    }
    bool is_azure = relatives_find(p) == VARIANT_AZURE;
    const char *prefix = is_azure ? "" : d->auth_prefix;
    c->header = is_azure ? "api-key" : d->auth_header;
    size_t size = strlen(prefix) + strlen(secret) + 1;
    c->value = malloc(size);
    if (!c->value)
        abort();
    snprintf(c->value, size, "%s%s", prefix, secret);
    secret_free(&secret);
    return 0;
}

static bool sign(const struct credential *c, struct arena *a, const struct dialect_call *call,
                 int64_t now, struct sigv4_signature *ret)
{
    struct sigv4_request r = {
        .method = "POST",
        .host = c->host,
        .path = str_from(call->path),
        .query = STR_EMPTY,
        .body = call->body[0],
        .now = now,
    };

    return call->n_body == 1 && sigv4_sign(a, &c->aws, &r, ret);
}

bool credential_write(const struct credential *c, struct arena *a, const struct dialect_call *call,
                      int64_t now, struct http_header ret_headers[CREDENTIAL_MAX_HEADERS],
                      size_t *ret_n)
{
    struct sigv4_signature s;
    size_t n = 0;

    if (c->header)
        ret_headers[n++] = (struct http_header){str_from(c->header), str_from(c->value)};
    if (c->secret) {
        if (!sign(c, a, call, now, &s))
            return false;
        ret_headers[n++] = (struct http_header){STR("authorization"), str_from(s.authorization)};
        ret_headers[n++] = (struct http_header){STR("x-amz-date"), str_from(s.date)};
        if (c->aws.session_token.len > 0)
            ret_headers[n++] =
                (struct http_header){STR("x-amz-security-token"), c->aws.session_token};
    }
    *ret_n = n;
    return true;
}
