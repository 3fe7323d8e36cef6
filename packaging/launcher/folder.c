#include "folder.h"

#include <string.h>

#ifdef __APPLE__
static const char CACHE[] = "/Library/Caches";
#else
static const char CACHE[] = "/.cache";
#endif

/* Returns a variable's value, "" if it is not set. */
static const char *value_of(char *const *env, const char *name) {
    size_t length = strlen(name);
    for (; *env != NULL; env++) {
        if (strncmp(*env, name, length) == 0 && (*env)[length] == '=') {
            return *env + length + 1;
        }
    }
    return "";
}

/* Whether a path may end in a blank, of which Unicode has many. */
static bool may_end_in_a_blank(const char *path) {
    unsigned char last = (unsigned char)path[strlen(path) - 1];
    return last <= ' ' || last >= 0x7f;
}

bool cache_folder(char *const *env, struct words *folder) {
    begin(folder);
    const char *own = value_of(env, "KEYWRIGHT_HOME");
    if (*own != '\0') {
        add_text(folder, own);
        add_text(folder, "/cache");
        return !folder->is_cut;
    }
    const char *home = value_of(env, "HOME"), *base = value_of(env, "XDG_CACHE_HOME");
    if (*base == '\0') {
        if (*home != '/') {
            return false;
        }
        size_t length = strlen(home);
        while (length > 0 && home[length - 1] == '/') {
            length--;
        }
        add(folder, (struct slice){home, length});
        add_text(folder, CACHE);
    } else {
#ifdef __APPLE__
        return false;
#endif
        if (*base != '/' || may_end_in_a_blank(base)) {
            return false;
        }
        add_text(folder, base);
    }
    bool is_ended = folder->length > 0 && folder->text[folder->length - 1] == '/';
    add_text(folder, is_ended ? "keywright" : "/keywright");
    return !folder->is_cut;
}
