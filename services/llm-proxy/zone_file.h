/* zone_file.h -- what does the system know of a time zone? (/usr/share/zoneinfo) */
#pragma once

#include "base/macro.h"
#include "base/zone.h"

/* -ENOENT: there is none of this name; -EINVAL: the name or the file is none. */
MUST_USE int zone_file_load(struct str name, struct zone **ret);
