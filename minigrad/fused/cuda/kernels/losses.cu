// Losses from logits, with their derivatives: no sigmoid is stored, none overflows. Sums are float64.

enum { MINIMAX, NON_SATURATING };

// The paper's two losses, in one block, from a_real (m) and a_fake (m), D's logits at data and at samples:
//   d_loss = scale (mean softplus(-a_real) + mean softplus(a_fake))        equals gan.objectives.discriminator_loss
//   g_loss = -mean softplus(a_fake), or mean softplus(-a_fake)             equals minimax_loss, non_saturating_loss
// da_real, da_fake (m) are d_loss's derivatives, dg_fake (m) is g_loss's. sums (4) float64 += d_loss, g_loss,
// mean sigmoid(a_real), mean sigmoid(a_fake). Without da_real D's part is left out, and of the sums all but the second;
// without dg_fake G's part, and the second.
extern "C" __global__ void gan_losses(const float* __restrict__ a_real, const float* __restrict__ a_fake, float scale,
                                      int kind, float* __restrict__ da_real, float* __restrict__ da_fake,
                                      float* __restrict__ dg_fake, double* __restrict__ sums, int m) {
    double d_loss = 0, g_loss = 0, d_real = 0, d_fake = 0;
    for (int i = threadIdx.x; i < m; i += blockDim.x) {
        float fake = a_fake[i], p = sigmoid(fake), q = sigmoid(-fake);
        if (da_real) {
            float real = a_real[i];
            da_real[i] = -scale * sigmoid(-real) / m;
            da_fake[i] = scale * p / m;
            d_loss += softplus(-real) + softplus(fake);
            d_real += sigmoid(real);
            d_fake += p;
        }
        if (dg_fake) {
            dg_fake[i] = -(kind == MINIMAX ? p : q) / m;
            g_loss += kind == MINIMAX ? -softplus(fake) : softplus(-fake);
        }
    }
    if (!sums) return;
    d_loss = block_sum(d_loss), g_loss = block_sum(g_loss), d_real = block_sum(d_real), d_fake = block_sum(d_fake);
    if (threadIdx.x) return;
    if (da_real) sums[0] += scale * d_loss / m, sums[2] += d_real / m, sums[3] += d_fake / m;
    if (dg_fake) sums[1] += g_loss / m;
}

// grad (n) = factor (sigmoid(a) - t), loss (1) = factor sum of (1 - t) a + softplus(-a). factor = 1 / n is the mean.
// Equals F.binary_cross_entropy_with_logits(a, t).
extern "C" __global__ void bce_with_logits(const float* __restrict__ a, const float* __restrict__ t, float factor,
                                           float* __restrict__ grad, float* __restrict__ loss, int n, double* partial,
                                           unsigned int* tickets) {
    double sum = 0;
    for (int64 i = first_index(); i < n; i += all_threads()) {
        sum += (1 - t[i]) * a[i] + softplus(-a[i]);
        grad[i] = factor * (sigmoid(a[i]) - t[i]);
    }
    grid_sum(sum, partial, tickets, [=](double s) { loss[0] = factor * s; });
}

// grad (n) = 2 factor (a - t), loss (1) = factor sum of (a - t)^2. factor = 1 / n is the mean. Equals F.mse_loss(a,
// t).
extern "C" __global__ void mse(const float* __restrict__ a, const float* __restrict__ t, float factor,
                               float* __restrict__ grad, float* __restrict__ loss, int n, double* partial,
                               unsigned int* tickets) {
    double sum = 0;
    for (int64 i = first_index(); i < n; i += all_threads()) {
        float d = a[i] - t[i];
        sum += d * d;
        grad[i] = 2 * factor * d;
    }
    grid_sum(sum, partial, tickets, [=](double s) { loss[0] = factor * s; });
}
