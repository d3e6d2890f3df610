/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Shared memory descriptors that no recorded call made: one comes over a socket, one is inherited over exec. */
#include "truth.h"
#include <sys/socket.h>

/* A second number for `fd`, by way of a socket. */
static int passed_over_socket(int fd)
{
    int ends[2];
    char byte = 0, control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(sendmsg(ends[0], &message, 0) == 1 && recvmsg(ends[1], &message, 0) == 1);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        int fd = atoi(argv[1]);
        CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED && close(fd) == 0);
        return 0;
    }
    int made = memfd_create("found", 0);
    CHECK(made >= 0 && ftruncate(made, 4096) == 0);
    int received = passed_over_socket(made);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, received, 0) != MAP_FAILED);
    char number[16];
    snprintf(number, sizeof number, "%d", made);
    execl(argv[0], argv[0], number, (char *)NULL);
    return 1;
}
