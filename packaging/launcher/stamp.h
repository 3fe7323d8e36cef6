/* What tells one content of a file from another: `stamp` of hit.py. */
#ifndef KEYWRIGHT_STAMP_H
#define KEYWRIGHT_STAMP_H

#include <stdbool.h>

#include "text.h"

/* Puts the stamp together: device, inode, size, mtime and ctime (ns); "-" if the file is absent, and "!" with an errno
 * if nobody can tell. False for a path with a NUL, and where that takes numbers beyond 64 bits. */
bool stamp_of(struct slice path, struct words *stamp);

#endif
