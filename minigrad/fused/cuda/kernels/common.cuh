// What all families of kernels share: sums over a warp, a block, a column, a grid. Each is the same sum, in the same
// order, at every run: resuming a training must give the same bits, so no floating-point number is ever added
// atomically.

typedef unsigned char byte;
typedef unsigned int uint32;
typedef unsigned long long uint64;
typedef long long int64;

enum { COLUMNS = 32, LANES = 16, CHUNK = 512 };  // column_sums: a block's columns, threads for each, rows at once

// The sum over a warp, in all of its lanes.
template <class T> __device__ T warp_sum(T v) {
    for (int offset = 16; offset > 0; offset >>= 1) v += __shfl_xor_sync(0xffffffffu, v, offset);
    return v;
}

// The sum over a block (threads along x, a multiple of 32), in all of its threads.
template <class T> __device__ T block_sum(T v) {
    __shared__ T parts[32];
    v = warp_sum(v);
    __syncthreads();  // the sum before this one has been read by all
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = v;
    __syncthreads();
    T sum = 0;
    for (int i = 0; i < (int)blockDim.x / 32; i++) sum += parts[i];
    return sum;
}

// Whether this block is the last of `blocks` that arrive at this ticket. What the others wrote before is then seen by
// all threads of this one, and the ticket is 0 again for the next launch.
__device__ inline bool last_to_arrive(uint32* ticket, uint32 blocks) {
    __shared__ bool last;
    __syncthreads();  // all of this block have written
    if (threadIdx.x == 0 && threadIdx.y == 0) {
        __threadfence();
        last = atomicAdd(ticket, 1u) == blocks - 1;
        __threadfence();
        if (last) *ticket = 0;
    }
    __syncthreads();
    return last;
}

// store(c, sum over rows of element(row, c)). element is called once for each place, and may write what it computes.
// Blocks of (COLUMNS, LANES), grid (columns / COLUMNS, rows / CHUNK), both rounded up. Above one chunk, partial has
// chunks x columns numbers, and there is one ticket for each block along x.
template <class Element, class Store>
__device__ void column_sums(int rows, int columns, float* partial, uint32* tickets, Element element, Store store) {
    __shared__ float sums[LANES][COLUMNS];
    int x = threadIdx.x, y = threadIdx.y, column = blockIdx.x * COLUMNS + x;
    int first = blockIdx.y * CHUNK, end = rows - first < CHUNK ? rows : first + CHUNK;
    bool sums_up = y == 0 && column < columns;
    float sum = 0;
    if (column < columns)
        for (int row = first + y; row < end; row += LANES) sum += element(row, column);
    sums[y][x] = sum;
    __syncthreads();
    if (sums_up) {
        sum = 0;
        for (int i = 0; i < LANES; i++) sum += sums[i][x];
        if (gridDim.y == 1) store(column, sum);
        else partial[(int64)blockIdx.y * columns + column] = sum;
    }
    if (gridDim.y == 1 || !last_to_arrive(tickets + blockIdx.x, gridDim.y)) return;
    if (sums_up) {
        sum = 0;
        for (int i = 0; i < (int)gridDim.y; i++) sum += partial[(int64)i * columns + column];
        store(column, sum);
    }
}

// store(sum of v over the whole grid), by one thread. partial has a number for each block.
template <class Store> __device__ void grid_sum(double v, double* partial, uint32* ticket, Store store) {
    double sum = block_sum(v);
    if (gridDim.x > 1) {
        if (threadIdx.x == 0) partial[blockIdx.x] = sum;
        if (!last_to_arrive(ticket, gridDim.x)) return;
        sum = 0;
        for (int i = threadIdx.x; i < (int)gridDim.x; i += blockDim.x) sum += partial[i];
        sum = block_sum(sum);
    }
    if (threadIdx.x == 0) store(sum);
}

// Element by element: for (int64 i = first_index(); i < n; i += all_threads()). n is at most 2^31 - 1, i may pass it.
__device__ inline int64 first_index() { return (int64)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ inline int64 all_threads() { return (int64)gridDim.x * blockDim.x; }

__device__ inline float sigmoid(float x) {  // from e^-|x|, which cannot overflow
    float e = expf(-fabsf(x));
    return (x >= 0 ? 1 : e) / (1 + e);
}
__device__ inline float softplus(float x) { return fmaxf(x, 0) + log1pf(expf(-fabsf(x))); }
