// NumPy's Philox4x64-10 (Salmon et al., 2011), and what minigrad.random.Generator draws from it.
//
// state: uint64[8] = counter[4], key[2], position (0 ... 4 words of the counter's block are used), and NumPy's half
// word: 2^32 if it is to be drawn next, + its 32 bits. Word j after a state is number (position + j) % 4 of the block
// of counter + (position + j) / 4. A float32 takes half a word, the low half first.

// out = the four words of counter + blocks.
__device__ void philox(const uint64* state, uint64 blocks, uint64* out) {
    uint64 c[4], k0 = state[4], k1 = state[5];
    for (int i = 0; i < 4; i++) {
        c[i] = state[i] + blocks;
        blocks = c[i] < blocks;  // the carry
    }
    for (int round = 0; round < 10; round++) {
        uint64 low0 = 0xD2E7470EE14C6C93ull * c[0], high0 = __umul64hi(0xD2E7470EE14C6C93ull, c[0]);
        uint64 low1 = 0xCA5A826395121157ull * c[2], high1 = __umul64hi(0xCA5A826395121157ull, c[2]);
        c[0] = high1 ^ c[1] ^ k0;
        c[1] = low1;
        c[2] = high0 ^ c[3] ^ k1;
        c[3] = low0;
        k0 += 0x9E3779B97F4A7C15ull;
        k1 += 0xBB67AE8584CAA73Bull;
    }
    for (int i = 0; i < 4; i++) out[i] = c[i];
}

__device__ uint64 word_at(const uint64* state, uint64 j) {
    uint64 at = state[6] + j, words[4];
    philox(state, at / 4, words);
    return at % 4 < 2 ? (at % 4 ? words[1] : words[0]) : (at % 4 == 2 ? words[2] : words[3]);
}

// The float32 in [0, 1) of the low half of a word.
__device__ float unit(uint64 word) { return ((uint32)word >> 8) * 0x1p-24f; }

// Move a state on by `words` words, then by `halves` half words.
__device__ void move_on(uint64* state, uint64 words, uint64 halves) {
    uint64 waiting = state[7] >> 32;
    if (halves) {
        uint64 fresh = halves - waiting, drawn = (fresh + 1) / 2;
        if (drawn) state[7] = word_at(state, words + drawn - 1) >> 32;
        else state[7] &= 0xffffffffu;
        state[7] |= (fresh % 2) << 32;
        words += drawn;
    }
    if (state[6] + words == 0) return;
    uint64 used = state[6] + words - 1, carry = used / 4;
    state[6] = used % 4 + 1;
    for (int i = 0; i < 4; i++) {
        state[i] += carry;
        carry = state[i] < carry;
    }
}

// out (n) float32 = low + span u, u uniform on [0, 1) in steps of 2^-24: the next numbers after `words` words, then
// `halves` numbers since state. A thread for each word. Equals Generator.uniform.
extern "C" __global__ void uniform(float* __restrict__ out, const unsigned long long* __restrict__ state,
                                   long long words, long long halves, float low, float span, int n) {
    int64 waiting = state[7] >> 32, fresh = halves - waiting;  // half words that were drawn, the waiting one aside
    int64 from = fresh > 0 ? fresh / 2 : 0;
    if (fresh < 0 && n > 0 && first_index() == 0) out[0] = __fadd_rn(__fmul_rn(unit(state[7]), span), low);
    for (int64 i = from + first_index(); 2 * i < fresh + n; i += all_threads()) {
        uint64 word = word_at(state, words + i);
        for (int half = 0; half < 2; half++) {
            int64 at = 2 * i + half - fresh;
            if (at >= 0 && at < n) out[at] = __fadd_rn(__fmul_rn(unit(word >> 32 * half), span), low);
        }
    }
}

// out (n) bytes, 0 or 1, from the words after skip, a thread for each word. threshold FAIR: one bit each, the highest
// of each byte first. Else 16 bits each, 1 where they are a number below threshold: with probability threshold /
// 2^16.
enum { FAIR = -1 };

__device__ void toss(byte* out, const uint64* state, int64 skip, int threshold, int64 n) {
    if (threshold != FAIR) {
        for (int64 i = first_index(); i < (n + 3) / 4; i += all_threads()) {
            uint64 word = word_at(state, skip + i);
            for (int k = 0; k < 4 && 4 * i + k < n; k++) out[4 * i + k] = (int)(word >> 16 * k & 0xffff) < threshold;
        }
        return;
    }
    bool aligned = (uint64)out % 8 == 0;
    for (int64 i = first_index(); i < (n + 63) / 64; i += all_threads()) {
        uint64 word = word_at(state, skip + i);
        for (int group = 0; group < 8; group++) {
            int64 at = 64 * i + 8 * group;
            uint64 bits = (word >> 8 * group & 0xff) * 0x0101010101010101ull & 0x0102040810204080ull;
            bits = (bits + 0x7f7f7f7f7f7f7f7full) >> 7 & 0x0101010101010101ull;  // 8 bytes, each 0 or 1
            if (aligned && n - at >= 8) *(uint64*)(out + at) = bits;
            else
                for (int k = 0; k < 8 && at + k < n; k++) out[at + k] = bits >> 8 * k & 1;
        }
    }
}

// Equals Generator.bernoulli(threshold / 2^16), and with FAIR Generator.bernoulli(0.5).
extern "C" __global__ void bernoulli(unsigned char* __restrict__ out, const unsigned long long* __restrict__ state,
                                     long long skip, int threshold, int n) {
    toss(out, state, skip, threshold, n);
}

// Many bernoullis at once: segments (blocks along y x 4) = first byte of out (of n), bytes, skip, threshold. Equals
// Generator.bernoulli for each segment; what lies outside of out is left out.
extern "C" __global__ void masks(unsigned char* __restrict__ out, const unsigned long long* __restrict__ state,
                                 const long long* __restrict__ segments, int n) {
    const int64* s = segments + 4 * blockIdx.y;
    if (s[0] >= 0 && s[0] < n) toss(out + s[0], state, s[2], s[3], s[1] < n - s[0] ? s[1] : n - s[0]);
}

// state moves on by words, then halves. One thread.
extern "C" __global__ void advance_state(unsigned long long* __restrict__ state, long long words, long long halves) {
    move_on(state, words, halves);
}

// The end of a training step, one thread. Every random state (states x 8) moves on by its draws (states x 2: words,
// halves); clock = (steps taken, place in the order of the data) by (1, rows); then, at step t,
//   numbers[0] = max(lr factor^-t, lr_minimum)                                             equals ExponentialDecay(t)
//   numbers[1] = ramp_start + (ramp_end - ramp_start) min(1, epoch / ramp_steps)           equals LinearRamp(epoch)
// with epoch = t minibatches / per_epoch rounded down. factor <= 0 or ramp_steps <= 0 leaves a number alone.
extern "C" __global__ void end_step(long long* __restrict__ clock, double* __restrict__ numbers,
                                    unsigned long long* __restrict__ states, const long long* __restrict__ draws,
                                    int n_states, int rows, double lr, double factor, double lr_minimum,
                                    double ramp_start, double ramp_end, int ramp_steps, int minibatches,
                                    int per_epoch) {
    for (int i = 0; i < n_states; i++) move_on(states + 8 * i, draws[2 * i], draws[2 * i + 1]);
    int64 t = ++clock[0];
    clock[1] += rows;
    if (factor > 0) numbers[0] = fmax(lr * pow(factor, -(double)t), lr_minimum);
    if (ramp_steps > 0) {
        double share = (double)(t * minibatches / per_epoch) / ramp_steps;
        numbers[1] = ramp_start + (ramp_end - ramp_start) * (share < 1 ? share : 1);
    }
}
