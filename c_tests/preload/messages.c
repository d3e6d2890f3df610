/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Processes that exchange messages through shared memory: a broadcast too large for one, and a sum. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBERS = 1 << 18 };

int main(int argc, char **argv)
{
    int rank, size, sum;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    int *data = calloc(NUMBERS, sizeof *data);
    if (data == NULL)
        MPI_Abort(MPI_COMM_WORLD, 1);
    if (rank == 0)
        for (int i = 0; i < NUMBERS; i++)
            data[i] = i;
    MPI_Bcast(data, NUMBERS, MPI_INT, 0, MPI_COMM_WORLD);
    int mine = data[NUMBERS - 1] + rank;
    MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (rank == 0)
        printf("%d processes, sum %d\n", size, sum);
    free(data);
    MPI_Finalize();
    return 0;
}
