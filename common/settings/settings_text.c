#include "settings/settings_text.h"

#include "base/parse.h"
#include "io/address.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

/* sockaddr_un has room for 107 bytes; the longest file below runtime is "/outcomes.sock". */
#define MAX_RUNTIME 90

static bool is_made_of(struct str text, size_t max, const char *also)
{
    if (text.len == 0 || text.len > max)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!isalnum((unsigned char)text.data[i]) && !strchr(also, text.data[i]))
            return false;
    return true;
}

static bool is_printable(struct str text, size_t max)
{
    if (text.len == 0 || text.len > max)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    return true;
}

static bool is_visible(struct str text, size_t max)
{
    return is_printable(text, max) && !memchr(text.data, ' ', text.len);
}

const char *settings_text_check_address(struct str text)
{
    struct address a;

    return address_parse(text, &a) ? NULL
                                   : "an address like 127.0.0.1:8080, [::1]:8080 or unix:/path";
}

const char *settings_text_check_address_or_off(struct str text)
{
    return text.len == 0 ? NULL : settings_text_check_address(text);
}

/* Cut at the first of `stops`, whose character stays in *rest. */
static struct str cut_before(struct str *rest, const char *stops)
{
    struct str head = {rest->data, 0};

    while (head.len < rest->len && !strchr(stops, rest->data[head.len]))
        head.len++;
    rest->data += head.len;
    rest->len -= head.len;
    return head;
}

static bool is_port(struct str text)
{
    uint64_t port;

    return parse_u64(text, &port) && port > 0 && port < 65536;
}

static bool is_authority(struct str text)
{
    struct str rest = text, host;

    if (text.len > 0 && text.data[0] == '[') {
        host = cut_before(&rest, "]");
        if (rest.len == 0)
            return false;
        host.data++;
        host.len--;
        rest.data++;
        rest.len--;
        if (!is_made_of(host, 64, ":."))
            return false;
    } else {
        host = cut_before(&rest, ":");
        if (!is_made_of(host, 253, ".-_"))
            return false;
    }
    if (rest.len == 0)
        return true;
    return rest.data[0] == ':' && is_port((struct str){rest.data + 1, rest.len - 1});
}

const char *settings_text_check_url(struct str text)
{
    static const char allowed[] = "an http:// or https:// URL without user, password, query or "
                                  "fragment";
    struct str rest = text;

    if (!is_visible(text, 1024))
        return allowed;
    if (str_has_prefix(text, "http://"))
        rest.data += 7, rest.len -= 7;
    else if (str_has_prefix(text, "https://"))
        rest.data += 8, rest.len -= 8;
    else
        return allowed;
    if (!is_authority(cut_before(&rest, "/?#")))
        return allowed;
    return memchr(rest.data, '?', rest.len) || memchr(rest.data, '#', rest.len) ? allowed : NULL;
}

const char *settings_text_check_name(struct str text)
{
    return is_made_of(text, 64, "._-") ? NULL : "at most 64 letters, digits, '.', '_' or '-'";
}

const char *settings_text_check_model(struct str text)
{
    return is_made_of(text, 128, "._-:/@+") ? NULL
                                            : "at most 128 letters, digits or any of . _ - : / @ +";
}

const char *settings_text_check_price_name(struct str text)
{
    return str_is(text, "*") || !settings_text_check_name(text) ? NULL
                                                                : "a provider's name, or \"*\"";
}

const char *settings_text_check_date(struct str text)
{
    static const char shape[] = "0000-00-00";
    bool is_date = text.len == sizeof(shape) - 1;

    for (size_t i = 0; is_date && i < text.len; i++)
        is_date = shape[i] == '0' ? isdigit((unsigned char)text.data[i]) : text.data[i] == shape[i];
    return is_date ? NULL : "a date such as 2026-11-21";
}

const char *settings_text_check_route(struct str text)
{
    return is_visible(text, 256) && text.data[0] == '/' ? NULL : "a path that begins with '/'";
}

const char *settings_text_check_keep_alive(struct str text)
{
    usec_t duration;

    return str_is(text, "forever") ||
                   (parse_duration(text, &duration) && duration <= 366 * 86400 * USEC_PER_SEC)
               ? NULL
               : "a duration of at most 366 days such as 30m, 0, or forever";
}

const char *settings_text_check_file(struct str text)
{
    return is_printable(text, 1024) ? NULL : "a path of at most 1024 bytes";
}

const char *settings_text_check_runtime(struct str text)
{
    return is_printable(text, MAX_RUNTIME) ? NULL : "a path of at most 90 bytes (it holds sockets)";
}

const char *settings_text_check_variable(struct str text)
{
    return is_made_of(text, 128, "_") && !isdigit((unsigned char)text.data[0])
               ? NULL
               : "the name of an environment variable";
}

const char *settings_text_check_device(struct str text)
{
    uint64_t n;

    if (str_is(text, "cpu"))
        return NULL;
    if (str_has_prefix(text, "gpu") && parse_u64((struct str){text.data + 3, text.len - 3}, &n) &&
        n < 64)
        return NULL;
    return "cpu, or gpu0 to gpu63";
}

const char *settings_text_check_printable(struct str text)
{
    return is_printable(text, 1024) ? NULL
                                    : "a text of at most 1024 bytes without control characters";
}

/* Z85, as the curve keygen of ZeroMQ prints it. */
const char *settings_text_check_curve(struct str text)
{
    return is_made_of(text, 40, ".-:+=^!/*?&<>()[]{}@%$#") && text.len == 40
               ? NULL
               : "a CURVE public key of 40 characters";
}
