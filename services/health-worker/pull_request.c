#include "pull_request.h"

#include "base/arena.h"
#include "base/json.h"

#include <ctype.h>
#include <string.h>

#define MAX_INDEX (256u << 10)
#define PART      ".part"

/* ---- addresses ---- */

static bool is_clean(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.data[i] <= ' ' || (unsigned char)s.data[i] >= 0x7f ||
            s.data[i] == '"' || s.data[i] == '\\')
            return false;
    return true;
}

static bool is_loopback(struct str authority)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        size_t n = strlen(hosts[i]);
        if (str_has_prefix_nocase(authority, hosts[i]) &&
            (authority.len == n || authority.data[n] == ':'))
            return true;
    }
    return false;
}

static bool add(char *to, size_t size, size_t *at, struct str s)
{
    if (s.len >= size - *at)
        return false;
    memcpy(to + *at, s.data, s.len);
    *at += s.len;
    to[*at] = '\0';
    return true;
}

bool pull_request_address(struct str url, bool allows_http, struct pull_address *ret)
{
    struct str scheme = STR("https://"), rest;
    size_t at = 0;

    if (!is_clean(url) || url.len >= PULL_MAX_URL)
        return false;
    if (!str_has_prefix_nocase(url, "https://"))
        scheme = STR("http://");
    if (!str_has_prefix_nocase(url, scheme.data))
        return false;
    rest = (struct str){url.data + scheme.len, url.len - scheme.len};
    const char *hash = memchr(rest.data, '#', rest.len);
    if (hash)
        rest.len = (size_t)(hash - rest.data);
    const char *slash = memchr(rest.data, '/', rest.len);
    if (!slash || slash == rest.data)
        return false;
    struct str authority = {rest.data, (size_t)(slash - rest.data)};
    struct str path = {slash, rest.len - authority.len};
    if (memchr(authority.data, '@', authority.len) || memchr(authority.data, '?', authority.len))
        return false;
    if (scheme.len == 7 && !allows_http && !is_loopback(authority))
        return false;
    struct pull_address a = {"", ""};
    if (!add(a.origin, sizeof(a.origin), &at, scheme) ||
        !add(a.origin, sizeof(a.origin), &at, authority) || !str_copy(a.path, sizeof(a.path), path))
        return false;
    *ret = a;
    return true;
}

static bool is_https(const struct pull_address *a)
{
    return strncmp(a->origin, "https://", 8) == 0;
}

static bool resolve(const struct pull_address *from, struct str location, char *to, size_t size)
{
    const char *query = strchr(from->path, '?');
    struct str folder = {from->path, query ? (size_t)(query - from->path) : strlen(from->path)};
    size_t at = 0;

    if (memmem(location.data, location.len, "://", 3))
        return add(to, size, &at, location);
    if (str_has_prefix(location, "//"))
        return add(to, size, &at, is_https(from) ? STR("https:") : STR("http:")) &&
               add(to, size, &at, location);
    while (folder.len > 0 && folder.data[folder.len - 1] != '/')
        folder.len--;
    if (str_has_prefix(location, "/"))
        folder.len = 0;
    return add(to, size, &at, str_from(from->origin)) && add(to, size, &at, folder) &&
           add(to, size, &at, location);
}

bool pull_request_redirect(const struct pull_address *from, struct str location, bool allows_http,
                           struct pull_address *ret)
{
    char url[PULL_MAX_URL];
    struct pull_address a;

    if (location.len == 0 || !resolve(from, location, url, sizeof(url)) ||
        !pull_request_address(str_from(url), allows_http, &a) || (is_https(from) && !is_https(&a)))
        return false;
    *ret = a;
    return true;
}

/* ".." may lead out of the folder again, however its dots are spelled. */
static bool may_climb(const char *path)
{
    return strstr(path, "/..") || strcasestr(path, "%2e");
}

bool pull_request_is_below(const struct pull_address *a, struct str url)
{
    size_t n = strlen(a->origin);

    while (url.len > 0 && url.data[url.len - 1] == '/')
        url.len--;
    if (!str_has_prefix_nocase(url, a->origin) || may_climb(a->path))
        return false;
    struct str folder = {url.data + n, url.len - n};
    return strncmp(a->path, folder.data, folder.len) == 0 &&
           strchr("/?", a->path[folder.len]); /* or its end */
}

/* ---- names and hashes ---- */

bool pull_request_is_name(struct str name)
{
    if (name.len == 0 || name.len >= PULL_MAX_NAME || name.data[0] == '.' || name.data[0] == '-')
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.data[i]) && !memchr("._-+", name.data[i], 4))
            return false;
    return name.len < sizeof(PART) ||
           memcmp(name.data + name.len - sizeof(PART) + 1, PART, sizeof(PART) - 1) != 0;
}

static bool read_hash(struct str text, char ret[PULL_HASH_SIZE])
{
    char hash[PULL_HASH_SIZE] = "";

    if (text.len != PULL_HASH_SIZE - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!isxdigit((unsigned char)text.data[i]))
            return false;
        hash[i] = (char)tolower((unsigned char)text.data[i]);
    }
    memcpy(ret, hash, sizeof(hash));
    return true;
}

/* "HASH", or "HASH  name" as sha256sum writes it, with a star before a binary file's name. */
static bool read_line(struct str line, char ret_hash[PULL_HASH_SIZE], struct str *ret_name)
{
    struct str word;

    while (line.len > 0 && isspace((unsigned char)line.data[line.len - 1]))
        line.len--;
    if (!str_cut(&line, ' ', &word) || !read_hash(word, ret_hash))
        return false;
    *ret_name = STR_EMPTY;
    if (!line.data)
        return true;
    line = str_trim(line);
    if (line.len > 0 && line.data[0] == '*')
        line = (struct str){line.data + 1, line.len - 1};
    *ret_name = line;
    return true;
}

bool pull_request_sidecar(struct str text, struct str name, char ret[PULL_HASH_SIZE])
{
    char hash[PULL_HASH_SIZE], only[PULL_HASH_SIZE] = "";
    struct str line, of;
    unsigned n = 0;

    while (str_cut(&text, '\n', &line)) {
        if (!read_line(line, hash, &of))
            continue;
        if (of.len > 0 && str_equal(of, name)) {
            memcpy(ret, hash, sizeof(hash));
            return true;
        }
        memcpy(only, hash, sizeof(hash));
        n++;
    }
    if (n != 1)
        return false;
    memcpy(ret, only, sizeof(only));
    return true;
}

/* ---- the request ---- */

static bool read_text(const struct json_value *o, const char *key, struct arena *a, char *to,
                      size_t size)
{
    const struct json_value *v = json_get(o, key);
    struct str s;

    if (!v || json_is(v, JSON_NULL))
        return true;
    return json_string(v, a, &s) && is_clean(s) && str_copy(to, size, s);
}

/* The last component of the path, if it will do. */
static bool name_of_url(const struct pull_address *a, char *to, size_t size)
{
    const char *query = strchr(a->path, '?');
    struct str path = {a->path, query ? (size_t)(query - a->path) : strlen(a->path)};
    const char *slash = memrchr(path.data, '/', path.len);
    struct str last = {slash + 1, path.len - (size_t)(slash + 1 - path.data)};

    return pull_request_is_name(last) && str_copy(to, size, last);
}

static const char *check_file(struct pull_request *p)
{
    struct pull_address a;

    if (!pull_request_address(str_from(p->url), p->allows_http, &a))
        return "url must be https://host/path, or http:// on this machine; for http elsewhere say "
               "allow_http";
    if (p->name[0] == '\0' && !name_of_url(&a, p->name, sizeof(p->name)))
        return "the URL ends in no usable file name; say name";
    if (!pull_request_is_name(str_from(p->name)))
        return "name must be a file name of letters, digits and ._-+, and not begin with . or -";
    return NULL;
}

static const char *check_model(const struct pull_request *p)
{
    if (p->provider[0] == '\0' || p->name[0] == '\0')
        return "url, or provider and model, must be given";
    if (p->sha256[0] || p->has_sidecar)
        return "a provider checks what it fetches itself: sha256 is for a url";
    return NULL;
}

static const char *read_request(const struct json_value *o, struct arena *a, struct pull_request *p)
{
    char hash[256] = "", model[PULL_MAX_NAME] = "";
    const struct json_value *allow = json_get(o, "allow_http");

    if (!read_text(o, "url", a, p->url, sizeof(p->url)) ||
        !read_text(o, "name", a, p->name, sizeof(p->name)) ||
        !read_text(o, "provider", a, p->provider, sizeof(p->provider)) ||
        !read_text(o, "model", a, model, sizeof(model)) ||
        !read_text(o, "sha256", a, hash, sizeof(hash)) ||
        (allow && !json_bool(allow, &p->allows_http)))
        return "url, name, sha256, provider and model are texts, allow_http is true or false";
    p->has_sidecar = strcmp(hash, "sidecar") == 0;
    if (hash[0] && !p->has_sidecar && !read_hash(str_from(hash), p->sha256))
        return "sha256 must be 64 hexadecimal digits, or sidecar";
    if (p->url[0])
        return p->provider[0] || model[0] ? "url, or provider and model, but not both"
                                          : check_file(p);
    if (p->name[0])
        return "name goes with a url";
    memcpy(p->name, model, sizeof(model));
    return check_model(p);
}

bool pull_request_parse(struct str json, struct pull_request *ret, const char **reterr)
{
    struct pull_request p = {.url = ""};
    const struct json_value *root;
    struct arena a;
    size_t offset;

    arena_init(&a, MAX_INDEX);
    const char *why = "the body must be a JSON object";
    if (json_parse(&a, json, &root, &offset) == JSON_OK && json_is(root, JSON_OBJECT))
        why = read_request(root, &a, &p);
    arena_done(&a);
    if (why)
        *reterr = why;
    else
        *ret = p;
    return !why;
}
