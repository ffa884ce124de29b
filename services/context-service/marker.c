#include "marker.h"

#include "base/digest.h"
#include "base/utf8.h"

#define PREVIEW_BYTES 80

void marker_key(struct str bytes, char ret_key[MARKER_KEY_SIZE])
{
    uint8_t digest[DIGEST_SIZE];

    digest_sha256(bytes, digest);
    digest_hex(digest, (MARKER_KEY_SIZE - 1) / 2, ret_key);
}

struct str marker_preview(struct str text)
{
    return (struct str){text.data, utf8_prefix(text.data, text.len, PREVIEW_BYTES)};
}
