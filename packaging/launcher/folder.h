/* Where the cache lies: `folder_of` of hit.py. */
#ifndef KEYWRIGHT_FOLDER_H
#define KEYWRIGHT_FOLDER_H

#include <stdbool.h>

#include "text.h"

/* Puts the cache's folder together; false if it takes more than these lines to know. */
bool cache_folder(char *const *env, struct words *folder);

#endif
