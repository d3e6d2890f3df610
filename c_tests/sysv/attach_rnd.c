/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SHM_RND rounds the address down to SHMLBA. An address below SHMLBA becomes 0, and that is an address. */
#include "users.h"

static void rounds_down(int id)
{
    char *place = free_range(2);
    size_t offsets[] = {0, 1, 8, page_size() / 2, page_size() - 1};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        char *memory = ATTACH(id, place + offsets[i], SHM_RND);
        CHECK(memory == place);
        CHECK_OK(shmdt(memory));
    }
    CHECK(ATTACH(id, place + 1, SHM_RND | SHM_RDONLY) == place);
    char *over = ATTACH(id, place + 100, SHM_RND | SHM_REMAP);
    CHECK(over == place);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(place));
}

/* Only a process with CAP_SYS_RAWIO may have a page 0. */
static void at_address_zero(void *argument)
{
    int id = *(int *)argument;
    void *zero = shmat(id, (void *)1, SHM_RND);
    if (zero == (void *)-1 && errno == EPERM)
        SKIP("no CAP_SYS_RAWIO");
    CHECK(zero == NULL);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(NULL));
    CHECK_ERRNO(shmdt(NULL), EINVAL);
    CHECK(ATTACH(id, (void *)(page_size() - 1), SHM_RND) == NULL);
    CHECK_OK(shmdt(NULL));
    CHECK_EQ(NATTCH(id), 0);
}

static void as_user(void *unused)
{
    (void)unused;
    become_user(1001, 1001);
    int own = NEW_SEGMENT(1, 0600);
    CHECK_ERRNO(shmat(own, (void *)1, SHM_RND), EPERM);
    CHECK_EQ(NATTCH(own), 0);
}

int main(void)
{
    share_namespace();
    int id = NEW_SEGMENT(1, 0600);
    rounds_down(id);
    CHECK_ERRNO(shmdt(NULL), EINVAL);
    RUN_CHILD(as_user, NULL);
    RUN_CHILD(at_address_zero, &id);
    return 0;
}
