/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A process with as many mappings as vm.max_map_count allows gets ENOMEM, and can attach once it has fewer. */
#include "harness.h"

static char *one_page(int protection)
{
    return mmap(NULL, page_size(), protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int main(void)
{
    long most = 65530;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    if (file != NULL) {
        CHECK_EQ(fscanf(file, "%ld", &most), 1);
        fclose(file);
    }
    if (most > 300000)
        SKIP("vm.max_map_count is %ld", most);

    int id = NEW_SEGMENT(100, 0600);
    char *memory = ATTACH(id, NULL, 0); /* So that whatever an attach sets up once is there. */
    char **pages = malloc((size_t)most * sizeof *pages);
    long count = 0;
    CHECK(pages != NULL);
    /* Neighbours of unlike protection do not merge into one mapping. */
    while (count < most && (pages[count] = one_page(count % 2 ? PROT_READ : PROT_NONE)) != MAP_FAILED)
        count++;
    CHECK(count < most);
    CHECK_ERRNO(shmat(id, NULL, 0), ENOMEM);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory)); /* Detaching needs no mapping more. */
    CHECK_EQ(NATTCH(id), 0);

    for (int i = 0; i < 64; i++)
        CHECK_OK(munmap(pages[--count], page_size()));
    memory = ATTACH(id, NULL, 0);
    memory[0] = 1;
    CHECK_OK(shmdt(memory));
    return 0;
}
