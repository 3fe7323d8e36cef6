#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "renewal.h"

#ifdef __APPLE__
#define st_mtim st_mtimespec
#endif

enum { REJECTED_BRAKE_S = 60, BRAKE_LIMIT_S = 2 * 3600, ASKED_AGAIN_S = 10 };

static double mtime_of(const struct stat *found) {
    return (double)found->st_mtim.tv_sec + (double)found->st_mtim.tv_nsec * 1e-9;
}

static bool set_times(int file, double to) {
    struct timespec time = {.tv_sec = (time_t)to};
    time.tv_nsec = (long)((to - (double)time.tv_sec) * 1e9);
    return futimens(file, (struct timespec[]){time, time}) == 0;
}

/* Takes the brake while nobody else may look. */
static bool take(const char *brake, double now, int seconds) {
    struct stat found;
    double held_until = 0;
    if (lstat(brake, &found) == 0) {
        held_until = mtime_of(&found);
    } else if (errno != ENOENT) {
        return false;
    }
    if (0 < held_until - now && held_until - now < BRAKE_LIMIT_S) {
        return false;
    }
    int taken = open(brake, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (taken < 0) {
        return false;
    }
    bool is_taken = set_times(taken, now + seconds);
    close(taken);
    return is_taken;
}

bool claim(const char *cache, const char *name, double now, int seconds) {
    struct words brake, lock;
    begin(&brake);
    add_text(&brake, cache);
    add_text(&brake, "/renew/");
    add_text(&brake, name);
    lock = brake;
    add_text(&lock, ".lock");
    if (lock.is_cut) {
        return false;
    }
    int turn = open(lock.text, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (turn < 0) {
        return false;
    }
    /* To look and to take are one step: who comes in between has lost. */
    bool is_taken = lockf(turn, F_TLOCK, 0) == 0 && take(brake.text, now, seconds);
    close(turn);
    return is_taken;
}

/* Adds when a process started, from its stat(5) line, and which program it runs; false where there is no /proc. */
static bool add_start(struct words *note, pid_t process) {
    struct words path;
    char line[4096];
    struct stat program;
    begin(&path);
    add_text(&path, "/proc/");
    add_number(&path, (uint64_t)process);
    size_t folder = path.length;
    add_text(&path, "/stat");
    int file = open(path.text, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    ssize_t length;
    do {
        length = read(file, line, sizeof line - 1);
    } while (length < 0 && errno == EINTR);
    close(file);
    if (length <= 0) {
        return false;
    }
    line[length] = '\0';
    const char *name_end = strrchr(line, ')'); /* the program's name may hold anything */
    struct slice fields = slice_of(name_end == NULL ? "" : name_end + 1), started = {"", 0};
    take_until(&fields, ' ');
    for (int field = 3; field <= 22; field++) {
        started = take_until(&fields, ' ');
    }
    path.length = folder;
    add_text(&path, "/exe");
    if (started.length == 0 || stat(path.text, &program) < 0) {
        return false;
    }
    add(note, started);
    add_text(note, ":");
    add_number(note, program.st_ino);
    return true;
}

/* Replaces the note in an open file; returns whether it was there already, left a moment ago. The file is never empty
 * meanwhile: ext4 writes out one that was cut to nothing as it is closed (auto_da_alloc), and the caller would wait. */
static bool replace_note(int file, const char *note, double now) {
    struct stat found;
    char before[200];
    size_t length = strlen(note);
    if (fstat(file, &found) < 0) {
        return false;
    }
    double age_s = now - mtime_of(&found);
    ssize_t got = read(file, before, sizeof before);
    bool asked_before =
        got == (ssize_t)length && memcmp(before, note, length) == 0 && 0 <= age_s && age_s < ASKED_AGAIN_S;
    return got >= 0 && pwrite(file, note, length, 0) == (ssize_t)length && ftruncate(file, (off_t)length) == 0 &&
           set_times(file, now) && asked_before;
}

bool note_asker(const char *cache, const char *digest, const struct answer *answer, double now) {
    struct words note, path, brake;
    pid_t parent = getppid();
    begin(&note);
    add_number(&note, (uint64_t)parent);
    add_text(&note, " ");
    if (!add_start(&note, parent)) {
        add_text(&note, "-"); /* the number alone has to do */
    }
    add_text(&note, " ");
    add_text(&note, answer->generation);

    begin(&path);
    add_text(&path, cache);
    add_text(&path, "/answers/");
    add_text(&path, digest);
    add_text(&path, ".asked");
    begin(&brake);
    add_text(&brake, answer->entry);
    add_text(&brake, ".rejected");
    int file = path.is_cut ? -1 : open(path.text, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) {
        return false;
    }
    bool asked_before = replace_note(file, note.text, now);
    close(file);
    return asked_before && claim(cache, brake.text, now, REJECTED_BRAKE_S);
}
