#include "picture.h"

#include <math.h>
#include <string.h>

#define UNKNOWN_SIDE  1024
#define MAX_SIDE      100000
#define JPEG_SEGMENTS 64

/* ---- sizes ---- */

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* The byte at `at`; -1 behind the end. */
static int byte_at(struct str base64, size_t at)
{
    size_t first = at / 3 * 4 + at % 3;

    if (at > base64.len || first + 1 >= base64.len)
        return -1;
    int high = digit_of(base64.data[first]), low = digit_of(base64.data[first + 1]);
    if (high < 0 || low < 0)
        return -1;
    unsigned shift = 2 * (unsigned)(at % 3 + 1);
    return ((high << shift) | (low >> (6 - shift))) & 0xff;
}

static bool is_at(struct str base64, size_t at, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (byte_at(base64, at + i) != (unsigned char)bytes[i])
            return false;
    return true;
}

static bool read_big(struct str base64, size_t at, unsigned n, uint32_t *ret)
{
    *ret = 0;
    for (unsigned i = 0; i < n; i++) {
        int b = byte_at(base64, at + i);
        if (b < 0)
            return false;
        *ret = *ret << 8 | (uint32_t)b;
    }
    return true;
}

static bool read_little(struct str base64, size_t at, unsigned n, uint32_t *ret)
{
    *ret = 0;
    for (unsigned i = n; i-- > 0;) {
        int b = byte_at(base64, at + i);
        if (b < 0)
            return false;
        *ret = *ret << 8 | (uint32_t)b;
    }
    return true;
}

static bool is_frame(int marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* Segment after segment, by their lengths, up to the one that begins the frame. */
static bool find_jpeg(struct str s, uint32_t *w, uint32_t *h)
{
    size_t at = 2;
    uint32_t length;

    for (unsigned i = 0; i < JPEG_SEGMENTS; i++) {
        while (byte_at(s, at) == 0xff && byte_at(s, at + 1) == 0xff)
            at++;
        if (byte_at(s, at) != 0xff)
            return false;
        int marker = byte_at(s, at + 1);
        if (is_frame(marker))
            return read_big(s, at + 5, 2, h) && read_big(s, at + 7, 2, w);
        if (!read_big(s, at + 2, 2, &length) || length < 2)
            return false;
        at += 2 + length;
    }
    return false;
}

static bool find_webp(struct str s, uint32_t *w, uint32_t *h)
{
    uint32_t bits;

    if (is_at(s, 12, "VP8X", 4)) {
        if (!read_little(s, 24, 3, w) || !read_little(s, 27, 3, h))
            return false;
        ++*w;
        ++*h;
        return true;
    }
    if (is_at(s, 12, "VP8L", 4)) {
        if (byte_at(s, 20) != 0x2f || !read_little(s, 21, 4, &bits))
            return false;
        *w = (bits & 0x3fff) + 1;
        *h = (bits >> 14 & 0x3fff) + 1;
        return true;
    }
    if (!is_at(s, 12, "VP8 ", 4) || !is_at(s, 23, "\x9d\x01\x2a", 3) || !read_little(s, 26, 2, w) ||
        !read_little(s, 28, 2, h))
        return false;
    *w &= 0x3fff;
    *h &= 0x3fff;
    return true;
}

static bool find_any(struct str s, uint32_t *w, uint32_t *h)
{
    if (is_at(s, 0, "\x89PNG\r\n\x1a\n", 8))
        return is_at(s, 12, "IHDR", 4) && read_big(s, 16, 4, w) && read_big(s, 20, 4, h);
    if (is_at(s, 0, "\xff\xd8", 2))
        return find_jpeg(s, w, h);
    if (is_at(s, 0, "GIF8", 4))
        return read_little(s, 6, 2, w) && read_little(s, 8, 2, h);
    return is_at(s, 0, "RIFF", 4) && is_at(s, 8, "WEBP", 4) && find_webp(s, w, h);
}

bool picture_find_size(struct str base64, uint32_t *ret_width, uint32_t *ret_height)
{
    uint32_t w = 0, h = 0;

    if (!find_any(base64, &w, &h) || w == 0 || h == 0 || w > MAX_SIDE || h > MAX_SIDE)
        return false;
    *ret_width = w;
    *ret_height = h;
    return true;
}

/* ---- parts of a message ---- */

static bool is_text(const struct json_value *v, const char *text)
{
    return json_is(v, JSON_STRING) && v->raw.len == strlen(text) + 2 &&
           memcmp(v->raw.data + 1, text, v->raw.len - 2) == 0;
}

/* Between the quotes; base64 that is spelled with escapes counts as of unknown size. */
static struct str inner(const struct json_value *v)
{
    return (struct str){v->raw.data + 1, v->raw.len - 2};
}

static void read_url(const struct json_value *url, struct picture *p)
{
    struct str text = inner(url), head = {text.data, text.len < 128 ? text.len : 128};
    const char *comma = memchr(head.data, ',', head.len);

    if (!str_has_prefix(text, "data:") || !comma)
        return;
    size_t before = (size_t)(comma + 1 - text.data);
    if (picture_find_size((struct str){comma + 1, text.len - before}, &p->width, &p->height))
        return;
}

/* OpenAI's {"image_url": {"url", "detail"}} and {"image_url": "…", "detail"}; Anthropic's
 * {"type": "image", "source": {"data"} or {"url"}}. */
bool picture_read(const struct json_value *part, struct picture *ret)
{
    const struct json_value *image = json_get(part, "image_url"), *type = json_get(part, "type");
    const struct json_value *detail =
        json_get(json_is(image, JSON_OBJECT) ? image : part, "detail");
    const struct json_value *url = json_is(image, JSON_OBJECT) ? json_get(image, "url") : image;
    const struct json_value *data = json_at(part, "source.data");

    if (!image && !is_text(type, "image") && !is_text(type, "input_image"))
        return false;
    *ret = (struct picture){.is_low = is_text(detail, "low")};
    if (json_is(url, JSON_STRING))
        read_url(url, ret);
    else if (json_is(data, JSON_STRING) &&
             !picture_find_size(inner(data), &ret->width, &ret->height))
        ret->width = 0;
    return true;
}

/* ---- tokens ---- */

static uint64_t blocks(double side, double of)
{
    uint64_t n = (uint64_t)(side / of);

    return (double)n * of < side ? n + 1 : n;
}

static uint64_t tiles(double w, double h)
{
    double longer = w > h ? w : h, shorter = w > h ? h : w;

    if (longer > 2048) {
        shorter *= 2048 / longer;
        longer = 2048;
    }
    if (shorter > 768) {
        longer *= 768 / shorter;
        shorter = 768;
    }
    return blocks(longer - 1e-6, 512) * blocks(shorter - 1e-6, 512);
}

#define MAX_PATCHES 1536

/* When there are too many the picture is shrunk until whole patches fit. */
static uint64_t patches(double w, double h)
{
    uint64_t n = blocks(w, 32) * blocks(h, 32);

    if (n <= MAX_PATCHES)
        return n;
    double shrink = sqrt(32.0 * 32 * MAX_PATCHES / (w * h));
    double across = w * shrink / 32, down = h * shrink / 32;
    double fit_across = across < 1 ? 1 : floor(across) / across;
    double fit_down = down < 1 ? 1 : floor(down) / down;
    double fit = fit_across < fit_down ? fit_across : fit_down;
    n = blocks(across * fit - 1e-6, 1) * blocks(down * fit - 1e-6, 1);
    return n < MAX_PATCHES ? n : MAX_PATCHES;
}

/* About as many as a square of 1.1 times half the edge: what Anthropic says of either. */
static uint64_t area(double w, double h, double edge)
{
    double longer = w > h ? w : h, shrink = longer > edge ? edge / longer : 1;
    double n = w * shrink * h * shrink / 750, most = edge * edge / 750 / 2.05;

    return (uint64_t)(n < most ? n : most) + 1;
}

static uint64_t squares(double w, double h)
{
    return w <= 384 && h <= 384 ? 258 : 258 * blocks(w, 768) * blocks(h, 768);
}

struct picture_cost picture_count(const struct counting_rule *rule, const struct picture *p)
{
    bool is_known = p->width > 0;
    double w = is_known ? p->width : UNKNOWN_SIDE, h = is_known ? p->height : UNKNOWN_SIDE;
    uint64_t n = 0;

    switch (rule->pictures) {
    case COUNTING_RULE_TILES:
        n = rule->base;
        if (p->is_low)
            return (struct picture_cost){n, 0};
        n += tiles(w, h) * rule->tile;
        return (struct picture_cost){n, is_known ? 0 : n};
    case COUNTING_RULE_PATCHES: /* developers were billed up to a fourth less */
        n = (patches(w, h) * rule->factor + 99) / 100;
        return (struct picture_cost){n, is_known ? n / 4 : n};
    case COUNTING_RULE_AREA:
        n = area(w, h, rule->edge);
        break;
    case COUNTING_RULE_SQUARES:
        n = squares(w, h);
        break;
    }
    return (struct picture_cost){n, is_known ? n / 10 : n};
}
