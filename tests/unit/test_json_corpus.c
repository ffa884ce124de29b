#include "base/buf.h"
#include "base/json.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

/* What is JSON, and what is not: our own cases, after RFC 8259. To be readable here, they write
 * ' for a double quote, ` for a single one, ~ for NUL, and @ for a hundred letters. */
#define N(table) (sizeof(table) / sizeof((table)[0]))

static const char *const good_shapes[] = {
    "[]",
    "{}",
    "[[]]",
    "[{}]",
    "{'a':[]}",
    "{'a':{}}",
    "[1]",
    "[1,2]",
    "[1,2,3,4,5,6,7,8,9,10]",
    " [ ] ",
    "\t{\t}\t",
    "\r\n[\r\n]\r\n",
    "[ 1 , 2 ]",
    "{ 'a' : 1 }",
    "{'a':1,'b':2}",
    "{\n  'a': [\n    1,\n    2\n  ]\n}\n",
    "[[],[],{}]",
    "[[[[[[[[]]]]]]]]",
    "{'a':{'b':{'c':{'d':null}}}}",
    "[{'a':1},{'a':2}]",
    "{'a':{'a':{'a':1}}}",
    "{'':0}",
    "{'':{'':1}}",
    "{' ':1,'  ':2}",
    "{'a':1,'A':2}",
    "{'a':null,'b':true,'c':false}",
    "[null,true,false]",
    "[null]",
    "[true]",
    "[false]",
    "{'a\\u0062':1,'a b':2}",
    "{'\\n':1,'n':2}",
    "{'\xc3\xa9':1,'e\xcc\x81':2}",
    "{'0':0}",
    "{'a.b':1}",
    "{'__proto__':{}}",
    "[[1,[2,[3,[4]]]]]",
    "{'a':[{'b':[{'c':[]}]}]}",
};

static const char *const good_scalars[] = {
    "0", "-0", "1", "'a'", "''", "null", "true", "false", " null ", "\n1\n", "'\\u0061'", "-1.5e-3",
};

static const char *const good_numbers[] = {
    "[0]",
    "[-0]",
    "[-1]",
    "[10]",
    "[123456789]",
    "[0.0]",
    "[0.5]",
    "[-0.5]",
    "[1.000]",
    "[0e0]",
    "[0e+1]",
    "[0E-1]",
    "[1e1]",
    "[1E1]",
    "[1e+1]",
    "[1e-1]",
    "[1.5e10]",
    "[1.5E+10]",
    "[-1.5E-10]",
    "[1e01]",
    "[1e-00]",
    "[9007199254740993]",
    "[-9223372036854775808]",
    "[0.1234567890123456789012345678901234567890]",
    "[1,-1,0.1,1e1]",
    "{'n':-0.0}",
    "[0 ]",
    "[1\n]",
};

/* long ones take another path than short ones */
static const char *const good_strings[] = {
    "['']",
    "[' ']",
    "['a']",
    "['\\'']",
    "['\\\\']",
    "['\\/']",
    "['/']",
    "['\\b\\f\\n\\r\\t']",
    "['\\u0001']",
    "['\\u001f']",
    "['\\u007f']",
    "['\x7f']",
    "['\\u00e9']",
    "['\\u00E9']",
    "['\\uABCD\\uabcd']",
    "['\\ud83d\\ude00']",
    "['\\uD800\\uDC00']",
    "['\\udbff\\udfff']",
    "['\\uffff']",
    "['\\ufffe']",
    "['\\ufdd0']",
    "['\\u2028\\u2029']",
    "['\xe2\x80\xa8\xe2\x80\xa9']",
    "['\xc2\x80']",
    "['\xdf\xbf\xe0\xa0\x80']",
    "['\xed\x9f\xbf\xee\x80\x80']",
    "['\xef\xbf\xbf\xf0\x90\x80\x80']",
    "['\xf4\x8f\xbf\xbf']",
    "['\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x83\x86\xe3\x82\xad\xe3\x82\xb9\xe3\x83\x88']",
    "['\xf0\x9f\x98\x80\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7']",
    "['\xef\xbb\xbf']",
    "['\\\\u0000']",
    "['\\\\ud800']",
    "['\\\\\\'']",
    "['[]{},:']",
    "['//']",
    "['/* */']",
    "['null']",
    "['`']",
    "['a\\u0062c']",
    "['\xc3\xa9\\n']",
    "['xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx']",
    "['xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx']",
    "['xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx']",
    "['@\\n@',1]",
    "{'@':'@'}",
    "{'@\\t':'@\\u00e9','a':'@'}",
};

static const char *const bad_shapes[] = {
    "",
    " ",
    "\n",
    "[",
    "]",
    "{",
    "}",
    "[[",
    "]]",
    "[]]",
    "[[]",
    "{}}",
    "{{}}",
    "{[]}",
    "[}",
    "{]",
    "[1}",
    "{'a':1]",
    "[,]",
    "[1,]",
    "[,1]",
    "[1,,2]",
    "[1 2]",
    "[1,2,]",
    "['a',]",
    "['a'",
    "['a',",
    "[1",
    "[1,",
    "['a' 'b']",
    "['a':1]",
    "[:]",
    "[1:2]",
    "{,}",
    "{'a'}",
    "{'a':}",
    "{'a',1}",
    "{'a' 1}",
    "{'a'::1}",
    "{'a':1,}",
    "{,'a':1}",
    "{'a':1,,'b':2}",
    "{'a':1 'b':2}",
    "{'a':1:2}",
    "{:1}",
    "{1:1}",
    "{a:1}",
    "{`a`:1}",
    "{null:1}",
    "{true:1}",
    "{[]:1}",
    "{{}:1}",
    "{'a':1",
    "{'a':",
    "{'a'",
    "{'a",
    "{'",
    "{'a':1,",
    "{'a':1,'b'",
    "{'a':[}",
    "{'a':[1,2}",
    "[1]2",
    "[1][2]",
    "{}{}",
    "{} 1",
    "1 2",
    "1,2",
    ",",
    ":",
    "'a' 'b'",
    "null null",
    "[]x",
    "[] ,",
    "[1]~",
    "[~]",
    "~",
    "[1]#",
    "<html></html>",
    "undefined",
    "data: {}",
    "[[[[[[[[[[",
    "[{[{[{",
};

static const char *const bad_words[] = {
    "nul",    "nulL",   "Null",    "NULL",        "nullx",       "[nul]",    "[nulll]",     "[tru]",
    "[True]", "[TRUE]", "[truee]", "[fals]",      "[False]",     "[falsey]", "[n]",         "[t]",
    "[f]",    "[nan]",  "[NaN]",   "[Infinity]",  "[-Infinity]", "[inf]",    "[undefined]", "[a]",
    "[None]", "[yes]",  "[true1]", "[truefalse]", "[null true]",
};

static const char *const bad_numbers[] = {
    "-",       "[-]",      "[+1]",     "[+]",   "[01]",  "[00]",    "[-01]",   "[007]",
    "[0x1]",   "[0b1]",    "[0o7]",    "[.5]",  "[-.5]", "[1.]",    "[0.]",    "[-0.]",
    "[1.e1]",  "[1e]",     "[1E]",     "[1e+]", "[1e-]", "[1e1.5]", "[1e1e1]", "[1..2]",
    "[1.2.3]", "[1-2]",    "[1+2]",    "[--1]", "[- 1]", "[1 000]", "[1_000]", "[1,5.]",
    "[0e]",    "[1f]",     "[1L]",     "[1a]",  "[e1]",  "[0 .5]",  "[1 e1]",  "[\xef\xbc\x91]",
    "[$1]",    "[1%]",     "[(1)]",    "-a",    "1.",    "1e",      "01",      "{'n':01}",
    "{'n':-}", "{'n':.1}", "{'n':1.}",
};

static const char *const bad_strings[] = {
    "'",
    "'a",
    "['",
    "['a",
    "[''",
    "['a\\']",
    "['\\']",
    "[`a`]",
    "['\\x41']",
    "['\\a']",
    "['\\0']",
    "['\\`']",
    "['\\v']",
    "['\\U0041']",
    "['\\ ']",
    "['\\\n']",
    "['\\u']",
    "['\\u1']",
    "['\\u12']",
    "['\\u123']",
    "['\\u123g']",
    "['\\u 123']",
    "['\\u+123']",
    "['\\u00']",
    "['\n']",
    "['\t']",
    "['\r']",
    "['a\nb']",
    "['~']",
    "['\x01']",
    "['\x1f']",
    "['a~b']",
    "{'\n':1}",
    "{'a\x01':1}",
    "['\\\xc3\xa9']",
    "['\\uzz000']",
    "[\xe2\x80\x9c]",
    "['a'b]",
    "[a'b']",
    "['a'1]",
    "['@\n']",
    "['@\\q']",
    "['@",
    "['@\\",
    "{'@\x02':1}",
};

static const char *const bad_space[] = {
    "[\x0c]",
    "[\x0b]",
    "\x0c[]",
    "[]\x0c",
    "[]\x0b",
    "\x0b"
    "1",
    "[1\x0c,2]",
    "[1,\x0b"
    "2]",
    "{\x0c'a':1}",
    "{'a'\x0c:1}",
    "{'a':\x0b"
    "1}",
    "{'a':1\x0c}",
    "[1]\n\x0c\n",
    "\x0c",
    "\x0b",
    "1\x0c",
    "{}\x0b ",
    "[\xc2\xa0]",
    "[\xe2\x80\x83]",
    "[\xe3\x80\x80]",
    "[]\xc2\x85",
    "\xef\xbb\xbf[]",
    "[\xe2\x81\xa0]",
    "[\x08]",
    "[\x1e]",
    "\x1e{}",
    "[\x7f]",
    "[1]\x1a",
    "['a'\x0c]",
    "['@'\x0c]",
    "[\x0c'@']",
    "{'@'\x0b:1}",
};

static const char *const bad_comments[] = {
    "// c\n[]",   "/* c */[]",   "[]// c",      "[]/* c */", "[1,/* c */2]",
    "[1 // c\n]", "{'a':/**/1}", "# c\n[]",     "[1]/",      "<!-- -->[]",
    "-- c\n1",    "[/]",         "{/*'a':1*/}",
};

static const char *const bad_characters[] = {
    "['\xff']",
    "['\xfe']",
    "['\x80']",
    "['\xbf']",
    "['\xc0\xaf']",
    "['\xc1\xbf']",
    "['\xc0\x80']",
    "['\xe0\x80\xaf']",
    "['\xe0\x9f\xbf']",
    "['\xf0\x80\x80\xaf']",
    "['\xf0\x8f\xbf\xbf']",
    "['\xf8\x80\x80\x80\xaf']",
    "['\xfc\x80\x80\x80\x80\xaf']",
    "['\xed\xa0\x80']",
    "['\xed\xbf\xbf']",
    "['\xed\xa0\xbd\xed\xb8\x80']",
    "['\xf4\x90\x80\x80']",
    "['\xf5\x80\x80\x80']",
    "['\xc3']",
    "['\xe4\xb8']",
    "['\xf0\x9f\x98']",
    "['\xc3(']",
    "['\xe4\xb8(']",
    "['\xf0\x9f\x98(']",
    "['\xe9']",
    "['caf\xe9']",
    "\xff[]",
    "[\x80]",
    "[]\xc3",
    "{'\xff':1}",
    "{'a\xc0\xaf':1}",
    "\xff\xfe[~]~",
    "['@\xff']",
    "['@\xc3']",
    "['a\xcc']",
    "['\xef\xbf']",
    "['\\u0000']",
    "['a\\u0000b']",
    "{'\\u0000':1}",
    "['\\ud800']",
    "['\\udbff']",
    "['\\udc00']",
    "['\\udfff']",
    "['\\ud83d']",
    "['\\ude00\\ud83d']",
    "['\\ud83d\\ud83d']",
    "['\\ud83dx']",
    "['\\ud83d\\n']",
    "['\\ud83d\\u0041']",
    "['\\ud83d\\u00']",
    "['\\uD83D\\uE000']",
    "['\\ud83d\\ude00\\ude00']",
    "{'\\ud800':1}",
    "{'a':'\\udc00'}",
    "['@\\u0000']",
    "['@\\ud800']",
    "['\\u0000@']",
};

static const char *const repeated_keys[] = {
    "{'a':1,'a':1}",
    "{'a':1,'a':2}",
    "{'a':1,'b':2,'a':3}",
    "{'':1,'':2}",
    "{'a':1,'\\u0061':2}",
    "{'\\u0061':1,'a':2}",
    "{'/':1,'\\/':2}",
    "{'\xc3\xa9':1,'\\u00e9':2}",
    "{'\xf0\x9f\x98\x80':1,'\\ud83d\\ude00':2}",
    "{'x':{'a':1,'a':2}}",
    "[{'a':1,'a':2}]",
    "[[[{'a':[],'a':{}}]]]",
    "{'model':'a','messages':[],'model':'b'}",
    "{'a':null,'a':null}",
    "{'@':1,'@':2}",
    "{'@y':1,'@\\u0079':2}",
};

/* The implementation is free to choose here, and has chosen. */
struct pinned {
    const char *text;
    enum json_result result;
};

static const struct pinned pinned[] = {
    {"[123456789012345678901234567890]", JSON_OK}, /* any length of digits, */
    {"[1e9999]", JSON_OK},                         /* any exponent: who reads */
    {"[-1e9999]", JSON_OK},                        /* the number refuses it */
    {"[1e-9999]", JSON_OK},
    {"[0.0000000000000000000000000000000000000001]", JSON_OK},
    {"[18446744073709551616]", JSON_OK},
    {"['\\ufffe']", JSON_OK}, /* noncharacters are characters */
    {"['\xef\xbf\xbe\xef\xbf\xbf']", JSON_OK},
    {"['\\ud800']", JSON_UTF8},           /* half a character is none */
    {"['\\u0000']", JSON_UTF8},           /* nothing may hold a NUL */
    {"\xef\xbb\xbf{}", JSON_SYNTAX},      /* no byte order mark */
    {"\xff\xfe[~]~", JSON_UTF8},          /* no UTF-16 */
    {"{'a':1,'a':1}", JSON_REPEATED_KEY}, /* even with the same value */
    {"'text'", JSON_OK},                  /* a scalar is a text */
    {"", JSON_SYNTAX},
};

static int set_up(void **state)
{
    static struct arena a;

    arena_init(&a, 1 << 20);
    *state = &a;
    return 0;
}

static int tear_down(void **state)
{
    arena_done(*state);
    return 0;
}

/* The JSON that a line of the tables means, in memory that ends with it, so that a sanitizer
 * watches the end. */
static struct str spell(const char *line)
{
    struct buf b;

    buf_init(&b, 4096);
    for (const char *p = line; *p; p++) {
        char c = *p == '\'' ? '"' : *p == '`' ? '\'' : *p == '~' ? '\0' : *p;
        for (unsigned n = *p == '@' ? 100 : 1; n > 0; n--)
            CHECK_INT(buf_add(&b, *p == '@' ? "x" : &c, 1), BUF_OK);
    }
    char *exact = malloc(b.len ? b.len : 1);
    if (b.len)
        memcpy(exact, b.data, b.len);
    struct str text = {exact, b.len};
    buf_done(&b);
    return text;
}

static void check(struct arena *a, const char *line, enum json_result expected)
{
    struct str text = spell(line);
    const struct json_value *v = NULL;
    size_t offset = 0;

    enum json_result r = json_parse(a, text, &v, &offset);
    if (r != expected || offset > text.len)
        fail_msg("%s at %zu instead of %s: %s", json_result_text(r), offset,
                 json_result_text(expected), line);
    free((char *)text.data);
    arena_clear(a);
}

static void check_all(struct arena *a, const char *const lines[], size_t n,
                      enum json_result expected)
{
    for (size_t i = 0; i < n; i++)
        check(a, lines[i], expected);
}

/* Cutting anything off the end of an object or array leaves no JSON. */
static void check_prefixes(struct arena *a, const char *const lines[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str text = spell(lines[i]);
        size_t last = text.len - 1;
        while (last > 0 && strchr(" \t\r\n", text.data[last]))
            last--;
        for (size_t len = 0; strchr("}]", text.data[last]) && len <= last; len++) {
            const struct json_value *v;
            size_t offset;
            if (json_parse(a, (struct str){text.data, len}, &v, &offset) == JSON_OK)
                fail_msg("accepted: %.*s", (int)len, text.data);
            arena_clear(a);
        }
        free((char *)text.data);
    }
}

static void what_is_json_is_accepted(void **state)
{
    check_all(*state, good_shapes, N(good_shapes), JSON_OK);
    check_all(*state, good_scalars, N(good_scalars), JSON_OK);
    check_all(*state, good_numbers, N(good_numbers), JSON_OK);
    check_all(*state, good_strings, N(good_strings), JSON_OK);
}

static void what_is_not_json_is_refused(void **state)
{
    check_all(*state, bad_shapes, N(bad_shapes), JSON_SYNTAX);
    check_all(*state, bad_words, N(bad_words), JSON_SYNTAX);
    check_all(*state, bad_numbers, N(bad_numbers), JSON_SYNTAX);
    check_all(*state, bad_strings, N(bad_strings), JSON_SYNTAX);
    check_all(*state, bad_comments, N(bad_comments), JSON_SYNTAX);
}

static void only_four_characters_are_white_space(void **state)
{
    check_all(*state, bad_space, N(bad_space), JSON_SYNTAX);
}

static void what_is_no_character_is_refused_raw_and_escaped(void **state)
{
    check_all(*state, bad_characters, N(bad_characters), JSON_UTF8);
}

static void a_repeated_key_is_refused_however_it_is_spelled(void **state)
{
    check_all(*state, repeated_keys, N(repeated_keys), JSON_REPEATED_KEY);
}

static void what_the_standard_leaves_open_is_pinned(void **state)
{
    for (size_t i = 0; i < N(pinned); i++)
        check(*state, pinned[i].text, pinned[i].result);
}

static void no_strict_prefix_of_a_container_is_accepted(void **state)
{
    check_prefixes(*state, good_shapes, N(good_shapes));
    check_prefixes(*state, good_numbers, N(good_numbers));
    check_prefixes(*state, good_strings, N(good_strings));
}

static void the_tables_are_as_large_as_they_should_be(void **state)
{
    (void)state;
    CHECK(N(good_shapes) + N(good_scalars) + N(good_numbers) + N(good_strings) >= 95);
    CHECK(N(bad_shapes) + N(bad_words) + N(bad_numbers) + N(bad_strings) + N(bad_space) +
              N(bad_comments) + N(bad_characters) + N(repeated_keys) >=
          180);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_json_is_accepted),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(only_four_characters_are_white_space),
        cmocka_unit_test(what_is_no_character_is_refused_raw_and_escaped),
        cmocka_unit_test(a_repeated_key_is_refused_however_it_is_spelled),
        cmocka_unit_test(what_the_standard_leaves_open_is_pinned),
        cmocka_unit_test(no_strict_prefix_of_a_container_is_accepted),
        cmocka_unit_test(the_tables_are_as_large_as_they_should_be),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
