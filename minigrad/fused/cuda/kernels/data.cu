// Rows and elements on their way: minibatches, dropout, factors of rows.

// out (m, d) float32 = data[order[place[0] + i]], and times mask (m, d) times scale if there is a mask. nan where
// order (length) or data (examples) has no such row: an index on the device cannot raise, a loss of nan does. Equals
// data[order[place : place + m]], then F.masked_dropout.
extern "C" __global__ void gather(float* __restrict__ out, const float* __restrict__ data,
                                  const int* __restrict__ order, const long long* __restrict__ place,
                                  const unsigned char* __restrict__ mask, float scale, int m, int d, int length,
                                  int examples) {
    for (int row = blockIdx.y; row < m; row += gridDim.y) {
        int64 at = place[0] + row;
        int from = at >= 0 && at < length ? order[at] : -1;
        for (int64 i = first_index(); i < d; i += all_threads()) {
            float v = from >= 0 && from < examples ? data[(int64)from * d + i] : nanf("");
            int64 to = (int64)row * d + i;
            out[to] = mask ? v * (mask[to] * scale) : v;
        }
    }
}

// out (n) = x mask scale; x and out may be the same. Equals F.masked_dropout with scale = 1 / (1 - p).
extern "C" __global__ void dropout(const float* x, const unsigned char* __restrict__ mask, float scale, float* out,
                                   int n) {
    for (int64 i = first_index(); i < n; i += all_threads()) out[i] = x[i] * (mask[i] * scale);
}

// In place u (m, n) *= s[:, None] with s (m); then db (n) = the column sums, if wanted. Equals (u * s[:,
// None]).sum(0).
extern "C" __global__ void scale_rows(float* __restrict__ u, const float* __restrict__ s, float* __restrict__ db, int m,
                                      int n, float* partial, unsigned int* tickets) {
    column_sums(
        m, n, partial, tickets, [=](int row, int c) { return u[(int64)row * n + c] *= s[row]; },
        [=](int c, float sum) { if (db) db[c] = sum; });
}
