#include "lexicon.h"

#include "check.h"

#include <string.h>

static void words_are_found_in_any_language(void **state)
{
    static const struct {
        const char *word;
        unsigned flags;
    } cases[] = {
        {"the", LEXICON_STOP},
        {"never", LEXICON_DEMAND | LEXICON_NOT},
        {"niemals", LEXICON_DEMAND},
        {"decided", LEXICON_DECISION},
        {"choice", LEXICON_DECISION},
        {"error", LEXICON_ERROR},
        {"cannot", LEXICON_DEMAND | LEXICON_ERROR | LEXICON_NOT},
        {"let", LEXICON_STOP | LEXICON_WILL},
        {"not", LEXICON_STOP | LEXICON_NOT},
        {"\xd0\xbd\xd0\xb8\xd0\xba\xd0\xbe\xd0\xb3\xd0\xb4\xd0\xb0", LEXICON_DEMAND | LEXICON_NOT},
        {"\xe5\x86\xb3\xe5\xae\x9a", LEXICON_DECISION},
        {"\xd8\xae\xd8\xb7\xd8\xa3", LEXICON_ERROR},
        {"a", LEXICON_STOP},
        {"kiln", 0},
        {"erro", LEXICON_ERROR},
        {"err0", 0},
        {"", 0},
        {"zzzz", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK_INT((int)lexicon_flags(str_from(cases[i].word)), (int)cases[i].flags);
}

static void stems_are_what_forms_share(void **state)
{
    static const struct {
        const char *word, *stem;
    } cases[] = {
        {"boxes", "box"},     {"stopped", "stop"}, {"falling", "fall"}, {"bus", "bus"},
        {"quickly", "quick"}, {"sing", "sing"},    {"v2s", "v2s"},      {"sha256", "sha256"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char word[32];
        CHECK(str_copy(word, sizeof(word), str_from(cases[i].word)));
        word[lexicon_stem(word, strlen(word), 0)] = '\0';
        CHECK_TEXT(word, cases[i].stem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_found_in_any_language),
        cmocka_unit_test(stems_are_what_forms_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
