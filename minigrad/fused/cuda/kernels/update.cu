// Optimisers' steps over flat buffers of n float32: all parameters of a network at once. Their settings, `numbers`,
// lie in device memory as float64, so that a captured step can change them. Every product and sum is rounded as NumPy
// rounds it, none contracted to a fused multiply-add: the result equals the plain optimiser's to the bit, except for
// denormal numbers, which CuPy's compiler flags turn into 0.

__device__ inline float times(float a, float b) { return __fmul_rn(a, b); }
__device__ inline float plus(float a, float b) { return __fadd_rn(a, b); }

// v = momentum v - lr g; returns v.
__device__ inline float velocity(float& v, float g, float lr, float momentum) {
    return v = plus(times(v, momentum), -times(lr, g));
}

__device__ inline bool fours(const void* a, const void* b, const void* c) {
    return ((uint64)a | (uint64)b | (uint64)c) % 16 == 0;
}

// numbers = lr, momentum: v = momentum v - lr g, p += v. Four elements at a time where the buffers are aligned for
// it: at the paper's sizes nothing else in a step moves as many bytes. Equals Pylearn2Momentum.update.
extern "C" __global__ void momentum(float* __restrict__ p, float* __restrict__ v, const float* __restrict__ g,
                                    const double* __restrict__ numbers, int n) {
    float lr = numbers[0], mu = numbers[1];
    int done = fours(p, v, g) ? n / 4 : 0;
#pragma unroll 1  // enough is in flight; unrolled it takes 72 registers
    for (int64 i = first_index(); i < done; i += all_threads()) {
        float4 P = ((float4*)p)[i], V = ((float4*)v)[i], G = ((const float4*)g)[i];
        P.x = plus(P.x, velocity(V.x, G.x, lr, mu));
        P.y = plus(P.y, velocity(V.y, G.y, lr, mu));
        P.z = plus(P.z, velocity(V.z, G.z, lr, mu));
        P.w = plus(P.w, velocity(V.w, G.w, lr, mu));
        ((float4*)v)[i] = V;
        ((float4*)p)[i] = P;
    }
    for (int64 i = 4ll * done + first_index(); i < n; i += all_threads())
        p[i] = plus(p[i], velocity(v[i], g[i], lr, mu));
}

// numbers = lr, momentum, share, weight_decay, sign: g' = sign g + weight_decay p, v = momentum v + share g', p -= lr
// v, or with nesterov p -= lr (g' + momentum v). share is 1 at the first step, then 1 - dampening; sign is -1 to
// ascend. Equals SGD.update; without momentum, numbers[1] = 0 and numbers[2] = 1.
extern "C" __global__ void sgd(float* __restrict__ p, float* __restrict__ v, const float* __restrict__ g,
                               const double* __restrict__ numbers, int nesterov, int n) {
    float lr = numbers[0], mu = numbers[1], share = numbers[2], decay = numbers[3], sign = numbers[4];
    for (int64 i = first_index(); i < n; i += all_threads()) {
        float d = times(sign, g[i]);
        if (decay) d = plus(d, times(decay, p[i]));
        float V = v[i] = plus(times(v[i], mu), times(share, d));
        p[i] = plus(p[i], -times(lr, nesterov ? plus(d, times(mu, V)) : V));
    }
}

// numbers = lr, beta1, beta2, eps, weight_decay, sign; clock = (steps taken, blocks that have finished this one).
// With t = steps taken + 1 and g' = sign g + weight_decay p: m = beta1 m + (1 - beta1) g', v = beta2 v + (1 - beta2)
// g'^2, p -= lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps). The last block counts the step. Equals
// Adam.update.
extern "C" __global__ void adam(float* __restrict__ p, float* __restrict__ m, float* __restrict__ v,
                                const float* __restrict__ g, const double* __restrict__ numbers,
                                unsigned int* __restrict__ clock, int n) {
    __shared__ float shared[2];
    if (threadIdx.x == 0) {
        double t = clock[0] + 1;
        shared[0] = numbers[0] / (1 - pow(numbers[1], t));
        shared[1] = 1 - pow(numbers[2], t);
    }
    __syncthreads();
    float rate = shared[0], second = shared[1], beta1 = numbers[1], rest1 = 1 - numbers[1], beta2 = numbers[2];
    float rest2 = 1 - numbers[2], eps = numbers[3], decay = numbers[4], sign = numbers[5];
#pragma unroll 1
    for (int64 i = first_index(); i < n; i += all_threads()) {
        float d = times(sign, g[i]);
        if (decay) d = plus(d, times(decay, p[i]));
        float M = m[i] = plus(times(m[i], beta1), times(rest1, d));
        float V = v[i] = plus(times(v[i], beta2), times(rest2, times(d, d)));
        p[i] = plus(p[i], -__fdiv_rn(times(rate, M), plus(__fsqrt_rn(__fdiv_rn(V, second)), eps)));
    }
    if (last_to_arrive(clock + 1, gridDim.x) && threadIdx.x == 0) clock[0]++;
}

// One row's w *= min(|w|, limit) / (1e-7 + |w|), |w|^2 the sum over the block of its threads' squares. Thread t has
// elements t, t + blockDim.x, ... and reads again what it wrote itself.
__device__ inline void limit_row(float* w, int n, float squares, float limit) {
    float norm = sqrtf(block_sum(squares)), factor = fminf(norm, limit) / (1e-7f + norm);
    for (int i = threadIdx.x; i < n; i += blockDim.x) w[i] *= factor;
}

// w (rows, n): every row's norm is limited, a block for each row. Equals gan.networks.limit_norms.
extern "C" __global__ void max_norm(float* __restrict__ w, float limit, int n) {
    float* row = w + (int64)blockIdx.x * n;
    float squares = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) squares += row[i] * row[i];
    limit_row(row, n, squares, limit);
}

// momentum, then max_norm, in one pass: segments (blocks x 3) = first element, length, and whether its norm is
// limited (a row of a weight) or not (a bias). Equals Pylearn2Momentum.update, then gan.networks.limit_norms.
extern "C" __global__ void momentum_max_norm(float* __restrict__ p, float* __restrict__ v, const float* __restrict__ g,
                                             const double* __restrict__ numbers, const int* __restrict__ segments,
                                             float limit) {
    float lr = numbers[0], mu = numbers[1], squares = 0;
    const int* segment = segments + 3 * (int64)blockIdx.x;
    int first = segment[0], n = segment[1];
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        int at = first + i;
        float w = p[at] = plus(p[at], velocity(v[at], g[at], lr, mu));
        squares += w * w;
    }
    if (segment[2]) limit_row(p + first, n, squares, limit);
}
