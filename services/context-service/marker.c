#include "marker.h"

#include "base/digest.h"
#include "base/json_write.h"
#include "base/utf8.h"

#include <inttypes.h>

#define PREVIEW_BYTES 80
#define MAX_SPELLED   (256U << 20)

void marker_key(struct str bytes, char ret_key[MARKER_KEY_SIZE])
{
    uint8_t digest[DIGEST_SIZE];

    digest_sha256(bytes, digest);
    digest_hex(digest, (MARKER_KEY_SIZE - 1) / 2, ret_key);
}

enum buf_result marker_write(struct buf *out, uint64_t lines, uint64_t tokens, const char *key)
{
    return buf_printf(out, "[tool result omitted: %" PRIu64 " lines, %" PRIu64 " tokens; key=%s]",
                      lines, tokens, key);
}

struct str marker_preview(struct str text)
{
    return (struct str){text.data, utf8_prefix(text.data, text.len, PREVIEW_BYTES)};
}

struct str marker_spell(struct arena *a, struct str text)
{
    struct buf out;
    struct json_write w;

    buf_init(&out, MAX_SPELLED);
    (void)buf_reserve(&out, text.len + text.len / 8);
    json_write_init(&w, &out);
    json_write_str(&w, text);
    char *copy = json_write_finish(&w) == BUF_OK ? arena_copy(a, buf_str(&out)) : NULL;
    struct str spelled = {copy, out.len};
    buf_done(&out);
    return spelled;
}
