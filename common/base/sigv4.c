#include "base/sigv4.h"

#include "base/digest.h"

#include <string.h>
#include <time.h>

#define HEX (2 * DIGEST_SIZE + 1)

static const char *hex_digest(struct arena *a, struct str text)
{
    uint8_t digest[DIGEST_SIZE];
    char hex[HEX];

    digest_sha256(text, digest);
    digest_hex(digest, DIGEST_SIZE, hex);
    return arena_copy(a, str_from(hex));
}

/* Each segment encoded once more: the rule of every service but S3. */
static const char *canonical_path(struct arena *a, struct str path)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~/";
    char *text = arena_alloc(a, 3 * path.len + 2), *to = text;

    if (!text)
        return NULL;
    if (path.len == 0)
        *to++ = '/';
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.data[i];
        if (c != 0 && strchr(plain, c)) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    return text;
}

static const char *canonical_request(struct arena *a, const struct sigv4_credentials *c,
                                     const struct sigv4_request *r, const char *date)
{
    const char *path = canonical_path(a, r->path), *body = hex_digest(a, r->body);
    const char *token = "";

    if (c->session_token.len > 0)
        token = arena_printf(a, "x-amz-security-token:%.*s\n", STR_ARG(c->session_token));
    if (!path || !body || !token)
        return NULL;
    return arena_printf(a, "%s\n%s\n%.*s\nhost:%.*s\nx-amz-date:%s\n%s\nhost;x-amz-date%s\n%s",
                        r->method, path, STR_ARG(r->query), STR_ARG(r->host), date, token,
                        *token ? ";x-amz-security-token" : "", body);
}

static struct str as_key(const uint8_t digest[DIGEST_SIZE])
{
    return (struct str){(const char *)digest, DIGEST_SIZE};
}

/* The key of one day, region and service signs; the secret itself never does. */
static bool signature(struct arena *a, const struct sigv4_credentials *c, const char *day,
                      struct str text, char ret_hex[HEX])
{
    uint8_t day_key[DIGEST_SIZE], region_key[DIGEST_SIZE], service_key[DIGEST_SIZE];
    uint8_t key[DIGEST_SIZE], digest[DIGEST_SIZE];
    char *secret = arena_printf(a, "AWS4%.*s", STR_ARG(c->secret_key));

    if (!secret)
        return false;
    digest_hmac(str_from(secret), str_from(day), day_key);
    explicit_bzero(secret, strlen(secret));
    digest_hmac(as_key(day_key), c->region, region_key);
    digest_hmac(as_key(region_key), c->service, service_key);
    digest_hmac(as_key(service_key), STR("aws4_request"), key);
    digest_hmac(as_key(key), text, digest);
    digest_hex(digest, DIGEST_SIZE, ret_hex);
    explicit_bzero(key, sizeof(key));
    return true;
}

bool sigv4_sign(struct arena *a, const struct sigv4_credentials *c, const struct sigv4_request *r,
                struct sigv4_signature *ret)
{
    time_t now = (time_t)r->now;
    char date[32], day[16], hex[HEX];
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &utc);
    strftime(day, sizeof(day), "%Y%m%d", &utc);

    const char *canonical = canonical_request(a, c, r, date);
    const char *scope =
        arena_printf(a, "%s/%.*s/%.*s/aws4_request", day, STR_ARG(c->region), STR_ARG(c->service));
    if (!canonical || !scope)
        return false;
    const char *hash = hex_digest(a, str_from(canonical));
    const char *text =
        hash ? arena_printf(a, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope, hash) : NULL;
    if (!text || !signature(a, c, day, str_from(text), hex))
        return false;
    ret->date = arena_copy(a, str_from(date));
    ret->authorization = arena_printf(
        a, "AWS4-HMAC-SHA256 Credential=%.*s/%s, SignedHeaders=host;x-amz-date%s, Signature=%s",
        STR_ARG(c->access_key), scope, c->session_token.len > 0 ? ";x-amz-security-token" : "",
        hex);
    return ret->date && ret->authorization;
}
