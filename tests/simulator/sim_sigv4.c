#include "sim_sigv4.h"

#include "base/buf.h"
#include "base/digest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define MAX_FIELDS 32

struct signature {
    struct str id, date, region, service, scope; /* scope: from the date on */
    struct str signed_headers, signature;
};

static bool read_credential(struct str credential, struct signature *ret)
{
    struct str rest = credential;

    if (!str_cut(&rest, '/', &ret->id) || !rest.data)
        return false;
    ret->scope = rest;
    return str_cut(&rest, '/', &ret->date) && str_cut(&rest, '/', &ret->region) &&
           str_cut(&rest, '/', &ret->service) && rest.data && str_is(rest, "aws4_request") &&
           ret->date.len == 8 && ret->region.len > 0;
}

/* "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…" */
static bool read_authorization(struct str value, struct signature *ret)
{
    struct str part, key;
    int found = 0;

    value.data += sizeof(ALGORITHM) - 1;
    value.len -= sizeof(ALGORITHM) - 1;
    while (str_cut(&value, ',', &part)) {
        part = str_trim(part);
        if (!str_cut(&part, '=', &key) || !part.data)
            return false;
        if (str_is(key, "Credential"))
            found += read_credential(part, ret) ? 1 : 10;
        else if (str_is(key, "SignedHeaders"))
            found += (ret->signed_headers = part).len > 0 ? 1 : 10;
        else if (str_is(key, "Signature"))
            found += (ret->signature = part).len == 64 ? 1 : 10;
        else
            return false;
    }
    return found == 3;
}

static bool is_signed(const struct signature *s, const char *name)
{
    struct str rest = s->signed_headers, one;

    while (str_cut(&rest, ';', &one))
        if (str_is(one, name))
            return true;
    return false;
}

static void add(struct buf *b, struct str s)
{
    (void)!buf_add_str(b, s);
}

static void add_encoded_path(struct buf *b, struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.data[i];
        if (isalnum(c) || strchr("-._~/", c))
            (void)!buf_add(b, &c, 1);
        else
            (void)!buf_printf(b, "%%%02X", c);
    }
    add(b, STR("\n"));
}

static int by_text(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->data, y->data, n);

    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static void add_query(struct buf *b, struct str query)
{
    struct str pairs[MAX_FIELDS], one;
    size_t n = 0;

    while (query.len > 0 && n < MAX_FIELDS && str_cut(&query, '&', &one))
        pairs[n++] = one;
    qsort(pairs, n, sizeof(pairs[0]), by_text);
    for (size_t i = 0; i < n; i++) {
        add(b, i > 0 ? STR("&") : STR_EMPTY);
        add(b, pairs[i]);
        add(b, memchr(pairs[i].data, '=', pairs[i].len) ? STR_EMPTY : STR("="));
    }
    add(b, STR("\n"));
}

/* NULL, or what is wrong. */
static const char *add_headers(struct buf *b, const struct sim_http_request *r, struct str names)
{
    struct str rest = names, name, before = STR_EMPTY;
    char text[128];

    while (str_cut(&rest, ';', &name)) {
        if (before.len > 0 && by_text(&before, &name) >= 0)
            return "SignedHeaders are not sorted";
        before = name;
        if (!str_copy(text, sizeof(text), name))
            return "a signed header's name is too long";
        struct str value = sim_http_header(r, text);
        if (!value.data)
            return "a signed header is missing";
        add(b, name);
        add(b, STR(":"));
        add(b, value);
        add(b, STR("\n"));
    }
    add(b, STR("\n"));
    add(b, names);
    add(b, STR("\n"));
    return NULL;
}

static void add_hash(struct buf *b, struct str text)
{
    uint8_t digest[DIGEST_SIZE];
    char hex[2 * DIGEST_SIZE + 1];

    digest_sha256(text, digest);
    digest_hex(digest, sizeof(digest), hex);
    add(b, str_from(hex));
}

static const char *add_canonical(struct buf *b, const struct sim_http_request *r,
                                 const struct signature *s)
{
    struct str said = sim_http_header(r, "x-amz-content-sha256");

    add(b, r->method);
    add(b, STR("\n"));
    add_encoded_path(b, r->path);
    add_query(b, r->query);
    const char *wrong = add_headers(b, r, s->signed_headers);
    size_t at = b->len;
    add_hash(b, r->body);
    if (said.data && !str_equal(said, (struct str){b->data + at, b->len - at}))
        return "x-amz-content-sha256 is not the body's";
    return wrong;
}

static void sign(const struct sim_sigv4_key *key, const struct signature *s, struct str text,
                 char ret_hex[2 * DIGEST_SIZE + 1])
{
    uint8_t digest[DIGEST_SIZE];
    char first[160] = "AWS4";
    struct str link = {(const char *)digest, sizeof(digest)};

    strcat(first, key->secret);
    digest_hmac(str_from(first), s->date, digest);
    const struct str rest[] = {s->region, s->service, STR("aws4_request"), text};
    for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
        uint8_t next[DIGEST_SIZE];
        digest_hmac(link, rest[i], next);
        memcpy(digest, next, sizeof(digest));
    }
    digest_hex(digest, sizeof(digest), ret_hex);
}

static const char *verify(struct buf *b, const struct sim_http_request *r,
                          const struct signature *s, const struct sim_sigv4_key *key)
{
    struct str date = sim_http_header(r, "x-amz-date");
    char hex[2 * DIGEST_SIZE + 1];
    struct buf to_sign;

    if (!str_is(s->id, key->id))
        return "The security token included in the request is invalid.";
    const char *wrong = add_canonical(b, r, s);
    if (wrong)
        return wrong;
    buf_init(&to_sign, 4096);
    (void)!buf_printf(&to_sign, ALGORITHM "\n%.*s\n%.*s\n", STR_ARG(date), STR_ARG(s->scope));
    add_hash(&to_sign, buf_str(b));
    sign(key, s, buf_str(&to_sign), hex);
    buf_done(&to_sign);
    if (!str_is(s->signature, hex))
        return "The request signature we calculated does not match the signature you provided.";
    return NULL;
}

const char *sim_sigv4_check(const struct sim_http_request *request, const struct sim_sigv4_key *key)
{
    struct str value = sim_http_header(request, "authorization");
    struct str date = sim_http_header(request, "x-amz-date");
    struct signature s = {.id = STR_EMPTY};
    struct buf canonical;

    if (!value.data)
        return "Missing Authentication Token";
    if (str_has_prefix(value, "Bearer "))
        return NULL;
    if (!str_has_prefix(value, ALGORITHM " ") || !read_authorization(value, &s))
        return "Authorization header is malformed";
    if (!str_is(s.service, "bedrock"))
        return "Credential should be scoped to correct service: 'bedrock'.";
    if (date.len != 16 || date.data[8] != 'T' || date.data[15] != 'Z' ||
        memcmp(date.data, s.date.data, 8) != 0)
        return "X-Amz-Date is missing, malformed or of another day than the scope";
    if (!is_signed(&s, "host") || !is_signed(&s, "x-amz-date"))
        return "host and x-amz-date must be signed";
    if (!key || key->id[0] == '\0')
        return NULL;
    buf_init(&canonical, (size_t)1 << 20);
    const char *wrong = verify(&canonical, request, &s, key);
    buf_done(&canonical);
    return wrong;
}
