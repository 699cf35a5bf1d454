// What surrounds the matrix products of linear layers: bias, activation, their derivatives, and D's last layer.

enum { IDENTITY, RELU, LEAKY_RELU, SIGMOID, TANH, SOFTPLUS };

// As minigrad.nn.functional has them; nan stays nan.
__device__ float activated(float x, int activation, float slope) {
    switch (activation) {
        case RELU: return x <= 0 ? 0 : x;
        case LEAKY_RELU: return x > 0 ? x : slope * x;
        case SIGMOID: return sigmoid(x);
        case TANH: return tanhf(x);
        case SOFTPLUS: return softplus(x);
        default: return x;
    }
}

// g times the derivative, from the value y of the activation. A choice where a derivative is 0 or 1: an infinite g
// must not become nan where nothing passes.
__device__ float passed(float g, float y, int activation, float slope) {
    switch (activation) {
        case RELU: return y > 0 ? g : 0;
        case LEAKY_RELU: return y > 0 ? g : slope * g;
        case SIGMOID: return g * (y * (1 - y));
        case TANH: return g * (1 - y * y);
        case SOFTPLUS: return g * -expm1f(-y);
        default: return g;
    }
}

// In place y (m, n) = act(y + bias), bias (n). With a mask (m, n): dropped (m, n) = y mask scale beside it. Equals
// act(y + bias), then F.masked_dropout.
extern "C" __global__ void bias_activation(float* __restrict__ y, const float* __restrict__ bias, int activation,
                                           float slope, const unsigned char* __restrict__ mask,
                                           float* __restrict__ dropped, float scale, int m, int n) {
    int64 c = first_index();
    if (c >= n) return;
    float b = bias[c];
    for (int row = blockIdx.y; row < m; row += gridDim.y) {
        int64 i = (int64)row * n + c;
        float v = activated(y[i] + b, activation, slope);
        y[i] = v;
        if (mask) dropped[i] = v * (mask[i] * scale);
    }
}

// In place g (m, n) *= act'(x), from y = act(x); before that, if given, times mask (m, n) times scale and times
// row_scale (m). db (n) = the column sums of the result, if wanted. Equals the derivative of act, then sum(0).
extern "C" __global__ void activation_backward(float* __restrict__ g, const float* __restrict__ y, int activation,
                                               float slope, const unsigned char* __restrict__ mask, float scale,
                                               const float* __restrict__ row_scale, float* __restrict__ db, int m,
                                               int n, float* partial, unsigned int* tickets) {
    column_sums(
        m, n, partial, tickets,
        [=](int row, int c) {
            int64 i = (int64)row * n + c;
            float v = g[i];
            if (mask) v *= mask[i] * scale;
            if (row_scale) v *= row_scale[row];
            return g[i] = passed(v, y[i], activation, slope);
        },
        [=](int c, float sum) { if (db) db[c] = sum; });
}

// a (m) = h (m, n) . w (n) + b (1), a warp for each row. Equals F.linear(h, w[None], b).
extern "C" __global__ void head(const float* __restrict__ h, const float* __restrict__ w, const float* __restrict__ b,
                                float* __restrict__ a, int m, int n) {
    int row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    float sum = 0;
    if (row < m)
        for (int i = threadIdx.x % 32; i < n; i += 32) sum += h[(int64)row * n + i] * w[i];
    sum = warp_sum(sum);
    if (row < m && threadIdx.x % 32 == 0) a[row] = sum + b[0];
}

// From da (m): dh (m, n) = da w, if wanted; dw (n) = da . h and db (1) = the sum of da, if wanted. db is one more
// column. Equals the derivative of F.linear(h, w[None], b).
extern "C" __global__ void head_backward(const float* __restrict__ h, const float* __restrict__ w,
                                         const float* __restrict__ da, float* __restrict__ dh, float* __restrict__ dw,
                                         float* __restrict__ db, int m, int n, float* partial, unsigned int* tickets) {
    column_sums(
        m, n + 1, partial, tickets,
        [=](int row, int c) {
            float d = da[row];
            if (c == n) return d;
            int64 i = (int64)row * n + c;
            if (dh) dh[i] = d * w[c];
            return dw ? d * h[i] : 0;
        },
        [=](int c, float sum) { if (dw) *(c == n ? db : dw + c) = sum; });
}
