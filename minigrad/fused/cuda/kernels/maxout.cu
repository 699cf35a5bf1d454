// Maxout (Goodfellow et al., 2013): the largest of `pieces` neighbours, and which one it was.

// a (m, units pieces), bias (units pieces) -> y (m, units) = max_i (a + bias)_(u pieces + i), times mask (m, units)
// times scale if there is a mask; winner (m, units) = the first largest i. nan in a piece gives nan. Equals
// F.maxout(a + bias, pieces), then F.masked_dropout.
extern "C" __global__ void bias_maxout(const float* __restrict__ a, const float* __restrict__ bias,
                                       float* __restrict__ y, unsigned char* __restrict__ winner,
                                       const unsigned char* __restrict__ mask, float scale, int m, int units,
                                       int pieces) {
    int64 u = first_index();
    if (u >= units) return;
    for (int row = blockIdx.y; row < m; row += gridDim.y) {
        int64 i = (int64)row * units + u;
        const float* p = a + i * pieces;
        const float* b = bias + u * pieces;
        float best = p[0] + b[0];
        int which = 0;
        for (int k = 1; k < pieces; k++) {
            float v = p[k] + b[k];
            if (v > best || v != v) best = v, which = k;
        }
        winner[i] = which;
        y[i] = mask ? best * (mask[i] * scale) : best;
    }
}

// From g, the gradient for y: da (m, units pieces) = g (times mask times scale, if there is a mask) at the winner, 0
// at the other pieces. g is (m, units), or with one_row (units), the same for every row. db (units pieces) = sum over
// rows of rows[row] da[row], if wanted; rows (m) are 1 where not given. Equals the derivative of F.maxout, then
// sum(0).
extern "C" __global__ void maxout_backward(const float* __restrict__ g, int one_row,
                                           const unsigned char* __restrict__ winner,
                                           const unsigned char* __restrict__ mask, float scale,
                                           const float* __restrict__ rows, float* __restrict__ da,
                                           float* __restrict__ db, int m, int units, int pieces, float* partial,
                                           unsigned int* tickets) {
    int n = units * pieces;
    column_sums(
        m, n, partial, tickets,
        [=](int row, int c) {
            int u = c / pieces;
            int64 i = (int64)row * units + u;
            float d = 0;
            if (winner[i] == c - u * pieces) {
                d = g[one_row ? u : i];
                if (mask) d *= mask[i] * scale;
            }
            da[(int64)row * n + c] = d;
            return rows ? rows[row] * d : d;
        },
        [=](int c, float sum) { if (db) db[c] = sum; });
}
