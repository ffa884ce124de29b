/* unicode_class.h -- what kind of character is this, as far as tokenizers ask?
 *
 * Unicode 16.0, which the reference tokenizer is built with: a library of the distribution has
 * another version, and each version moves characters between classes. The classes do not overlap.
 */
#pragma once

#include <stdint.h>

enum unicode_class {
    UNICODE_CLASS_OTHER,   /* controls, formats, private use, unassigned */
    UNICODE_CLASS_SPACE,   /* White_Space but for the next */
    UNICODE_CLASS_NEWLINE, /* CR and LF */
    UNICODE_CLASS_NUMBER,
    UNICODE_CLASS_UPPER, /* Lu, Lt */
    UNICODE_CLASS_LOWER, /* Ll */
    UNICODE_CLASS_PLAIN, /* Lm, Lo: letters without case */
    UNICODE_CLASS_MARK,
    UNICODE_CLASS_SYMBOL, /* punctuation and symbols */
};

enum unicode_class unicode_class_of(uint32_t character);
