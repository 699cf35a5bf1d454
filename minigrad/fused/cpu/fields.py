"""The tables that tell the kernels what to do: one compiled program serves every network.

A plan has a row of integers for each layer; numbers beside it have a row of floats. Addresses are those of arrays that
the caller keeps alive; 0 stands for none. m is the batch. All matrices are stored by rows without gaps.
"""

# columns of a plan: a layer is y = act(x W^T + b), its output then multiplied by a dropout mask and 1 / (1 - p)
KIND = 0  # LINEAR or MAXOUT
IN = 1
UNITS = 2
PIECES = 3  # of maxout; 1 for a linear layer
ACT = 4
W = 5  # address of the weight: (UNITS PIECES, IN), or its transpose if TRANSPOSED
TRANSPOSED = 6
B = 7  # address of the bias (UNITS PIECES), or 0
X = 8  # address of the input (m, IN), dropout included
Y = 9  # address of the output (m, UNITS), dropout included
MASK = 10  # address of the output's mask (m, UNITS), one byte each, or 0
ARG = 11  # address of maxout's winners (m, UNITS), one byte each
DENSITY = 12  # of the input, in thousandths: written by the forward pass
E = 13  # address of the gradient for x W^T + b (m, UNITS): of its winners for maxout
G = 14  # address of the gradient for the output (m, UNITS): may be that of E
DX = 15  # address of the gradient for the input (m, IN), or 0 if nobody wants it
MOVES_W = 16  # the line of an update table that moves W during the backward pass, or -1
MOVES_B = 17  # and that of B
FORWARD_TICKS = 18  # how long the last passes took, by the processor's time stamp
BACKWARD_TICKS = 19
PLAN_COLUMNS = 20

LINEAR, MAXOUT = 0, 1  # KIND
IDENTITY, RELU, LEAKY_RELU, SIGMOID, TANH, SOFTPLUS = range(6)  # ACT

# columns of the numbers; one more row, the last, is for the network's input
SCALE = 0  # 1 / (1 - p) of the output's dropout
SLOPE = 1  # of leaky_relu
NUMBERS_COLUMNS = 2

# the entry: the network's input before its dropout
SOURCE = 0  # address of the input (m, IN), or 0 if X of the first layer is the input itself
INPUT_MASK = 1  # address of its mask, or 0
ENTRY_COLUMNS = 2

# the workspace: addresses and sizes that all layers share
IDX = 0  # (m, widest) int32: lists of columns
VAL = 1  # (m, widest): their values
ENDS = 2  # (m, blocks + 1) int32: where the lists' blocks end
SCRATCH = 3  # one piece for each thread
SCRATCH_BYTES = 4  # of one piece
GEMM = 5  # address of the BLAS function
LIMIT_FORWARD = 6  # thousandths of an input that may be nonzero for gathering to beat the dense product: forward,
LIMIT_BACKWARD = 7  # for its gradient,
LIMIT_UPDATE = 8  # and for the gradient of its weight
WORK_COLUMNS = 9

# columns of an update table: a parameter of ROWS x COLUMNS and what changes it
RULE = 0  # STORE, MOMENTUM or ADAM
P = 1  # address of the parameter
ROWS = 2
COLUMNS = 3
STATE1 = 4  # address of the velocity or first moment, or 0
STATE2 = 5  # address of the second moment, or 0
FIRST = 6  # its first source
LAST = 7  # one past its last source
UPDATE_TICKS = 8  # how long the first thread took
UPDATE_COLUMNS = 9

STORE, MOMENTUM, ADAM = range(3)  # RULE

# columns of a source: gradient row r = sum over i < M of A[i, r] B[i, :]
HOW = 0  # GIVEN, DENSE, SPARSE or WINNERS; ROW_SUMS and WINS for biases, whose B is ones
M = 1
A = 2  # address of A (M, ROWS); of the gradient itself if GIVEN; (M, UNITS) if WINNERS
BB = 3  # address of B (M, COLUMNS), or 0
WINNER = 4  # address of ARG if WINNERS or WINS: row r = u PIECES + p takes A[i, u] where ARG[i, u] = p
SOURCE_PIECES = 5
SOURCE_COLUMNS = 6

GIVEN, DENSE, SPARSE, WINNERS, ROW_SUMS, WINS = range(6)  # HOW

SQUARES, CROSS_ENTROPIES = range(2)  # losses
