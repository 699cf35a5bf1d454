"""What the paper says and what its released code says, typed here, each with its place. Nothing here was measured.

The paper: "Generative Adversarial Nets", Goodfellow et al., 2014, arXiv 1406.2661. The code: goodfeli/adversarial
(mnist.yaml, AdversaryCost2, parzen_ll.py, tfd_pretrain/) on pylearn2 of June 2014.
"""

TABLE_1 = [  # model, MNIST, TFD; the latter's ± is over folds
    ("DBN", "138 ± 2", "1909 ± 66"),
    ("Stacked CAE", "121 ± 1.6", "2110 ± 50"),
    ("Deep GSN", "214 ± 1.1", "1890 ± 29"),
    ("Adversarial nets", "225 ± 2", "2057 ± 26"),
]
DEEP_GSN = 214.0

DIFFERENT = [  # where both speak and disagree: what, the paper, the code, here
    ("order of the updates", "Algorithm 1: D k times, then G", "both at once, at the same old parameters"),
    ("k", "any; 1 in the experiments, the least expensive", "1: one update for both"),
    ("noise", "Algorithm 1: fresh for each update", "one z and one pass through G for both players"),
    ("D ascends", "V", "V / 2: half the step"),
    ("G descends", "Algorithm 1: log(1 - D(G(z))); the text recommends -log D(G(z))", "-log D(G(z))"),
    ("TFD", "one row of table 1", "two stages of training; the columns' norms at most 1.9365"),
    ("stopping", "nothing", "none for MNIST; 50 and 22 epochs for TFD; saving the best checkpoint is commented out"),
]
HERE = {
    "order of the updates": "preset `paper` / preset `authors`",
    "k": "`paper --k` / `authors`",
    "noise": "`paper` / `authors`",
    "D ascends": "`paper` / `authors`",
    "G descends": "-log D(G(z)) in both; Algorithm 1's with `--objective minimax`",
    "TFD": "see [TFD](#tfd)",
    "stopping": "the best of the validation estimates, one every 2500 iterations",
}
UNSAID = [  # what the paper leaves open, and the code says: what, the code
    ("p_z", "uniform on ±√3 for MNIST, Gaussian for TFD and CIFAR-10; 100 dimensions"),
    ("G for MNIST", "100 - 1200 ReLU - 1200 ReLU - 784 sigmoid, weights uniform on ±.05"),
    ("its output bias", "the logit of each pixel's mean over the training images"),
    ("D for MNIST", "784 - 240 maxout of 5 - 240 maxout of 5 - 1 sigmoid, weights uniform on ±.005"),
    ("dropout in D", "inputs kept with .8, hidden units with .5, scaled while training; on in G's loss too"),
    ("its masks", "those of the one fake pass, for both players"),
    ("minibatch", "100 of 50,000 training images; a new order every epoch"),
    ("learning rate", ".1, divided by 1.000004 after each minibatch, at least 1e-6"),
    ("momentum", ".5 in epoch 1 to .7 in epoch 250, the learning rate inside (pylearn2's form)"),
    ("Parzen window", "10,000 samples; of ten widths from .1 to 1 the best on 1000 validation images"),
    ("its ±", "standard error over the 10,000 test images"),
]

STATEMENTS = {  # result file: place in the paper, title; in the paper's order
    "saturation": ("section 3", "log(1 - D(G(z))) saturates early, -log D(G(z)) does not"),
    "proposition1": ("proposition 1", "the best D is p_data / (p_data + p_g)"),
    "divergence": ("theorem 1", "C(G) = -log 4 + 2 JSD, least where p_g = p_data"),
    "proposition2": ("proposition 2", "updates of p_g itself converge to p_data"),
    "dirac": ("beside the paper", "both players at once or in turn: the Dirac GAN"),
}

WORDS = [  # claims without numbers: where, what, where it can be seen here
    ("section 3", "samples need one pass through G, no Markov chain, no inference", "`gan sample RUN`"),
    ("section 3", "the two losses of G have the same fixed point", "tests/gan/test_objectives.py; the Dirac GAN"),
    (
        "section 4, k = 1",
        "the least expensive choice",
        "table 1: `paper` with k = 1 and k = 2, epochs and hours",
    ),
    (
        "section 5",
        "the estimator's variance is high, it does poorly in high dimension",
        "the yardsticks below table 1",
    ),
    ("section 5", "samples are draws, not conditional means, and independent", "figure 2: the first draws of a seed"),
    ("table 2", "training: D and G must be kept in step", "the Dirac GAN: rotation or convergence, by update and loss"),
    ("table 2", "inference: approximate, learned", "not in this paper's experiments, nor here"),
    ("table 2", "sampling: no difficulties", "`gan sample RUN`"),
    ("table 2", "p(x): not represented, may be approximated with Parzen windows", "table 1"),
    ("table 2", "model design: any differentiable function", "networks are settings; every op's derivative is tested"),
    ("section 6", '"Helvetica": G maps many z to the same x', "classes and support of the samples, below table 1"),
    ("section 6", "G sees data only through D's gradient", "gan/algorithm.py: no x in G's loss"),
    ("section 7", "conditional, semi-supervised and other extensions", "not here"),
]
