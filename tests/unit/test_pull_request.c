#include "pull_layers.h"
#include "pull_request.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct pull_request parse(const char *json)
{
    struct pull_request r;
    const char *why = "";

    if (!pull_request_parse(str_from(json), &r, &why))
        fail_msg("refused (%s): %s", why, json);
    return r;
}

static void a_file_is_named_as_its_url_ends_unless_told_otherwise(void **state)
{
    (void)state;
    struct pull_request r = parse("{\"url\":\"https://example.com/a/m.gguf?x=1#top\"}");
    CHECK_STR(str_from(r.name), "m.gguf");
    CHECK(!r.has_sidecar && r.sha256[0] == '\0');
    r = parse("{\"url\":\"http://localhost:81/x\",\"name\":\"m\",\"sha256\":\"sidecar\"}");
    CHECK_STR(str_from(r.name), "m");
    CHECK(r.has_sidecar);
    r = parse("{\"url\":\"http://10.0.0.1/x\",\"allow_http\":true,\"sha256\":"
              "\"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\"}");
    CHECK_STR(str_from(r.sha256), HASH);
    r = parse("{\"provider\":\"box\",\"model\":\"llama3.2:3b\"}");
    CHECK_STR(str_from(r.provider), "box");
    CHECK_STR(str_from(r.name), "llama3.2:3b");
}

static void what_may_not_be_fetched_is_refused_with_a_reason(void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"url\":7}",
        "{\"url\":\"https://example.com\"}",
        "{\"url\":\"https://example.com/\"}",
        "{\"url\":\"https:///m\"}",
        "{\"url\":\"http://example.com/m\"}",
        "{\"url\":\"http://127.0.0.1.example.com/m\"}",
        "{\"url\":\"http://localhost.example.com/m\"}",
        "{\"url\":\"ftp://127.0.0.1/m\"}",
        "{\"url\":\"file:///etc/passwd\"}",
        "{\"url\":\"https://u:p@example.com/m\"}",
        "{\"url\":\"https://example.com/m\\r\\nx\"}",
        "{\"url\":\"https://example.com/a b\"}",
        "{\"url\":\"https://example.com/..\"}",
        "{\"url\":\"https://example.com/m.part\"}",
        "{\"url\":\"https://example.com/m\",\"name\":\"../m\"}",
        "{\"url\":\"https://example.com/m\",\"name\":\"a/b\"}",
        "{\"url\":\"https://example.com/m\",\"name\":\"-rf\"}",
        "{\"url\":\"https://example.com/m\",\"sha256\":\"abc\"}",
        "{\"url\":\"https://example.com/m\",\"allow_http\":1}",
        "{\"url\":\"https://example.com/m\",\"provider\":\"p\"}",
        "{\"provider\":\"p\"}",
        "{\"model\":\"m\"}",
        "{\"provider\":\"p\",\"model\":\"m\",\"name\":\"n\"}",
        "{\"provider\":\"p\",\"model\":\"m\",\"sha256\":\"" HASH "\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct pull_request r;
        const char *why = NULL;
        if (pull_request_parse(str_from(bodies[i]), &r, &why))
            fail_msg("accepted: %s", bodies[i]);
        CHECK(why != NULL);
    }
}

static void a_redirect_leads_where_it_says(void **state)
{
    static const struct {
        const char *location, *origin, *path;
    } cases[] = {
        {"https://cdn.example.com/x?y", "https://cdn.example.com", "/x?y"},
        {"//cdn.example.com/x", "https://cdn.example.com", "/x"},
        {"/x", "https://example.com", "/x"},
        {"x", "https://example.com", "/a/x"},
        {"?x", "https://example.com", "/a/?x"},
    };
    struct pull_address from = {"https://example.com", "/a/b?c=/d"}, to;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK(pull_request_redirect(&from, str_from(cases[i].location), false, &to));
        CHECK(strcmp(to.origin, cases[i].origin) == 0);
        CHECK(strcmp(to.path, cases[i].path) == 0);
    }
    CHECK(!pull_request_redirect(&from, STR_EMPTY, true, &to));
    CHECK(!pull_request_redirect(&from, STR("http://example.com/x"), true, &to));
    CHECK(!pull_request_redirect(&from, STR("http://127.0.0.1/x"), true, &to));
    CHECK(!pull_request_redirect(&from, STR("file:///etc/passwd"), true, &to));
}

static void a_sidecar_s_hash_is_of_this_file(void **state)
{
    char hash[PULL_HASH_SIZE];

    (void)state;
    CHECK(pull_request_sidecar(STR(HASH), STR("m"), hash));
    CHECK(pull_request_sidecar(STR(HASH "  whatever\r\n"), STR("m"), hash));
    CHECK(pull_request_sidecar(STR("# sums\n" HASH " *m\n"), STR("m"), hash));
    CHECK_STR(str_from(hash), HASH);
    CHECK(!pull_request_sidecar(STR(HASH "  a\n" HASH "  b\n"), STR("m"), hash));
    CHECK(pull_request_sidecar(STR(HASH "  a\n" HASH "  m\n"), STR("m"), hash));
    CHECK(!pull_request_sidecar(STR("<html>404</html>"), STR("m"), hash));
    CHECK(!pull_request_sidecar(STR_EMPTY, STR("m"), hash));
}

static void layers_add_up_to_a_model(void **state)
{
    struct pull_layers l = {.n = 0};

    (void)state;
    CHECK_INT(pull_layers_feed(&l, STR("{\"status\":\"pulling manifest\"}")), PULL_LAYERS_MORE);
    CHECK_INT(pull_layers_feed(&l, STR("{\"status\":\"pulling a\",\"digest\":\"a\",\"total\":100,"
                                       "\"completed\":40}")),
              PULL_LAYERS_MORE);
    CHECK_INT(pull_layers_feed(&l, STR("{\"status\":\"pulling b\",\"digest\":\"b\",\"total\":10}")),
              PULL_LAYERS_MORE);
    CHECK_INT(pull_layers_feed(&l, STR("{\"status\":\"pulling a\",\"digest\":\"a\",\"total\":100,"
                                       "\"completed\":30}")),
              PULL_LAYERS_MORE);
    CHECK_U64(l.total, 110);
    CHECK_U64(l.completed, 40); /* never less than it was */
    CHECK_INT(pull_layers_feed(&l, STR("{\"status\":\"success\"}")), PULL_LAYERS_SUCCESS);
    CHECK_INT(pull_layers_feed(&l, STR("{\"error\":\"no \\u001b[31m such model\"}")),
              PULL_LAYERS_ERROR);
    CHECK_STR(str_from(l.error), "no ?[31m such model");
    CHECK_INT(pull_layers_feed(&l, STR("<html>")), PULL_LAYERS_INVALID);
    CHECK_INT(pull_layers_feed(&l, STR("{\"done\":true}")), PULL_LAYERS_INVALID);
}

static void layers_are_bounded(void **state)
{
    struct pull_layers l = {.n = 0};
    char line[128];

    (void)state;
    for (int i = 0; i < PULL_MAX_LAYERS + 9; i++) {
        snprintf(line, sizeof(line),
                 "{\"status\":\"x\",\"digest\":\"d%d\",\"total\":9223372036854775807,"
                 "\"completed\":9223372036854775807}",
                 i);
        CHECK_INT(pull_layers_feed(&l, str_from(line)), PULL_LAYERS_MORE);
    }
    CHECK_U64(l.n, PULL_MAX_LAYERS);
    CHECK_U64(l.total, PULL_MAX_LAYERS * PULL_MAX_LAYER_BYTES);
    CHECK_U64(l.completed, l.total);
}

static bool is_below(const char *url, const char *base)
{
    struct pull_address a;

    return pull_request_address(str_from(url), true, &a) &&
           pull_request_is_below(&a, str_from(base));
}

static void a_token_is_for_what_is_below_its_url_and_for_nothing_else(void **state)
{
    (void)state;
    CHECK(is_below("https://hub.example/m.gguf", "https://hub.example"));
    CHECK(is_below("https://HUB.example/m.gguf?a=b", "https://hub.example/"));
    CHECK(is_below("https://hub.example/org/m.gguf", "https://hub.example/org"));
    CHECK(is_below("https://hub.example/org/m.gguf", "https://hub.example/org/"));
    CHECK(is_below("https://hub.example/org?m.gguf", "https://hub.example/org"));
    CHECK(is_below("https://hub.example/org", "https://hub.example/org"));
    CHECK(!is_below("https://hub.example/organ/m.gguf", "https://hub.example/org"));
    CHECK(!is_below("https://hub.example/m.gguf", "https://hub.example/org"));
    CHECK(!is_below("https://hub.example/org/../m.gguf", "https://hub.example/org"));
    CHECK(!is_below("https://hub.example/org/%2E%2e/m.gguf", "https://hub.example/org"));
    CHECK(!is_below("http://hub.example/m.gguf", "https://hub.example"));
    CHECK(!is_below("https://hub.example.evil/m.gguf", "https://hub.example"));
    CHECK(!is_below("https://hub.exam/ple", "https://hub.example"));
    CHECK(!is_below("https://hub.example:8443/m.gguf", "https://hub.example"));
    CHECK(!is_below("https://hub.example/m.gguf", "https://hub.example:8443"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_named_as_its_url_ends_unless_told_otherwise),
        cmocka_unit_test(what_may_not_be_fetched_is_refused_with_a_reason),
        cmocka_unit_test(a_redirect_leads_where_it_says),
        cmocka_unit_test(a_sidecar_s_hash_is_of_this_file),
        cmocka_unit_test(layers_add_up_to_a_model),
        cmocka_unit_test(layers_are_bounded),
        cmocka_unit_test(a_token_is_for_what_is_below_its_url_and_for_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
