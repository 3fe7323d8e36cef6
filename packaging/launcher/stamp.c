#include "stamp.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#ifdef __APPLE__
#define st_mtim st_mtimespec
#define st_ctim st_ctimespec
#endif

static void add_signed(struct words *words, int64_t number) {
    if (number < 0) {
        add_text(words, "-");
    }
    add_number(words, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

static bool add_ns(struct words *words, struct timespec time) {
    int64_t ns;
    if (__builtin_mul_overflow((int64_t)time.tv_sec, INT64_C(1000000000), &ns) ||
        __builtin_add_overflow(ns, (int64_t)time.tv_nsec, &ns)) {
        return false;
    }
    add_text(words, ":");
    add_signed(words, ns);
    return true;
}

bool stamp_of(struct slice path, struct words *stamp) {
    if (path.length > 0 && memchr(path.start, '\0', path.length) != NULL) {
        return false;
    }
    struct words copy;
    struct stat found;
    int problem = 0;
    begin(&copy);
    add(&copy, path);
    if (copy.is_cut) {
        problem = ENAMETOOLONG;
    } else if (stat(copy.text, &found) < 0) {
        problem = errno;
    }
    if (problem == ENOENT || problem == ENOTDIR) {
        add_text(stamp, "-");
        return true;
    }
    if (problem != 0) {
        add_text(stamp, "!");
        add_number(stamp, (uint64_t)problem);
        return true;
    }
    add_number(stamp, (uint64_t)found.st_dev);
    add_text(stamp, ":");
    add_number(stamp, found.st_ino);
    add_text(stamp, ":");
    add_signed(stamp, found.st_size);
    return add_ns(stamp, found.st_mtim) && add_ns(stamp, found.st_ctim);
}
