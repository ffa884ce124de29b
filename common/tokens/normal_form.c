#include "normal_form.h"

#include "unicode_class.h"

#include <stddef.h>
#include <stdint.h>

/* Not marks, but changed by the form, or joined to what stands before them. */
/* clang-format off */
static const struct range {
    uint32_t first, last;
} others[] = {
    {0x374, 0x374}, {0x37e, 0x37e}, {0x387, 0x387}, {0x958, 0x95f}, {0x9dc, 0x9dd}, {0x9df, 0x9df},
    {0xa33, 0xa33}, {0xa36, 0xa36}, {0xa59, 0xa5b}, {0xa5e, 0xa5e}, {0xb5c, 0xb5d}, {0xf43, 0xf43},
    {0xf4d, 0xf4d}, {0xf52, 0xf52}, {0xf57, 0xf57}, {0xf5c, 0xf5c}, {0xf69, 0xf69},
    {0x1161, 0x1175}, {0x11a8, 0x11c2}, {0x1f71, 0x1f71}, {0x1f73, 0x1f73}, {0x1f75, 0x1f75},
    {0x1f77, 0x1f77}, {0x1f79, 0x1f79}, {0x1f7b, 0x1f7b}, {0x1f7d, 0x1f7d}, {0x1fbb, 0x1fbb},
    {0x1fbe, 0x1fbe}, {0x1fc9, 0x1fc9}, {0x1fcb, 0x1fcb}, {0x1fd3, 0x1fd3}, {0x1fdb, 0x1fdb},
    {0x1fe3, 0x1fe3}, {0x1feb, 0x1feb}, {0x1fee, 0x1fef}, {0x1ff9, 0x1ff9}, {0x1ffb, 0x1ffb},
    {0x1ffd, 0x1ffd}, {0x2000, 0x2001}, {0x2126, 0x2126}, {0x212a, 0x212b}, {0x2329, 0x232a},
    {0x2adc, 0x2adc}, {0xf900, 0xfa0d}, {0xfa10, 0xfa10}, {0xfa12, 0xfa12}, {0xfa15, 0xfa1e},
    {0xfa20, 0xfa20}, {0xfa22, 0xfa22}, {0xfa25, 0xfa26}, {0xfa2a, 0xfa6d}, {0xfa70, 0xfad9},
    {0xfb1d, 0xfb1d}, {0xfb1f, 0xfb1f}, {0xfb2a, 0xfb36}, {0xfb38, 0xfb3c}, {0xfb3e, 0xfb3e},
    {0xfb40, 0xfb41}, {0xfb43, 0xfb44}, {0xfb46, 0xfb4e}, {0x16d63, 0x16d6a}, {0x1d15e, 0x1d164},
    {0x1d1bb, 0x1d1c0}, {0x2f800, 0x2fa1d},
};
/* clang-format on */
#define N_OTHERS (sizeof(others) / sizeof(others[0]))

static bool is_other(uint32_t character)
{
    size_t from = 0, to = N_OTHERS;

    while (from < to) {
        size_t middle = (from + to) / 2;
        if (character > others[middle].last)
            from = middle + 1;
        else
            to = middle;
    }
    return from < N_OTHERS && character >= others[from].first;
}

/* The character at `p`, which is no ASCII; what is no UTF-8 is U+FFFD. */
static uint32_t wide_at(const unsigned char *p, const unsigned char *end, unsigned *ret_length)
{
    unsigned length = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
    uint32_t character = *p & (0xffU >> (length + 1));

    *ret_length = 1;
    if (*p < 0xc2 || (size_t)(end - p) < length)
        return 0xfffd;
    for (unsigned i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0xfffd;
        character = character << 6 | (p[i] & 0x3f);
    }
    *ret_length = length;
    return character;
}

bool normal_form_is_sure(struct str text)
{
    const unsigned char *p = (const unsigned char *)text.data, *end = p + text.len;

    for (unsigned length; p < end; p += length) {
        length = 1;
        if (*p < 0xcc) /* below U+0300 every character is itself */
            continue;
        uint32_t character = wide_at(p, end, &length);
        if (unicode_class_of(character) == UNICODE_CLASS_MARK || is_other(character))
            return false;
    }
    return true;
}
