/* Stands between the daemon and the C library (LD_PRELOAD) for the files of one folder.
 *
 * It writes down every write, truncation and creation with what stood there before, and every fsync, so that whoever
 * killed the daemon can take back what no fsync had reached: the state a power cut leaves. And it can kill its own
 * process right before or right after an fsync of the write-ahead log, which is the moment of a commit.
 *
 * FAULTS_FOLDER: the folder. FAULTS_JOURNAL: where it is written down. FAULTS_STRIKE: a file "before N" or "after N";
 * while it is there, the N-th fsync of a log from then on, from 0, is the last. FAULTS_KILL_AT, FAULTS_ABORT_AT: a file that
 * holds a word; while it is there, whoever writes the word to a log is killed, whoever copies it in memory aborts.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int journal = -2;
static uint64_t position;

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* The word of the file that this variable named when the process began; empty: none. */
static char kill_at[64], abort_at[64];
/* This process reads apart what the desk asks it to: a strike is meant for the desk. */
static int reads_apart;

static void word(const char *variable, char *word) {
    const char *name = getenv(variable);
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    if (read(fd, word, 63) < 0) word[0] = 0;
    close(fd);
}

__attribute__((constructor)) static void words(void) {
    word("FAULTS_KILL_AT", kill_at);
    word("FAULTS_ABORT_AT", abort_at);
    char arguments[256] = {0};
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t got = read(fd, arguments, sizeof arguments - 1);
    close(fd);
    reads_apart = got > 0 && memmem(arguments, got, "read-apart", 10) != 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
    if (abort_at[0] && length < 65536 && memmem(from, length, abort_at, strlen(abort_at))) abort();
    return memmove(to, from, length);
}

static ssize_t put(int fd, const void *bytes, size_t length) {
    REAL(write);
    return real(fd, bytes, length);
}

static int in_folder(const char *path) {
    static const char *folder;
    if (!folder) folder = getenv("FAULTS_FOLDER");
    if (!folder) return 0;
    size_t length = strlen(folder);
    if (strncmp(path, folder, length) != 0 || (path[length] != '/' && path[length] != 0)) return 0;
    size_t all = strlen(path);
    return !(all > 4 && strcmp(path + all - 4, "-shm") == 0);
}

/* The path of an open file, when it is one of the folder. */
static int ours(int fd, char *path) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, 4000);
    if (length <= 0) return 0;
    path[length] = 0;
    return in_folder(path);
}

/* One entry: kind, offset, size before, lengths, path, old bytes, new bytes. Call with the lock held. */
static void note(char kind, uint64_t offset, uint64_t size, const char *path, const void *old, uint32_t old_length,
                 const void *new, uint32_t new_length) {
    if (journal == -2) {
        const char *name = getenv("FAULTS_JOURNAL");
        REAL(open64);
        journal = name ? real(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
        if (journal >= 0) {
            struct stat found;
            position = fstat(journal, &found) == 0 ? (uint64_t)found.st_size : 0;
        }
    }
    if (journal < 0) return;
    uint32_t path_length = strlen(path);
    uint32_t total = 1 + 8 + 8 + 12 + path_length + old_length + new_length;
    char *entry = malloc(total), *at = entry;
    if (!entry) abort();
    *at++ = kind;
    memcpy(at, &offset, 8), at += 8;
    memcpy(at, &size, 8), at += 8;
    memcpy(at, &path_length, 4), at += 4;
    memcpy(at, &old_length, 4), at += 4;
    memcpy(at, &new_length, 4), at += 4;
    memcpy(at, path, path_length), at += path_length;
    if (old_length) memcpy(at, old, old_length), at += old_length;
    if (new_length) memcpy(at, new, new_length);
    if (put(journal, entry, total) != (ssize_t)total) abort();
    position += total;
    free(entry);
}

static void note_write(int fd, const char *path, uint64_t offset, const void *bytes, size_t length) {
    struct stat found;
    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) return;
    uint64_t size = found.st_size;
    uint64_t there = offset >= size ? 0 : size - offset < length ? size - offset : length;
    char *old = there ? malloc(there) : NULL;
    if (there) {
        /* The file may be open for writing alone: read it by its name. */
        REAL(open64);
        int reader = real(path, O_RDONLY | O_CLOEXEC);
        if (reader < 0 || pread64(reader, old, there, offset) != (ssize_t)there) abort();
        close(reader);
    }
    note('W', offset, size, path, old, there, bytes, length);
    free(old);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    REAL(write);
    char path[4096];
    if (!ours(fd, path)) return real(fd, bytes, length);
    pthread_mutex_lock(&lock);
    int flags = fcntl(fd, F_GETFL);
    off64_t at = lseek64(fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
    if (at >= 0) note_write(fd, path, at, bytes, length);
    ssize_t written = real(fd, bytes, length);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    REAL(pwrite64);
    char path[4096];
    if (!ours(fd, path)) return real(fd, bytes, length, offset);
    size_t end = strlen(path);
    if (kill_at[0] && end > 4 && strcmp(path + end - 4, "-wal") == 0 && memmem(bytes, length, kill_at, strlen(kill_at)))
        kill(getpid(), SIGKILL);
    pthread_mutex_lock(&lock);
    note_write(fd, path, offset, bytes, length);
    ssize_t written = real(fd, bytes, length, offset);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

int ftruncate64(int fd, off64_t length) {
    REAL(ftruncate64);
    char path[4096];
    if (!ours(fd, path)) return real(fd, length);
    pthread_mutex_lock(&lock);
    struct stat found;
    if (fstat(fd, &found) == 0) {
        uint64_t size = found.st_size;
        uint64_t cut = size > (uint64_t)length ? size - length : 0;
        char *old = cut ? malloc(cut) : NULL;
        if (cut) {
            REAL(open64);
            int reader = real(path, O_RDONLY | O_CLOEXEC);
            if (reader < 0 || pread64(reader, old, cut, length) != (ssize_t)cut) abort();
            close(reader);
        }
        note('T', length, size, path, old, cut, NULL, 0);
        free(old);
    }
    int done = real(fd, length);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* A name that comes to be: gone again unless its folder is synced. */
static int opened(int fd, const char *path, int was_there) {
    char full[4096];
    if (fd >= 0 && !was_there && ours(fd, full)) {
        pthread_mutex_lock(&lock);
        note('C', 0, 0, full, NULL, 0, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    (void)path;
    return fd;
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        REAL(name);                                                                                                    \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, int) : 0;                                            \
        va_end(rest);                                                                                                  \
        int was_there = !(flags & O_CREAT) || access(path, F_OK) == 0;                                                 \
        return opened(real(path, flags, mode), path, was_there);                                                       \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                                   \
    int name(int folder, const char *path, int flags, ...) {                                                           \
        REAL(name);                                                                                                    \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, int) : 0;                                            \
        va_end(rest);                                                                                                  \
        int was_there = !(flags & O_CREAT) || faccessat(folder, path, F_OK, 0) == 0;                                   \
        return opened(real(folder, path, flags, mode), path, was_there);                                               \
    }
OPENAT(openat)
OPENAT(openat64)

/* The new name of a file: its own creation. The old one is taken to be gone for good. */
static void named(const char *path) {
    char full[4096];
    if (!realpath(path, full) || !in_folder(full)) return;
    pthread_mutex_lock(&lock);
    note('C', 0, 0, full, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
}

int rename(const char *from, const char *to) {
    REAL(rename);
    int done = real(from, to);
    if (done == 0) named(to);
    return done;
}

int link(const char *from, const char *to) {
    REAL(link);
    int done = real(from, to);
    if (done == 0) named(to);
    return done;
}

int linkat(int a, const char *from, int b, const char *to, int flags) {
    REAL(linkat);
    int done = real(a, from, b, to, flags);
    if (done == 0) named(to);
    return done;
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    REAL(renameat2);
    int done = real(a, from, b, to, flags);
    if (done == 0) named(to);
    return done;
}

/* Whether this sync of a log is the one to die at; `before` says on which side. */
static int struck(const char *path, int *before) {
    static int left = -1;
    const char *name = getenv("FAULTS_STRIKE");
    size_t length = strlen(path);
    if (!name || reads_apart || length < 4 || strcmp(path + length - 4, "-wal") != 0) return 0;
    REAL(open64);
    int fd = real(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    char text[32] = {0};
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    char word[16] = {0};
    int count = 0;
    if (got <= 0 || sscanf(text, "%15s %d", word, &count) != 2) return 0;
    pthread_mutex_lock(&lock);
    if (left < 0) left = count;
    int now = left-- == 0;
    pthread_mutex_unlock(&lock);
    *before = strcmp(word, "before") == 0;
    if (now) unlink(name);
    return now;
}

static int sync_with(int fd, int (*real)(int)) {
    char path[4096];
    if (!ours(fd, path)) return real(fd);
    int before = 0;
    int last = struck(path, &before);
    if (last && before) kill(getpid(), SIGKILL);
    pthread_mutex_lock(&lock);
    uint64_t reaches = position;
    pthread_mutex_unlock(&lock);
    int done = real(fd);
    if (done == 0) {
        struct stat found;
        int folder = fstat(fd, &found) == 0 && S_ISDIR(found.st_mode);
        pthread_mutex_lock(&lock);
        note(folder ? 'D' : 'S', reaches, 0, path, NULL, 0, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    if (last) kill(getpid(), SIGKILL);
    return done;
}

int fsync(int fd) {
    REAL(fsync);
    return sync_with(fd, real);
}

int fdatasync(int fd) {
    REAL(fdatasync);
    return sync_with(fd, real);
}
