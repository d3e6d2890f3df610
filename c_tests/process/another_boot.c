/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A namespace on a disk that is used from a container with a boot id of its own: what others hold there is no leftover of
 * an earlier boot. They keep their segments, and the container's processes meet them.
 */
#include "surroundings.h"

static const char BOOT_ID[] = "/proc/sys/kernel/random/boot_id";

static char place[] = "/var/tmp/partage-test-XXXXXX";
static key_t key;

/* In the container; a new program, which has not seen the namespace. */
static void contained(void)
{
    key = (key_t)strtol(getenv("TEST_KEY"), NULL, 10);
    int id = shmget(key, 0, 0);
    CHECK_OK(id);
    CHECK_EQ(NATTCH(id), 1);
    char *memory = ATTACH(id, NULL, 0);
    CHECK(strcmp(memory, "outside") == 0);
    CHECK_EQ(NATTCH(id), 2);
    CHECK_OK(shmget(key + 1, 100, IPC_CREAT | 0600));
}

static void in_container(void *number)
{
    char path[80];
    own_mounts();
    snprintf(path, sizeof path, "%s/boot-id", new_directory());
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    fprintf(file, "%08lx-1111-4222-8333-444455556666\n", (long)number);
    CHECK_EQ(fclose(file), 0);
    if (mount(path, BOOT_ID, NULL, MS_BIND, NULL) == -1)
        SKIP("another boot id: %s", strerror(errno));
    run_anew(contained);
}

static void outside(void *nothing)
{
    (void)nothing;
    char text[24];
    int id = shmget(key, 100, IPC_CREAT | 0600);
    CHECK_OK(id);
    char *memory = ATTACH(id, NULL, 0);
    strcpy(memory, "outside");
    snprintf(text, sizeof text, "%ld", (long)key);
    CHECK_OK(setenv("TEST_KEY", text, 1));
    for (long number = 1; number < 4; number++) {
        RUN_CHILD(in_container, (void *)number);
        CHECK_EQ(shmget(key, 0, 0), id);
        CHECK_EQ(NATTCH(id), 1);
        CHECK_OK(shmdt(ATTACH(id, NULL, 0)));
        CHECK_OK(shmget(key + 1, 0, 0));
    }
    CHECK(strcmp(memory, "outside") == 0);
    REMOVE(id);
    CHECK_OK(shmdt(memory));
    REMOVE(shmget(key + 1, 0, 0));
}

int main(void)
{
    need_root();
    key = unique_key();
    CHECK_EQ(unique_key(), key + 1);
    if (!on_kernel()) {
        if (mkdtemp(place) == NULL && errno == ENOENT)
            SKIP("no /var/tmp");
        CHECK(access(place, F_OK) == 0);
        CHECK_OK(setenv("PARTAGE_DIR", place, 1));
    }
    pid_t process = start_child(outside, NULL);
    int status = status_of(process);
    if (!on_kernel())
        harness_remove_directory(place);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
        return SKIPPED;
    CHECK_EQ(status, 0);
    return 0;
}
