/* settings_text.h -- may a text of the configuration look like this?
 *
 * Each answers NULL for yes, else what is allowed, to stand behind "must be". No answer repeats
 * the text: it may hold a password in the wrong place.
 */
#pragma once

#include "base/str.h"

const char *settings_text_check_address(struct str text);
const char *settings_text_check_address_or_off(struct str text);
const char *settings_text_check_url(struct str text);
const char *settings_text_check_name(struct str text);
const char *settings_text_check_model(struct str text); /* a name callers use */
const char *settings_text_check_price_name(struct str text);
const char *settings_text_check_route(struct str text); /* the path of a URL */
const char *settings_text_check_keep_alive(struct str text);
const char *settings_text_check_file(struct str text);
const char *settings_text_check_runtime(struct str text);
const char *settings_text_check_variable(struct str text);
const char *settings_text_check_device(struct str text);
const char *settings_text_check_printable(struct str text);
const char *settings_text_check_date(struct str text);
const char *settings_text_check_curve(struct str text);
