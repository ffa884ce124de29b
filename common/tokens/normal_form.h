/* normal_form.h -- is this text surely in Unicode's normal form C?
 *
 * Some tokenizers bring text into that form first. Nothing is normalized here: where a mark, a
 * letter that marks were joined to in another way, or a part of a Hangul syllable stands in the
 * text, the answer is no, though most such texts are in that form.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>

bool normal_form_is_sure(struct str text);
