/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A successful exec drops all attachments; one that fails keeps them. */
#include "harness.h"

#include <pthread.h>

static int id;

/* After exec: the attachments are gone, and new ones count. */
static int executed(void)
{
    id = atoi(getenv("SEGMENT"));
    struct shmid_ds fields = FIELDS(id);
    CHECK_EQ(fields.shm_nattch, 1);
    CHECK_EQ(fields.shm_lpid, getpid());
    CHECK_STAMPED(fields.shm_dtime, (time_t)atoll(getenv("FROM")));
    char *memory = ATTACH(id, NULL, 0);
    CHECK_EQ(memory[0], 'm');
    CHECK_EQ(NATTCH(id), 2);
    return 0;
}

static void exec_self(void)
{
    char text[32];
    snprintf(text, sizeof text, "%d", id);
    CHECK_OK(setenv("SEGMENT", text, 1));
    next_second();
    snprintf(text, sizeof text, "%lld", (long long)seconds_now());
    CHECK_OK(setenv("FROM", text, 1));
    execl("/proc/self/exe", "exec", "executed", (char *)NULL);
    FAIL("exec: %s", strerror(errno));
}

static void exec_attached(void *nothing)
{
    (void)nothing;
    char *memory = ATTACH(id, NULL, 0);
    CHECK_EQ(NATTCH(id), 3);
    CHECK_ERRNO(execl("/nonexistent", "nothing", (char *)NULL), ENOENT);
    CHECK_EQ(NATTCH(id), 3);
    CHECK_EQ(memory[0], 'm');
    exec_self();
}

static void *exec_in_a_thread(void *nothing)
{
    exec_attached(nothing);
    return NULL;
}

static void exec_by_a_thread(void *nothing)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, exec_in_a_thread, nothing), 0);
    pthread_join(thread, NULL); /* Ends with the exec. */
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc == 2)
        return executed();
    id = NEW_SEGMENT(100, 0600);
    ATTACH(id, NULL, 0)[0] = 'm';
    RUN_CHILD(exec_attached, NULL);
    CHECK_EQ(NATTCH(id), 1);
    RUN_CHILD(exec_by_a_thread, NULL);
    CHECK_EQ(NATTCH(id), 1);
    return 0;
}
