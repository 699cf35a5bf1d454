"""The released GAN for MNIST, and Algorithm 1 of its paper, written down a second time: in NumPy by hand, in PyTorch.

Sources: "Generative Adversarial Nets" (Goodfellow et al., 2014) and its code (goodfeli/adversarial: `mnist.yaml`,
`AdversaryCost2`; pylearn2 of June 2014). Everything is float64, nothing of this project is imported, and nothing is
drawn: what is random comes from ``draws``, which has

    noise() -> z (100, 100)       order(n) -> a permutation       mask(keep, shape) -> True with probability keep
"""

import numpy as np

M, PIECES, KEEP = 100, 5, (0.8, 0.5, 0.5)  # examples in a minibatch, of a maxout unit, of D's inputs layer by layer


class Transcription:
    """The updates and their schedules. ``k`` None: the released simultaneous update, else Algorithm 1 with this k.

    ``states``: G's and D's weights and biases by name. ``images``: (n, 784) bytes. A player's gradients are those of

        D   -scale (mean log D(x) + mean log(1 - D(G(z))))      scale 1/2 in the released code, 1 in Algorithm 1
        G   -mean log D(G(z))
    """

    def __init__(self, states, images, draws, k=None):
        self.x, self.draws, self.k = self.pixels(images), draws, k
        self.scale = 0.5 if k is None else 1.0
        self.per_epoch = len(images) // M
        self.taken = self.t = 0  # minibatches, iterations
        self.theta = {"G": self.load_G(states["G"]), "D": self.load_D(states["D"])}
        self.inc = {player: [0 * w for w in theta] for player, theta in self.theta.items()}

    def pixels(self, images):
        return np.float32(images / 255).astype(np.float64)

    def minibatch(self):
        place = self.taken % self.per_epoch
        if place == 0:  # a new order every epoch
            self.order = self.draws.order(len(self.x))
        self.taken += 1
        return self.x[self.order[place * M : (place + 1) * M]]

    def masks(self):
        return [self.draws.mask(keep, (M, n)) for keep, n in zip(KEEP, (784, 240, 240), strict=True)]

    def learning_rate(self):
        return max(0.1 / 1.000004**self.t, 1e-6)

    def momentum(self):
        epoch = 1 + self.epochs_seen
        return 0.5 + 0.2 * min(1.0, (epoch - 1) / 249)

    def move(self, player, gradient):
        for w, inc, g in zip(self.theta[player], self.inc[player], gradient, strict=True):
            inc *= self.m
            inc -= self.lr * g
            w += inc

    def step(self):
        """One iteration: (D's loss, G's loss). Rate and momentum are those of the minibatches before it."""
        self.epochs_seen = self.taken // self.per_epoch
        self.lr, self.m = self.learning_rate(), self.momentum()
        losses = self.simultaneous() if self.k is None else self.algorithm_1()
        self.t += 1
        return losses

    def simultaneous(self):
        z, x, masks_x, masks_z = self.draws.noise(), self.minibatch(), self.masks(), self.masks()
        d_loss, of_d = self.d_gradient(z, x, masks_x, masks_z)
        g_loss, of_g = self.g_gradient(z, masks_z)
        self.move("D", of_d)
        self.move("G", of_g)
        return d_loss, g_loss

    def algorithm_1(self):
        for _ in range(self.k):
            d_loss, of_d = self.d_gradient(self.draws.noise(), self.minibatch(), self.masks(), self.masks())
            self.move("D", of_d)
        g_loss, of_g = self.g_gradient(self.draws.noise(), self.masks())
        self.move("G", of_g)
        return d_loss, g_loss


class InNumPy(Transcription):
    """Both networks and their backpropagation by hand. A player's parameters: weight, bias, weight, bias, ...

    ``nearest_tie``: how near a ReLU came to 0, or two pieces of a maxout to each other, in standard deviations.
    """

    nearest_tie = np.inf

    def load_G(self, state):
        w0, _, w1, _, w2, _ = (array.astype(np.float64) for array in state.values())
        return [w0, np.zeros(1200), w1, np.zeros(1200), w2, self.output_bias()]

    def load_D(self, state):
        w0, _, w1, _, w2, _ = (array.astype(np.float64) for array in state.values())
        return [w0, np.zeros(1200), w1, np.zeros(1200), w2, np.zeros(1)]

    def output_bias(self):
        p = np.clip(self.x.mean(axis=0), 1e-7, 1 - 1e-7)  # how bright each pixel is on average
        return np.float32(np.log(p / (1 - p))).astype(np.float64)

    def G(self, z):
        """z (m, 100) -> (y (m, 784), the layers' inputs)."""
        w0, b0, w1, b1, w2, b2 = self.theta["G"]
        h0 = self.relu(z @ w0.T + b0)
        h1 = self.relu(h0 @ w1.T + b1)
        return sigmoid(h1 @ w2.T + b2), (z, h0, h1)

    def G_back(self, kept, y, d_y):
        """dL/dy -> dL/d(weights and biases)."""
        _, _, w1, _, w2, _ = self.theta["G"]
        z, h0, h1 = kept
        d2 = d_y * y * (1 - y)
        d1 = (d2 @ w2) * (h1 > 0)
        d0 = (d1 @ w1) * (h0 > 0)
        return [d0.T @ z, d0.sum(0), d1.T @ h0, d1.sum(0), d2.T @ h1, d2.sum(0)]

    def D(self, x, masks):
        """x (m, 784) -> (logit (m, 1), the layers' inputs, which piece won)."""
        w0, b0, w1, b1, w2, b2 = self.theta["D"]
        x0 = x * masks[0] / 0.8
        h0, won0 = self.maxout(x0 @ w0.T + b0)
        x1 = h0 * masks[1] / 0.5
        h1, won1 = self.maxout(x1 @ w1.T + b1)
        x2 = h1 * masks[2] / 0.5
        return x2 @ w2.T + b2, (x0, x1, x2), (won0, won1)

    def D_back(self, inputs, won, masks, d_a):
        """dL/d(logit) -> (dL/d(weights and biases), dL/d(the first layer's sums))."""
        _, _, w1, _, w2, _ = self.theta["D"]
        x0, x1, x2 = inputs
        d1 = self.maxout_back((d_a @ w2) * masks[2] / 0.5, won[1])
        d0 = self.maxout_back((d1 @ w1) * masks[1] / 0.5, won[0])
        return [d0.T @ x0, d0.sum(0), d1.T @ x1, d1.sum(0), d_a.T @ x2, d_a.sum(0)], d0

    def relu(self, a):
        self.note_tie(np.abs(a), a.std())
        return np.maximum(a, 0)

    def maxout(self, a):
        """(m, 1200) -> the largest of a unit's five neighbours (m, 240), and the first place where it stands."""
        a = a.reshape(M, 240, PIECES)
        second, first = np.partition(a, (-2, -1), axis=2)[:, :, -2:].transpose(2, 0, 1)
        self.note_tie(first - second, a.std())
        won = a.argmax(axis=2)[:, :, None]
        return np.take_along_axis(a, won, axis=2)[:, :, 0], won

    def maxout_back(self, d_h, won):
        d_a = np.zeros((M, 240, PIECES))
        np.put_along_axis(d_a, won, d_h[:, :, None], axis=2)
        return d_a.reshape(M, 240 * PIECES)

    def note_tie(self, gaps, spread):
        self.nearest_tie = min(self.nearest_tie, gaps.min() / spread)

    def d_gradient(self, z, x, masks_x, masks_z):
        y, _ = self.G(z)
        a_real, *real = self.D(x, masks_x)
        a_fake, *fake = self.D(y, masks_z)
        loss = self.scale * (softplus(-a_real).mean() + softplus(a_fake).mean())
        of_real, _ = self.D_back(*real, masks_x, self.scale * -sigmoid(-a_real) / M)
        of_fake, _ = self.D_back(*fake, masks_z, self.scale * sigmoid(a_fake) / M)
        return loss, [r + f for r, f in zip(of_real, of_fake, strict=True)]

    def g_gradient(self, z, masks):
        y, kept = self.G(z)
        a, *of_d = self.D(y, masks)
        _, d0 = self.D_back(*of_d, masks, -sigmoid(-a) / M)
        return softplus(-a).mean(), self.G_back(kept, y, (d0 @ self.theta["D"][0]) * masks[0] / 0.8)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def softplus(a):
    return np.logaddexp(0, a)


def in_pytorch(torch):
    """The class that computes the same by PyTorch's modules and its autograd."""
    nn, bce = torch.nn, torch.nn.functional.binary_cross_entropy_with_logits

    class Dropout(nn.Module):
        def __init__(self, keep):
            super().__init__()
            self.keep, self.mask = keep, None

        def forward(self, x):
            return x * self.mask / self.keep

    class Maxout(nn.Linear):
        def forward(self, x):
            return super().forward(x).unflatten(1, (-1, PIECES)).max(dim=2).values

    class InPyTorch(Transcription):
        def load_G(self, state):
            layers = nn.Linear(100, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU(), nn.Linear(1200, 784)
            self.G = nn.Sequential(*layers, nn.Sigmoid())
            return loaded(self.G, state)

        def load_D(self, state):
            first, second, third = map(Dropout, KEEP)
            self.D = nn.Sequential(first, Maxout(784, 1200), second, Maxout(240, 1200), third, nn.Linear(240, 1))
            return loaded(self.D, state)

        def logits(self, x, masks):
            for dropout, mask in zip(self.D[::2], masks, strict=True):
                dropout.mask = torch.from_numpy(mask)
            return self.D(x)

        def d_gradient(self, z, x, masks_x, masks_z):
            fake = self.G(torch.from_numpy(z)).detach()
            a_real, a_fake = self.logits(torch.from_numpy(x), masks_x), self.logits(fake, masks_z)
            loss = self.scale * (bce(a_real, torch.ones_like(a_real)) + bce(a_fake, torch.zeros_like(a_fake)))
            return loss.item(), torch.autograd.grad(loss, list(self.D.parameters()))

        def g_gradient(self, z, masks):
            a = self.logits(self.G(torch.from_numpy(z)), masks)
            loss = bce(a, torch.ones_like(a))
            return loss.item(), torch.autograd.grad(loss, list(self.G.parameters()))

    def loaded(net, state):
        net.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
        return [p.detach() for p in net.double().parameters()]  # the same memory

    return InPyTorch
