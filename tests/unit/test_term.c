#include "term.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

/* The words that a text comes down to, with a blank between them. */
static void scan(const char *text, const char *words)
{
    struct arena a;
    struct term_dictionary d;
    struct term_list list = {.n = 0};
    char found[1024] = "";

    arena_init(&a, 1 << 20);
    CHECK(term_init(&d, &a));
    list.id = arena_alloc(&a, TERM_ROOM(strlen(text)) * sizeof(*list.id));
    term_scan(&d, str_from(text), &list);
    CHECK(list.n <= TERM_ROOM(strlen(text)));
    for (size_t i = 0; i < list.n; i++) {
        struct str word = d.term[list.id[i]].word;
        CHECK(strlen(found) + word.len + 2 < sizeof(found));
        strncat(found, i ? " " : "", 2);
        strncat(found, word.data, word.len);
    }
    CHECK_TEXT(found, words);
    arena_done(&a);
}

static void words_are_cut_and_lowered(void **state)
{
    (void)state;
    scan("", "");
    scan("Port 8443, NODE_ENV=prod", "port 8443 node env prod");
    scan("readFileSync(HTTPServer)", "read file sync httpserver");
    scan("it's a z but x9 and 7", "x9 7"); /* function words, lone letters */
}

static void forms_of_a_word_are_one(void **state)
{
    (void)state;
    scan("deploys deployed deploying deployment", "deploi deploi deploi deploi");
    scan("running runs", "run run");
    scan("caches caching cache", "cach cach cach");
    scan("policies policy", "polici polici");
    scan("migrate migration", "migrat migrat");
}

static void other_scripts_have_words_too(void **state)
{
    (void)state;
    scan("\xd0\x9f\xd0\x9e\xd0\xa0\xd0\xa2 \xd0\xbf\xd0\xbe\xd1\x80\xd1\x82",
         "\xd0\xbf\xd0\xbe\xd1\x80\xd1\x82 \xd0\xbf\xd0\xbe\xd1\x80\xd1\x82");
    /* eleven letters, six of which its forms share */
    scan("\xd1\x81\xd0\xb5\xd1\x80\xd0\xb2\xd0\xb5\xd1\x80\xd0\xb0\xd0\xbc\xd0\xb8",
         "\xd1\x81\xd0\xb5\xd1\x80\xd0\xb2\xd0\xb5\xd1\x80");
    scan("\xc3\x89lan", "\xc3\xa9lan");
    /* pairs of characters where there are no spaces */
    scan("\xe6\x95\xb0\xe6\x8d\xae\xe5\xba\x93",
         "\xe6\x95\xb0\xe6\x8d\xae \xe6\x8d\xae\xe5\xba\x93");
    scan("\xe3\x83\x9d\xe3\x83\xbc port \xe3\x83\x88", "\xe3\x83\x9d\xe3\x83\xbc port");
}

static void a_full_dictionary_knows_only_old_words(void **state)
{
    struct arena a;
    struct term_dictionary d;
    uint32_t ids[8];
    struct term_list list = {.id = ids};

    (void)state;
    arena_init(&a, 200000);
    CHECK(term_init(&d, &a));
    term_scan(&d, STR("known"), &list);
    for (unsigned i = 0; !d.is_full; i++) {
        char word[16];
        snprintf(word, sizeof(word), "w%uw", i);
        list.n = 1;
        term_scan(&d, str_from(word), &list);
    }
    list.n = 1;
    term_scan(&d, STR("unheard known"), &list);
    CHECK_U64(list.n, 3);
    CHECK_U64(ids[1], TERM_RARE);
    CHECK_U64(ids[2], ids[0]);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut_and_lowered),
        cmocka_unit_test(forms_of_a_word_are_one),
        cmocka_unit_test(other_scripts_have_words_too),
        cmocka_unit_test(a_full_dictionary_knows_only_old_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
