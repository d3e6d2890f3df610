/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A chain of frames, from the main stack, a thread's, a signal stack's and one that is all garbage. */
#include "truth.h"

__attribute__((noinline, noipa)) static void third(uintptr_t n)
{
    shmdt((void *)(n << 40 | 1));
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline, noipa)) static void second(uintptr_t n)
{
    third(n);
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline, noipa)) static void first(uintptr_t n)
{
    second(n);
    __asm__ volatile("" ::: "memory");
}

static void *thread_main(void *arg)
{
    first(2);
    return arg;
}

static void handler(int signal) { first(signal == SIGUSR1 ? 3 : 0); }

int main(void)
{
    pthread_t thread;
    first(1);
    CHECK(pthread_create(&thread, NULL, thread_main, NULL) == 0 && pthread_join(thread, NULL) == 0);
    stack_t stack = {.ss_sp = malloc(SIGSTKSZ), .ss_size = SIGSTKSZ};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    CHECK(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0 && raise(SIGUSR1) == 0);
#ifdef __x86_64__
    /* A frame pointer that points nowhere, as in code compiled without them. */
    __asm__ volatile("push %%rbp; sub $8, %%rsp; mov $0x10, %%ebp; mov %0, %%rdi; call shmdt@PLT; add $8, %%rsp; pop %%rbp"
                     ::"r"(4UL << 40 | 1)
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
#endif
    return 0;
}
