/* check.h -- cmocka with one include; a test's name is a sentence. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#define CHECK(x)         assert_true(x)
#define CHECK_U64(a, b)  assert_int_equal((a), (b))
#define CHECK_INT(a, b)  assert_int_equal((a), (b))
#define CHECK_TEXT(a, b) assert_string_equal((a), (b))
#define CHECK_STR(s, text)                                                                         \
    do {                                                                                           \
        assert_int_equal((s).len, sizeof(text) - 1);                                               \
        assert_memory_equal((s).data, (text), sizeof(text) - 1);                                   \
    } while (0)
