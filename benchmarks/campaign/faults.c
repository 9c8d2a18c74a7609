/* Lets the n-th of some system calls fail, counted over all processes that have this library loaded.

   cc -shared -fPIC -O1 -o faults.so faults.c -ldl
   LD_PRELOAD=faults.so FAULTS_STATE=FILE deepcuts ...

   FILE is a struct state (see below, and faults.py), mapped into every process. Only calls on paths below
   one of its places are counted; those of other kinds than the one asked for pass. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE, SYNC, MAKE, RENAME, LINK, UNLINK, MODE, TIMES, FOLDER, SIZE, MAP, OPEN, READ, LOCK, LIST };

struct state {
    int64_t counted;  /* calls so far */
    int64_t at;       /* the first that fails; 0 for none */
    int64_t until;    /* the last that fails; -1 for no end */
    int64_t error;    /* errno */
    int64_t kinds;    /* a bit for each kind that counts */
    int64_t failed;   /* calls that were made to fail */
    int64_t folders;  /* for SYNC: 1 if only folders count */
    char places[4000]; /* paths, each ended by a NUL; an empty one ends them */
    char first[96];    /* the first call that failed, for the report */
};

static struct state *shared;

__attribute__((constructor)) static void prepare(void) {
    const char *path = getenv("FAULTS_STATE");
    if (!path) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) return;
    void *found = (void *)syscall(SYS_mmap, NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
    syscall(SYS_close, fd);
    if (found != MAP_FAILED) shared = found;
}

static int is_below(const char *path) {
    for (const char *place = shared->places; *place; place += strlen(place) + 1) {
        size_t n = strlen(place);
        if (!strncmp(path, place, n) && (path[n] == '/' || path[n] == 0)) return 1;
    }
    return 0;
}

static int path_of(int fd, char *path) {
    char name[40];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    long n = syscall(SYS_readlinkat, AT_FDCWD, name, path, PATH_MAX - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return 1;
}

static int fails(enum kind kind, const char *call, const char *path) {
    if (!(shared->kinds >> kind & 1) || !is_below(path)) return 0;
    int64_t n = __atomic_add_fetch(&shared->counted, 1, __ATOMIC_SEQ_CST);
    if (!shared->at || n < shared->at || (shared->until >= 0 && n > shared->until)) return 0;
    if (__atomic_add_fetch(&shared->failed, 1, __ATOMIC_SEQ_CST) == 1) {
        const char *base = strrchr(path, '/');
        snprintf(shared->first, sizeof shared->first, "%s %s", call, base ? base + 1 : path);
    }
    errno = (int)shared->error;
    return 1;
}

static int fails_fd(enum kind kind, const char *call, int fd) {
    char path[PATH_MAX];
    struct stat status;
    int saved = errno;
    if (!shared || !(shared->kinds >> kind & 1) || !path_of(fd, path)) { errno = saved; return 0; }
    if (kind == SYNC && shared->folders && (fstat(fd, &status) || !S_ISDIR(status.st_mode))) { errno = saved; return 0; }
    if (fails(kind, call, path)) return 1;
    errno = saved;
    return 0;
}

static int fails_at(enum kind kind, const char *call, int folder, const char *name) {
    char path[2 * PATH_MAX];
    int saved = errno;
    if (!shared || !name || !(shared->kinds >> kind & 1)) return 0;
    if (*name == '/') {
        snprintf(path, sizeof path, "%s", name);
    } else if (folder == AT_FDCWD) {
        if (syscall(SYS_getcwd, path, PATH_MAX) < 0) { errno = saved; return 0; }
        strncat(path, "/", sizeof path - strlen(path) - 1);
        strncat(path, name, sizeof path - strlen(path) - 1);
    } else {
        if (!path_of(folder, path)) { errno = saved; return 0; }
        strncat(path, "/", sizeof path - strlen(path) - 1);
        strncat(path, name, sizeof path - strlen(path) - 1);
    }
    if (fails(kind, call, path)) return 1;
    errno = saved;
    return 0;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define ON_FD(kind, type, name, fd, parameters, arguments) \
    type name parameters { REAL(name); return fails_fd(kind, #name, fd) ? -1 : real arguments; }
#define ON_PATH(kind, type, name, folder, path, parameters, arguments) \
    type name parameters { REAL(name); return fails_at(kind, #name, folder, path) ? -1 : real arguments; }

ON_FD(WRITE, ssize_t, write, fd, (int fd, const void *b, size_t n), (fd, b, n))
ON_FD(WRITE, ssize_t, pwrite, fd, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
ON_FD(WRITE, ssize_t, pwrite64, fd, (int fd, const void *b, size_t n, off64_t o), (fd, b, n, o))
ON_FD(WRITE, ssize_t, writev, fd, (int fd, const struct iovec *v, int n), (fd, v, n))
ON_FD(WRITE, ssize_t, sendfile, fd, (int fd, int in, off_t *o, size_t n), (fd, in, o, n))
ON_FD(WRITE, ssize_t, sendfile64, fd, (int fd, int in, off64_t *o, size_t n), (fd, in, o, n))
ON_FD(WRITE, ssize_t, copy_file_range, fd, (int in, off64_t *i, int fd, off64_t *o, size_t n, unsigned f), (in, i, fd, o, n, f))
ON_FD(SYNC, int, fsync, fd, (int fd), (fd))
ON_FD(SYNC, int, fdatasync, fd, (int fd), (fd))
ON_PATH(RENAME, int, rename, AT_FDCWD, b, (const char *a, const char *b), (a, b))
ON_PATH(RENAME, int, renameat, g, b, (int f, const char *a, int g, const char *b), (f, a, g, b))
ON_PATH(RENAME, int, renameat2, g, b, (int f, const char *a, int g, const char *b, unsigned s), (f, a, g, b, s))
ON_PATH(LINK, int, link, AT_FDCWD, b, (const char *a, const char *b), (a, b))
ON_PATH(LINK, int, linkat, g, b, (int f, const char *a, int g, const char *b, int s), (f, a, g, b, s))
ON_PATH(LINK, int, symlink, AT_FDCWD, b, (const char *a, const char *b), (a, b))
ON_PATH(LINK, int, symlinkat, g, b, (const char *a, int g, const char *b), (a, g, b))
ON_PATH(UNLINK, int, unlink, AT_FDCWD, a, (const char *a), (a))
ON_PATH(UNLINK, int, unlinkat, f, a, (int f, const char *a, int s), (f, a, s))
ON_PATH(UNLINK, int, rmdir, AT_FDCWD, a, (const char *a), (a))
ON_PATH(MODE, int, chmod, AT_FDCWD, a, (const char *a, mode_t m), (a, m))
ON_PATH(MODE, int, fchmodat, f, a, (int f, const char *a, mode_t m, int s), (f, a, m, s))
ON_FD(MODE, int, fchmod, fd, (int fd, mode_t m), (fd, m))
ON_PATH(MODE, int, chown, AT_FDCWD, a, (const char *a, uid_t u, gid_t g), (a, u, g))
ON_PATH(MODE, int, fchownat, f, a, (int f, const char *a, uid_t u, gid_t g, int s), (f, a, u, g, s))
ON_FD(MODE, int, fchown, fd, (int fd, uid_t u, gid_t g), (fd, u, g))
ON_PATH(TIMES, int, utimes, AT_FDCWD, a, (const char *a, const struct timeval t[2]), (a, t))
ON_PATH(TIMES, int, utimensat, f, a, (int f, const char *a, const struct timespec t[2], int s), (f, a, t, s))
ON_FD(TIMES, int, futimens, fd, (int fd, const struct timespec t[2]), (fd, t))
ON_PATH(FOLDER, int, mkdir, AT_FDCWD, a, (const char *a, mode_t m), (a, m))
ON_PATH(FOLDER, int, mkdirat, f, a, (int f, const char *a, mode_t m), (f, a, m))
ON_FD(SIZE, int, ftruncate, fd, (int fd, off_t n), (fd, n))
ON_FD(SIZE, int, ftruncate64, fd, (int fd, off64_t n), (fd, n))
ON_FD(SIZE, int, fallocate, fd, (int fd, int m, off_t o, off_t n), (fd, m, o, n))
ON_FD(SIZE, int, fallocate64, fd, (int fd, int m, off64_t o, off64_t n), (fd, m, o, n))
ON_FD(READ, ssize_t, read, fd, (int fd, void *b, size_t n), (fd, b, n))
ON_FD(READ, ssize_t, pread, fd, (int fd, void *b, size_t n, off_t o), (fd, b, n, o))
ON_FD(READ, ssize_t, pread64, fd, (int fd, void *b, size_t n, off64_t o), (fd, b, n, o))
ON_FD(LOCK, int, flock, fd, (int fd, int s), (fd, s))

/* Returns the error itself, and leaves errno alone. */
int posix_fallocate(int fd, off_t o, off_t n) {
    REAL(posix_fallocate);
    return fails_fd(SIZE, "posix_fallocate", fd) ? errno : real(fd, o, n);
}

int posix_fallocate64(int fd, off64_t o, off64_t n) {
    REAL(posix_fallocate64);
    return fails_fd(SIZE, "posix_fallocate", fd) ? errno : real(fd, o, n);
}

void *mmap(void *a, size_t n, int p, int f, int fd, off_t o) {
    REAL(mmap);
    if (fd >= 0 && fails_fd(MAP, "mmap", fd)) return MAP_FAILED;
    return real(a, n, p, f, fd, o);
}

void *mmap64(void *a, size_t n, int p, int f, int fd, off64_t o) {
    REAL(mmap64);
    if (fd >= 0 && fails_fd(MAP, "mmap", fd)) return MAP_FAILED;
    return real(a, n, p, f, fd, o);
}

static int locks(int command) {
    return command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW;
}

#define FCNTL(name) \
    int name(int fd, int command, ...) { \
        va_list list; va_start(list, command); void *value = va_arg(list, void *); va_end(list); \
        REAL(name); \
        if (locks(command) && fails_fd(LOCK, "fcntl", fd)) return -1; \
        return real(fd, command, value); \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

/* Opening for writing, or of what may be made, is MAKE; of folders LIST; the rest OPEN. */
static enum kind of_flags(int flags) {
    if (flags & O_DIRECTORY) return LIST;
    return flags & (O_WRONLY | O_RDWR | O_CREAT) ? MAKE : OPEN;
}

#define OPEN_PATH(name) \
    int name(const char *path, int flags, ...) { \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
        REAL(name); \
        return fails_at(of_flags(flags), #name, AT_FDCWD, path) ? -1 : real(path, flags, mode); \
    }
#define OPEN_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
        REAL(name); \
        return fails_at(of_flags(flags), #name, folder, path) ? -1 : real(folder, path, flags, mode); \
    }
OPEN_PATH(open)
OPEN_PATH(open64)
OPEN_AT(openat)
OPEN_AT(openat64)
ON_PATH(MAKE, int, creat, AT_FDCWD, a, (const char *a, mode_t m), (a, m))

#define FOPEN(name) \
    FILE *name(const char *path, const char *mode) { \
        REAL(name); \
        return fails_at(strpbrk(mode, "wa+") ? MAKE : OPEN, #name, AT_FDCWD, path) ? NULL : real(path, mode); \
    }
FOPEN(fopen)
FOPEN(fopen64)

typedef struct __dirstream DIRECTORY;
DIRECTORY *opendir(const char *path);
DIRECTORY *opendir(const char *path) {
    REAL(opendir);
    return fails_at(LIST, "opendir", AT_FDCWD, path) ? NULL : real(path);
}
