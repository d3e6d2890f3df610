/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The limits on files are not limits on segments: nobody dies of SIGXFSZ, and the umask does not count. */
#include "users.h"

static void limit(int resource, rlim_t value)
{
    struct rlimit limit;
    CHECK_OK(getrlimit(resource, &limit));
    limit.rlim_cur = value;
    CHECK_OK(setrlimit(resource, &limit));
}

static void use(int id)
{
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = 1;
    memory[2 * page_size()] = 2;
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 0);
}

static void file_size(void *argument)
{
    int id = *(int *)argument;
    limit(RLIMIT_FSIZE, 16 * page_size());
    use(id);
    int small = NEW_SEGMENT(3 * page_size(), 0600);
    use(small);
    CHECK_OK(shmctl(id, SHM_LOCK, NULL));
    CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
    REMOVE(small);
    if (on_kernel()) /* On partage a segment is a file: deviations/file_size_limit.c. */
        REMOVE(NEW_SEGMENT(100 * page_size(), 0600));
}

/* As an ordinary user: root may open a file of any mode. */
static void no_umask(void *unused)
{
    (void)unused;
    if (geteuid() == 0)
        become_user(ALICE, CREW);
    umask(0777);
    int id = NEW_SEGMENT(3 * page_size(), 0600);
    CHECK_EQ(MODE(id), 0600);
    use(id);
}

int main(void)
{
    if (geteuid() == 0)
        share_namespace();
    int id = NEW_SEGMENT(100 * page_size(), 0600);
    RUN_CHILD(file_size, &id);
    RUN_CHILD(no_umask, NULL);
    return 0;
}
