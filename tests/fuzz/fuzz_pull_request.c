#include "pull_layers.h"
#include "pull_request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
    if (!claim)
        abort();
}

static void check_hash(const char hash[PULL_HASH_SIZE])
{
    require(strlen(hash) == PULL_HASH_SIZE - 1);
    for (const char *c = hash; *c; c++)
        require(isdigit((unsigned char)*c) || (*c >= 'a' && *c <= 'f'));
}

static void check_address(const struct pull_address *a)
{
    struct pull_address again;
    char url[2 * PULL_MAX_URL];

    require(a->path[0] == '/' && !strchr(a->path, '#') && !strchr(a->origin + 8, '/'));
    require(!strchr(a->origin, '@'));
    strcpy(url, a->origin);
    strcat(url, a->path);
    require(strlen(url) >= PULL_MAX_URL || pull_request_address(str_from(url), true, &again));
}

static void check_request(struct str text)
{
    struct pull_request r;
    const char *why = NULL;

    if (!pull_request_parse(text, &r, &why)) {
        require(why != NULL);
        return;
    }
    if (r.sha256[0])
        check_hash(r.sha256);
    if (r.url[0] == '\0') {
        require(r.provider[0] && r.name[0]);
        return;
    }
    struct pull_address a;
    require(pull_request_is_name(str_from(r.name)) && !strchr(r.name, '/') && r.name[0] != '.');
    require(pull_request_address(str_from(r.url), r.allows_http, &a));
    check_address(&a);
}

/* Whatever is asked for, a name stays in its folder, https stays https, and sums are bounded. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, line;
    struct pull_address from = {"https://example.com", "/a/b?c"}, to;
    struct pull_layers l = {.n = 0};
    char hash[PULL_HASH_SIZE];

    check_request(text);
    if (pull_request_redirect(&from, text, true, &to)) {
        require(strncmp(to.origin, "https://", 8) == 0);
        check_address(&to);
    }
    if (pull_request_sidecar(text, STR("m"), hash))
        check_hash(hash);
    while (str_cut(&text, '\n', &line)) {
        (void)!pull_layers_feed(&l, line);
        require(l.completed <= l.total && l.n <= PULL_MAX_LAYERS);
        require(l.total <= PULL_MAX_LAYERS * PULL_MAX_LAYER_BYTES);
    }
    return 0;
}
